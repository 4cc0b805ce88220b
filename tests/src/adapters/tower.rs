//! The tower layer, over hyper-util's client.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::timeout::Timeout;
use tower::{Layer as _, ServiceExt};
use traffic_recorder::Tapes;
use traffic_recorder::client::{BoxError, ReplayedFault, SentBody, TapesService};
use traffic_recorder::tape::Layer;

use super::chunks::Reading;
use super::{Adapter, Answer, Ask, AskBody, Chunks, Client, Failure, Opened, Options, fields, http_request};

/// `tapes.layer()` around hyper-util's client.
#[derive(Debug)]
pub struct Tower;

/// The adapter.
pub static TOWER: Tower = Tower;

type Inner = Timeout<HyperClient<HttpConnector, SentBody<Chunks>>>;

struct TowerClient(TapesService<Inner>);

impl Adapter for Tower {
    fn name(&self) -> &'static str {
        "tower"
    }

    fn seam(&self) -> [&'static str; 3] {
        ["tapes.layer()", "hyper-util's client, and any `tower::Service` over `http` types", "tower"]
    }

    fn layer(&self) -> Layer {
        Layer::Wire
    }

    fn cannot(&self) -> &'static [(&'static str, &'static str)] {
        &[super::LOWER_CASE, super::OWN_LIMIT, super::NO_REDIRECTS]
    }

    fn client(&self, tapes: &Tapes, options: &Options) -> Arc<dyn Client> {
        let client = HyperClient::builder(TokioExecutor::new()).build_http();
        let limit = options.timeout.unwrap_or(Duration::from_secs(600));
        Arc::new(TowerClient(tapes.layer().layer(Timeout::new(client, limit))))
    }
}

#[async_trait]
impl Client for TowerClient {
    async fn open(&self, ask: Ask) -> Result<Opened, Failure> {
        let mut request = http_request(&ask, Chunks::of(&ask))?;
        if matches!(ask.body, AskBody::Empty) {
            request.headers_mut().insert(http::header::CONTENT_LENGTH, 0.into());
        }
        let response = self.0.clone().oneshot(request).await.map_err(|e| failure(&e))?;
        let (parts, body) = response.into_parts();
        Ok(Opened::new(head(&parts), Reading::new(body, |error| failure(&error))))
    }
}

/// hyper's clients show everything.
pub(super) fn head(parts: &http::response::Parts) -> Answer {
    head_of(parts.status, parts.version, &parts.headers, &parts.extensions)
}

/// The head of an answer in the terms of the `http` crate.
pub(super) fn head_of(
    status: http::StatusCode,
    version: http::Version,
    headers: &http::HeaderMap,
    extensions: &http::Extensions,
) -> Answer {
    let reason = extensions.get::<hyper::ext::ReasonPhrase>();
    Answer {
        status: status.as_u16(),
        version: format!("{version:?}"),
        reason: reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned()),
        headers: fields(headers),
        ..Answer::default()
    }
}

/// A live error of hyper-util, or one of the recorder's two.
fn failure(error: &BoxError) -> Failure {
    let mut failure = Failure::of(&**error);
    if let Some(live) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
        failure.is_connect = live.is_connect();
    }
    failure.is_timeout = error.is::<tower::timeout::error::Elapsed>();
    if let Some(replayed) = error.downcast_ref::<ReplayedFault>() {
        failure.is_connect = replayed.is_connect();
        failure.is_timeout = replayed.is_timeout();
    }
    failure
}
