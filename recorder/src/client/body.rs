//! Bodies that stream past the recorder, and bodies that come from a tape, as `http_body::Body`s ([docs](http_body)).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame as HttpFrame, SizeHint};
use pin_project_lite::pin_project;

use super::drain::Draining;
use super::sleep::Sleep;
use super::{BoxError, ReplayedFault, classify};
use crate::session::{AnswerTap, Break, Frame, Replayed, RequestTap};

/// A request's body as a client hands it over.
#[derive(Debug)]
pub enum Payload<B> {
    /// None.
    Absent,
    /// Whole and in memory; the client keeps its own copy to send.
    Ready(Bytes),
    /// A stream, or anything whose bytes are only known by reading it.
    Stream(B),
}

pin_project! {
    /// The request's body on its way to the service. The length that the inner body announces is announced.
    pub struct SentBody<B> {
        #[pin]
        kind: Sent<B>,
    }
}

pin_project! {
    #[project = SentProj]
    enum Sent<B> {
        Tapped { #[pin] inner: B, tap: RequestTap },
        Untouched { #[pin] inner: B },
        Read { bytes: Option<Bytes>, trailers: Option<http::HeaderMap> },
    }
}

impl<B> SentBody<B> {
    /// Noted as it passes.
    pub(crate) fn tapped(inner: B, tap: RequestTap) -> Self {
        Self { kind: Sent::Tapped { inner, tap } }
    }

    /// Nobody looks.
    pub(crate) fn untouched(inner: B) -> Self {
        Self { kind: Sent::Untouched { inner } }
    }

    /// Was read before it is sent.
    pub(crate) fn read(bytes: Option<Bytes>, trailers: Option<http::HeaderMap>) -> Self {
        Self { kind: Sent::Read { bytes: bytes.filter(|b| !b.is_empty()), trailers } }
    }
}

impl<B> HttpBody for SentBody<B>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<HttpFrame<Bytes>, BoxError>>> {
        match self.project().kind.project() {
            SentProj::Tapped { inner, tap } => {
                let Some(frame) = ready!(inner.poll_frame(cx)) else { return Poll::Ready(None) };
                let frame = frame.map_err(Into::into)?.map_data(|mut data| data.copy_to_bytes(data.remaining()));
                if let Some(data) = frame.data_ref() {
                    tap.sent(data);
                } else if let Some(trailers) = frame.trailers_ref() {
                    tap.trailers(trailers);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            SentProj::Untouched { inner } => {
                let Some(frame) = ready!(inner.poll_frame(cx)) else { return Poll::Ready(None) };
                let frame = frame.map_err(Into::into)?;
                Poll::Ready(Some(Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))))
            }
            SentProj::Read { bytes, trailers } => {
                let frame = bytes.take().map(HttpFrame::data).or_else(|| trailers.take().map(HttpFrame::trailers));
                Poll::Ready(frame.map(Ok))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Sent::Tapped { inner, .. } | Sent::Untouched { inner } => inner.is_end_stream(),
            Sent::Read { bytes, trailers } => bytes.is_none() && trailers.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Sent::Tapped { inner, .. } | Sent::Untouched { inner } => inner.size_hint(),
            Sent::Read { bytes, .. } => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
        }
    }
}

pin_project! {
    /// The answer's body: live and noted as it passes, live and unseen, or from a tape.
    pub struct TapedBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<B> {
        Live { #[pin] inner: B, tap: AnswerTap },
        Draining { body: Draining },
        Untouched { #[pin] inner: B },
        Replayed { body: Replayed, sleep: Option<Sleep>, slept: bool },
    }
}

impl<B> TapedBody<B> {
    pub(crate) fn live(inner: B, tap: AnswerTap) -> Self {
        Self { kind: Kind::Live { inner, tap } }
    }

    /// Live, and read on when the program drops it.
    pub(super) fn draining(body: Draining) -> Self {
        Self { kind: Kind::Draining { body } }
    }

    pub(crate) fn untouched(inner: B) -> Self {
        Self { kind: Kind::Untouched { inner } }
    }

    pub(crate) fn replayed(body: Replayed) -> Self {
        Self { kind: Kind::Replayed { body, sleep: None, slept: false } }
    }
}

impl<B> HttpBody for TapedBody<B>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<HttpFrame<Bytes>, BoxError>>> {
        match self.project().kind.project() {
            KindProj::Live { mut inner, tap } => {
                let frame = ready!(inner.as_mut().poll_frame(cx)).map(plain);
                // Nobody need ask a body that says it is over for its end.
                if !note(&frame, tap) && inner.is_end_stream() {
                    tap.end();
                }
                Poll::Ready(frame)
            }
            KindProj::Draining { body } => body.poll_frame(cx),
            KindProj::Untouched { inner } => Poll::Ready(ready!(inner.poll_frame(cx)).map(plain)),
            KindProj::Replayed { body, sleep, slept } => {
                if !*slept {
                    *slept = true;
                    let wait = body.wait();
                    *sleep = (!wait.is_zero()).then(|| Sleep::new(wait));
                }
                if let Some(waiting) = sleep {
                    ready!(Pin::new(waiting).poll(cx));
                    *sleep = None;
                }
                *slept = false;
                Poll::Ready(body.next().map(|frame| match frame {
                    Ok(Frame::Data(bytes)) => Ok(HttpFrame::data(bytes)),
                    Ok(Frame::Trailers(trailers)) => Ok(HttpFrame::trailers(trailers)),
                    Err(reason) => Err(broken(reason)),
                }))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Live { inner, .. } | Kind::Untouched { inner } => inner.is_end_stream(),
            Kind::Draining { body } => body.is_end_stream(),
            Kind::Replayed { body, .. } => body.is_done(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Live { inner, .. } | Kind::Untouched { inner } => inner.size_hint(),
            Kind::Draining { body } => body.size_hint(),
            Kind::Replayed { body, .. } => body.announced().map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}

/// A frame with its data in one piece and its error boxed.
fn plain<D: Buf, E: Into<BoxError>>(frame: Result<HttpFrame<D>, E>) -> Result<HttpFrame<Bytes>, BoxError> {
    let frame = frame.map_err(Into::into)?;
    Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
}

/// Tells the tap of a frame; whether it was the last one.
pub(super) fn note(frame: &Option<Result<HttpFrame<Bytes>, BoxError>>, tap: &mut AnswerTap) -> bool {
    match frame {
        None => tap.end(),
        Some(Err(error)) => tap.failed(classify(&**error)),
        Some(Ok(frame)) => {
            if let Some(data) = frame.data_ref() {
                tap.frame(data);
                return false;
            }
            if let Some(trailers) = frame.trailers_ref() {
                tap.trailers(trailers);
            }
            tap.end();
        }
    }
    true
}

/// The error at the end of a body that was recorded cut off.
pub(crate) fn broken(reason: Break) -> BoxError {
    match reason {
        Break::Fault(fault) => ReplayedFault::new(fault).into(),
        Break::Io(error) => error.into(),
        Break::Caller => "the recording ends here: the program stopped reading this answer when it was recorded. \
                          Record it again with RECORD=1"
            .into(),
    }
}

impl<B> fmt::Debug for SentBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Sent::Tapped { .. } => "SentBody(recorded)",
            Sent::Untouched { .. } => "SentBody(untouched)",
            Sent::Read { .. } => "SentBody(read before)",
        })
    }
}

impl<B> fmt::Debug for TapedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Live { .. } | Kind::Draining { .. } => f.write_str("TapedBody(recorded)"),
            Kind::Untouched { .. } => f.write_str("TapedBody(untouched)"),
            Kind::Replayed { body, .. } => write!(f, "TapedBody({body:?})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use tower_layer::Layer as _;
    use tower_service::Service;

    use super::*;
    use crate::{Mode, Recorder};

    /// Two frames, the last one empty; announces no length, but says after them that there is no more.
    #[derive(Default)]
    struct Ends(usize);

    impl HttpBody for Ends {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<HttpFrame<Bytes>, Infallible>>> {
            self.0 += 1;
            Poll::Ready(match self.0 {
                1 => Some(Ok(HttpFrame::data("whole".into()))),
                2 => Some(Ok(HttpFrame::data(Bytes::new()))),
                _ => None,
            })
        }

        fn is_end_stream(&self) -> bool {
            self.0 >= 2
        }
    }

    #[derive(Clone)]
    struct Service200;

    impl<B> Service<Request<B>> for Service200 {
        type Response = Response<Ends>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<Ends>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<B>) -> Self::Future {
            std::future::ready(Ok(Response::new(Ends::default())))
        }
    }

    #[test]
    fn r74_a_body_that_says_it_is_over_was_not_dropped_by_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let tapes = Recorder::at(folder.path()).mode(Mode::Record).open().unwrap();
        let mut service = tapes.layer().layer(Service200);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let request = Request::get("http://127.0.0.1:1/").body(String::new()).unwrap();
        let Poll::Ready(Ok(response)) = Pin::new(&mut service.call(request)).poll(&mut cx) else {
            panic!("no answer");
        };
        let mut body = response.into_body();
        while !body.is_end_stream() {
            assert!(Pin::new(&mut body).poll_frame(&mut cx).is_ready());
        }
        drop(body);
        tapes.finish().unwrap();
        let tape = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let tape = std::fs::read_to_string(tape).unwrap();
        assert!(tape.contains("text: whole") && !tape.contains("cut:") && !tape.contains("frames"), "{tape}");
    }
}
