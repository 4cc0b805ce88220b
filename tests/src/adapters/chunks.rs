//! The body of a request for clients that take an `http_body::Body`, and reading one.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

use super::{Ask, AskBody, Failure, Frames, Piece, fields};

/// A body of given chunks. One whose length is unknown is read once and never again.
#[derive(Debug, Default)]
pub struct Chunks {
    chunks: VecDeque<Bytes>,
    known: bool,
}

impl Chunks {
    pub(super) fn of(ask: &Ask) -> Self {
        match &ask.body {
            AskBody::Absent | AskBody::Empty => Self { chunks: VecDeque::new(), known: true },
            AskBody::Bytes(bytes) => Self { chunks: VecDeque::from([bytes.clone()]), known: true },
            AskBody::Stream(chunks) => Self { chunks: chunks.clone().into(), known: false },
        }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.chunks.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.known && self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.known {
            SizeHint::with_exact(self.chunks.iter().map(|chunk| chunk.len() as u64).sum())
        } else {
            SizeHint::new()
        }
    }
}

/// The body of an answer, and what makes a failure of its error.
pub(super) struct Reading<B, F> {
    body: Option<B>,
    failure: F,
}

impl<B, F> Reading<B, F> {
    pub(super) fn new(body: B, failure: F) -> Self {
        Self { body: Some(body), failure }
    }
}

#[async_trait]
impl<B, F> Frames for Reading<B, F>
where
    B: Body + Unpin + Send,
    B::Data: Send,
    B::Error: Send,
    F: Fn(B::Error) -> Failure + Send,
{
    async fn next(&mut self) -> Option<Result<Piece, Failure>> {
        let body = self.body.as_mut()?;
        // As a client library does: it does not ask a body that says it is over.
        if body.is_end_stream() {
            return None;
        }
        let frame = body.frame().await?;
        Some(match frame.map(|frame| frame.into_data().map_err(|frame| frame.into_trailers().unwrap_or_default())) {
            Ok(Ok(mut data)) => Ok(Piece::Data(data.copy_to_bytes(data.remaining()))),
            Ok(Err(trailers)) => Ok(Piece::Trailers(fields(&trailers))),
            Err(error) => {
                self.body = None;
                Err((self.failure)(error))
            }
        })
    }
}

impl<B, F> std::fmt::Debug for Reading<B, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reading")
    }
}
