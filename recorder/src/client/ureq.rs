//! The seam for ureq 3: its middleware, above redirects and decompression.
//!
//! ureq turns 4xx and 5xx into errors without a body, unless told not to. The middleware takes the whole answer for the tape
//! and then does what the agent was configured to do, live and replayed.

mod located;

use std::io::{self, Read};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ureq::config::{Config, ConfigBuilder};
use ureq::http::{Method, Request, Response, Uri, header};
use ureq::middleware::{Middleware, MiddlewareNext};
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Agent, Body, Error, RequestExt, ResponseExt, SendBody, Timeout};

use super::blocking::exchange_blocking;
use super::fault::io_kind;
use super::{FinalUrl, Payload, ReplayedFault, Stop, Translate, classify};
use crate::session::{Head, REQUEST_LIMIT, Session, Tapes};
use crate::tape::{Fault, FaultKind, Layer};

/// Answers from tapes, or records what the rest of the chain answers.
#[derive(Debug, Clone)]
pub struct UreqMiddleware {
    session: Session,
    /// What the agent makes of a 4xx or 5xx.
    status_as_error: Arc<OnceLock<bool>>,
}

impl Tapes {
    /// An agent whose requests go through these tapes. While replaying it can neither resolve a name nor open a connection.
    ///
    /// ```no_run
    /// let tapes = traffic_recorder::tapes!("docs/ureq");
    /// let agent = tapes.ureq(ureq::Agent::config_builder());
    /// let answer = agent.get("https://api.example.com/status").call()?.body_mut().read_to_string()?;
    /// # Ok::<(), ureq::Error>(())
    /// ```
    #[must_use]
    pub fn ureq(&self, config: ConfigBuilder<AgentScope>) -> Agent {
        let middleware = self.ureq_middleware();
        let flag = Arc::clone(&middleware.status_as_error);
        let config = config.middleware(middleware).build();
        let _ = flag.set(config.http_status_as_error());
        if self.session().is_offline() {
            Agent::with_parts(config, Offline, Offline)
        } else {
            Agent::new_with_config(config)
        }
    }

    /// The middleware alone, for an agent that is built elsewhere with ureq's default of
    /// [`http_status_as_error`](ConfigBuilder::http_status_as_error).
    #[must_use]
    pub fn ureq_middleware(&self) -> UreqMiddleware {
        UreqMiddleware { session: self.session().clone(), status_as_error: Arc::default() }
    }
}

impl Middleware for UreqMiddleware {
    fn handle(&self, request: Request<SendBody>, next: MiddlewareNext) -> Result<Response<Body>, Error> {
        let status_as_error = *self.status_as_error.get().unwrap_or(&true);
        let (mut parts, body) = request.into_parts();
        // What can be held is read first: only then is its length known, which ureq does not tell.
        let limit = REQUEST_LIMIT;
        let mut rest = body.into_reader();
        let mut first = Vec::new();
        (&mut rest).take(limit as u64 + 1).read_to_end(&mut first)?;
        let known = (first.len() <= limit).then_some(first.len());
        let mut stream = io::Cursor::new(first).chain(rest);
        let payload: Payload<&mut dyn Read> =
            if known == Some(0) { Payload::Absent } else { Payload::Stream(&mut stream) };
        let asked = parts.clone();
        let send = |sent| {
            let framed = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
            let unframed = !framed.iter().any(|name| parts.headers.contains_key(name));
            let with_body = matches!(parts.method, Method::POST | Method::PUT | Method::PATCH);
            if let Some(length) = known.filter(|length| unframed && (*length > 0 || with_body)) {
                parts.headers.insert(header::CONTENT_LENGTH, length.into());
            }
            let mut response = match sent {
                None => next.handle(with_bodies(Request::from_parts(parts, SendBody::none()))?)?,
                Some(mut taped) => {
                    let body = SendBody::from_reader(&mut taped);
                    next.handle(with_bodies(Request::from_parts(parts, body))?)?
                }
            };
            if *response.get_uri() != asked.uri {
                let url = FinalUrl(response.get_uri().to_string());
                response.extensions_mut().insert(url);
            }
            Ok(response.map(Body::into_reader))
        };
        let head = Head::from_parts(&asked);
        let response = exchange_blocking(&self.session, Layer::Logical, head, payload, &Errors, send)?;
        let status = response.status();
        let failed = status_as_error && (status.is_client_error() || status.is_server_error());
        let (mut parts, mut reader) = response.into_parts();
        if reader.is_replayed() {
            let answered = parts.extensions.get::<FinalUrl>().and_then(|url| url.0.parse().ok());
            parts.extensions.extend(located::extensions(&answered.unwrap_or(asked.uri)));
        }
        if failed {
            // The program gets no body; the tape has it all the same.
            let _ = io::copy(&mut reader, &mut io::sink());
            return Err(Error::StatusCode(status.as_u16()));
        }
        let mut body = Body::builder();
        if let Some(media) = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
            let mut parameters = media.split(';').map(str::trim);
            body = body.mime_type(parameters.next().unwrap_or_default());
            if let Some(charset) = parameters.find_map(|p| p.strip_prefix("charset=")) {
                body = body.charset(charset.trim_matches('"'));
            }
        }
        Ok(Response::from_parts(parts, body.reader(Shared(Mutex::new(reader)))))
    }
}

