//! Reading a request's body before it is known who answers.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::Body as HttpBody;

use super::{BoxError, Payload, SentBody};
use crate::session::{Ask, Head, Spool, Spooled};
use crate::tape::Body;

/// A request's body while it is read, and after.
pub(super) struct Collector<B> {
    source: Payload<B>,
    /// The first frame: nearly always the only one, and then never copied.
    first: Option<Bytes>,
    rest: Option<Spool>,
    trailers: Option<HeaderMap>,
    empty: bool,
    limit: usize,
    offline: bool,
}

impl<B> Collector<B>
where
    B: HttpBody + Unpin,
    B::Error: Into<BoxError>,
{
    pub(super) fn new(source: Payload<B>, head: &Head<'_>, ask: &Ask<'_>) -> Self {
        let empty = match &source {
            Payload::Absent => false,
            Payload::Ready(_) => true,
            Payload::Stream(body) => !body.is_end_stream() || head.announces_empty_body(),
        };
        let (limit, offline) = (ask.body_limit(), ask.is_offline());
        Self { source, first: None, rest: None, trailers: None, empty, limit, offline }
    }

    /// Reads to the end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let Payload::Stream(body) = &mut self.source else { return Poll::Ready(Ok(())) };
        loop {
            if body.is_end_stream() {
                return Poll::Ready(Ok(()));
            }
            let Some(frame) = ready!(Pin::new(&mut *body).poll_frame(cx)) else { return Poll::Ready(Ok(())) };
            match frame.map_err(Into::into)?.into_data() {
                Ok(mut data) => {
                    let data = data.copy_to_bytes(data.remaining());
                    if self.first.is_none() && self.rest.is_none() && data.len() <= self.limit {
                        self.first = Some(data);
                        continue;
                    }
                    if self.rest.is_none() {
                        let mut spool =
                            if self.offline { Spool::hashing(self.limit) } else { Spool::keeping(self.limit) };
                        spool.push(&self.first.take().unwrap_or_default())?;
                        self.rest = Some(spool);
                    }
                    if let Some(spool) = &mut self.rest {
                        spool.push(&data)?;
                    }
                }
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }

    /// The body for the session, and what is to be sent in its place if a request goes out.
    pub(super) fn finish(self) -> Result<(Spooled, Option<SentBody<B>>), BoxError> {
        match self.source {
            Payload::Absent => Ok((Spooled::default(), None)),
            Payload::Ready(bytes) => Ok((Spooled { body: Body::Bytes(bytes), temp: None }, None)),
            Payload::Stream(_) => {
                let whole = match (self.first, self.rest) {
                    (_, Some(rest)) => rest.finish()?,
                    (Some(first), None) => Spooled { body: Body::Bytes(first), temp: None },
                    (None, None) if self.empty => Spooled { body: Body::Bytes(Bytes::new()), temp: None },
                    (None, None) => Spooled::default(),
                };
                let again = match &whole.body {
                    _ if self.offline => None,
                    Body::Absent => None,
                    Body::Bytes(bytes) => Some(bytes.clone()),
                    Body::File(file) => Some(Bytes::from(std::fs::read(&file.path)?)),
                };
                Ok((whole, Some(SentBody::read(again, self.trailers))))
            }
        }
    }
}
