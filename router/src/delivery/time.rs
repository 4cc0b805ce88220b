//! Arithmetic with times that cannot overflow.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// So much later; the last moment there is where that lies beyond it.
pub(super) fn later(then: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    then.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// How long ago something was; zero for what is still to come.
pub(super) fn ago(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}
