//! The head of a request as a client hands it over: borrowed, in the terms of the `http` crate.

use std::fmt;

use http::HeaderMap;

use super::recording::version;
use crate::tape::{Body, Headers, Request};

/// Method, target and header fields of a request that is about to be sent.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: Target<'a>,
    pub(crate) version: http::Version,
    pub(crate) headers: &'a HeaderMap,
}

#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    Uri(&'a http::Uri, &'a HeaderMap),
    Text(&'a str),
}

impl<'a> Head<'a> {
    /// From an `http` request without its body. A URI without a host takes it from the `host` field, with `http` as scheme.
    #[must_use]
    pub fn from_parts(parts: &'a http::request::Parts) -> Self {
        Self::new(&parts.method, &parts.uri, parts.version, &parts.headers)
    }

    /// From the parts of an `http` request.
    #[must_use]
    pub fn new(method: &'a http::Method, uri: &'a http::Uri, version: http::Version, headers: &'a HeaderMap) -> Self {
        Self { method: method.as_str(), target: Target::Uri(uri, headers), version, headers }
    }

    /// From a client that keeps an absolute URL as text.
    #[must_use]
    pub fn with_url(method: &'a str, url: &'a str, version: http::Version, headers: &'a HeaderMap) -> Self {
        Self { method, target: Target::Text(url), version, headers }
    }

    /// Whether `content-length: 0` says that there is a body, of no bytes.
    pub(crate) fn announces_empty_body(&self) -> bool {
        self.headers.get(http::header::CONTENT_LENGTH).is_some_and(|length| length == "0")
    }

    pub(crate) fn url(&self) -> String {
        let mut url = Vec::new();
        self.target.write(&mut url);
        String::from_utf8_lossy(&url).into_owned()
    }

    /// The request as a tape has it.
    pub(crate) fn request(&self, body: Body) -> Request {
        Request {
            method: self.method.to_owned(),
            url: self.url(),
            version: version(self.version),
            headers: Headers::from(self.headers),
            body,
            trailers: Headers::new(),
        }
    }
}

impl Target<'_> {
    /// The absolute URL, no fragment.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(url) => out.extend_from_slice(url.split('#').next().unwrap_or(url).as_bytes()),
            Self::Uri(uri, headers) => {
                out.extend_from_slice(uri.scheme_str().unwrap_or("http").as_bytes());
                out.extend_from_slice(b"://");
                match (uri.authority(), headers.get(http::header::HOST)) {
                    (Some(authority), _) => out.extend_from_slice(authority.as_str().as_bytes()),
                    (None, Some(host)) => out.extend_from_slice(host.as_bytes()),
                    (None, None) => out.extend_from_slice(b"localhost"),
                }
                out.extend_from_slice(uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).as_bytes());
            }
        }
    }
}

/// Neither the query nor header values: they may be credentials.
impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url();
        let bare = url.split('?').next().unwrap_or_default();
        write!(f, "Head({} {bare})", self.method)
    }
}
