//! The endpoints that carry secrets, and what has to come back of them.
//!
//! A tape never has the value, so that what a replaying program sees is a choice:
//!
//! | | [`Reveal::Value`](traffic_recorder::Reveal) | [`Reveal::Placeholder`](traffic_recorder::Reveal), the default |
//! |---|---|---|
//! | registered by the test | as it was live | `{{secret:NAME}}`, wherever it stood |
//! | sent by the program, in a field for secrets | as it was live | `{{secret:KIND-NUMBER}}` |
//! | granted by the service (`set-cookie`) | the placeholder: replaying, nobody knows it | `{{secret:KIND-NUMBER}}` |
//!
//! A secret in a path (`/basic-auth/USER/PASSWORD`, `/cookies/set/NAME/VALUE`) is in no field for secrets: whoever wants it
//! hidden registers it.

use recorder_tests::adapters::{Answer, Ask};
use traffic_recorder::Recorder;

use crate::codings;

const PASSWORD: &str = "fake-password-314";
const TOKEN: &str = "fake-token-271828";
const KEY: &str = "fake-api-key-1618";
const FLAVOUR: &str = "fake-chocolate-chip";

/// The user and the password for httpbin's digest endpoint.
pub(crate) const DIGEST: (&str, &str) = ("visitor", PASSWORD);

const REGISTERED: [(&str, &str); 4] =
    [("PASSWORD", PASSWORD), ("TOKEN", TOKEN), ("API_KEY", KEY), ("FLAVOUR", FLAVOUR)];

/// `visitor:` and the password, as `authorization: Basic` has them.
const VISITOR: &str = "dmlzaXRvcjpmYWtlLXBhc3N3b3JkLTMxNA==";
/// `visitor:wrong`.
const STRANGER: &str = "dmlzaXRvcjp3cm9uZw==";

/// Registers what the requests below carry.
pub(crate) fn register(mut recorder: Recorder) -> Recorder {
    for (name, value) in REGISTERED {
        recorder = recorder.secret(name, value);
    }
    recorder
}

