//! The trait that a client's error type needs: what a failure means, and how a recorded failure or a miss looks in the
//! client's own terms.

use std::io;

use super::fault::io_kind;
use super::{ReplayedFault, classify};
use crate::session::Error;
use crate::tape::Fault;

/// The error that most of the ecosystem can carry.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no answer.
#[derive(Debug)]
pub enum Stop {
    /// The recorder refuses: a miss, a guard, a tape that cannot be read. Not to be retried.
    Recorder(Error),
    /// The recorded request failed like this.
    Fault(Fault),
}

/// Turns a client's errors into faults on a tape, and back.
pub trait Translate {
    /// The client's error.
    type Error;

    /// What kind of failure this is. [`classify`] knows what the standard library, hyper and most of the clients built on
    /// them say.
    fn fault(&self, error: &Self::Error) -> Fault;

    /// The client's own form of a refusal or of a recorded failure. A refusal must not look like an answer of the service,
    /// nor like anything that a retry policy would try again.
    fn error(&self, stop: Stop) -> Self::Error;
}

/// Translates to and from [`BoxError`]: a refusal is an [`Error`], a recorded failure a [`ReplayedFault`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Boxed;

impl Translate for Boxed {
    type Error = BoxError;

    fn fault(&self, error: &BoxError) -> Fault {
        classify(&**error)
    }

    fn error(&self, stop: Stop) -> BoxError {
        stop.into()
    }
}

impl From<Stop> for BoxError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Recorder(error) => error.into(),
            Stop::Fault(fault) => ReplayedFault::new(fault).into(),
        }
    }
}

/// For clients whose errors hold an [`io::Error`]: a recorded failure has the kind that a socket would give it, a refusal is
/// [`io::ErrorKind::Other`].
impl From<Stop> for io::Error {
    fn from(stop: Stop) -> Self {
        let kind = match &stop {
            Stop::Recorder(_) => io::ErrorKind::Other,
            Stop::Fault(fault) => io_kind(fault.kind),
        };
        Self::new(kind, BoxError::from(stop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::FaultKind;

    #[test]
    fn a_recorded_failure_is_an_io_error_of_the_kind_that_the_socket_gave() {
        let fault = Fault { kind: FaultKind::Refused, message: "connection refused".to_owned() };
        let error = io::Error::from(Stop::Fault(fault));
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.get_ref().is_some_and(|inner| inner.is::<ReplayedFault>()), "{error:?}");
    }
}
