//! Recording: a slot for each request, in the order of their starts, filled while both bodies stream past.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::Error;
use super::ErrorKind;
use super::spool::{Spool, Spooled, TempPath};
use crate::tape::{Answer, Body, Cut, Fault, Headers, Layer, Origin, Outcome, Recorded, Request, Take, Version};
#[cfg(feature = "proxy")]
use crate::tape::{Close, MAX_MESSAGES, MAX_TRANSCRIPT, Message};

/// One live request while it runs and after.
#[derive(Debug)]
pub(crate) struct Slot {
    request: Request,
    layer: Layer,
    origin: Origin,
    limit: usize,
    at: SystemTime,
    started: Instant,
    sent: Option<Spool>,
    /// The file of a request body that was read before it was sent.
    temp: Option<TempPath>,
    stage: Stage,
    /// The first write that failed: the slot cannot be saved.
    broken: Option<std::io::Error>,
}

#[derive(Debug)]
enum Stage {
    Waiting,
    Fault(Fault, Duration),
    Answer(Box<Answering>),
}

#[derive(Debug)]
struct Answering {
    answer: Answer,
    elapsed: Duration,
    headed: Instant,
    spool: Option<Spool>,
    arrivals: Vec<Duration>,
    /// Bytes of all messages of a conversation.
    #[cfg(feature = "proxy")]
    said: usize,
    ended: bool,
}

/// A slot as it is saved: secrets still in it.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) request: Request,
    pub(crate) take: Take,
    pub(crate) layer: Layer,
    /// Temporary files of large bodies.
    #[expect(dead_code, reason = "held until they are saved")]
    pub(crate) temps: Vec<TempPath>,
}

/// The largest request body in memory, which the key reads: not to be configured, or keys would depend on it.
pub(crate) const REQUEST_LIMIT: usize = crate::key::LARGEST_READ;

/// The handle of a slot.
pub(crate) type SharedSlot = Arc<Mutex<Slot>>;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere in the test must not hide the report of this one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    pub(crate) fn new(request: Request, temp: Option<TempPath>, layer: Layer, origin: Origin, limit: usize) -> Self {
        let (at, started) = (SystemTime::now(), Instant::now());
        Self { request, layer, origin, limit, at, started, sent: None, temp, stage: Stage::Waiting, broken: None }
    }

    /// The request has a body, whole and in memory.
    pub(crate) fn sent_whole(&mut self, body: Body) {
        self.request.body = body;
    }

    /// The next bytes of the request's body; none of them still make a body.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        let result = self.sent.get_or_insert_with(|| Spool::keeping(REQUEST_LIMIT)).push(bytes);
        self.note(result);
    }

    pub(crate) fn sent_trailers(&mut self, trailers: Headers) {
        self.request.trailers = trailers;
    }

    pub(crate) fn failed(&mut self, fault: Fault) {
        self.stage = Stage::Fault(fault, self.started.elapsed());
    }

    pub(crate) fn answered(&mut self, answer: Answer) {
        let now = Instant::now();
        self.stage = Stage::Answer(Box::new(Answering {
            answer,
            elapsed: now - self.started,
            headed: now,
            spool: None,
            arrivals: Vec::new(),
            #[cfg(feature = "proxy")]
            said: 0,
            ended: false,
        }));
    }

    /// The next frame of the answer's body. One without bytes only tells the end of an HTTP/2 stream, and whether it comes with
    /// the last bytes or after them is chance.
    pub(crate) fn frame(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let limit = self.limit;
        // HTTP/2 ends a stream with a frame of nothing.
        if bytes.is_empty() {
            return;
        }
        if let Stage::Answer(answering) = &mut self.stage {
            // Frames of large bodies are the network's, not the service's: not worth remembering.
            if answering.answer.frames.len() < MAX_FRAMES {
                answering.answer.frames.push(bytes.len() as u64);
                answering.arrivals.push(answering.headed.elapsed());
            }
            let result = answering.spool.get_or_insert_with(|| Spool::keeping(limit)).push(bytes);
            self.note(result);
        }
    }

    pub(crate) fn trailers(&mut self, trailers: Headers) {
        if let Stage::Answer(answering) = &mut self.stage {
            answering.answer.trailers = trailers;
        }
    }

    /// The body came to its end; `None` for a good one. Only the first end counts, but that the connection broke under an answer
    /// that has no body is news.
    pub(crate) fn end(&mut self, cut: Option<Cut>) {
        if let Stage::Answer(answering) = &mut self.stage
            && (!answering.ended || (answering.answer.cut.is_none() && matches!(cut, Some(Cut::Fault(_)))))
        {
            answering.ended = true;
            answering.answer.cut = cut;
        }
    }

    fn note(&mut self, result: std::io::Result<()>) {
        if let (Err(error), None) = (result, &self.broken) {
            self.broken = Some(error);
        }
    }

    pub(crate) fn is_head(&self) -> bool {
        self.request.method == "HEAD"
    }

    /// The request, and the failure that it got in place of an answer.
    #[cfg(feature = "proxy")]
    pub(crate) fn fault(&self) -> Option<(&Request, &Fault)> {
        match &self.stage {
            Stage::Fault(fault, _) => Some((&self.request, fault)),
            _ => None,
        }
    }

    /// What is known by now.
    pub(crate) fn view(&self) -> (Request, Option<Outcome>) {
        let mut request = self.request.clone();
        if let Some(sent) = &self.sent {
            request.body = sent.view();
        }
        let outcome = match &self.stage {
            Stage::Waiting => None,
            Stage::Fault(fault, _) => Some(Outcome::Fault(fault.clone())),
            Stage::Answer(answering) => {
                let mut answer = answering.answer.clone();
                if let Some(spool) = &answering.spool {
                    answer.body = spool.view();
                }
                if !frames_mean_something(&answer) {
                    answer.frames.clear();
                }
                Some(Outcome::Answer(answer))
            }
        };
        (request, outcome)
    }

    /// What is to be saved; `None` while there is no outcome, which a request that was given up never gets.
    pub(crate) fn take(&mut self) -> Result<Option<Raw>, Error> {
        if let Some(source) = self.broken.take() {
            return Err(ErrorKind::Spool { source }.into());
        }
        let mut temps: Vec<_> = self.temp.take().into_iter().collect();
        let mut whole = |spool: Option<Spool>| -> Result<Option<Body>, Error> {
            let Some(spool) = spool else { return Ok(None) };
            let Spooled { body, temp } = spool.finish().map_err(|source| ErrorKind::Spool { source })?;
            temps.extend(temp);
            Ok(Some(body))
        };
        let (outcome, elapsed, frames) = match std::mem::replace(&mut self.stage, Stage::Waiting) {
            Stage::Waiting => return Ok(None),
            Stage::Fault(fault, elapsed) => (Outcome::Fault(fault), elapsed, Vec::new()),
            Stage::Answer(answering) => {
                let Answering { mut answer, elapsed, spool, mut arrivals, ended, .. } = *answering;
                if let Some(body) = whole(spool)? {
                    answer.body = body;
                }
                if !ended {
                    answer.cut = Some(Cut::Caller);
                }
                if answer.transcript.is_none() && !frames_mean_something(&answer) {
                    answer.frames.clear();
                    arrivals.clear();
                }
                (Outcome::Answer(answer), elapsed, arrivals)
            }
        };
        if let Some(body) = whole(self.sent.take())? {
            self.request.body = body;
        }
        let recorded = Recorded { at: self.at, elapsed, frames, from: self.origin, notes: Vec::new() };
        let take = Take { outcome, recorded };
        Ok(Some(Raw { request: self.request.clone(), take, layer: self.layer, temps }))
    }
}

