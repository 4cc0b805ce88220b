//! Answers on their way out: from a tape, by a rule, or an explanation.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use traffic_recorder::client::BoxError;
use traffic_recorder::policy::RuledFault;

use super::Closed;

/// What a connection sends.
pub(super) type Answer = Response<AnyBody>;

/// A body of any kind.
pub(super) type AnyBody = Pin<Box<dyn Body<Data = Bytes, Error = BoxError>>>;

/// Says in plain text what is the matter.
pub(super) fn text(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(boxed(Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {})));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}

/// An answer of a tape, without what belongs to one connection alone.
pub(super) fn of_tape<B>(answer: Response<B>) -> Answer
where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<BoxError>,
{
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        let why =
            "this tape is a conversation over WebSocket, which `tapes serve` does not play: the proxy of a test does\n";
        return text(StatusCode::NOT_IMPLEMENTED, why.to_owned());
    }
    let mut answer = answer.map(|body| Broken::after(boxed(body.map_err(Into::into)), usize::MAX));
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE] {
        answer.headers_mut().remove(name);
    }
    *answer.version_mut() = http::Version::HTTP_11;
    answer
}

/// What a fault makes of a request.
pub(super) async fn faulty<F>(fault: RuledFault, ask: impl FnOnce() -> F) -> Result<Answer, Closed>
where
    F: Future<Output = Result<Answer, Closed>>,
{
    match fault {
        RuledFault::Status(number) => {
            let status = StatusCode::from_u16(number).map_err(|error| Closed(error.to_string()))?;
            Ok(text(status, format!("{status}, by a rule of tapes serve\n")))
        }
        RuledFault::Timeout => std::future::pending().await,
        RuledFault::Cut(left) => ask().await.map(|answer| answer.map(|body| Broken::after(body, left))),
        // A reset, and what a later recorder may add.
        _ => Err(Closed("closed by a rule".to_owned())),
    }
}

fn boxed(body: impl Body<Data = Bytes, Error = BoxError> + 'static) -> AnyBody {
    Box::pin(body)
}

/// A body that may break off: what came before has to be on its way when it does.
struct Broken {
    body: AnyBody,
    /// How many bytes are let through.
    left: usize,
    /// Why it breaks off, for the next time it is asked.
    error: Option<BoxError>,
}

impl Broken {
    fn after(body: AnyBody, left: usize) -> AnyBody {
        boxed(Self { body, left, error: None })
    }

    fn breaks(&mut self, error: BoxError, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.error = Some(error);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Body for Broken {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if self.left == 0 {
            return self.breaks("cut by a rule".into(), cx);
        }
        match std::task::ready!(self.body.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame.map_data(|mut data| {
                data.truncate(self.left);
                self.left -= data.remaining();
                data
            })))),
            Some(Err(error)) => self.breaks(error, cx),
            None => Poll::Ready(None),
        }
    }

    /// That of the whole: what breaks off has announced more.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
