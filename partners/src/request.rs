//! A request as a partner sees it: read to its end, content coding undone.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

/// What nobody unpacks beyond: a compressed body may be a bomb.
const UNPACKED_LIMIT: u64 = 256 << 20;

/// A request that came for a partner.
#[derive(Clone)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// The host it names, without a port, in lower case.
    pub host: String,
    /// Its path as sent.
    pub path: String,
    /// Its query, percent-decoded, in order.
    pub query: Vec<(String, String)>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, content coding undone.
    pub body: Bytes,
}

/// Headers, bodies and queries hold credentials.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}{} ({} bytes)", self.method, self.host, self.path, self.body.len())
    }
}

impl Request {
    pub(crate) fn new(parts: &http::request::Parts, body: Bytes) -> std::io::Result<Self> {
        let named = parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let host = parts.uri.host().or(named).unwrap_or_default();
        let host = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() };
        Ok(Self {
            method: parts.method.clone(),
            host: host.to_ascii_lowercase(),
            path: parts.uri.path().to_owned(),
            query: form(parts.uri.query().unwrap_or_default().as_bytes()),
            headers: parts.headers.clone(),
            body: unpacked(&parts.headers, body)?,
        })
    }

    /// The value of a query parameter; the first where it is there twice.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// User and password of Basic authentication.
    #[must_use]
    pub fn basic(&self) -> Option<(String, String)> {
        let (scheme, text) = self.header("authorization")?.split_once(' ')?;
        let text = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(text.trim()).ok())??;
        let text = String::from_utf8(text).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// The token of Bearer authentication.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()).filter(|token| !token.is_empty())
    }

    /// Whether the body says that it is JSON.
    #[must_use]
    pub fn says_json(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"))
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// The text of what is wrong with it.
    pub fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| error.to_string())
    }

    /// The body as a form, `a=1&b=2`.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        form(&self.body)
    }

    /// The parts of the path between its slashes, percent-decoded, empty ones left out.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|part| !part.is_empty()).map(|part| decoded(part.as_bytes(), false)).collect()
    }
}

fn unpacked(headers: &HeaderMap, body: Bytes) -> std::io::Result<Bytes> {
    let coding = headers.get(http::header::CONTENT_ENCODING).map(|coding| coding.as_bytes().to_ascii_lowercase());
    match coding.as_deref() {
        Some(b"gzip") => {
            let mut whole = Vec::new();
            flate2::read::MultiGzDecoder::new(&body[..]).take(UNPACKED_LIMIT).read_to_end(&mut whole)?;
            Ok(whole.into())
        }
        None | Some(b"" | b"identity") => Ok(body),
        Some(_) => Err(std::io::Error::other("this content coding is not understood; gzip is")),
    }
}

/// Pairs of `a=1&b=2`, decoded.
pub(crate) fn form(text: &[u8]) -> Vec<(String, String)> {
    let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let pair = |pair: &[u8]| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (decoded(&pair[..at], true), decoded(pair.get(at + 1..).unwrap_or_default(), true))
    };
    pairs.map(pair).collect()
}

fn decoded(text: &[u8], form: bool) -> String {
    let hex = |at: usize| text.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                // Two hex digits are at most 255.
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 2;
            }
            (b'+', ..) if form => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded() {
        let pairs = form("a=1&b=x+y%26%C3%A9&c&=&d=100%".as_bytes());
        let expected = [("a", "1"), ("b", "x y&é"), ("c", ""), ("", ""), ("d", "100%")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn credentials_are_found() {
        let (parts, ()) = http::Request::get("http://h:1/a/b%2Fc")
            .header("authorization", "Basic dTpwOnE=")
            .body(())
            .expect("a request")
            .into_parts();
        let request = Request::new(&parts, Bytes::new()).expect("a request");
        assert_eq!(request.basic(), Some(("u".into(), "p:q".into())));
        assert_eq!(request.bearer(), None);
        assert_eq!((request.host.as_str(), request.segments()), ("h", vec!["a".to_owned(), "b/c".to_owned()]));
    }
}
