//! Requests in a form in which they can be compared: what means the same looks the same.

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value};

use super::case::{self, Body};

/// Headers that say nothing about the destination.
const IGNORED: [&str; 5] = ["user-agent", "host", "content-length", "accept-encoding", "connection"];

/// A request of ours.
pub(super) fn ours(request: &Request<Bytes>) -> Value {
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = match serde_json::from_slice(request.body()) {
        _ if request.body().is_empty() => Body::Empty,
        Ok(json) if !is_form(&headers) => Body::Json(json),
        _ => Body::Text(String::from_utf8_lossy(request.body()).into_owned()),
    };
    comparable(request.method().as_str(), &request.uri().to_string(), &headers, &body)
}

/// A request of Segment's.
pub(super) fn theirs(request: &case::Request) -> Value {
    comparable(&request.method, &request.url, &request.headers, &request.body)
}

fn comparable(method: &str, url: &str, headers: &[(String, String)], body: &Body) -> Value {
    let mut sent = Map::new();
    sent.insert("method".to_owned(), method.to_ascii_uppercase().into());
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let mut whole = Map::new();
    whole.insert("address".to_owned(), self::address(address).into());
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        whole.insert("query".to_owned(), pairs(query));
    }
    sent.insert("url".to_owned(), whole.into());
    let headers_sent: Map<String, Value> = headers
        .iter()
        .filter(|(name, _)| !IGNORED.contains(&name.as_str()))
        .map(|(name, value)| {
            (name.clone(), if name == "content-type" { media_type(value).into() } else { value.as_str().into() })
        })
        .collect();
    sent.insert("headers".to_owned(), headers_sent.into());
    match body {
        Body::Empty => None,
        Body::Json(json) => sent.insert("json".to_owned(), json.clone()),
        Body::Text(text) if is_form(headers) => sent.insert("form".to_owned(), pairs(text)),
        Body::Text(text) => sent.insert("text".to_owned(), text.as_str().into()),
    };
    Value::Object(sent)
}

fn is_form(headers: &[(String, String)]) -> bool {
    let media = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| media_type(value));
    media.is_some_and(|media| media == "application/x-www-form-urlencoded")
}

/// Without parameters: `application/json; charset=utf-8` says no more than `application/json`.
fn media_type(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Scheme, host and path; an encoded character means the same as itself, a slash excepted.
fn address(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path: Vec<String> = path.split('/').map(|segment| decode(segment, false).replace('/', "%2F")).collect();
    format!("{}://{}/{}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase(), path.join("/"))
}

/// The fields of a query or a form by name, the second of a name as `name (2)`; values that are JSON objects or lists as such.
fn pairs(text: &str) -> Value {
    let mut fields = Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name, true), decode(value, true));
        let json = value.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str(&value).ok()).flatten();
        let mut key = name.clone();
        let mut times = 1;
        while fields.contains_key(&key) {
            times += 1;
            key = format!("{name} ({times})");
        }
        fields.insert(key, json.unwrap_or(Value::String(value)));
    }
    Value::Object(fields)
}

fn decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let digit = |i: usize| bytes.get(i).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.extend(u8::try_from(high * 16 + low));
                at += 2;
            }
            (b'+', ..) if plus_is_space => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn text(url: &str, headers: &[(&str, &str)], body: &str) -> Value {
        let mut request = Request::post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        ours(&request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
    }

    #[test]
    fn what_means_the_same_looks_the_same() {
        let json = [("content-type", "application/json; charset=utf-8"), ("user-agent", "us")];
        let theirs = theirs(&case::Request {
            method: "post".to_owned(),
            url: "HTTPS://Partner.example/a%40b/c%2Fd?y=2&x=a+b".to_owned(),
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("user-agent".to_owned(), "them".to_owned()),
            ],
            body: Body::Json(json!({"a": 1})),
        });
        assert_eq!(text("https://partner.example/a@b/c%2fd?x=a%20b&y=2", &json, r#"{ "a": 1 }"#), theirs);
        assert_eq!(
            theirs["url"],
            json!({"address": "https://partner.example/a@b/c%2Fd", "query": {"y": "2", "x": "a b"}})
        );
    }

    #[test]
    fn forms_are_taken_apart_and_json_in_them_is_read() {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let sent = text("https://p.example", &form, "data=%7B%22a%22%3A1%7D&n=1&n=2&x=%zz&y=[1&z");
        assert_eq!(sent["form"], json!({"data": {"a": 1}, "n": "1", "n (2)": "2", "x": "%zz", "y": "[1", "z": ""}));
        assert_eq!(sent["url"], json!({"address": "https://p.example/"}));
    }

    #[test]
    fn a_body_is_json_text_or_nothing() {
        assert_eq!(text("https://p.example", &[], "hello")["text"], json!("hello"));
        assert_eq!(text("https://p.example", &[], "null").get("json"), Some(&json!(null)));
        assert_eq!(text("https://p.example", &[], "").as_object().map(Map::len), Some(3));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in "\\PC{0,20}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(decode(&encoded, true), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[%+0-9a-f&=]{0,20}") {
            let _ = (pairs(&text), address(&text));
        }
    }
}
