//! The time, as an argument: hours of delivery run in a test in milliseconds.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// Tells the time and waits for it. Clones tell the same time.
///
/// Waiting is tokio's, so that a test that paused its clock (`tokio::time::pause`) waits for nothing; [`Clock::starting_at`] makes
/// the date follow that same clock.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System,
    Following { start: Timestamp, since: Arc<tokio::time::Instant> },
}

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that says `start` now and goes as fast as tokio's.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self(Kind::Following { start, since: Arc::new(tokio::time::Instant::now()) })
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            // A clock beyond the year 9999 or before -9999 is none.
            Kind::System => Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH),
            Kind::Following { start, since } => *start + since.elapsed(),
        }
    }

    /// Waits until it is so late; not at all where it is later.
    pub async fn sleep_until(&self, then: Timestamp) {
        let wait = Duration::try_from(then.duration_since(self.now())).unwrap_or_default();
        tokio::time::sleep(wait).await;
    }
}
