//! One take on its way to the client: frames, delays, trailers, and the error it may end with.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::memo::Found;
use super::prepared::{Prepared, Ready};
use crate::tape::{BodyFile, Cut, Fault};

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

/// The answer to one request, ready to be delivered.
#[derive(Debug)]
pub struct Playback {
    found: Arc<Found>,
    take: usize,
    timing: Timing,
    /// With secrets put back, where the session reveals them.
    revealed: Option<Box<Prepared>>,
    delivered: bool,
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
        Self { found, take, timing, revealed: None, delivered: false }
    }

    pub(super) fn reveal(&mut self, prepared: Prepared) {
        self.revealed = Some(Box::new(prepared));
    }

    /// How long the client waits for the head: nothing, unless recorded times are replayed.
    #[must_use]
    pub fn delay(&self) -> Duration {
        match self.timing {
            Timing::Instant => Duration::ZERO,
            timing => timing.scale(self.found.shelf.tape.takes[self.take].recorded.elapsed),
        }
    }

    /// The URL that answered, where the recorded client had followed redirects.
    #[must_use]
    pub fn final_url(&self) -> Option<&str> {
        self.prepared().rare.as_ref()?.url.as_deref()
    }

    fn prepared(&self) -> &Prepared {
        match &self.revealed {
            Some(revealed) => revealed,
            None => self.found.shelf.prepared(self.take),
        }
    }

    /// The head, and a body that is read frame by frame. A file of the tape that has gone is found when the body is read.
    #[must_use]
    pub fn open(mut self) -> Opening {
        self.delivered = true;
        if let Some(fault) = self.prepared().fault() {
            let fault = fault.clone();
            self.found.shelf.used(self.take);
            return Opening::Fault(fault);
        }
        let mut response = http::Response::new(Replayed::new(&self));
        let prepared = self.prepared();
        *response.status_mut() = prepared.status;
        *response.version_mut() = prepared.version;
        *response.headers_mut() = prepared.headers.clone();
        #[cfg(feature = "hyper-util")]
        if let Some(reason) = prepared.rare.as_ref().and_then(|rare| rare.reason.as_ref())
            && let Ok(reason) = hyper::ext::ReasonPhrase::try_from(reason.as_bytes())
        {
            response.extensions_mut().insert(reason);
        }
        Opening::Answer(response)
    }
}

/// A playback dropped before its head was delivered is as if it had never been asked for.
impl Drop for Playback {
    fn drop(&mut self) {
        if !self.delivered {
            self.found.shelf.release(self.take);
        }
    }
}

/// The body of a replayed answer. Pull frames with [`next`](Self::next); nothing blocks but reading a large body's file.
pub struct Replayed {
    found: Arc<Found>,
    take: usize,
    data: Data,
    trailers: Option<Box<HeaderMap>>,
    cut: Option<Box<Cut>>,
    left: u64,
    /// Whether the head says how long the body is: only then does a client that asks the body learn it.
    measured: bool,
    /// Whether any of it was pulled: then dropping it before the end gives the take back.
    touched: bool,
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
    fn new(playback: &Playback) -> Self {
        let (prepared, take) = (playback.prepared(), playback.take);
        let data = match &prepared.body {
            Ready::None => Data::None,
            Ready::Whole(bytes) => Data::Whole(bytes.clone()),
            Ready::Frames(bytes, sizes) => {
                let due = match playback.timing {
                    Timing::Instant => Vec::new(),
                    timing => {
                        let recorded = &playback.found.shelf.tape.takes[take].recorded;
                        recorded.frames.iter().map(|&at| timing.scale(at)).collect()
                    }
                };
                let (bytes, sizes) = (bytes.clone(), Arc::clone(sizes));
                Data::Frames(Box::new(Frames { bytes, sizes, index: 0, due, waited: Duration::ZERO }))
            }
            Ready::File(file, verified) => {
                let verify = (!verified.load(Ordering::Relaxed)).then(|| (Arc::clone(&playback.found), take));
                Data::File(Box::new(Stream::new(file, verify)))
            }
        };
        let mut body = Self {
            found: Arc::clone(&playback.found),
            take,
            data,
            trailers: prepared.trailers.clone(),
            cut: prepared.cut().map(|cut| Box::new(cut.clone())),
            left: prepared.len(),
            measured: prepared.headers.contains_key(http::header::CONTENT_LENGTH),
            touched: false,
            done: false,
        };
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
        self.touched = true;
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
        if !self.done {
            self.done = true;
            self.found.shelf.used(self.take);
        }
    }
}

impl Drop for Replayed {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        // Where the recording itself was cut by the caller, dropping it is what the test does.
        if self.touched && self.cut.as_deref() != Some(&Cut::Caller) {
            self.found.shelf.dropped(self.take);
        } else {
            self.found.shelf.used(self.take);
        }
    }
}

impl std::fmt::Debug for Replayed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Replayed({}, take {}, {} bytes left)", self.found.shelf.name, self.take, self.left)
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
