//! What may be spent on retries while a partner fails: a fifth of the other traffic, and one every ten seconds where there is none.

use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::time::{ago, later};

/// Retries for each first attempt.
const SHARE: f32 = 0.2;
/// Retries a second that are free.
const FREE: f32 = 0.1;
/// The most that is saved up.
const MOST: f32 = 20.0;

/// A budget of retries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    saved: f32,
    at: Timestamp,
}

impl Budget {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { saved: MOST, at: now }
    }

    /// A first attempt was made.
    pub(super) fn earn(&mut self) {
        self.saved = (self.saved + SHARE).min(MOST);
    }

    /// Whether a retry is affordable; else when it may be.
    pub(super) fn ready(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.saved = (self.saved + ago(now, self.at).as_secs_f32() * FREE).min(MOST);
        self.at = self.at.max(now);
        if self.saved >= 0.999 {
            return Ok(());
        }
        // Other traffic may earn it sooner than time does.
        let wait = ((1.0 - self.saved) / FREE).clamp(0.1, 1.0);
        Err(later(now, Duration::from_secs_f32(wait)))
    }

    pub(super) fn spend(&mut self) {
        self.saved = (self.saved - 1.0).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_fifth_of_the_traffic_and_a_few_when_there_is_none() {
        let start = Timestamp::UNIX_EPOCH;
        let mut budget = Budget::new(start);
        let mut retries = 0;
        for n in 0..10_000 {
            budget.earn();
            let now = later(start, Duration::from_millis(n));
            while budget.ready(now).is_ok() {
                budget.spend();
                retries += 1;
            }
        }
        assert!((2000..2030).contains(&retries), "{retries}");
        let mut now = later(start, Duration::from_secs(10));
        let mut quiet = 0;
        while now < later(start, Duration::from_secs(1010)) {
            match budget.ready(now) {
                Ok(()) => {
                    budget.spend();
                    quiet += 1;
                }
                Err(then) => now = then,
            }
        }
        assert!((95..=101).contains(&quiet), "{quiet}");
    }
}
