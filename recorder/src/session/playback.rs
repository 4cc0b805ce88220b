//! One take on its way to the client: frames, delays, trailers, and the error it may end with.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

#[cfg(feature = "proxy")]
use super::conversation::Conversation;
use super::memo::Found;
use super::prepared::{Prepared, Ready};
use super::{Error, ErrorKind};
use crate::policy::RuledFault;
use crate::tape::{Answer, Body, BodyFile, Cut, Fault, FaultKind, Headers, Outcome, Version};

/// How the recorded times count while replaying.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Timing {
    /// Answers come at once.
    #[default]
    Instant,
    /// Recorded delays are multiplied by this: 1.0 is as recorded, 0.5 twice as fast.
    Scaled(f64),
}

impl Timing {
    pub(super) fn scale(self, recorded: Duration) -> Duration {
        match self {
            Self::Instant => Duration::ZERO,
            Self::Scaled(factor) if factor.is_finite() && factor > 0.0 => recorded.mul_f64(factor),
            Self::Scaled(_) => Duration::ZERO,
        }
    }
}

/// A take that is out for delivery. Dropped before it counts as used, it is given back: a retry may have it again.
#[derive(Debug)]
struct Loan {
    found: Arc<Found>,
    take: usize,
    /// Whether the program has seen any of it.
    touched: bool,
    used: bool,
}

impl Loan {
    fn use_up(&mut self) {
        if !self.used {
            self.used = true;
            self.found.shelf.used(self.take);
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        match (self.used, self.touched) {
            (true, _) => {}
            (false, true) => self.found.shelf.dropped(self.take),
            (false, false) => self.found.shelf.release(self.take),
        }
    }
}

/// The answer to one request, ready to be delivered. Dropped before its head was, it is as if it had never been asked for.
#[derive(Debug)]
pub struct Playback {
    loan: Loan,
    timing: Timing,
    /// Where it is not as the tape has it: with secrets put back, with values of the request, or a fault by rule.
    revealed: Option<Box<Prepared>>,
    /// What follows the head, where it is an upgrade.
    #[cfg(feature = "proxy")]
    conversation: Option<Conversation>,
    /// By rule, on top of what was recorded.
    kept_back: Duration,
}

/// What a playback starts with.
#[derive(Debug)]
pub enum Opening {
    /// The head of an answer; its body follows.
    Answer(http::Response<Replayed>),
    /// The same kind of failure as when it was recorded.
    Fault(Fault),
}

impl Playback {
    pub(super) fn new(found: Arc<Found>, take: usize, timing: Timing) -> Self {
        Self {
            loan: Loan { found, take, touched: false, used: false },
            timing,
            revealed: None,
            kept_back: Duration::ZERO,
            #[cfg(feature = "proxy")]
            conversation: None,
        }
    }

    /// A fault by rule in the place of this take, which is not used up by it.
    ///
    /// # Errors
    /// Where the answer has a status or a header field that HTTP does not allow, and where a body's file cannot be read.
    pub(super) fn faulty(found: Arc<Found>, take: usize, fault: RuledFault, delay: Duration) -> Result<Self, Error> {
        let outcome = injected(fault, &found.shelf.tape.takes[take].outcome);
        let prepared = outcome.and_then(|outcome| Prepared::new(&outcome)).map_err(|reason| ErrorKind::Request {
            method: found.request.method.clone(),
            url: found.request.url.clone(),
            reason,
        })?;
        let mut playback = Self::new(found, take, Timing::Instant);
        playback.loan.used = true;
        playback.reveal(prepared);
        playback.keep_back(delay);
        Ok(playback)
    }

    pub(super) fn keep_back(&mut self, delay: Duration) {
        self.kept_back = delay;
    }

    pub(super) fn reveal(&mut self, prepared: Prepared) {
        self.revealed = Some(Box::new(prepared));
    }

    #[cfg(feature = "proxy")]
    pub(super) fn converse(&mut self, conversation: Conversation) {
        self.conversation = Some(conversation);
    }

    /// How long the client waits for the head: nothing, unless recorded times are replayed or a rule says so.
    #[must_use]
    pub fn delay(&self) -> Duration {
        match self.timing {
            Timing::Instant => self.kept_back,
            timing => self.kept_back + timing.scale(self.loan.found.shelf.tape.takes[self.loan.take].recorded.elapsed),
        }
    }

