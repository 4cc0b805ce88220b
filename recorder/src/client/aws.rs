//! The seam for the AWS SDK, and every client that smithy generates: its own `HttpClient`, below retries and signing.
//!
//! What the SDK adds to a request for this one attempt (`x-amz-date`, `amz-sdk-invocation-id`, `amz-sdk-request`, the signature) is not in the
//! key, and the signature is hidden.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{BoxError, Payload, ReplayedFault, Stop, Translate, classify, exchange};
use crate::session::{Head, Session, Tapes};
use crate::tape::{Fault, FaultKind, Layer};

/// An HTTP client for the AWS SDK that answers from tapes, or records what the live client gets.
#[derive(Debug, Clone)]
pub struct TapedAwsClient {
    session: Session,
    live: SharedHttpClient,
}

/// What a [`TapedAwsClient`] makes for each set of timeouts.
#[derive(Debug, Clone)]
pub struct TapedAwsConnector {
    session: Session,
    live: SharedHttpConnector,
}

impl Tapes {
    /// The HTTP client for a configuration of the AWS SDK: `config.http_client(tapes.aws(live))`. `live` is what sends while recording:
    /// `aws_smithy_http_client::Builder::new()…build_https()`, say; replaying never asks it.
    ///
    /// Every attempt of a retry is an exchange, so that a service which failed once is replayed as it was. A miss is a
    /// [`ConnectorError`] of the user's making, which the SDK does not retry.
    pub fn aws(&self, live: impl HttpClient + 'static) -> SharedHttpClient {
        SharedHttpClient::new(TapedAwsClient { session: self.session().clone(), live: SharedHttpClient::new(live) })
    }
}

impl HttpClient for TapedAwsClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let live = self.live.http_connector(settings, components);
        SharedHttpConnector::new(TapedAwsConnector { session: self.session.clone(), live })
    }
}

impl HttpConnector for TapedAwsConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (session, live) = (self.session.clone(), self.live.clone());
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            let again = parts.clone();
            let (payload, own) = match body.bytes() {
                Some([]) => (Payload::Absent, body),
                Some(bytes) => (Payload::Ready(Bytes::copy_from_slice(bytes)), body),
                None => (Payload::Stream(body), SdkBody::empty()),
            };
            let send = async move |sent: Option<super::SentBody<SdkBody>>| {
                let body = sent.map_or(own, |sent| SdkBody::from_body_1_x(Shared::new(sent)));
                let request = HttpRequest::try_from(http::Request::from_parts(again, body));
                let answer = live.call(request.map_err(|error| ConnectorError::user(error.into()))?).await?;
                answer.try_into_http1x().map_err(|error| ConnectorError::other(error.into(), None))
            };
            let head = Head::from_parts(&parts);
            let answer = exchange(&session, Layer::Wire, head, payload, &Errors, |sent| {
                Box::pin(send(sent)) as Pin<Box<dyn Future<Output = _> + Send>>
            });
            let answer = answer.await?.map(|body| SdkBody::from_body_1_x(Shared::new(body)));
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The SDK's errors, as faults and back.
struct Errors;

impl Translate for Errors {
    type Error = ConnectorError;

    fn fault(&self, error: &ConnectorError) -> Fault {
        let mut fault = classify(error);
        if error.is_timeout() && !matches!(fault.kind, FaultKind::Timeout | FaultKind::ConnectTimeout) {
            fault.kind = FaultKind::Timeout;
        }
        fault
    }

    fn error(&self, stop: Stop) -> ConnectorError {
        let fault = match stop {
            Stop::Recorder(error) => return ConnectorError::user(error.into()),
            Stop::Fault(fault) => fault,
        };
        let kind = fault.kind;
        let error: BoxError = ReplayedFault::new(fault).into();
        match kind {
            FaultKind::Timeout | FaultKind::ConnectTimeout => ConnectorError::timeout(error),
            FaultKind::Protocol | FaultKind::Other => ConnectorError::other(error, None),
            _ => ConnectorError::io(error),
        }
    }
}

/// A body that may be shared: the SDK asks for it and never does.
struct Shared<B>(Mutex<Pin<Box<B>>>);

impl<B> Shared<B> {
    fn new(body: B) -> Self {
        Self(Mutex::new(Box::pin(body)))
    }
}

impl<B> Body for Shared<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        body.as_mut().poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