/// Also a 4xx has a body for the tape.
fn with_bodies(request: Request<SendBody<'_>>) -> Result<Request<SendBody<'_>>, Error> {
    let config = request.middleware_config();
    let config = config.ok_or_else(|| Error::Other("a middleware of ureq runs outside of an agent".into()))?;
    Ok(config.http_status_as_error(false).build())
}

/// ureq asks for readers that threads can share.
struct Shared<R>(Mutex<R>);

impl<R: Read> Read for Shared<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).read(buffer)
    }
}

/// ureq's errors, as faults and back.
struct Errors;

impl Translate for Errors {
    type Error = Error;

    fn fault(&self, error: &Error) -> Fault {
        let kind = match error {
            Error::HostNotFound => FaultKind::Dns,
            Error::ConnectionFailed => FaultKind::Connect,
            Error::Timeout(Timeout::Resolve | Timeout::Connect) => FaultKind::ConnectTimeout,
            Error::Timeout(_) => FaultKind::Timeout,
            Error::Tls(_) => FaultKind::Tls,
            Error::Protocol(_) => FaultKind::Protocol,
            Error::Io(error) => return classify(error),
            other => return classify(other),
        };
        Fault { kind, message: error.to_string() }
    }

    fn error(&self, stop: Stop) -> Error {
        let fault = match stop {
            Stop::Recorder(error) => return Error::Other(Box::new(error)),
            Stop::Fault(fault) => fault,
        };
        match fault.kind {
            FaultKind::Dns => Error::HostNotFound,
            FaultKind::Connect => Error::ConnectionFailed,
            FaultKind::ConnectTimeout => Error::Timeout(Timeout::Connect),
            FaultKind::Timeout => Error::Timeout(Timeout::Global),
            FaultKind::Tls => Error::Tls("the handshake failed (replayed from a tape)"),
            // These two are ureq's own, and all that they say is on the tape.
            _ if fault.message == Error::RedirectFailed.to_string() => Error::RedirectFailed,
            _ if fault.message == Error::TooManyRedirects.to_string() => Error::TooManyRedirects,
            kind => Error::Io(io::Error::new(io_kind(kind), ReplayedFault::new(fault))),
        }
    }
}

/// Neither resolves nor connects: what goes round the recorder stops here.
#[derive(Debug)]
struct Offline;

const OFFLINE: &str = "this agent replays tapes and has no network; the request went round the recorder";

impl Connector for Offline {
    type Out = Box<dyn Transport>;

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<Self::Out>, Error> {
        Err(Error::Other(OFFLINE.into()))
    }
}

impl Resolver for Offline {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Err(Error::Other(OFFLINE.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r92_redirects_that_ureq_gave_up_are_the_same_error_again() {
        for error in [Error::RedirectFailed, Error::TooManyRedirects] {
            let fault = Errors.fault(&error);
            assert_eq!(format!("{:?}", Errors.error(Stop::Fault(fault))), format!("{error:?}"));
        }
    }
}
