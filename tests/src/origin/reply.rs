//! What the origin answers: described piece by piece, ill-formed where a test wants it so.

use std::time::Duration;

use bytes::Bytes;

use super::Gate;

/// Header fields in order, spelled as on the wire.
pub(super) type Fields = Vec<(String, Vec<u8>)>;

/// One answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) hold: Option<Gate>,
    pub(super) interim: Vec<(u16, Fields)>,
    pub(super) status: u16,
    pub(super) reason: Option<String>,
    pub(super) headers: Fields,
    pub(super) framing: Framing,
    pub(super) pieces: Vec<Piece>,
    pub(super) trailers: Fields,
    pub(super) ending: Ending,
    pub(super) raw: Option<Vec<u8>>,
}

/// How the body is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Bodiless,
    /// `content-length`, as long as the pieces are unless it is given.
    Length(Option<u64>),
    /// `transfer-encoding: chunked`, a chunk for each piece.
    Chunked,
}

#[derive(Debug, Clone)]
pub(super) enum Piece {
    Bytes(Bytes),
    /// So many bytes of [`pattern`].
    Pattern(u64),
    Wait(Gate),
    Pause(Duration),
}

/// How the answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// As it should.
    Whole,
    /// The connection is closed after the last piece, nothing more is said.
    Closed,
    /// The same, with a reset.
    Reset,
    /// Not even a head: the connection is closed.
    NoHead,
    /// Not even a head: the connection is reset.
    NoHeadReset,
}

impl Reply {
    /// An answer without a body yet: `content-length: 0`.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            hold: None,
            interim: Vec::new(),
            status,
            reason: None,
            headers: Vec::new(),
            framing: Framing::Length(None),
            pieces: Vec::new(),
            trailers: Vec::new(),
            ending: Ending::Whole,
            raw: None,
        }
    }

    /// 200 with a text.
    #[must_use]
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self::new(200).header("content-type", "text/plain").body(body)
    }

    /// 200 with JSON.
    #[must_use]
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self::new(200).header("content-type", "application/json").body(body)
    }

    /// An event stream: each event a chunk.
    #[must_use]
    pub fn events<'a>(events: impl IntoIterator<Item = &'a str>) -> Self {
        let reply = Self::new(200).header("content-type", "text/event-stream").chunked();
        events.into_iter().fold(reply, |reply, event| reply.piece(format!("data: {event}\n\n")))
    }

    /// 302 to another place.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        Self::new(302).header("location", to)
    }

    /// These very bytes instead of an answer, then the connection is closed. HTTP/1.1 alone.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let mut reply = Self::new(200);
        reply.raw = Some(bytes.into());
        reply
    }

    /// No answer: the connection is closed after the request.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(200).ending(Ending::NoHead)
    }

    /// No answer: the connection is reset after the request.
    #[must_use]
    pub fn reset() -> Self {
        Self::new(200).ending(Ending::NoHeadReset)
    }

    /// One more header field, spelled as given.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// One more trailer field.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers.push((name.to_owned(), value.as_ref().to_vec()));
        self.chunked()
    }

    /// The reason phrase. HTTP/1.1 alone.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// An interim answer in front. HTTP/1.1 alone.
    #[must_use]
    pub fn interim(mut self, status: u16, name: &str, value: &str) -> Self {
        self.interim.push((status, vec![(name.to_owned(), value.as_bytes().to_vec())]));
        self
    }

    /// A body in one piece.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        self.piece(body)
    }

    /// Content-coded with `gzip`, `deflate`, `br` or `zstd`.
    ///
    /// # Panics
    /// For any other coding.
    #[must_use]
    pub fn coded(self, coding: &str, plain: &[u8]) -> Self {
        self.header("content-encoding", coding).body(super::encode(coding, plain))
    }

    /// One more piece of the body: a chunk, where it is chunked.
    #[must_use]
    pub fn piece(mut self, bytes: impl Into<Bytes>) -> Self {
        self.pieces.push(Piece::Bytes(bytes.into()));
        self
    }

    /// So many bytes of [`pattern`](super::pattern), made as they are sent.
    #[must_use]
    pub fn pattern(mut self, len: u64) -> Self {
        self.pieces.push(Piece::Pattern(len));
        self
    }

    /// The rest of the body waits for the gate.
    #[must_use]
    pub fn wait(mut self, gate: &Gate) -> Self {
        self.pieces.push(Piece::Wait(gate.clone()));
        self
    }

    /// The rest of the body comes so much later.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pieces.push(Piece::Pause(pause));
        self
    }

    /// The head waits for the gate.
    #[must_use]
    pub fn held_by(mut self, gate: &Gate) -> Self {
        self.hold = Some(gate.clone());
        self
    }

    /// Chunks instead of a length; HTTP/2 then announces none.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    /// Neither length nor body.
    #[must_use]
    pub fn bodiless(mut self) -> Self {
        self.framing = Framing::Bodiless;
        self
    }

    /// Announces so many bytes, however many come.
    #[must_use]
    pub fn announcing(mut self, length: u64) -> Self {
        self.framing = Framing::Length(Some(length));
        self
    }

    /// The connection is closed where the body stands then: with more announced, or without the last chunk.
    #[must_use]
    pub fn then_closed(self) -> Self {
        self.ending(Ending::Closed)
    }

    /// The connection is reset where the body stands then.
    #[must_use]
    pub fn then_reset(self) -> Self {
        self.ending(Ending::Reset)
    }

    fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// How many bytes the pieces have.
    pub(super) fn length(&self) -> u64 {
        self.pieces.iter().map(Piece::len).sum()
    }
}

impl Piece {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Pattern(len) => *len,
            Self::Wait(_) | Self::Pause(_) => 0,
        }
    }
}
