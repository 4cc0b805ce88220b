//! A take in the client's terms, made once when its tape is opened, so that a warm replay only hands out copies.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::tape::{Answer, Body, BodyFile, Cut, Fault, Headers, Outcome, Version};

/// What a client gets.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) status: http::StatusCode,
    pub(crate) version: http::Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Ready,
    pub(crate) trailers: Option<Box<HeaderMap>>,
    /// What few answers have.
    pub(crate) rare: Option<Box<Rare>>,
    /// Whether the head says how long the body is.
    pub(crate) measured: bool,
    /// Whether placeholders stand in it, which the redactor must know of when it is delivered.
    pub(crate) placeholders: bool,
}

/// A body to be handed out.
#[derive(Debug)]
pub(crate) enum Ready {
    None,
    Whole(Bytes),
    /// In frames of these sizes.
    Frames(Bytes, Arc<[u64]>),
    /// From a file; whether it was held against its hash.
    File(BodyFile, AtomicBool),
}

/// What few answers have.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// No answer at all.
    pub(crate) fault: Option<Fault>,
    /// The body breaks off.
    pub(crate) cut: Option<Cut>,
    /// An unusual reason phrase.
    pub(crate) reason: Option<String>,
    /// The URL that answered, after redirects.
    pub(crate) url: Option<String>,
}

impl Prepared {
    /// # Errors
    /// Where a status or a header field is none that HTTP allows.
    pub(crate) fn new(outcome: &Outcome) -> Result<Self, String> {
        match outcome {
            Outcome::Answer(answer) => Self::of_answer(answer),
            Outcome::Fault(fault) => Ok(Self {
                status: http::StatusCode::OK,
                version: http::Version::HTTP_11,
                headers: HeaderMap::new(),
                body: Ready::None,
                trailers: None,
                rare: Some(Box::new(Rare { fault: Some(fault.clone()), ..Rare::default() })),
                measured: false,
                placeholders: false,
            }),
        }
    }

    /// # Errors
    /// As [`new`](Self::new).
    pub(crate) fn of_answer(answer: &Answer) -> Result<Self, String> {
        let packed = Packed::new(&answer.headers, &answer.body);
        let body = match &answer.body {
            Body::Absent => Ready::None,
            Body::File(file) => Ready::File(file.clone(), AtomicBool::new(false)),
            Body::Bytes(bytes) if bytes.is_empty() => Ready::None,
            Body::Bytes(_) if answer.frames.is_empty() => Ready::Whole(packed.body),
            Body::Bytes(_) => Ready::Frames(packed.body, answer.frames.as_slice().into()),
        };
        let trailers = Packed::new(&answer.trailers, &Body::Absent).headers;
        let trailers = trailers.map_err(|e| format!("a trailer of the answer: {e}"))?;
        // How a conversation ends is told by its transcript.
        let cut = answer.cut.clone().filter(|_| answer.transcript.is_none());
        let rare = Rare { fault: None, cut, reason: answer.reason.clone(), url: answer.url.clone() };
        let is_rare = rare.cut.is_some() || rare.reason.is_some() || rare.url.is_some();
        Ok(Self {
            status: http::StatusCode::from_u16(answer.status).map_err(|e| e.to_string())?,
            version: version(answer.version),
            headers: packed.headers.map_err(|e| format!("a header of the answer: {e}"))?,
            body,
            trailers: (!trailers.is_empty()).then(|| Box::new(trailers)),
            rare: is_rare.then(|| Box::new(rare)),
            measured: answer.headers.first("content-length").is_some(),
            placeholders: mentions_placeholders(answer),
        })
    }

    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.rare.as_ref()?.fault.as_ref()
    }

    pub(crate) fn cut(&self) -> Option<&Cut> {
        self.rare.as_ref()?.cut.as_ref()
    }

    /// How many bytes the body has.
    pub(crate) fn len(&self) -> u64 {
        match &self.body {
            Ready::None => 0,
            Ready::Whole(bytes) | Ready::Frames(bytes, _) => bytes.len() as u64,
            Ready::File(file, _) => file.len,
        }
    }
}

/// Header values and body in one piece of memory: a copy of the answer then counts one reference, not one for each value.
struct Packed {
    headers: Result<HeaderMap, http::Error>,
    body: Bytes,
}

/// Larger bodies are shared as they are.
const PACKED: usize = 64 * 1024;

impl Packed {
    fn new(headers: &Headers, body: &Body) -> Self {
        let whole = body.bytes().filter(|bytes| bytes.len() <= PACKED);
        let values: usize = headers.iter().map(|(_, value)| value.len()).sum();
        let mut memory = Vec::with_capacity(values + whole.map_or(0, Bytes::len));
        headers.iter().for_each(|(_, value)| memory.extend_from_slice(value));
        memory.extend_from_slice(whole.map_or(b"", |bytes| bytes));
        let memory = Bytes::from(memory);
        let mut at = 0;
        let mut fields = || -> Result<HeaderMap, http::Error> {
            let mut map = HeaderMap::try_with_capacity(headers.len())?;
            for (name, value) in headers.iter() {
                let shared = memory.slice(at..at + value.len());
                at += value.len();
                map.try_append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_maybe_shared(shared)?)?;
            }
            Ok(map)
        };
        let fields = fields();
        let body = match whole {
            Some(_) => memory.slice(values..),
            None => body.bytes().cloned().unwrap_or_default(),
        };
        Self { headers: fields, body }
    }
}

fn mentions_placeholders(answer: &Answer) -> bool {
    let found = |bytes: &[u8]| memchr::memmem::find(bytes, b"{{secret:").is_some();
    let headers = answer.headers.iter().chain(answer.trailers.iter());
    // A coded body may hide one: better to look twice than to hand out a number twice.
    let coded = answer.headers.first("content-encoding").is_some();
    // A conversation takes notice of its own messages, one by one.
    coded || answer.body.bytes().is_some_and(|body| found(body)) || headers.into_iter().any(|(_, value)| found(value))
}

pub(crate) fn version(version: Version) -> http::Version {
    match version {
        Version::Http09 => http::Version::HTTP_09,
        Version::Http10 => http::Version::HTTP_10,
        Version::Http11 => http::Version::HTTP_11,
        Version::Http2 => http::Version::HTTP_2,
        Version::Http3 => http::Version::HTTP_3,
    }
}
