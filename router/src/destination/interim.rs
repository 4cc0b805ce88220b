//! Authentication and verdicts as far as the kit needs them to stand on its own: the same calls as `auth` and `verdicts` have.

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::Value;

use super::mistake::{Mistake, pointer};
use super::target::{Judged, TokenSource};
use super::verdict::{Blame, Verdict};
use crate::client::{Answer, Failure};

/// What a file says under `auth:`. `E` is a value that asks for settings.
pub(crate) struct Auth<E> {
    schemes: Vec<Scheme<E>>,
}

enum Scheme<E> {
    Basic(E, E),
    Header(HeaderName, &'static str, E),
    Query(String, E),
}

impl<E> Default for Auth<E> {
    fn default() -> Self {
        Self { schemes: Vec::new() }
    }
}

type Found<T> = Result<T, Mistake>;

impl<E> Auth<E> {
    pub(crate) fn compile(
        value: &Value,
        at: &str,
        compile: &mut dyn FnMut(&Value, &str) -> Found<E>,
    ) -> Result<Self, Vec<Mistake>> {
        let mut schemes = Vec::new();
        for (name, value) in value.as_object().into_iter().flatten() {
            let at = pointer(at, name);
            let scheme = Self::scheme(name, value, &at, compile, &mut schemes);
            scheme.map_err(|mistake| vec![mistake])?;
        }
        Ok(Self { schemes })
    }

    fn scheme(
        name: &str,
        value: &Value,
        at: &str,
        compile: &mut dyn FnMut(&Value, &str) -> Found<E>,
        schemes: &mut Vec<Scheme<E>>,
    ) -> Found<()> {
        match (name, value) {
            ("basic", Value::Array(pair)) if pair.len() == 2 => {
                schemes.push(Scheme::Basic(
                    compile(&pair[0], &format!("{at}/0"))?,
                    compile(&pair[1], &format!("{at}/1"))?,
                ));
            }
            ("bearer", value) => {
                schemes.push(Scheme::Header(http::header::AUTHORIZATION, "Bearer ", compile(value, at)?))
            }
            ("header", Value::Object(fields)) => {
                for (name, value) in fields {
                    let at = pointer(at, name);
                    let header = name.parse().map_err(|_| Mistake::new(&*at, "this is no name of a header"))?;
                    schemes.push(Scheme::Header(header, "", compile(value, &at)?));
                }
            }
            ("query", Value::Object(fields)) => {
                for (name, value) in fields {
                    schemes.push(Scheme::Query(name.clone(), compile(value, &pointer(at, name))?));
                }
            }
            ("hmac" | "oauth", _) => {}
            _ => {
                return Err(Mistake::unknown(at, "way to authenticate", name, &["basic", "bearer", "header", "query"]));
            }
        }
        Ok(())
    }

    pub(crate) fn evaluate(
        &self,
        evaluate: &mut dyn FnMut(&E) -> Result<Option<String>, String>,
    ) -> Result<Credentials, String> {
        let mut credentials = Credentials::default();
        for scheme in &self.schemes {
            match scheme {
                Scheme::Basic(user, password) => {
                    let pair =
                        format!("{}:{}", evaluate(user)?.unwrap_or_default(), evaluate(password)?.unwrap_or_default());
                    let text = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
                    credentials.header(http::header::AUTHORIZATION, &text)?;
                }
                Scheme::Header(name, prefix, value) => {
                    if let Some(value) = evaluate(value)? {
                        credentials.header(name.clone(), &format!("{prefix}{value}"))?;
                        credentials.secrets.push(value);
                    }
                }
                Scheme::Query(name, value) => {
                    if let Some(value) = evaluate(value)? {
                        credentials.query.push((name.clone(), value.clone()));
                        credentials.secrets.push(value);
                    }
                }
            }
        }
        Ok(credentials)
    }
}

/// The credentials of an instance.
#[derive(Default)]
pub(crate) struct Credentials {
    headers: Vec<(HeaderName, HeaderValue)>,
    query: Vec<(String, String)>,
    secrets: Vec<String>,
}

impl Credentials {
    fn header(&mut self, name: HeaderName, value: &str) -> Result<(), String> {
        let mut value =
            HeaderValue::from_str(value).map_err(|_| format!("the value of {name} cannot stand in a header"))?;
        value.set_sensitive(true);
        self.headers.push((name, value));
        Ok(())
    }

