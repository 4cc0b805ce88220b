//! Reading on after the program dropped an answer, so that the tape has the whole of it
//! ([`Recorder::drain`](crate::Recorder::drain)).

use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame as HttpFrame, SizeHint};

use super::BoxError;
use super::body::{TapedBody, note};
use super::sleep::Sleep;
use crate::session::{AnswerTap, Session, Tapes};
#[cfg(feature = "tokio")]
use crate::session::{Draining as Pending, PATIENCE};

type Boxed = Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send>>;

/// A live body that is read on, up to a limit, when it is dropped. Needs a tokio runtime for that; without one the take ends
/// where the program stopped.
pub(super) struct Draining {
    // Shared by no one; the mutex makes it `Sync`, which some clients ask of bodies.
    inner: Mutex<Option<(Boxed, AnswerTap)>>,
    limit: u64,
    session: Session,
    /// Where the engine hands it on.
    #[cfg(feature = "tokio")]
    handed_on: Option<Pending>,
}

impl Draining {
    pub(super) fn new<R>(body: R, tap: AnswerTap, session: &Session) -> Self
    where
        R: HttpBody + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let body: Boxed = Box::pin(TapedBody::untouched(body));
        Self {
            inner: Mutex::new(Some((body, tap))),
            limit: session.drain_limit(),
            session: session.clone(),
            #[cfg(feature = "tokio")]
            handed_on: session.handing_on(),
        }
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<HttpFrame<Bytes>, BoxError>>> {
        let Some((body, tap)) = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner) else {
            return Poll::Ready(None);
        };
        let frame = ready!(body.as_mut().poll_frame(cx));
        let mut over = note(&frame, tap);
        if !over && body.is_end_stream() {
            tap.end();
            over = true;
        }
        if over {
            #[cfg(feature = "tokio")]
            drop(self.handed_on.take());
            *self.inner.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        }
        Poll::Ready(frame)
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.look(|body| body.is_end_stream()).unwrap_or(true)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.look(|body| body.size_hint()).unwrap_or_else(|| SizeHint::with_exact(0))
    }

    fn look<T>(&self, look: impl FnOnce(&Boxed) -> T) -> Option<T> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(body, _)| look(body))
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        let Some(rest) = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner).take() else { return };
        #[cfg(feature = "tokio")]
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            match self.handed_on.take() {
                Some(pending) => {
                    drop(runtime.spawn(tokio::time::timeout(PATIENCE, read_on(rest, self.limit, pending))))
                }
                None => drop(runtime.spawn(read_on(rest, self.limit, self.session.draining()))),
            }
        }
        #[cfg(not(feature = "tokio"))]
        let _ = (rest, &self.session, self.limit);
    }
}

#[cfg(feature = "tokio")]
async fn read_on((mut body, mut tap): (Boxed, AnswerTap), limit: u64, pending: Pending) {
    let mut left = limit;
    loop {
        let frame = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await;
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(HttpFrame::data_ref);
        let size = data.map_or(0, |data| data.len() as u64);
        if note(&frame, &mut tap) || size > left {
            break;
        }
        left -= size;
        if body.is_end_stream() {
            tap.end();
            break;
        }
    }
    // The take is complete before anyone who waits is told.
    drop((tap, pending));
}

impl Tapes {
    /// Waits until answers that the program dropped have been read to their ends, where [`drain`](crate::Recorder::drain) asks
    /// for that. What is not read when the recording is saved is cut there.
    pub async fn settle(&self) {
        while self.session().is_draining() {
            Sleep::new(Duration::from_millis(1)).await;
        }
    }
}

/// The same for a blocking client: reads up to `limit` bytes on.
pub(super) fn drain_reader(reader: &mut dyn Read, tap: &mut AnswerTap, limit: u64) {
    let mut buffer = vec![0; 16 * 1024];
    let mut left = limit;
    while left > 0 {
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match reader.read(&mut buffer[..room]) {
            Ok(0) => return tap.end(),
            Ok(n) => {
                tap.frame(&buffer[..n]);
                left -= n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return tap.failed(super::classify(&error)),
        }
    }
}
