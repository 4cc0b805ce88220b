//! A request reduced to what it means.

use std::fmt;

use super::body::Body;
use super::escape;
use super::headers::{self, Field};
use super::rules::Rules;
use super::scope::InScope;
use super::url::Url;
use crate::tape::{Key, Request};

/// The version of the algorithm, which is the first line of every canonical text.
const VERSION: &str = "traffic-recorder key 1\n";

/// What a request means, as far as its key is concerned. Two requests have the same key where their canonical forms are equal.
#[derive(Clone, PartialEq, Eq)]
pub struct Canonical {
    pub(super) method: String,
    pub(super) url: Url,
    pub(super) headers: Vec<Field>,
    pub(super) body: Body,
    applied: Vec<String>,
}

/// Reduces a request, secrets already replaced in it, to what it means under these rules.
///
/// Nothing fails here: what does not keep to its own grammar (a body that is no JSON though its type says so, a URL that is
/// not absolute) is compared as it stands.
#[must_use]
pub fn canonical(request: &Request, rules: &Rules) -> Canonical {
    let (mut scope, request, url) = InScope::enter(rules, request);
    let headers = headers::read(&request.headers, &mut scope);
    let body = Body::read(&request.body, &request.headers, &mut scope);
    let method = escape::line(request.method.as_bytes()).into_owned();
    Canonical { method, url, headers, body, applied: scope.applied() }
}

impl Canonical {
    /// The text that is hashed, in UTF-8: the version, the method, the URL, the header fields that count, an empty line, the
    /// kind of the body, the body. Different canonical forms never give the same text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(512);
        out.push_str(VERSION);
        out.push_str(&self.method);
        out.push('\n');
        self.url.write(&mut out);
        out.push('\n');
        headers::write(&self.headers, &mut out);
        out.push('\n');
        self.body.write(&mut out);
        out
    }

    /// SHA-256 of [`text`](Self::text).
    #[must_use]
    pub fn key(&self) -> Key {
        Key(hmac_sha256::Hash::hash(self.text().as_bytes()))
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The host, lower-case.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.url.host
    }

    /// The path, equivalent escapes folded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.url.path
    }

    /// The rules that took part, in their own words, sorted. With these alone the same request has the same key.
    #[must_use]
    pub fn applied(&self) -> &[String] {
        &self.applied
    }
}

/// Method and place alone: header values and bodies may be confidential.
impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canonical")
            .field("method", &self.method)
            .field("host", &self.url.host)
            .field("path", &self.url.path)
            .field("body", &self.body.describe())
            .field("applied", &self.applied)
            .finish_non_exhaustive()
    }
}