    /// The URL that answered, where the recorded client had followed redirects.
    #[must_use]
    pub fn final_url(&self) -> Option<&str> {
        let prepared = prepared(&self.loan, self.revealed.as_deref());
        prepared.rare.as_ref()?.url.as_deref()
    }

    /// The request as the tape has it.
    #[cfg(feature = "formats")]
    pub(crate) fn request(&self) -> &crate::tape::Request {
        &self.loan.found.shelf.tape.request
    }

    /// What was said after it.
    #[cfg(feature = "formats")]
    pub(crate) fn transcript(&self) -> Option<Box<crate::tape::Transcript>> {
        match &self.loan.found.shelf.tape.takes[self.loan.take].outcome {
            crate::tape::Outcome::Answer(answer) => answer.transcript.clone(),
            crate::tape::Outcome::Fault(_) => None,
        }
    }

    /// The head, and a body that is read frame by frame. A file of the tape that has gone is found when the body is read.
    #[must_use]
    pub fn open(self) -> Opening {
        let Self { mut loan, timing, revealed, .. } = self;
        let known = prepared(&loan, revealed.as_deref());
        if let Some(fault) = known.fault() {
            let fault = fault.clone();
            loan.use_up();
            return Opening::Fault(fault);
        }
        let (status, version, headers) = (known.status, known.version, known.headers.clone());
        #[cfg(feature = "hyper-util")]
        let reason = known.rare.as_ref().and_then(|rare| rare.reason.clone());
        let mut response = http::Response::new(Replayed::new(loan, timing, revealed.as_deref()));
        *response.status_mut() = status;
        *response.version_mut() = version;
        *response.headers_mut() = headers;
        #[cfg(feature = "proxy")]
        if let Some(conversation) = self.conversation {
            response.extensions_mut().insert(conversation);
        }
        #[cfg(feature = "hyper-util")]
        if let Some(Ok(reason)) = reason.map(|reason| hyper::ext::ReasonPhrase::try_from(reason.as_bytes())) {
            response.extensions_mut().insert(reason);
        }
        Opening::Answer(response)
    }
}

/// What the program sees of a fault by rule.
///
/// # Errors
/// Where the file of a body cannot be read.
fn injected(fault: RuledFault, outcome: &Outcome) -> Result<Outcome, String> {
    let failed = |kind, message: &str| Fault { kind, message: format!("{message} (a fault by rule)") };
    let answer = match (fault, outcome) {
        (RuledFault::Reset, _) => return Ok(Outcome::Fault(failed(FaultKind::Reset, "connection reset"))),
        (RuledFault::Timeout, _) => return Ok(Outcome::Fault(failed(FaultKind::Timeout, "timed out"))),
        (RuledFault::Cut(_), Outcome::Fault(fault)) => return Ok(Outcome::Fault(fault.clone())),
        // A conversation has no body: it is cut before it begins.
        (RuledFault::Cut(_), Outcome::Answer(Answer { transcript: Some(_), .. })) => {
            return Ok(Outcome::Fault(failed(FaultKind::Reset, "connection reset")));
        }
        (RuledFault::Cut(left), Outcome::Answer(answer)) => {
            let mut answer = answer.clone();
            answer.body = beginning(&answer.body, left)?;
            answer.frames.clear();
            answer.trailers = Headers::new();
            answer.cut = Some(Cut::Fault(failed(FaultKind::Reset, "connection reset in the middle of the body")));
            answer
        }
        (RuledFault::Status(status), _) => {
            let text = format!("{status}, a fault by rule\n");
            let headers =
                [("content-type", "text/plain; charset=utf-8".to_owned()), ("content-length", text.len().to_string())];
            Answer {
                status,
                reason: None,
                version: Version::Http11,
                url: None,
                headers: Headers::from_iter(headers),
                body: Body::Bytes(text.into()),
                frames: Vec::new(),
                trailers: Headers::new(),
                transcript: None,
                cut: None,
            }
        }
    };
    Ok(Outcome::Answer(answer))
}

/// The first bytes of a body.
fn beginning(body: &Body, bytes: usize) -> Result<Body, String> {
    Ok(match body {
        Body::Absent => Body::Absent,
        Body::Bytes(whole) => Body::Bytes(whole.slice(..bytes.min(whole.len()))),
        Body::File(file) => {
            let mut read = Vec::new();
            let opened = File::open(&file.path).and_then(|open| open.take(bytes as u64).read_to_end(&mut read));
            opened.map_err(|e| format!("failed to read the body {}: {e}", file.path.display()))?;
            Body::Bytes(read.into())
        }
    })
}

fn prepared<'a>(loan: &'a Loan, revealed: Option<&'a Prepared>) -> &'a Prepared {
    revealed.unwrap_or_else(|| loan.found.shelf.prepared(loan.take))
}

/// The body of a replayed answer. Pull frames with [`next`](Self::next); nothing blocks but reading a large body's file.
pub struct Replayed {
    loan: Loan,
    data: Data,
    trailers: Option<Box<HeaderMap>>,
    cut: Option<Box<Cut>>,
    left: u64,
    /// Whether the head says how long the body is: only then does a client that asks the body learn it.
    measured: bool,
    done: bool,
}

enum Data {
    None,
    Whole(Bytes),
    Frames(Box<Frames>),
    File(Box<Stream>),
}

/// A body that arrived in pieces.
struct Frames {
    bytes: Bytes,
    sizes: Arc<[u64]>,
    index: usize,
    /// When each is due, from the head on; none: at once.
    due: Vec<Duration>,
    waited: Duration,
}

/// A piece of a replayed body.
#[derive(Debug)]
pub enum Frame {
    /// Bytes.
    Data(Bytes),
    /// Trailer fields: the last frame.
    Trailers(HeaderMap),
}

/// Why a replayed body stops before its end.
#[derive(Debug)]
pub enum Break {
    /// The recorded connection failed here.
    Fault(Fault),
    /// The recorded program stopped reading here.
    Caller,
    /// The body's file could not be read.
    Io(std::io::Error),
}

/// How much of a large body is read at a time.
const CHUNK: usize = 128 * 1024;

impl Replayed {
    fn new(loan: Loan, timing: Timing, revealed: Option<&Prepared>) -> Self {
        let known = prepared(&loan, revealed);
        let data = match &known.body {
            Ready::None => Data::None,
            Ready::Whole(bytes) => Data::Whole(bytes.clone()),
            Ready::Frames(bytes, sizes) => {
                let due = match timing {
                    Timing::Instant => Vec::new(),
                    timing => {
                        let recorded = &loan.found.shelf.tape.takes[loan.take].recorded;
                        recorded.frames.iter().map(|&at| timing.scale(at)).collect()
                    }
                };
                let (bytes, sizes) = (bytes.clone(), Arc::clone(sizes));
                Data::Frames(Box::new(Frames { bytes, sizes, index: 0, due, waited: Duration::ZERO }))
            }
            Ready::File(file, verified) => {
                let verify = (!verified.load(Ordering::Relaxed)).then(|| (Arc::clone(&loan.found), loan.take));
                Data::File(Box::new(Stream::new(file, verify)))
            }
        };
        let (trailers, left, measured) = (known.trailers.clone(), known.len(), known.measured);
        let cut = known.cut().map(|cut| Box::new(cut.clone()));
        let mut body = Self { loan, data, trailers, cut, left, measured, done: false };
        body.settle();
        body
    }