    pub(crate) fn apply(&self, request: &mut Request<Bytes>, _: Timestamp) -> Result<(), String> {
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        for (name, value) in &self.query {
            let mut url = request.uri().to_string();
            url.push(if url.contains('?') { '&' } else { '?' });
            super::value::percent(&mut url, name);
            url.push('=');
            super::value::percent(&mut url, value);
            *request.uri_mut() = url.parse::<Uri>().map_err(|_| format!("there is no room for {name:?} in the URL"))?;
        }
        Ok(())
    }

    pub(crate) fn source(&self) -> Option<&dyn TokenSource> {
        None
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }
}

/// What there is to look at in an answer.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) root: &'a Value,
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a http::HeaderMap,
    pub(crate) body: &'a Value,
}

/// A value taken from an answer.
pub(crate) trait Probe: Send + Sync {
    fn probe(&self, view: &View<'_>) -> Option<Value>;
}

pub(crate) type CompileValue<'a> = dyn FnMut(&Value, &str) -> Found<Box<dyn Probe>> + 'a;

/// What a judgement needs besides the answer.
pub(crate) struct Context<'a> {
    pub(crate) events: usize,
    pub(crate) payload: &'a dyn Fn(usize) -> Option<&'a Value>,
    pub(crate) oauth: bool,
    pub(crate) secrets: &'a [&'a str],
    pub(crate) now: Timestamp,
}

/// What an answer means; events are named by their place in the request.
pub(crate) enum Outcome {
    All(Verdict),
    Each(Vec<(usize, Verdict)>),
    Split(String),
}

impl Outcome {
    pub(crate) fn judged(self, places: &[usize]) -> Judged {
        match self {
            Self::All(verdict) => Judged::All(verdict),
            Self::Split(reason) => Judged::Split(reason),
            Self::Each(verdicts) => {
                Judged::Each(verdicts.into_iter().filter_map(|(i, verdict)| Some((*places.get(i)?, verdict))).collect())
            }
        }
    }
}

/// The table of verdicts: the common one alone.
#[derive(Default, Debug)]
pub(crate) struct Table;

impl Table {
    pub(crate) fn compile(_: &Value, _: &str, _: &mut CompileValue<'_>) -> Result<Self, Vec<Mistake>> {
        Ok(Self)
    }

    pub(crate) fn judge(&self, outcome: Result<&Answer, &Failure>, context: &Context<'_>) -> Outcome {
        let retry = |blame, reason| Outcome::All(Verdict::Retry { blame, after: None, reason });
        let answer = match outcome {
            Ok(answer) => answer,
            Err(Failure::TooLarge(_)) => return Outcome::All(Verdict::Reject("the answer is too large".to_owned())),
            Err(Failure::Internal(host)) => return Outcome::All(Verdict::Pause(host.clone())),
            Err(failure) => return retry(Blame::Host, failure.to_string()),
        };
        let reason = answer.status.to_string();
        match answer.status.as_u16() {
            200..=299 => Outcome::All(Verdict::Delivered),
            401 if context.oauth => Outcome::All(Verdict::Reauthenticate(reason)),
            401..=403 => Outcome::All(Verdict::Pause(reason)),
            408 | 425 | 500 => retry(Blame::Event, reason),
            413 => Outcome::Split(reason),
            429 => retry(Blame::Instance, reason),
            502..=504 => retry(Blame::Host, reason),
            _ => Outcome::All(Verdict::Reject(reason)),
        }
    }
}