#[cfg(feature = "proxy")]
impl Slot {
    /// What follows the answer is a conversation, which has no end yet.
    pub(crate) fn upgraded(&mut self) {
        if let Stage::Answer(answering) = &mut self.stage {
            answering.ended = false;
            answering.answer.transcript = Some(Box::default());
        }
    }

    /// The next message of the conversation. What is said after it was closed is nobody's business.
    ///
    /// # Errors
    /// In words, where it is more than a transcript holds.
    pub(crate) fn said(&mut self, message: Message) -> Result<(), String> {
        let Stage::Answer(answering) = &mut self.stage else { return Ok(()) };
        let Some(transcript) = answering.answer.transcript.as_mut().filter(|_| !answering.ended) else { return Ok(()) };
        answering.said += message.data.len();
        if transcript.messages.len() == MAX_MESSAGES || answering.said > MAX_TRANSCRIPT {
            return Err(format!("a tape holds {MAX_MESSAGES} messages of {MAX_TRANSCRIPT} bytes together at most"));
        }
        transcript.messages.push(message);
        answering.arrivals.push(answering.headed.elapsed());
        Ok(())
    }

    /// One side closes the conversation; only the first one does.
    pub(crate) fn closed(&mut self, close: Close) {
        if let Stage::Answer(answering) = &mut self.stage
            && !answering.ended
            && let Some(transcript) = &mut answering.answer.transcript
        {
            transcript.close = Some(close);
            answering.ended = true;
        }
    }

    /// The conversation breaks off, unless it was closed before.
    pub(crate) fn broken_off(&mut self, cut: Cut) {
        if let Stage::Answer(answering) = &mut self.stage
            && !answering.ended
        {
            answering.ended = true;
            answering.answer.cut = Some(cut);
        }
    }

    /// The URL of the request.
    pub(crate) fn url(&self) -> &str {
        &self.request.url
    }
}

/// More frames than this are not kept: the body is a download, not a conversation.
const MAX_FRAMES: usize = 4096;
/// Frames up to this size arrive as the service wrote them; larger ones are cut by the network.
const WHOLE_FRAME: u64 = 4096;

/// Whether the boundaries are the service's doing: an event stream, messages, or small chunks of a body without a length.
/// Anything else is cut by buffers, differently each time.
fn frames_mean_something(answer: &Answer) -> bool {
    if answer.frames.len() < 2 || answer.frames.len() >= MAX_FRAMES {
        return false;
    }
    let media = answer.headers.text("content-type").unwrap_or_default().to_ascii_lowercase();
    let streams = ["text/event-stream", "application/x-ndjson", "application/jsonl", "application/stream+json"];
    let messages =
        ["application/grpc", "multipart/x-mixed-replace", "application/json-seq", "application/vnd.amazon.eventstream"];
    if streams.iter().chain(&messages).any(|kind| media.starts_with(kind)) {
        return true;
    }
    answer.headers.first("content-length").is_none() && answer.frames.iter().all(|&size| size <= WHOLE_FRAME)
}

/// The version of a message in the tape's terms.
pub(crate) fn version(version: http::Version) -> Version {
    match version {
        http::Version::HTTP_09 => Version::Http09,
        http::Version::HTTP_10 => Version::Http10,
        http::Version::HTTP_2 => Version::Http2,
        http::Version::HTTP_3 => Version::Http3,
        _ => Version::Http11,
    }
}