    /// How long to wait before the next frame is due, counted from the frame before.
    pub fn wait(&mut self) -> Duration {
        let Data::Frames(frames) = &mut self.data else { return Duration::ZERO };
        let due = frames.due.get(frames.index).copied().unwrap_or(frames.waited);
        let wait = due.saturating_sub(frames.waited);
        frames.waited = due.max(frames.waited);
        wait
    }

    /// How many bytes are left, where the head announced them and the body comes to its end: one that breaks off announces
    /// nothing.
    #[must_use]
    pub fn announced(&self) -> Option<u64> {
        (self.done || (self.measured && self.cut.is_none())).then_some(self.left)
    }

    /// Whether the end was reached, without an error.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The next frame; `None` at the end.
    #[expect(clippy::should_implement_trait, reason = "an iterator would hide that `wait` comes first")]
    pub fn next(&mut self) -> Option<Result<Frame, Break>> {
        if self.done {
            return None;
        }
        self.loan.touched = true;
        let frame = match self.data.pull() {
            Err(error) => {
                self.finish();
                return Some(Err(Break::Io(error)));
            }
            Ok(Some(bytes)) => {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                if self.left == 0 {
                    self.data = Data::None;
                }
                Frame::Data(bytes)
            }
            Ok(None) => {
                if let Some(cut) = self.cut.take() {
                    self.finish();
                    return Some(Err(match *cut {
                        Cut::Caller => Break::Caller,
                        Cut::Fault(fault) => Break::Fault(fault),
                    }));
                }
                match self.trailers.take() {
                    Some(trailers) => Frame::Trailers(*trailers),
                    None => {
                        self.finish();
                        return None;
                    }
                }
            }
        };
        self.settle();
        Some(Ok(frame))
    }

