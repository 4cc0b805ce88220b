//! What the head of a request says about who sends: the write key, strictness, the client's address.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, header};

use super::Peer;

/// The write key of the headers: the user name of basic authorization, or `x-write-key`. A bearer token is Segment's OAuth, with the
/// key in the body.
pub(super) fn write_key(headers: &HeaderMap) -> Option<String> {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| basic_user(value.as_bytes()));
    basic.or_else(|| headers.get("x-write-key")?.to_str().ok().map(str::to_owned)).filter(|key| !key.is_empty())
}

fn basic_user(value: &[u8]) -> Option<String> {
    let (scheme, credentials) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let mut user = STANDARD.decode(credentials.trim_ascii()).ok()?;
    // Some clients forget the colon, and Segment lets them.
    let end = user.iter().position(|b| *b == b':').unwrap_or(user.len());
    user.truncate(end);
    String::from_utf8(user).ok()
}

/// What the query says about strictness: `strict=1`, `strict=0`, or nothing.
pub(super) fn strict(query: Option<&str>) -> Option<bool> {
    let value = query?.split('&').find_map(|pair| match pair.split_once('=') {
        Some(("strict", value)) => Some(value),
        None if pair == "strict" => Some("1"),
        _ => None,
    })?;
    Some(!matches!(value, "0" | "false" | ""))
}

/// The client's address: the other end of the connection, or what the proxy before us says that it is.
pub(super) fn address(parts: &Parts, forwarded: bool) -> Option<IpAddr> {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip().to_canonical());
    if !forwarded {
        return peer;
    }
    // The last one is from our proxy; whatever stands before it, the client may have written.
    let last = parts.headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim();
    last.parse().ok().or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn a_write_key_stands_in_either_header() {
        assert_eq!(write_key(&headers("authorization", "Basic V0s6")).as_deref(), Some("WK"));
        assert_eq!(write_key(&headers("authorization", "basic V0s=")).as_deref(), Some("WK"));
        assert_eq!(write_key(&headers("authorization", "Basic !!!")), None);
        assert_eq!(write_key(&headers("authorization", "Basic Og==")), None);
        assert_eq!(write_key(&headers("authorization", "Bearer token")), None);
        assert_eq!(write_key(&headers("authorization", "B")), None);
        assert_eq!(write_key(&headers("x-write-key", "WK:not-secret")).as_deref(), Some("WK:not-secret"));
    }

    #[test]
    fn the_query_may_ask_for_strictness() {
        assert_eq!(strict(Some("a=b&strict=1")), Some(true));
        assert_eq!(strict(Some("strict")), Some(true));
        assert_eq!(strict(Some("strict=0")), Some(false));
        assert_eq!(strict(Some("strictly=1")), None);
        assert_eq!(strict(None), None);
    }

    #[test]
    fn a_proxy_is_believed_only_where_there_is_one() {
        let mut request = http::Request::new(());
        *request.headers_mut() = headers("x-forwarded-for", "198.51.100.1, 203.0.113.9");
        request.extensions_mut().insert(Peer("[::ffff:192.0.2.1]:80".parse().unwrap()));
        let parts = request.into_parts().0;
        assert_eq!(address(&parts, true), Some("203.0.113.9".parse().unwrap()));
        assert_eq!(address(&parts, false), Some("192.0.2.1".parse().unwrap()));
    }
}
