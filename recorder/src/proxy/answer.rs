//! What the engine answers: the body of an answer on its way to the client, a refusal in words, and an end without an answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use super::wire::Line;
use crate::client::{BoxError, ReplayedFault, TapedBody, classify};
use crate::session::Error;
use crate::tape::{Fault, FaultKind};

/// The field of a refusal: the code of the recorder's [`Error`] (`miss`, `guard` …), or a word of the engine's own.
pub const ERROR_FIELD: &str = "x-tapes-error";

/// The status of a refusal. It is nobody's: a program that looks at the status alone sees a client's error, and nothing retries
/// those.
pub const REFUSED: u16 = 470;

/// The body of an answer.
pub(super) enum Body {
    /// From a tape or from the service.
    Taped(Box<Ending>),
    /// The engine's own words.
    Text(Option<Bytes>),
}

/// What the server gets in place of an answer: the connection, or the stream, ends.
#[derive(Debug, thiserror::Error)]
#[error("there is no answer")]
pub(super) struct Ended;

/// A body whose error ends the connection as it ended when it was recorded.
pub(super) struct Ending {
    body: Pin<Box<TapedBody<Incoming>>>,
    /// Its length is told only where the service told it: from a tape it is always known, and hyper would make a field of it.
    announced: bool,
    line: Arc<Line>,
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Body {
    pub(super) fn taped(response: Response<TapedBody<Incoming>>, line: &Arc<Line>) -> Response<Self> {
        let announced = response.headers().contains_key(header::CONTENT_LENGTH);
        response.map(|body| {
            let body = Box::pin(body);
            Self::Taped(Box::new(Ending { body, announced, line: Arc::clone(line), end: None }))
        })
    }

    pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Self> {
        let mut response = Response::new(Self::Text(Some(text.into()).filter(|text: &Bytes| !text.is_empty())));
        *response.status_mut() = status;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        response
    }
}

/// A refusal of the recorder's.
pub(super) fn refused(error: &Error) -> Response<Body> {
    refusal(StatusCode::from_u16(REFUSED).unwrap_or(StatusCode::BAD_REQUEST), error.code(), error.to_string())
}

/// A refusal of the engine's own: the request is not one that it can take.
pub(super) fn refusal(status: StatusCode, code: &'static str, text: impl Into<String>) -> Response<Body> {
    let mut response = Body::text(status, format!("traffic-recorder: {}\n", text.into()));
    response.headers_mut().insert(ERROR_FIELD, HeaderValue::from_static(code));
    let reason = hyper::ext::ReasonPhrase::from_static(b"Refused By The Recorder");
    response.extensions_mut().insert(reason);
    response
}

/// A recorded timeout is silence, so that the client's own limit runs out. One that has none, or a longer one, is not kept waiting
/// for ever.
pub(super) const SILENCE: Duration = Duration::from_secs(10);

/// No answer came: ends the way the connection to the service did, as near as a connection that was made can.
pub(super) async fn failed(fault: &Fault, line: &Line, is_http2: bool) -> Ended {
    use FaultKind as K;
    match fault.kind {
        K::Timeout => {
            tokio::time::sleep(SILENCE).await;
            line.reset();
        }
        // HTTP/2 ends the stream alone, by a number.
        _ if is_http2 => {}
        K::Closed => {}
        K::Protocol => {
            line.aside(b"this is not HTTP\r\n\r\n");
            line.drained().await;
        }
        K::Dns | K::Refused | K::Connect | K::ConnectTimeout | K::Tls | K::Reset | K::Other => line.reset(),
    }
    Ended
}

/// The fault in an error of the service's side.
pub(super) fn fault_of(error: &BoxError) -> Fault {
    match error.downcast_ref::<ReplayedFault>() {
        Some(replayed) => replayed.fault().clone(),
        None => classify(&**error),
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Ended;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        match self.get_mut() {
            Self::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::Taped(ending) => ending.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(text) => text.is_none(),
            Self::Taped(ending) => ending.end.is_none() && ending.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::Taped(ending) if ending.announced => ending.body.size_hint(),
            Self::Taped(_) => SizeHint::new(),
        }
    }
}

impl Ending {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        if self.end.is_none() {
            match ready!(self.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => return Poll::Ready(Some(Ok(frame))),
                None => return Poll::Ready(None),
                Some(Err(error)) => {
                    // An error closes at once. While this waits, what came before it is written.
                    let (line, fault) = (Arc::clone(&self.line), fault_of(&error));
                    self.end = Some(Box::pin(async move {
                        line.drained().await;
                        if fault.kind == FaultKind::Timeout {
                            tokio::time::sleep(SILENCE).await;
                        }
                        if matches!(fault.kind, FaultKind::Timeout | FaultKind::Reset) {
                            line.reset();
                        }
                    }));
                }
            }
        }
        if let Some(end) = &mut self.end {
            ready!(end.as_mut().poll(cx));
        }
        Poll::Ready(Some(Err(Ended)))
    }
}
