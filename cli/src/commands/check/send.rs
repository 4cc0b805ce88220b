//! Sends one request of a tape to the live service, through the session that compares the answer.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::{HeaderMap, HeaderName, Response, Uri};
use traffic_recorder::Tapes;
use traffic_recorder::client::{Payload, Stop, Translate, classify, exchange_blocking};
use traffic_recorder::session::Head;
use traffic_recorder::tape::{Body, Fault, FaultKind, Layer, Request};
use ureq::tls::TlsConfig;
use ureq::{Agent, Timeout};

/// A client that sends requests as they are.
pub(super) struct Sender {
    agent: Agent,
    /// Scheme, host and port that requests go to in place of their own.
    to: Option<Uri>,
}

/// What a client makes and a tape must not dictate.
const NOT_SENT: [&str; 6] = ["host", "content-length", "transfer-encoding", "connection", "te", "upgrade"];

impl Sender {
    pub(super) fn new(timeout: Duration, to: Option<&str>) -> anyhow::Result<Self> {
        let to = to.map(base).transpose()?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider).build();
        let config = Agent::config_builder().timeout_global(Some(timeout)).tls_config(tls).http_status_as_error(false);
        // A tape of the wire has each redirect as an exchange of its own.
        let config = config.max_redirects(0).allow_non_standard_methods(true).build();
        Ok(Self { agent: config.new_agent(), to })
    }

    /// Sends it and reads the answer to its end. What goes wrong on the way is an answer, too; the session compares it.
    pub(super) fn send(&self, tapes: &Tapes, request: &Request, layer: Layer) -> anyhow::Result<()> {
        let mut headers = HeaderMap::try_from(&request.headers)?;
        let body = match &request.body {
            Body::Absent => None,
            Body::Bytes(bytes) => Some(bytes.clone()),
            Body::File(file) => Some(std::fs::read(&file.path).context("a body of the tape")?.into()),
        };
        let payload: Payload<io::Empty> = body.clone().map_or(Payload::Absent, Payload::Ready);
        let asked = headers.clone();
        for name in NOT_SENT {
            headers.remove(name);
        }
        if layer == Layer::Logical {
            headers.remove(http::header::ACCEPT_ENCODING);
        }
        let head = Head::with_url(&request.method, &request.url, http::Version::HTTP_11, &asked);
        let live = self.live(request, &headers, layer);
        let send = |_| match body {
            Some(bytes) => self.run(live?.body(bytes.to_vec()).map_err(ureq::Error::Http)?, layer),
            None => self.run(live?.body(()).map_err(ureq::Error::Http)?, layer),
        };
        match exchange_blocking(tapes.session(), layer, head, payload, &Errors, send) {
            Ok(mut response) => {
                // An end that does not come is on record.
                let _ = io::copy(response.body_mut(), &mut io::sink());
                Ok(())
            }
            Err(Failed::Live(_)) => Ok(()),
            Err(Failed::Recorder(error)) => Err(error.into()),
        }
    }

    fn live(&self, request: &Request, headers: &HeaderMap, _: Layer) -> Result<http::request::Builder, Failed> {
        let wrong = |error: http::Error| Failed::Live(ureq::Error::Http(error));
        let mut uri: Uri = request.url.parse().map_err(|error: http::uri::InvalidUri| wrong(error.into()))?;
        if let Some(to) = &self.to {
            let mut parts = uri.into_parts();
            (parts.scheme, parts.authority) = (to.scheme().cloned(), to.authority().cloned());
            uri = Uri::from_parts(parts).map_err(|error| wrong(error.into()))?;
        }
        let mut live = http::Request::builder().method(request.method.as_str()).uri(uri);
        for (name, value) in headers {
            live = live.header(HeaderName::clone(name), value);
        }
        Ok(live)
    }

    fn run(
        &self,
        request: http::Request<impl ureq::AsSendBody>,
        layer: Layer,
    ) -> Result<Response<Box<dyn Read>>, Failed> {
        let redirects = if layer == Layer::Logical { 10 } else { 0 };
        let request = self.agent.configure_request(request).max_redirects(redirects).build();
        let response = self.agent.run(request)?;
        Ok(response.map(|body| Box::new(body.into_reader()) as Box<dyn Read>))
    }
}

/// Scheme, host and port, and nothing behind them.
fn base(text: &str) -> anyhow::Result<Uri> {
    let uri: Uri = text.parse().with_context(|| format!("--to {text} is no URL"))?;
    if uri.scheme().is_none() || uri.authority().is_none() || !matches!(uri.path(), "" | "/") {
        bail!("--to {text} has to be scheme, host and port alone, as in https://staging.example.com");
    }
    Ok(uri)
}

/// Why there is no answer.
enum Failed {
    Live(ureq::Error),
    Recorder(traffic_recorder::Error),
}

impl From<ureq::Error> for Failed {
    fn from(error: ureq::Error) -> Self {
        Self::Live(error)
    }
}

/// ureq's errors as faults. Nothing is replayed here, so there is no way back.
struct Errors;

impl Translate for Errors {
    type Error = Failed;

    fn fault(&self, error: &Failed) -> Fault {
        let Failed::Live(error) = error else {
            return Fault { kind: FaultKind::Other, message: "the recorder refused".to_owned() };
        };
        let kind = match error {
            ureq::Error::HostNotFound => FaultKind::Dns,
            ureq::Error::ConnectionFailed => FaultKind::Connect,
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => FaultKind::ConnectTimeout,
            ureq::Error::Timeout(_) => FaultKind::Timeout,
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => FaultKind::Tls,
            ureq::Error::Protocol(_) => FaultKind::Protocol,
            ureq::Error::Io(error) => return classify(error),
            other => return classify(other),
        };
        Fault { kind, message: error.to_string() }
    }

    fn error(&self, stop: Stop) -> Failed {
        match stop {
            Stop::Recorder(error) => Failed::Recorder(error),
            Stop::Fault(fault) => Failed::Live(ureq::Error::Io(io::Error::other(fault.message))),
        }
    }
}
