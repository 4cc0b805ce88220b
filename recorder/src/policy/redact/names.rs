//! The one list of what is hidden without being asked: names of headers, query parameters and fields that hold credentials.
//!
//! Names of fields are compared without case, `_` and `-`, and by their last segment (`user[password]` is `password`).
//! `show …` rules take entries back, `hide …` rules add some.

/// Headers whose value is `scheme credentials`.
pub(super) const AUTHORIZATION: [&str; 2] = ["authorization", "proxy-authorization"];

/// Headers that hold a credential, besides those that end in one of [`HEADER_ENDS`].
const HEADERS: [&str; 10] = [
    "api-key",
    "apikey",
    "x-api-key",
    "x-apikey",
    "x-auth",
    "x-auth-key",
    "x-access-key",
    "x-session-id",
    "dd-application-key",
    "ocp-apim-subscription-key",
];

/// `x-auth-token`, `x-amz-security-token`, `private-token`, `x-client-secret`, `x-goog-api-key`.
const HEADER_ENDS: [&str; 6] = ["-token", "-secret", "-api-key", "-apikey", "-password", "-access-key"];

/// Query parameters, form fields, multipart fields, JSON members.
const FIELDS: [&str; 49] = [
    "accesskey",
    "accesstoken",
    "accountkey",
    "apikey",
    "apisecret",
    "apitoken",
    "appsecret",
    "assertion",
    "authorization",
    "authtoken",
    "bearer",
    "bearertoken",
    "clientassertion",
    "clientsecret",
    "codeverifier",
    "consumersecret",
    "csrftoken",
    "currentpassword",
    "devicecode",
    "encryptionkey",
    "idtoken",
    "jwt",
    "licensekey",
    "masterkey",
    "newpassword",
    "oauthtoken",
    "oauthtokensecret",
    "oldpassword",
    "passphrase",
    "passwd",
    "password",
    "passwordconfirmation",
    "privatekey",
    "pwd",
    "refreshtoken",
    "secret",
    "secretaccesskey",
    "secretkey",
    "securitytoken",
    "session",
    "sessionid",
    "sessionkey",
    "sessiontoken",
    "sharedsecret",
    "signingkey",
    "signingsecret",
    "token",
    "webhooksecret",
    "xsrftoken",
];

/// Parameters of signed URLs, which are credentials in a query and ordinary words elsewhere.
const QUERY_ONLY: [&str; 8] = [
    "sig",
    "signature",
    "xamzcredential",
    "xamzsecuritytoken",
    "xamzsignature",
    "xgoogcredential",
    "xgoogsignature",
    "authkey",
];

/// Headers that are computed over the body, or over it and others.
const DIGESTS: [&str; 14] = [
    "content-digest",
    "content-md5",
    "digest",
    "repr-digest",
    "signature",
    "stripe-signature",
    "x-amz-content-sha256",
    "x-content-sha256",
    "x-goog-hash",
    "x-hub-signature",
    "x-hub-signature-256",
    "x-shopify-hmac-sha256",
    "x-signature",
    "x-slack-signature",
];

/// Whether a header holds a credential.
pub(super) fn is_secret_header(name: &str) -> bool {
    let is = |n: &&str| name.eq_ignore_ascii_case(n);
    AUTHORIZATION.iter().any(is) || HEADERS.iter().any(is) || HEADER_ENDS.iter().any(|end| ends_with(name, end))
}

/// Whether a form field or a JSON member holds a credential.
pub(super) fn is_secret_field(name: &[u8]) -> bool {
    may_be_secret(name) && Plain::of(name).is_some_and(|name| FIELDS.binary_search(&name.text()).is_ok())
}

/// By the last two letters, which rules out most members of most documents.
fn may_be_secret(name: &[u8]) -> bool {
    match name {
        [.., b']' | b' ' | b'_' | b'-'] => true,
        [.., a, b] => {
            let end = [a.to_ascii_lowercase(), b.to_ascii_lowercase()];
            matches!(&end, b"ey" | b"en" | b"et" | b"on" | b"er" | b"rd" | b"wd" | b"se" | b"de" | b"wt" | b"id")
        }
        _ => false,
    }
}

/// Whether a query parameter holds a credential.
pub(super) fn is_secret_query(name: &[u8]) -> bool {
    is_secret_field(name) || Plain::of(name).is_some_and(|name| QUERY_ONLY.contains(&name.text()))
}

/// Whether a header no longer fits once its message was changed.
pub(super) fn is_digest(name: &str) -> bool {
    DIGESTS.iter().any(|n| name.eq_ignore_ascii_case(n)) || (name.len() > 15 && ends_or_begins_checksum(name))
}

fn ends_or_begins_checksum(name: &str) -> bool {
    name.as_bytes().get(..15).is_some_and(|head| head.eq_ignore_ascii_case(b"x-amz-checksum-"))
}

fn ends_with(name: &str, end: &str) -> bool {
    name.len() >= end.len() && name.as_bytes()[name.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
}

/// A name in lower case without `_` and `-`, on the stack: this runs for every member of every body.
struct Plain {
    bytes: [u8; 24],
    len: usize,
}

impl Plain {
    /// None where the name is longer than any in the lists.
    fn of(name: &[u8]) -> Option<Self> {
        let mut name = name;
        while let Some(inner) = name.strip_suffix(b"]") {
            let open = inner.iter().rposition(|&b| b == b'[')?;
            // `tokens[]` and `tokens[0]` are named by what stands before.
            name = if inner[open + 1..].iter().all(u8::is_ascii_digit) { &inner[..open] } else { &inner[open + 1..] };
        }
        if let Some(dot) = name.iter().rposition(|&b| b == b'.') {
            name = &name[dot + 1..];
        }
        let mut plain = Self { bytes: [0; 24], len: 0 };
        for byte in name.iter().filter(|b| !matches!(b, b'_' | b'-' | b' ')) {
            *plain.bytes.get_mut(plain.len)? = byte.to_ascii_lowercase();
            plain.len += 1;
        }
        Some(plain)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(FIELDS.is_sorted());
        assert!(FIELDS.iter().all(|name| may_be_secret(name.as_bytes())));
    }

    #[test]
    fn names_are_compared_without_case_and_dashes() {
        for name in ["access_token", "accessToken", "ACCESS-TOKEN", "user[password]", "auth.client_secret", "token[0]"]
        {
            assert!(is_secret_field(name.as_bytes()), "{name}");
        }
        for name in ["tokens_used", "next_page_token", "signature", "code", "key", "", "[", "]", "a[b"] {
            assert!(!is_secret_field(name.as_bytes()), "{name}");
        }
        assert!(is_secret_query(b"X-Amz-Signature"));
        assert!(is_secret_header("X-Shopify-Access-Token") && !is_secret_header("x-request-id"));
        assert!(is_digest("X-Amz-Checksum-Crc32") && !is_digest("etag"));
    }
}
