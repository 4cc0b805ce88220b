//! Whose tapes a request belongs to.

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Method, header};

use crate::codec::percent;
use crate::session::Session;

/// The field by which a request names its test, in UTF-8 or percent-encoded; it is taken off before the request is keyed or sent.
pub const TEST_FIELD: &str = "x-tapes-test";

/// Finds the session of a request, and hears what a test runner says.
pub(super) trait Route: Send + Sync + 'static {
    /// The session of a request that names this test, or none.
    ///
    /// # Errors
    /// In words, where there can be none.
    fn session(&self, test: Option<&str>) -> Result<Session, String>;

    /// Whether an answer of one of them is still handed on.
    fn is_handing_on(&self) -> bool;

    /// Answers a request to the engine itself: a status and JSON. `None`: it has nothing to say to this.
    fn control(&self, _: &Method, _path: &str, _body: &Bytes) -> Option<(u16, String)> {
        None
    }
}

/// All requests belong to one test.
pub(super) struct One(pub(super) Session);

impl Route for One {
    fn session(&self, _: Option<&str>) -> Result<Session, String> {
        Ok(self.0.clone())
    }

    fn is_handing_on(&self) -> bool {
        self.0.is_handed_on()
    }
}

/// The test that a request names in its field, which is taken off.
///
/// # Errors
/// In words, where the name is no text.
pub(super) fn named_in_field(headers: &mut HeaderMap) -> Result<Option<String>, String> {
    let Some(value) = headers.remove(TEST_FIELD) else { return Ok(None) };
    let name = String::from_utf8(percent::decode(value.as_bytes()).into_owned());
    name.map(Some).map_err(|_| format!("the name of the test in {TEST_FIELD} is not UTF-8; percent-encode it"))
}

/// The test that a client names as its user at this proxy: `http://TEST:x@127.0.0.1:8080`. The password is nobody's.
pub(super) fn named_as_user(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::PROXY_AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = base64::engine::general_purpose::STANDARD.decode(credentials.trim()).ok()?;
    // Names have colons, too; the password of a proxy URL without one is empty.
    let user = credentials.iter().rposition(|&byte| byte == b':').map_or(&credentials[..], |at| &credentials[..at]);
    // Clients should have undone the escapes of the URL, and some have not.
    let name = String::from_utf8(percent::decode(user).into_owned()).ok()?;
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_test_is_named_in_a_field_that_nobody_else_sees() {
        let mut headers = HeaderMap::new();
        assert_eq!(named_in_field(&mut headers), Ok(None));
        for (value, name) in [("a%20b%2Fc", "a b/c"), ("100%", "100%"), ("tests/x.py::t", "tests/x.py::t")] {
            headers.insert(TEST_FIELD, HeaderValue::from_static(value));
            assert_eq!(named_in_field(&mut headers), Ok(Some(name.to_owned())));
            assert!(headers.is_empty());
        }
        headers.insert(TEST_FIELD, HeaderValue::from_bytes("\u{e9}t\u{e9}".as_bytes()).unwrap());
        assert_eq!(named_in_field(&mut headers), Ok(Some("\u{e9}t\u{e9}".to_owned())));
        headers.insert(TEST_FIELD, HeaderValue::from_bytes(b"\xe9").unwrap());
        assert!(named_in_field(&mut headers).unwrap_err().contains("percent-encode"));
    }

    #[test]
    fn a_test_is_named_as_the_user_of_the_proxy() {
        let named = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::PROXY_AUTHORIZATION, text.parse().unwrap());
            named_as_user(&headers)
        };
        let basic = |user: &str| named(&format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(user)));
        assert_eq!(basic("tests/x.py::t:").as_deref(), Some("tests/x.py::t"));
        assert_eq!(basic("a%20b:x").as_deref(), Some("a b"));
        assert_eq!(basic("plain").as_deref(), Some("plain"));
        for nobody in ["Basic !", "Bearer abc", "Basic", "Basic Og=="] {
            assert_eq!(named(nobody), None, "{nobody}");
        }
    }
}
