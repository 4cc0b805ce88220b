//! What may be spent on retries while a partner fails: a fifth of the other traffic, and a few without any: one every ten seconds, more
//! as long as they work, up to ten a second.

use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::time::{ago, later};

/// Retries for each first attempt.
const SHARE: f32 = 0.2;
/// Retries a second that are free: the least, and the most.
const FREE: (f32, f32) = (0.1, 10.0);
/// What a retry that works and one that fails make of that: where one of five fails it grows, where one of three does it shrinks.
const WORKED: f32 = 1.2;
const FAILED: f32 = 0.5;
/// The most that is saved up.
const MOST: f32 = 20.0;

/// A budget of retries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    saved: f32,
    free: f32,
    at: Timestamp,
}

impl Budget {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { saved: MOST, free: FREE.0, at: now }
    }

    /// A first attempt was made.
    pub(super) fn earn(&mut self) {
        self.saved = (self.saved + SHARE).min(MOST);
    }

    /// Whether a retry is affordable; else when it may be.
    pub(super) fn ready(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.saved = (self.saved + ago(now, self.at).as_secs_f32() * self.free).min(MOST);
        self.at = self.at.max(now);
        if self.saved >= 0.999 {
            return Ok(());
        }
        // Other traffic may earn it sooner than time does.
        let wait = ((1.0 - self.saved) / self.free).clamp(0.1, 1.0);
        Err(later(now, Duration::from_secs_f32(wait)))
    }

    /// A retry came to something.
    pub(super) fn worked(&mut self) {
        self.free = (self.free * WORKED).min(FREE.1);
    }

    /// A retry failed again.
    pub(super) fn failed(&mut self) {
        self.free = (self.free * FAILED).max(FREE.0);
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

    #[test]
    fn without_other_traffic_retries_that_work_come_faster_and_faster() {
        let start = Timestamp::UNIX_EPOCH;
        for (worse, least, most) in [(usize::MAX, 400, 800), (3, 6, 80)] {
            let mut budget = Budget::new(start);
            let (mut now, mut retries) = (start, 0);
            while now < later(start, Duration::from_secs(60)) {
                match budget.ready(now) {
                    Ok(()) => {
                        budget.spend();
                        retries += 1;
                        if retries % worse == 0 { budget.failed() } else { budget.worked() }
                    }
                    Err(then) => now = then,
                }
            }
            assert!((least..most).contains(&retries), "{retries}");
        }
    }
}
