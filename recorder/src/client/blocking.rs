//! One exchange of a blocking client: bodies are readers.

use std::io::{self, Read};

use http::Response;

use super::body::broken;
use super::drain::drain_reader;
use super::{BoxError, Payload, Stop, Translate};
use crate::session::{
    AnswerHead, AnswerTap, Frame, Head, Opening, Playback, Recording, Replayed, Reply, RequestTap, Session, Spool,
    Spooled, Step,
};
use crate::tape::{Body, Layer};

use super::drive::FinalUrl;
use super::fault::classify_io;

/// The request's body on its way to the service, noted as it is read.
#[derive(Debug)]
pub struct TapedReader<B> {
    inner: Sending<B>,
}

#[derive(Debug)]
enum Sending<B> {
    Tapped(B, RequestTap),
    Untouched(B),
    Read(io::Cursor<bytes::Bytes>),
}

/// The answer's body: live and noted as it is read, or from a tape.
pub struct AnswerReader<R: Read> {
    inner: Answering<R>,
}

enum Answering<R: Read> {
    Live(Live<R>),
    Untouched(R),
    Replayed { body: Replayed, piece: bytes::Bytes },
}

/// A live body that is read on when it is dropped, where the session asks for that.
struct Live<R: Read> {
    inner: R,
    tap: AnswerTap,
    ended: bool,
    drain: u64,
}

impl<R: Read> Drop for Live<R> {
    fn drop(&mut self) {
        if !self.ended && self.drain > 0 {
            drain_reader(&mut self.inner, &mut self.tap, self.drain);
        }
    }
}

/// Sends one request of a blocking client through the session; as [`exchange`](super::exchange) in all else.
///
/// # Errors
/// The client's own error: from `send`, or made by `translate` of a refusal or a recorded failure.
pub fn exchange_blocking<B, R, T, S>(
    session: &Session,
    layer: Layer,
    head: Head<'_>,
    payload: Payload<B>,
    translate: &T,
    send: S,
) -> Result<Response<AnswerReader<R>>, T::Error>
where
    B: Read,
    R: Read,
    T: Translate,
    S: FnOnce(Option<TapedReader<B>>) -> Result<Response<R>, T::Error>,
{
    let refuse = |error| translate.error(Stop::Recorder(error));
    match session.start(&head, layer).map_err(refuse)? {
        Step::Pass => {
            let body = match payload {
                Payload::Absent | Payload::Ready(_) => None,
                Payload::Stream(inner) => Some(TapedReader { inner: Sending::Untouched(inner) }),
            };
            Ok(send(body)?.map(|inner| AnswerReader { inner: Answering::Untouched(inner) }))
        }
        Step::Record(recording) => {
            let body = match payload {
                Payload::Absent => None,
                Payload::Ready(bytes) => {
                    recording.sent_whole(Body::Bytes(bytes));
                    None
                }
                Payload::Stream(inner) => {
                    let tap = recording.request_tap();
                    tap.sent(b"");
                    Some(TapedReader { inner: Sending::Tapped(inner, tap) })
                }
            };
            record(recording, session, translate, send(body))
        }
        Step::Ask(ask) => {
            let (body, again) = match payload {
                Payload::Absent => (Spooled::default(), None),
                Payload::Ready(bytes) => (Spooled { body: Body::Bytes(bytes), temp: None }, None),
                Payload::Stream(inner) => {
                    let read = collect(inner, ask.body_limit(), ask.is_offline());
                    read.map_err(|reason| refuse(ask.unreadable(&head, &reason.into())))?
                }
            };
            match ask.answer_spooled(&head, body).map_err(refuse)? {
                Reply::Play(playback) => play(playback, translate),
                Reply::Record(recording) => record(recording, session, translate, send(again)),
            }
        }
    }
}

fn collect<B: Read>(mut inner: B, limit: usize, offline: bool) -> io::Result<(Spooled, Option<TapedReader<B>>)> {
    let mut spool = if offline { Spool::hashing(limit) } else { Spool::keeping(limit) };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match inner.read(&mut buffer)? {
            0 => break,
            n => spool.push(&buffer[..n])?,
        }
    }
    let whole = spool.finish()?;
    let again = match &whole.body {
        _ if offline => None,
        Body::Absent => None,
        Body::Bytes(bytes) => Some(bytes.clone()),
        Body::File(file) => Some(std::fs::read(&file.path)?.into()),
    };
    let again = again.map(|bytes| TapedReader { inner: Sending::Read(io::Cursor::new(bytes)) });
    Ok((whole, again))
}

