//! What an instance puts into each request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Request, Uri};
use jiff::Timestamp;

use super::hmac::{Place, Signer};
use super::scheme::sensitive;
use crate::destination::oauth::Source;
use crate::destination::target::TokenSource;
use crate::destination::value::percent;

/// The credentials of an instance.
#[derive(Default)]
pub(crate) struct Credentials {
    headers: Vec<(HeaderName, HeaderValue)>,
    query: Vec<(String, String)>,
    signers: Vec<(Signer, String)>,
    oauth: Option<Source>,
    secrets: Vec<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headers: Vec<&HeaderName> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Credentials")
            .field("headers", &headers)
            .field("oauth", &self.oauth.is_some())
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Puts them into a request whose body, path and query are complete. A token of OAuth is put in by its [`Source`].
    ///
    /// # Errors
    /// The URL has no room for another parameter.
    pub(crate) fn apply(&self, request: &mut Request<Bytes>, now: Timestamp) -> Result<(), String> {
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        for (name, value) in &self.query {
            push_query(request.uri_mut(), name, value)?;
        }
        for (signer, key) in &self.signers {
            signer.sign(request, key.as_bytes(), now)?;
        }
        Ok(())
    }

    /// Where access tokens come from, where they do not stand still.
    pub(crate) fn source(&self) -> Option<&dyn TokenSource> {
        self.oauth.as_ref().map(|source| source as &dyn TokenSource)
    }

    /// What must not be shown, also not when a partner repeats it.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let granted = self.oauth.iter().flat_map(Source::secrets);
        self.secrets.iter().map(String::as_str).chain(granted)
    }

    pub(super) fn basic(&mut self, user: String, password: String) -> Result<(), String> {
        let pair = BASE64.encode(format!("{user}:{password}"));
        self.secrets.extend([user, password]);
        self.header(AUTHORIZATION, "Basic ", pair)
    }

    pub(super) fn header(&mut self, name: HeaderName, prefix: &str, value: String) -> Result<(), String> {
        let held = sensitive(&name, &format!("{prefix}{value}"))?;
        self.headers.push((name, held));
        self.secrets.push(value);
        Ok(())
    }

    pub(super) fn query(&mut self, name: String, value: String) {
        self.secrets.push(value.clone());
        self.query.push((name, value));
    }

    pub(super) fn sign(&mut self, signer: Signer, key: String) {
        self.secrets.push(key.clone());
        self.signers.push((signer, key));
    }

    pub(super) fn oauth(&mut self, source: Source) {
        self.oauth = Some(source);
    }
}

pub(super) fn put(request: &mut Request<Bytes>, place: &Place, value: &str) -> Result<(), String> {
    match place {
        Place::Header(name) => {
            let value = sensitive(name, value)?;
            request.headers_mut().insert(name, value);
            Ok(())
        }
        Place::Query(name) => push_query(request.uri_mut(), name, value),
    }
}

/// Adds a parameter at the end of a query.
///
/// # Errors
/// The URL would be longer than a URL can be.
pub(super) fn push_query(uri: &mut Uri, name: &str, value: &str) -> Result<(), String> {
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let joint = match path.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let mut longer = format!("{path}{joint}");
    percent(&mut longer, name);
    longer.push('=');
    percent(&mut longer, value);
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(longer.parse().map_err(|_| format!("there is no room for {name:?} in the URL"))?);
    *uri = Uri::from_parts(parts).map_err(|_| format!("there is no room for {name:?} in the URL"))?;
    Ok(())
}
