//! What a transport error means, and the error that replays it.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use crate::tape::{Fault, FaultKind};

/// A failure that was recorded and happens again. Its [`source`](StdError::source) is an [`io::Error`] of the fitting kind, so
/// that predicates which walk the chain (`is_timeout()` of reqwest, for one) answer as they did live.
#[derive(Debug)]
pub struct ReplayedFault {
    fault: Fault,
    io: io::Error,
    /// It happens for the first time, on its way over the in-memory wire.
    live: bool,
}

impl ReplayedFault {
    /// The error form of a recorded fault.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        let io = io::Error::new(io_kind(fault.kind), fault.message.clone());
        Self { fault, io, live: false }
    }

    /// A failure that is being recorded, in the same form.
    #[cfg(feature = "hyper-util")]
    pub(crate) fn live(fault: Fault) -> Self {
        Self { live: true, ..Self::new(fault) }
    }

    /// What was recorded.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Whether the connection was never made.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        use FaultKind as K;
        matches!(self.fault.kind, K::Dns | K::Refused | K::Connect | K::ConnectTimeout | K::Tls)
    }

    /// Whether time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.fault.kind, FaultKind::Timeout | FaultKind::ConnectTimeout)
    }
}

impl fmt::Display for ReplayedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whence = if self.live { "" } else { " (replayed from a tape)" };
        write!(f, "{}{whence}", self.fault.message)
    }
}

impl StdError for ReplayedFault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.io)
    }
}

/// The kind that the standard library gives such a failure.
pub(crate) fn io_kind(kind: FaultKind) -> io::ErrorKind {
    match kind {
        FaultKind::Dns => io::ErrorKind::NotFound,
        FaultKind::Refused => io::ErrorKind::ConnectionRefused,
        FaultKind::Connect => io::ErrorKind::NotConnected,
        FaultKind::ConnectTimeout | FaultKind::Timeout => io::ErrorKind::TimedOut,
        FaultKind::Tls | FaultKind::Protocol => io::ErrorKind::InvalidData,
        FaultKind::Reset => io::ErrorKind::ConnectionReset,
        FaultKind::Closed => io::ErrorKind::UnexpectedEof,
        FaultKind::Other => io::ErrorKind::Other,
    }
}

/// What kind of failure an error is, from the chain of its sources: `io::ErrorKind` first, then hyper's own predicates, then
/// what the message says.
#[must_use]
pub fn classify(error: &(dyn StdError + 'static)) -> Fault {
    let mut kind = FaultKind::Other;
    let mut connecting = false;
    let mut messages: Vec<String> = Vec::new();
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(replayed) = error.downcast_ref::<ReplayedFault>() {
            return replayed.fault.clone();
        }
        let message = error.to_string();
        connecting |= says_connecting(&message);
        kind = stronger(kind, of_link(error, &message));
        if !messages.last().is_some_and(|last| last.contains(&message)) {
            messages.push(message);
        }
        link = error.source();
    }
    if connecting {
        kind = match kind {
            FaultKind::Timeout => FaultKind::ConnectTimeout,
            FaultKind::Other => FaultKind::Connect,
            kind => kind,
        };
    }
    Fault { kind, message: messages.join(": ") }
}

/// As [`classify`], for a reader's error.
pub(crate) fn classify_io(error: &io::Error) -> Fault {
    classify(error)
}

fn of_link(error: &(dyn StdError + 'static), message: &str) -> FaultKind {
    if let Some(io) = error.downcast_ref::<io::Error>() {
        match io.kind() {
            io::ErrorKind::ConnectionRefused => return FaultKind::Refused,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                return FaultKind::Reset;
            }
            io::ErrorKind::TimedOut => return FaultKind::Timeout,
            io::ErrorKind::UnexpectedEof => return FaultKind::Closed,
            io::ErrorKind::NotConnected | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                return FaultKind::Connect;
            }
            _ => {}
        }
    }
    #[cfg(feature = "hyper-util")]
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        if error.is_incomplete_message() || error.is_closed() {
            return FaultKind::Closed;
        }
        if error.is_timeout() {
            return FaultKind::Timeout;
        }
        if error.is_parse() {
            return FaultKind::Protocol;
        }
    }
    of_words(&message.to_ascii_lowercase())
}

/// Clients that hide their types still speak.
fn of_words(message: &str) -> FaultKind {
    const WORDS: [(&str, FaultKind); 16] = [
        ("dns error", FaultKind::Dns),
        ("failed to lookup address", FaultKind::Dns),
        ("host not found", FaultKind::Dns),
        ("certificate", FaultKind::Tls),
        ("tls", FaultKind::Tls),
        ("connection refused", FaultKind::Refused),
        ("timed out", FaultKind::Timeout),
        ("timeout", FaultKind::Timeout),
        ("deadline has elapsed", FaultKind::Timeout),
        ("connection reset", FaultKind::Reset),
        ("broken pipe", FaultKind::Reset),
        ("connection closed before message completed", FaultKind::Closed),
        ("unexpected eof", FaultKind::Closed),
        ("end of file before message length reached", FaultKind::Closed),
        ("unexpected end of file", FaultKind::Closed),
        ("invalid http", FaultKind::Protocol),
    ];
    WORDS.iter().find(|(word, _)| message.contains(word)).map_or(FaultKind::Other, |(_, kind)| *kind)
}

fn says_connecting(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("tcp connect error")
        || message.contains("error trying to connect")
        || message == "client error (connect)"
}

/// The inner error knows better than what wraps it.
fn stronger(outer: FaultKind, inner: FaultKind) -> FaultKind {
    if inner == FaultKind::Other { outer } else { inner }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r41_the_kind_survives_a_round_trip() {
        use FaultKind as K;
        for kind in
            [K::Dns, K::Refused, K::Connect, K::ConnectTimeout, K::Tls, K::Timeout, K::Reset, K::Closed, K::Protocol]
        {
            let replayed = ReplayedFault::new(Fault { kind, message: "x".into() });
            assert_eq!(classify(&replayed).kind, kind);
        }
    }

    #[test]
    fn the_chain_is_walked_and_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("client error (Connect)")]
        struct Outer(#[source] io::Error);
        let fault = classify(&Outer(io::ErrorKind::TimedOut.into()));
        assert_eq!(fault.kind, FaultKind::ConnectTimeout);
        assert_eq!(fault.message, "client error (Connect): timed out");
        let fault = classify(&Outer(io::Error::other("dns error: no such host")));
        assert_eq!(fault.kind, FaultKind::Dns);
    }
}