fn play<R: Read, T: Translate>(playback: Playback, translate: &T) -> Result<Response<AnswerReader<R>>, T::Error> {
    let delay = playback.delay();
    if !delay.is_zero() {
        std::thread::sleep(delay);
    }
    let answered = playback.final_url().map(|url| FinalUrl(url.to_owned()));
    match playback.open() {
        Opening::Answer(mut response) => {
            if let Some(url) = answered {
                response.extensions_mut().insert(url);
            }
            Ok(response.map(|body| AnswerReader { inner: Answering::Replayed { body, piece: bytes::Bytes::new() } }))
        }
        Opening::Fault(fault) => Err(translate.error(Stop::Fault(fault))),
    }
}

fn record<R, T: Translate>(
    recording: Recording,
    session: &Session,
    translate: &T,
    sent: Result<Response<R>, T::Error>,
) -> Result<Response<AnswerReader<R>>, T::Error>
where
    R: Read,
{
    let response = match sent {
        Ok(response) => response,
        Err(error) => {
            recording.failed(translate.fault(&error));
            return Err(error);
        }
    };
    let (parts, body) = response.into_parts();
    let tap = recording.answered(&AnswerHead {
        status: parts.status,
        reason: None,
        version: parts.version,
        headers: &parts.headers,
        url: parts.extensions.get::<FinalUrl>().map(|url| url.0.as_str()),
        bodiless: false,
    });
    let live = Live { inner: body, tap, ended: false, drain: session.drain_limit() };
    Ok(Response::from_parts(parts, AnswerReader { inner: Answering::Live(live) }))
}

#[cfg(feature = "ureq")]
impl<R: Read> AnswerReader<R> {
    pub(crate) fn is_replayed(&self) -> bool {
        matches!(self.inner, Answering::Replayed { .. })
    }
}

impl<B: Read> Read for TapedReader<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Sending::Tapped(inner, tap) => {
                let n = inner.read(buffer)?;
                tap.sent(&buffer[..n]);
                Ok(n)
            }
            Sending::Untouched(inner) => inner.read(buffer),
            Sending::Read(bytes) => bytes.read(buffer),
        }
    }
}

impl<R: Read> Read for AnswerReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Answering::Live(live) => match live.inner.read(buffer) {
                Ok(0) if !buffer.is_empty() => {
                    live.ended = true;
                    live.tap.end();
                    Ok(0)
                }
                Ok(n) => {
                    live.tap.frame(&buffer[..n]);
                    Ok(n)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
                Err(error) => {
                    live.ended = true;
                    live.tap.failed(classify_io(&error));
                    Err(error)
                }
            },
            Answering::Untouched(inner) => inner.read(buffer),
            Answering::Replayed { body, piece } => {
                while piece.is_empty() && !buffer.is_empty() {
                    let wait = body.wait();
                    if !wait.is_zero() {
                        std::thread::sleep(wait);
                    }
                    match body.next() {
                        None => return Ok(0),
                        Some(Ok(Frame::Data(bytes))) => *piece = bytes,
                        // A reader has no place for them.
                        Some(Ok(Frame::Trailers(_))) => {}
                        Some(Err(reason)) => return Err(io_error(broken(reason))),
                    }
                }
                let n = piece.len().min(buffer.len());
                buffer[..n].copy_from_slice(&piece.split_to(n));
                Ok(n)
            }
        }
    }
}

/// A replayed fault as the kind of `io::Error` that a socket would give.
fn io_error(error: BoxError) -> io::Error {
    match error.downcast::<super::ReplayedFault>() {
        Ok(fault) => io::Error::new(super::fault::io_kind(fault.fault().kind), fault),
        Err(error) => match error.downcast::<io::Error>() {
            Ok(io) => *io,
            Err(error) => io::Error::other(error),
        },
    }
}

impl<R: Read> std::fmt::Debug for AnswerReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.inner {
            Answering::Live(..) => f.write_str("AnswerReader(recorded)"),
            Answering::Untouched(_) => f.write_str("AnswerReader(untouched)"),
            Answering::Replayed { body, .. } => write!(f, "AnswerReader({body:?})"),
        }
    }
}
