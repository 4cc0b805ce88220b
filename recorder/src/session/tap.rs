//! What a seam holds while a live request runs: it tells what was sent and what came back.

use std::sync::Arc;

use http::HeaderMap;

use super::recording::{SharedSlot, lock, version};
use super::state::Session;
use crate::tape::{Answer, Body, Cut, Fault, Headers};

/// A live request that is being recorded. Dropped before an outcome, it leaves no trace: the program gave it up.
#[must_use = "tell it what came of the request, or the request is not recorded"]
pub struct Recording {
    session: Session,
    slot: SharedSlot,
    entry: usize,
    told: bool,
}

/// Takes the bytes of a request's body as they are sent.
#[derive(Clone)]
pub struct RequestTap(SharedSlot);

/// Takes the body of an answer as it arrives. Dropped before the end, the take says that the program stopped reading.
#[must_use = "tell it how the body ended, or the take says that the program stopped reading"]
pub struct AnswerTap {
    slot: SharedSlot,
    expected: Option<u64>,
    seen: u64,
    ended: bool,
}

/// The head of an answer, in the client's terms.
#[derive(Debug)]
pub struct AnswerHead<'a> {
    /// The status.
    pub status: http::StatusCode,
    /// The reason phrase, where the client knows it.
    pub reason: Option<&'a str>,
    /// The HTTP version.
    pub version: http::Version,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The URL that answered, where the client follows redirects below the recorder.
    pub url: Option<&'a str>,
    /// Whether the client knows already that no body follows.
    pub bodiless: bool,
}

impl Recording {
    pub(super) fn new(session: Session, slot: SharedSlot, entry: usize) -> Self {
        Self { session, slot, entry, told: false }
    }

    /// The request's body is whole and in memory.
    pub fn sent_whole(&self, body: Body) {
        lock(&self.slot).sent_whole(body);
    }

    /// For a body that is sent while the answer may already arrive.
    #[must_use]
    pub fn request_tap(&self) -> RequestTap {
        RequestTap(Arc::clone(&self.slot))
    }

    /// No answer came.
    pub fn failed(mut self, fault: Fault) {
        self.told = true;
        lock(&self.slot).failed(fault);
    }

    /// The head of an answer came. The body goes to the tap.
    pub fn answered(mut self, head: &AnswerHead<'_>) -> AnswerTap {
        self.told = true;
        let headers = Headers::from(head.headers);
        let length = headers.text("content-length").and_then(|text| text.trim().parse::<u64>().ok());
        let mut slot = lock(&self.slot);
        let never = slot.is_head() || matches!(head.status.as_u16(), 100..=199 | 204 | 304);
        let absent = never || (head.bodiless && length != Some(0));
        slot.answered(Answer {
            status: head.status.as_u16(),
            reason: head.reason.filter(|r| Some(*r) != head.status.canonical_reason()).map(str::to_owned),
            version: version(head.version),
            url: head.url.map(str::to_owned),
            headers,
            body: if absent { Body::Absent } else { Body::Bytes(bytes::Bytes::new()) },
            frames: Vec::new(),
            trailers: Headers::new(),
            transcript: None,
            cut: None,
        });
        if absent || head.bodiless {
            slot.end(None);
        }
        drop(slot);
        let expected = if absent { Some(0) } else { length };
        AnswerTap { slot: Arc::clone(&self.slot), expected, seen: 0, ended: head.bodiless }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.told {
            self.session.forget(self.entry);
        }
    }
}

impl RequestTap {
    /// The next bytes; an empty slice makes an empty body of an absent one.
    pub fn sent(&self, bytes: &[u8]) {
        lock(&self.0).sent(bytes);
    }

    /// The trailer fields.
    pub fn trailers(&self, trailers: &HeaderMap) {
        lock(&self.0).sent_trailers(Headers::from(trailers));
    }
}

impl AnswerTap {
    /// The next bytes, as the client got them.
    pub fn frame(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        lock(&self.slot).frame(bytes);
    }

    /// The trailer fields.
    pub fn trailers(&mut self, trailers: &HeaderMap) {
        lock(&self.slot).trailers(Headers::from(trailers));
    }

    /// The body came to its end.
    pub fn end(&mut self) {
        self.close(None);
    }

    /// The body broke off.
    pub fn failed(&mut self, fault: Fault) {
        self.close(Some(Cut::Fault(fault)));
    }

    /// For what follows an answer that is an upgrade.
    #[cfg(feature = "proxy")]
    pub(crate) fn upgrade(&self, session: &Session) -> super::Upgrade {
        super::Upgrade::new(session.clone(), Arc::clone(&self.slot))
    }

    fn close(&mut self, cut: Option<Cut>) {
        if !self.ended {
            self.ended = true;
            lock(&self.slot).end(cut);
        }
    }
}

impl Drop for AnswerTap {
    fn drop(&mut self) {
        // A client that has all the bytes it was promised need not ask for the end.
        let whole = self.expected == Some(self.seen);
        self.close(if whole { None } else { Some(Cut::Caller) });
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recording(request {})", self.entry)
    }
}

impl std::fmt::Debug for RequestTap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestTap")
    }
}

impl std::fmt::Debug for AnswerTap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AnswerTap({} bytes)", self.seen)
    }
}