    /// Nothing is left: the take counts as delivered even if the client never asks for the end.
    fn settle(&mut self) {
        if self.left == 0 && self.trailers.is_none() && self.cut.is_none() {
            self.finish();
        }
    }

    fn finish(&mut self) {
        self.done = true;
        self.loan.use_up();
    }
}

impl Drop for Replayed {
    fn drop(&mut self) {
        // A body that was never looked at was delivered as far as the program cared. One that was dropped half-way is given
        // back, unless that is what the program did when it was recorded.
        if !self.loan.touched || self.cut.as_deref() == Some(&Cut::Caller) {
            self.loan.use_up();
        }
    }
}

impl std::fmt::Debug for Replayed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Replayed({}, take {}, {} bytes left)", self.loan.found.shelf.name, self.loan.take, self.left)
    }
}

impl Data {
    fn pull(&mut self) -> std::io::Result<Option<Bytes>> {
        match self {
            Self::None => Ok(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::None;
                Ok(Some(bytes))
            }
            Self::Frames(frames) => {
                let Some(&size) = frames.sizes.get(frames.index) else { return Ok(None) };
                frames.index += 1;
                let size = usize::try_from(size).unwrap_or(usize::MAX).min(frames.bytes.len());
                Ok(Some(frames.bytes.split_to(size)))
            }
            Self::File(stream) => stream.read(),
        }
    }
}

/// A large body, read from its file in constant memory.
struct Stream {
    file: BodyFile,
    open: Option<File>,
    buffer: BytesMut,
    left: u64,
    /// The hash so far; a file is held against its hash once in a session.
    digest: Option<(hmac_sha256::Hash, (Arc<Found>, usize))>,
}

impl Stream {
    fn new(file: &BodyFile, verify: Option<(Arc<Found>, usize)>) -> Self {
        let digest = verify.map(|whose| (hmac_sha256::Hash::new(), whose));
        Self { file: file.clone(), open: None, buffer: BytesMut::new(), left: file.len, digest }
    }

    fn read(&mut self) -> std::io::Result<Option<Bytes>> {
        let file = match &mut self.open {
            Some(file) => file,
            None => self.open.insert(File::open(&self.file.path).map_err(|e| {
                std::io::Error::new(e.kind(), format!("failed to open the body {}: {e}", self.file.path.display()))
            })?),
        };
        // The same memory again, once the client has let go of the chunk before.
        self.buffer.clear();
        self.buffer.resize(CHUNK, 0);
        let n = file.read(&mut self.buffer)?;
        self.left = self.left.saturating_sub(n as u64);
        if n == 0 && self.left > 0 {
            return Err(self.changed());
        }
        let bytes = self.buffer.split_to(n).freeze();
        if let Some((digest, _)) = &mut self.digest {
            digest.update(&bytes);
        }
        if self.left == 0
            && let Some((digest, (found, take))) = self.digest.take()
        {
            if digest.finalize() != self.file.sha256 {
                return Err(self.changed());
            }
            if let Ready::File(_, verified) = &found.shelf.prepared(take).body {
                verified.store(true, Ordering::Relaxed);
            }
        }
        Ok((n > 0).then_some(bytes))
    }

    fn changed(&self) -> std::io::Error {
        let why = format!(
            "the body {} is no longer what its tape says (length or hash): restore it, or record again with RECORD=1",
            self.file.path.display()
        );
        std::io::Error::new(std::io::ErrorKind::InvalidData, why)
    }
}