/// Requests with registered secrets in every place that httpbin echoes.
pub(crate) fn registered() -> Vec<Ask> {
    let get = |path: &str| Ask::get(path.replace("PASSWORD", PASSWORD).replace("FLAVOUR", FLAVOUR));
    let basic = |ask: Ask, credentials: &str| ask.header("authorization", format!("Basic {credentials}"));
    let bearer = |ask: Ask| ask.header("authorization", format!("Bearer {TOKEN}"));
    let mut asks = Vec::new();
    for path in ["/basic-auth/visitor/PASSWORD", "/hidden-basic-auth/visitor/PASSWORD"] {
        asks.extend([get(path), basic(get(path), VISITOR), basic(get(path), STRANGER)]);
    }
    asks.extend([get("/bearer"), bearer(get("/bearer"))]);
    asks.push(basic(get("/headers"), VISITOR));
    asks.push(bearer(get("/headers")).header("x-api-key", KEY).header("cookie", format!("flavour={FLAVOUR}; a=b")));
    asks.extend(["/gzip", "/deflate", "/brotli", "/stream/3"].map(|path| bearer(get(path))));
    asks.push(get(&format!("/anything?api_key={KEY}&page=2")));
    asks.push(get(&format!("/response-headers?x-api-key={KEY}&other={TOKEN}")));
    asks.push(get(&format!("/redirect-to?url=%2Fanything%3Ftoken%3D{TOKEN}")));
    // The token, then the token within something else, in base64.
    asks.push(get("/base64/ZmFrZS10b2tlbi0yNzE4Mjg="));
    asks.push(get("/base64/YSBmYWtlLXRva2VuLTI3MTgyOCBpbnNpZGU="));
    asks.push(
        Ask::new("POST", "/post")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("user=visitor&password={PASSWORD}")),
    );
    asks.push(Ask::post_json("/post", format!(r#"{{"access_token": "{TOKEN}", "n": [1.0]}}"#)));
    asks.push(get("/cookies").header("cookie", format!("flavour={FLAVOUR}")));
    asks.extend([get("/cookies/set/flavour/FLAVOUR"), get("/cookies/set?flavour=FLAVOUR&other=FLAVOUR")]);
    asks.push(get("/cookies/delete?flavour").header("cookie", format!("flavour={FLAVOUR}")));
    asks
}

/// Requests whose secrets the recorder finds by itself, nothing being registered.
pub(crate) fn learned() -> Vec<Ask> {
    vec![
        Ask::get("/bearer").header("authorization", format!("Bearer {TOKEN}")),
        Ask::get(format!("/basic-auth/visitor/{PASSWORD}")).header("authorization", format!("Basic {VISITOR}")),
        Ask::get("/headers").header("authorization", format!("Basic {VISITOR}")).header("x-api-key", KEY),
        Ask::get("/cookies").header("cookie", format!("flavour={FLAVOUR}")),
        Ask::get(format!("/get?api_key={KEY}&access_token={TOKEN}")),
        Ask::post_json("/post", format!(r#"{{"client_secret": "{KEY}", "other": "{PASSWORD}"}}"#)),
        // The challenge alone: random, and no secret. The cookies that come with it are taken for some.
        Ask::get("/digest-auth/auth/visitor/none"),
        Ask::get("/digest-auth/auth-int/visitor/none/SHA-256"),
        Ask::get("/digest-auth/auth/visitor/none/SHA-512/3"),
    ]
}

/// What the default shows of the answers to the `registered` requests.
pub(crate) const NAMED: [(&str, &str); 5] = [
    (PASSWORD, "{{secret:PASSWORD}}"),
    (TOKEN, "{{secret:TOKEN}}"),
    (KEY, "{{secret:API_KEY}}"),
    (FLAVOUR, "{{secret:FLAVOUR}}"),
    (VISITOR, "{{base64:{{secret:authorization-1}}}}"),
];

/// What the default shows of the answers to the `learned` requests.
pub(crate) const NUMBERED: [(&str, &str); 5] = [
    (TOKEN, "{{secret:authorization-1}}"),
    (VISITOR, "{{base64:{{secret:authorization-2}}}}"),
    (PASSWORD, "{{secret:authorization-2.password}}"),
    (KEY, "{{secret:x-api-key-1}}"),
    (FLAVOUR, "{{secret:cookie-1}}"),
];

/// What stays hidden of the answers to the `learned` requests even with values shown: httpbin's own cookies.
pub(crate) const GRANTED: [(&str, &str); 3] = [
    ("stale_after=never", "stale_after={{secret:cookie-2}}"),
    ("fake=fake_value", "fake={{secret:cookie-3}}"),
    ("stale_after=3", "stale_after={{secret:cookie-4}}"),
];

/// The answer with values replaced, and a length that fits. The URL that answered is the client's own as long as it was not sent
/// elsewhere.
pub(crate) fn masked(asked: &str, live: &Answer, values: &[(&str, &str)]) -> Answer {
    let hide = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => values.iter().fold(text.to_owned(), |text, (value, shown)| text.replace(value, shown)).into_bytes(),
        Err(_) => bytes.to_vec(),
    };
    let mut answer = codings::undone(live);
    let body = answer.body();
    let hidden = hide(&body);
    for (name, value) in &mut answer.headers {
        *value = hide(value);
        if name.eq_ignore_ascii_case("content-length") && hidden.len() != body.len() {
            *value = hidden.len().to_string().into_bytes();
        }
    }
    let elsewhere = answer.url.take_if(|url| *url != asked);
    let url = elsewhere.map(|url| String::from_utf8(hide(url.as_bytes())).expect("still text"));
    answer.url = url.or(answer.url);
    answer.frames = vec![hidden.into()];
    answer
}
