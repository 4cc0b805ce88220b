//! So many requests a second, and no more.

use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::time::{ago, later};

/// A token bucket that holds a tenth of a second's tokens, and at least one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    rate: f64,
    tokens: f64,
    at: Timestamp,
}

impl Bucket {
    /// `None` for a rate that is no limit.
    pub(super) fn new(rate: f64, now: Timestamp) -> Option<Self> {
        (rate.is_finite() && rate > 0.0).then(|| Self { rate, tokens: Self::room(rate), at: now })
    }

    /// When there is a token: now, or later.
    pub(super) fn ready(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.tokens = (self.tokens + ago(now, self.at).as_secs_f64() * self.rate).min(Self::room(self.rate));
        self.at = self.at.max(now);
        // The last digits of a sum of doubles decide nothing.
        if self.tokens >= 1.0 - 1e-6 {
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - self.tokens) / self.rate);
        Err(later(now, wait.max(Duration::from_millis(1))))
    }

    pub(super) fn take(&mut self) {
        self.tokens -= 1.0;
    }

    fn room(rate: f64) -> f64 {
        (rate / 10.0).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_a_minute_no_more_goes_through_than_the_rate_allows() {
        for rate in [0.5, 1.0, 7.0, 100.0, 2500.0] {
            let start = Timestamp::UNIX_EPOCH;
            let mut bucket = Bucket::new(rate, start).unwrap();
            let (mut now, mut through) = (start, 0);
            while now < later(start, Duration::from_secs(60)) {
                match bucket.ready(now) {
                    Ok(()) => {
                        bucket.take();
                        through += 1;
                    }
                    Err(then) => now = then,
                }
            }
            let most = rate * 60.0 + (rate / 10.0).max(1.0);
            assert!(f64::from(through) <= most + 1.0 && f64::from(through) > rate * 54.0, "{rate}: {through}");
        }
    }

    #[test]
    fn a_rate_that_is_no_number_is_no_limit() {
        assert!(
            [0.0, -1.0, f64::NAN, f64::INFINITY].iter().all(|rate| Bucket::new(*rate, Timestamp::UNIX_EPOCH).is_none())
        );
    }
}
