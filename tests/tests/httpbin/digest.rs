//! The client's part of digest authentication (RFC 7616) with SHA-256, as far as httpbin wants it.

use recorder_tests::adapters::{Answer, Ask};

/// The second request: the first one with the answer to the challenge.
pub(crate) fn reply(ask: &Ask, path: &str, challenge: &Answer, user: &str, password: &str) -> Ask {
    let header = challenge.header("www-authenticate").expect("a challenge");
    let (realm, nonce, opaque) = (parameter(header, "realm"), parameter(header, "nonce"), parameter(header, "opaque"));
    let (count, own) = ("00000001", "fake-client-nonce");
    let secret = hash(&format!("{user}:{realm}:{password}"));
    let asked = hash(&format!("{}:{path}", ask.method));
    let response = hash(&format!("{secret}:{nonce}:{count}:{own}:auth:{asked}"));
    ask.clone().header(
        "authorization",
        format!(
            r#"Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{path}", algorithm=SHA-256, qop=auth, nc={count}, cnonce="{own}", response="{response}", opaque="{opaque}""#
        ),
    )
}

fn parameter<'a>(header: &'a str, name: &str) -> &'a str {
    let (_, rest) = header.split_once(&format!("{name}=\"")).expect("the parameter");
    rest.split_once('"').expect("its end").0
}

fn hash(text: &str) -> String {
    hmac_sha256::Hash::hash(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
