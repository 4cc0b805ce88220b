//! The request for a token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use serde_json::{Map, Value};

use super::answer;
use crate::client::{Answer, Failure};
use crate::destination::target::{Token, TokenSource};
use crate::destination::value::percent;
use crate::destination::verdict::Verdict;

/// What a token is granted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    RefreshToken,
    ClientCredentials,
}

/// How the client says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Among the fields of a form.
    Form,
    /// By the header `Authorization: Basic`, the other fields in a form.
    Basic,
    /// Among the fields of a JSON object, which is not in the RFC.
    Json,
}

/// Who asks.
pub(crate) struct Client {
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) refresh_token: Option<String>,
    pub(crate) scope: Option<String>,
    /// Fields that this partner wants besides.
    pub(crate) extra: Vec<(String, String)>,
}

/// Where an instance's access tokens come from.
pub(crate) struct Source {
    key: String,
    grant: Grant,
    style: Style,
    token_url: Uri,
    client: Client,
    header: (HeaderName, String),
}

impl Source {
    /// `header` is where the token is put, and what stands before it there.
    pub(crate) fn new(
        grant: Grant,
        style: Style,
        token_url: Uri,
        client: Client,
        header: (HeaderName, String),
    ) -> Self {
        let url = token_url.to_string();
        let mut hash = hmac_sha256::Hash::new();
        let fields = [&client.client_id, &client.client_secret, &client.refresh_token, &client.scope];
        let fields = fields.into_iter().map(|field| field.as_deref().unwrap_or_default());
        let extra = client.extra.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        for field in [url.as_str()].into_iter().chain(fields).chain(extra) {
            hash.update(field.len().to_le_bytes());
            hash.update(field);
        }
        let key = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { key, grant, style, token_url, client, header }
    }

    /// What must not be shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        [&self.client.client_secret, &self.client.refresh_token].into_iter().filter_map(Option::as_deref)
    }

    fn fields<'a>(&'a self, refresh_token: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
        let client = &self.client;
        let mut fields = match self.grant {
            Grant::RefreshToken => vec![("grant_type", "refresh_token")],
            Grant::ClientCredentials => vec![("grant_type", "client_credentials")],
        };
        if self.grant == Grant::RefreshToken {
            fields.extend(refresh_token.or(client.refresh_token.as_deref()).map(|token| ("refresh_token", token)));
        }
        if self.style != Style::Basic {
            fields.extend(client.client_id.as_deref().map(|id| ("client_id", id)));
            fields.extend(client.client_secret.as_deref().map(|secret| ("client_secret", secret)));
        }
        fields.extend(client.scope.as_deref().map(|scope| ("scope", scope)));
        fields.extend(client.extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        fields
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("grant", &self.grant)
            .field("host", &self.token_url.host())
            .finish_non_exhaustive()
    }
}

impl TokenSource for Source {
    fn key(&self) -> &str {
        &self.key
    }

    fn request(&self, refresh_token: Option<&str>) -> Request<Bytes> {
        let fields = self.fields(refresh_token);
        let (media, body) = match self.style {
            Style::Form | Style::Basic => ("application/x-www-form-urlencoded", form(&fields)),
            Style::Json => {
                let fields: Map<String, Value> =
                    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
                ("application/json", Value::Object(fields).to_string())
            }
        };
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.token_url.clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        if self.style == Style::Basic {
            // RFC 6749, 2.3.1: each half is form-encoded first, so that a colon in it stays in its half.
            let half = |text: &Option<String>| form_encoded(text.as_deref().unwrap_or_default());
            let pair = BASE64.encode(format!("{}:{}", half(&self.client.client_id), half(&self.client.client_secret)));
            insert(&mut request, &AUTHORIZATION, &format!("Basic {pair}"));
        }
        request
    }

    fn answer(&self, outcome: Result<&Answer, &Failure>) -> Result<Token, Verdict> {
        answer::read(outcome, &self.secrets().collect::<Vec<_>>())
    }

    fn authorize(&self, request: &mut Request<Bytes>, access_token: &str) {
        let (name, prefix) = &self.header;
        insert(request, name, &format!("{prefix}{access_token}"));
    }
}

/// Text that no header can hold is left away ([`answer::read`] takes no such token), and the partner says that it is missing.
fn insert(request: &mut Request<Bytes>, name: &HeaderName, text: &str) {
    if let Ok(mut value) = HeaderValue::from_str(text) {
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", form_encoded(name), form_encoded(value))).collect();
    pairs.join("&")
}

fn form_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    percent(&mut out, text);
    out.replace("%20", "+")
}
