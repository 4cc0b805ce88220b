//! Method, URL and headers of a request.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::super::definition::{Body, Request, Text};
use super::super::instance::Instance;
use super::super::mistake::Refusal;
use super::super::target::Env;
use super::super::value::{Expr, Scope, percent};
use crate::client::AllowInternal;
use crate::mapping::Out;

/// A request without its body and credentials.
#[derive(Clone)]
pub(crate) struct Head {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Head {
    /// The request with a body of a media type, unless a header says which.
    pub(super) fn request(self, body: Bytes, media: Option<&'static str>) -> http::Request<Bytes> {
        let mut request = http::Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        if let Some(media) = media {
            request.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(media));
        }
        request
    }

    pub(super) fn set(&mut self, name: &HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    /// A text that is the same for the same head.
    pub(super) fn key(&self) -> String {
        format!("{} {} {:?}", self.method, self.uri, self.headers)
    }
}

impl Instance {
    /// Whether a request's method, URL and headers ask for nothing but settings.
    pub(in crate::destination) fn is_same_for_all(&self, request: &Request) -> bool {
        if matches!(request.body, Body::Code | Body::Chain) {
            return false;
        }
        let fixed = |text: &Text| matches!(text, Text::Fixed(_));
        let values = request.query.iter().map(|(_, value)| value).chain(request.headers.iter().map(|(_, value)| value));
        let values = values.chain(self.definition.headers.iter().map(|(_, value)| value)).chain(&self.definition.base);
        let values = values.chain(&request.more);
        fixed(&request.method) && fixed(&request.url) && values.into_iter().all(|value| value.uses().settings_alone())
    }

    /// # Errors
    /// A value that the URL needs is missing, or what was made is no URL, method or header.
    pub(in crate::destination) fn head(&self, request: &Request, scope: &Scope<'_>) -> Result<Head, Refusal> {
        let mut url = String::with_capacity(128);
        if !request.whole {
            match (&self.base, &self.definition.base) {
                (Some(base), _) => url.push_str(base),
                (None, Some(base)) => {
                    let base =
                        base.text(scope)?.ok_or_else(|| Refusal("there is no address to send this to".to_owned()))?;
                    url.push_str(base.trim_end_matches('/'));
                }
                (None, None) => {}
            }
        }
        match &request.url {
            Text::Fixed(text) => url.push_str(text),
            Text::Template(template) => url.push_str(&template.render_url(scope)?),
        }
        // A fragment is for browsers.
        url.truncate(url.find('#').unwrap_or(url.len()));
        for (name, value) in &request.query {
            let value = value.run(scope).map_err(|trouble| trouble.within(name))?;
            query(&mut url, name, value, scope)?;
        }
        let method = match &request.method {
            Text::Fixed(text) => text.to_string(),
            Text::Template(template) => template.render_url(scope)?.to_uppercase(),
        };
        let method = method.parse::<Method>().map_err(|_| Refusal(format!("{method:?} is no method")))?;
        let uri = parse(&url)?;
        let mut headers = HeaderMap::with_capacity(4);
        if let Some(more) = &request.more {
            spread(&mut headers, more, scope)?;
        }
        for (name, value) in self.definition.headers.iter().chain(&request.headers) {
            if let Some(value) = header(name, value, scope)? {
                headers.insert(name, value);
            }
        }
        Ok(Head { method, uri, headers })
    }

    /// The finishing touches: another address where the configuration says so, and the credentials.
    pub(super) fn seal(&self, mut request: http::Request<Bytes>, env: Env) -> Result<http::Request<Bytes>, Refusal> {
        self.credentials.apply(&mut request, env.now).map_err(Refusal)?;
        if let Some(to) = &self.send_to {
            redirect(&mut request, to)?;
        }
        // Whoever wrote `send_to` chose where it leads.
        if self.allow_internal || self.send_to.is_some() {
            request.extensions_mut().insert(AllowInternal);
        }
        Ok(request)
    }
}

pub(super) fn parse(url: &str) -> Result<Uri, Refusal> {
    let uri = url
        .parse::<Uri>()
        .ok()
        .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    // The URL itself may hold what must not be shown.
    uri.ok_or_else(|| {
        let scheme = url
            .split(':')
            .next()
            .filter(|scheme| scheme.len() < 12 && scheme.len() < url.len())
            .unwrap_or("nothing known");
        Refusal(format!(
            "what was made is no URL: it begins with {scheme:?} and has {} characters",
            url.chars().count()
        ))
    })
}

fn query(url: &mut String, name: &str, value: Out<'_>, scope: &Scope<'_>) -> Result<(), Refusal> {
    let value = value.finish(scope.budget).map_err(|error| Refusal(error.to_string()))?;
    let several = match value {
        None | Some(serde_json::Value::Null) => return Ok(()),
        Some(serde_json::Value::Array(several)) => several,
        Some(one) => vec![one],
    };
    for one in several {
        if one.is_object() || one.is_array() {
            return Err(Refusal(format!(
                "the query's {name} must be a text or a number, or a list of them: `as: json` makes a text of it"
            )));
        }
        url.push(if url.contains('?') { '&' } else { '?' });
        percent(url, name);
        url.push('=');
        let mut text = String::new();
        crate::js::push_text(&mut text, &one);
        percent(url, &text);
    }
    Ok(())
}

pub(super) fn header(name: &HeaderName, value: &Expr, scope: &Scope<'_>) -> Result<Option<HeaderValue>, Refusal> {
    let Some(text) = value.text(scope).map_err(|trouble| trouble.within(name.as_str()))? else { return Ok(None) };
    match HeaderValue::from_str(&text) {
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(Refusal(format!("the header {name} would hold a character that no header can hold"))),
    }
}

/// Headers that HTTP itself needs, and that nobody else may set.
const RESERVED: [&str; 7] = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"];

/// Each field of an object as a header.
fn spread(headers: &mut HeaderMap, value: &Expr, scope: &Scope<'_>) -> Result<(), Refusal> {
    let Some(serde_json::Value::Object(fields)) = value.value(scope)? else { return Ok(()) };
    for (name, value) in fields {
        if value.is_null() {
            continue;
        }
        let parsed = name.to_ascii_lowercase().parse::<HeaderName>();
        let parsed = parsed.ok().filter(|name| !RESERVED.contains(&name.as_str()));
        let parsed = parsed.ok_or_else(|| Refusal(format!("{name:?} is no header that can be set")))?;
        let value = HeaderValue::from_str(&super::super::value::to_text(&value));
        let unfit = |_| Refusal(format!("the header {parsed} would hold a character that no header can hold"));
        let value = value.map_err(unfit)?;
        headers.insert(parsed, value);
    }
    Ok(())
}

/// Sends a request to another host. What plays a partner there knows it by the path in front, or by the header `host`.
fn redirect(request: &mut http::Request<Bytes>, to: &Uri) -> Result<(), Refusal> {
    let gone = || Refusal("`send_to` and this request make no URL".to_owned());
    let prefix = to.path().trim_end_matches('/');
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let longer = format!("{prefix}{path}");
    if prefix.is_empty()
        && let Some(host) = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok())
    {
        request.headers_mut().insert(HOST, host);
    }
    let mut parts = to.clone().into_parts();
    parts.path_and_query = Some(longer.parse().map_err(|_| gone())?);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| gone())?;
    Ok(())
}
