//! What a tape holds: a request and its takes.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::format::Words;
use super::{Body, Headers, MessageKind, Side, Transcript};

/// One request and every answer recorded for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tape {
    /// SHA-256 of the canonical request.
    pub key: Key,
    /// Where the client was tapped.
    pub layer: Layer,
    /// The match rules that took part in the key, in their own words (`ignore json $.timestamp`), sorted.
    pub rules: Vec<String>,
    /// What was asked, secrets replaced.
    pub request: Request,
    /// What was answered, in the order in which the requests were started. Never empty in a file.
    pub takes: Vec<Take>,
}

/// The hash that names a tape.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub [u8; 32]);

/// Where in the client's stack the recorder sat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Layer {
    /// Below redirects and decompression: what was on the wire.
    #[default]
    Wire,
    /// Above them: what the program saw.
    Logical,
}

/// The HTTP version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/0.9
    Http09,
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2
    Http2,
    /// HTTP/3
    Http3,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, as it was sent.
    pub method: String,
    /// The absolute URL, as it was sent; no fragment.
    pub url: String,
    /// The HTTP version.
    pub version: Version,
    /// Header fields in order.
    pub headers: Headers,
    /// The body as it was sent.
    pub body: Body,
    /// Trailer fields in order.
    pub trailers: Headers,
}

/// One answer to the request, and how it came to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Take {
    /// What came back.
    pub outcome: Outcome,
    /// Facts that change with every recording.
    pub recorded: Recorded,
}

/// What came back: an answer, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A status and what follows it.
    Answer(Answer),
    /// No status ever came.
    Fault(Fault),
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code, 100 to 999.
    pub status: u16,
    /// The reason phrase, where it is not the usual one of the status. `Some("")` is an empty one.
    pub reason: Option<String>,
    /// The HTTP version.
    pub version: Version,
    /// The URL that answered, where redirects were followed below the recorder.
    pub url: Option<String>,
    /// Header fields in order.
    pub headers: Headers,
    /// The body as it was on the wire; where `cut` is set, as much as arrived.
    pub body: Body,
    /// Sizes in bytes of the frames in which the body arrived, where that has a meaning (event streams, chunks). Empty: one
    /// piece. Their sum is the length of the body.
    pub frames: Vec<u64>,
    /// Trailer fields in order.
    pub trailers: Headers,
    /// What was said after the answer, where it was an upgrade to WebSocket. The body is absent then.
    pub transcript: Option<Box<Transcript>>,
    /// Why the body, or the conversation, ended early, where it did.
    pub cut: Option<Cut>,
}

/// Why a body ended before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// The program dropped the response.
    Caller,
    /// The connection failed.
    Fault(Fault),
}

/// A failure of the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of failure, in terms that every client knows.
    pub kind: FaultKind,
    /// What the client said of it, secrets replaced.
    pub message: String,
}

/// The kinds of failure that clients tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The name did not resolve.
    Dns,
    /// Nothing listened.
    Refused,
    /// The connection could not be made for another reason.
    Connect,
    /// The connection was not made in time.
    ConnectTimeout,
    /// The handshake or the certificate failed.
    Tls,
    /// The answer did not come in time.
    Timeout,
    /// The peer reset the connection.
    Reset,
    /// The peer closed the connection before the message was whole.
    Closed,
    /// The peer spoke something that is not HTTP.
    Protocol,
    /// Anything else.
    Other,
}

/// Facts about a recording that change from one to the next and are kept while nothing of meaning did.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// When the request was started. Whole seconds in the file.
    pub at: SystemTime,
    /// From the start of the request to the head of the answer, or to the fault. Whole milliseconds in the file.
    pub elapsed: Duration,
    /// From the head of the answer to each frame of [`Answer::frames`], or to each message of its transcript. As many as there are
    /// of these, or none.
    pub frames: Vec<Duration>,
    /// Where the answer comes from.
    pub from: Origin,
    /// What a reader must know: a digest header that no longer fits the redacted body, for one.
    pub notes: Vec<String>,
}

/// Where an answer comes from. Counted apart: nothing simulated is ever called recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Origin {
    /// The service itself.
    #[default]
    Live,
    /// Another tool's recording.
    Import,
    /// A stand-in that played the service.
    Simulated,
    /// Written from the service's documentation.
    Docs,
}

impl Key {
    /// The 64 hex digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The 12 hex digits that stand in a file name.
    #[must_use]
    pub fn short(&self) -> String {
        self.0[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// As it stands in a tape.
impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// As it stands in a tape: `HTTP/1.1`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// As it stands in a tape: `client`.
impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// As it stands in a tape: `binary`.
impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// As it stands in a tape: `connect-timeout`.
impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// As it stands in a tape: `live`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.hex())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}
