//! What the key alone can show of R12-R24, R60 and R68.

mod behaviours;
mod explaining;
mod golden;
mod properties;
mod ruling;

use bytes::Bytes;

use super::{Canonical, Rules, canonical};
use crate::tape::{Body, Headers, Key, Request, Version};

fn request(method: &str, url: &str, headers: &[(&str, &str)], body: impl Into<Option<&'static str>>) -> Request {
    let body = body.into().map_or(Body::Absent, |text| Body::Bytes(Bytes::from_static(text.as_bytes())));
    with_body(method, url, headers, body)
}

fn with_body(method: &str, url: &str, headers: &[(&str, &str)], body: Body) -> Request {
    Request {
        method: method.to_owned(),
        url: url.to_owned(),
        version: Version::Http11,
        headers: headers.iter().map(|(name, value)| (*name, Bytes::copy_from_slice(value.as_bytes()))).collect(),
        body,
        trailers: Headers::new(),
    }
}

fn get(url: &str) -> Request {
    request("GET", url, &[], None)
}

fn post(content_type: &str, body: impl Into<Vec<u8>>) -> Request {
    with_body("POST", "https://api.example.com/", &[("content-type", content_type)], Body::Bytes(body.into().into()))
}

fn plain(request: &Request) -> Canonical {
    canonical(request, &Rules::default())
}

fn key(request: &Request) -> Key {
    plain(request).key()
}

fn rules(lines: &[&str]) -> Rules {
    Rules::parse(lines).expect("rules")
}

fn key_under(lines: &[&str], request: &Request) -> Key {
    canonical(request, &rules(lines)).key()
}

#[track_caller]
fn same(a: &Request, b: &Request) {
    assert_eq!(plain(a).text(), plain(b).text());
    assert_eq!(key(a), key(b));
}

#[track_caller]
fn apart(a: &Request, b: &Request) {
    assert_ne!(key(a), key(b), "{}", plain(a).text());
}
