//! Replaying: from a request to the take that answers it.
//!
//! The first use of a request pays for redaction, the canonical form, SHA-256 and reading its tape. Every later use of the
//! same bytes is found in the memo: xxh3 over the raw request, then full equality.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::HeaderMap;
use xxhash_rust::xxh3::xxh3_64;

use super::Error;
use super::recording::lock;
use crate::tape::{Answer, Body, Headers, Outcome, Request, Tape};

/// What happens after the last take of a request has been replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Repeat {
    /// One more request is a miss.
    #[default]
    Never,
    /// The last take answers from then on.
    Last,
    /// The takes start over.
    Cycle,
}

/// A tape that is open in this session.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// The file's name in the folder.
    pub(crate) name: String,
    pub(crate) tape: Tape,
    pub(crate) prepared: Vec<Prepared>,
    pub(crate) repeat: Repeat,
    uses: Mutex<Vec<Use>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Free,
    /// Partly delivered; free again if the program drops it.
    Out,
    Used,
}

/// An answer in the client's terms, made once.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) status: http::StatusCode,
    pub(crate) version: http::Version,
    pub(crate) headers: HeaderMap,
    pub(crate) trailers: Option<HeaderMap>,
    /// Whether placeholders stand in it, which the redactor must know of when it is delivered.
    pub(crate) placeholders: bool,
    /// Whether the file of its body was held against its hash.
    pub(crate) verified: AtomicBool,
}

impl Shelf {
    pub(crate) fn new(name: String, tape: Tape, repeat: Repeat) -> Result<Self, Error> {
        let prepared = tape.takes.iter().map(|take| prepare(&take.outcome)).collect::<Result<Vec<_>, String>>();
        let prepared = prepared.map_err(|reason| super::ErrorKind::Request {
            method: tape.request.method.clone(),
            url: tape.request.url.clone(),
            reason,
        })?;
        let uses = Mutex::new(vec![Use::Free; tape.takes.len()]);
        Ok(Self { name, tape, prepared, repeat, uses })
    }

    /// The next take, now out; `None` when all are used.
    pub(crate) fn choose(&self) -> Option<usize> {
        let mut uses = lock(&self.uses);
        let free = |uses: &[Use]| uses.iter().position(|&u| u == Use::Free);
        let chosen = match (free(&uses), self.repeat) {
            (Some(index), _) => index,
            (None, Repeat::Never) => return None,
            (None, Repeat::Last) => uses.len() - 1,
            (None, Repeat::Cycle) => {
                uses.fill(Use::Free);
                0
            }
        };
        uses[chosen] = Use::Out;
        Some(chosen)
    }

    /// The take was delivered, or never read at all.
    pub(crate) fn used(&self, take: usize) {
        lock(&self.uses)[take] = Use::Used;
    }

    /// The program dropped the take before its end: a retry may have it again.
    pub(crate) fn release(&self, take: usize) {
        lock(&self.uses)[take] = Use::Free;
    }

    /// The takes that nobody asked for, from 0.
    pub(crate) fn unused(&self) -> Vec<usize> {
        let uses = lock(&self.uses);
        // After a cycle every take has been used at least once.
        let cycled = self.repeat == Repeat::Cycle && uses.first() != Some(&Use::Free);
        uses.iter().enumerate().filter(|(_, u)| **u == Use::Free && !cycled).map(|(index, _)| index).collect()
    }
}

fn prepare(outcome: &Outcome) -> Result<Prepared, String> {
    let Outcome::Answer(answer) = outcome else {
        return Ok(Prepared {
            status: http::StatusCode::OK,
            version: http::Version::HTTP_11,
            headers: HeaderMap::new(),
            trailers: None,
            placeholders: false,
            verified: AtomicBool::new(false),
        });
    };
    prepare_answer(answer)
}

pub(crate) fn prepare_answer(answer: &Answer) -> Result<Prepared, String> {
    let map = |headers: &Headers| HeaderMap::try_from(headers).map_err(|e| format!("a header of the answer: {e}"));
    let trailers = if answer.trailers.is_empty() { None } else { Some(map(&answer.trailers)?) };
    Ok(Prepared {
        status: http::StatusCode::from_u16(answer.status).map_err(|e| e.to_string())?,
        version: http_version(answer.version),
        headers: map(&answer.headers)?,
        trailers,
        placeholders: mentions_placeholders(answer),
        verified: AtomicBool::new(false),
    })
}

fn mentions_placeholders(answer: &Answer) -> bool {
    let found = |bytes: &[u8]| memchr::memmem::find(bytes, b"{{secret:").is_some();
    let headers = answer.headers.iter().chain(answer.trailers.iter());
    // A coded body may hide one: better to look twice than to hand out a number twice.
    let coded = answer.headers.first("content-encoding").is_some();
    coded || answer.body.bytes().is_some_and(|body| found(body)) || headers.into_iter().any(|(_, value)| found(value))
}

fn http_version(version: crate::tape::Version) -> http::Version {
    use crate::tape::Version as V;
    match version {
        V::Http09 => http::Version::HTTP_09,
        V::Http10 => http::Version::HTTP_10,
        V::Http11 => http::Version::HTTP_11,
        V::Http2 => http::Version::HTTP_2,
        V::Http3 => http::Version::HTTP_3,
    }
}

/// Requests seen before, by their raw bytes.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    seen: HashMap<u64, Vec<Seen>, BuildHasherDefault<Through>>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Seen {
    head: Box<[u8]>,
    body: Bytes,
    found: Found,
}

/// What the memo remembers of a request.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) shelf: Arc<Shelf>,
    /// As it was sent, secrets replaced.
    pub(crate) request: Arc<Request>,
}

impl Memo {
    /// Writes what tells this request from others into the scratch buffer and looks it up. A body in a file is never
    /// remembered.
    pub(crate) fn look_up(&mut self, head: &super::Head<'_>, body: &Body) -> Option<&Found> {
        let hash = self.hash(head, body)?;
        let bytes = body.bytes().map_or(&b""[..], |b| b);
        let seen = self.seen.get(&hash)?;
        seen.iter().find(|seen| *seen.head == *self.scratch && seen.body == bytes).map(|seen| &seen.found)
    }

    /// Remembers the request that was looked up last.
    pub(crate) fn remember(&mut self, head: &super::Head<'_>, body: &Body, found: Found) {
        if let Some(hash) = self.hash(head, body) {
            let body = body.bytes().cloned().unwrap_or_default();
            let seen = Seen { head: self.scratch.as_slice().into(), body, found };
            self.seen.entry(hash).or_default().push(seen);
        }
    }

    /// Forgets everything: a newly registered secret changes what a request means.
    pub(crate) fn clear(&mut self) {
        self.seen.clear();
    }

    fn hash(&mut self, head: &super::Head<'_>, body: &Body) -> Option<u64> {
        let scratch = &mut self.scratch;
        scratch.clear();
        scratch.extend_from_slice(head.method.as_bytes());
        scratch.push(b' ');
        head.target.write(scratch);
        for (name, value) in head.headers {
            scratch.push(b'\n');
            scratch.extend_from_slice(name.as_str().as_bytes());
            scratch.push(b':');
            scratch.extend_from_slice(value.as_bytes());
        }
        let body = match body {
            Body::Absent => 0,
            Body::Bytes(bytes) => {
                scratch.push(0);
                xxh3_64(bytes)
            }
            Body::File(_) => return None,
        };
        Some(xxh3_64(scratch) ^ body.rotate_left(17))
    }
}

/// Keys of the memo are hashes already.
#[derive(Debug, Default)]
pub(crate) struct Through(u64);

impl Hasher for Through {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 keys")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
