//! When an event is tried again: exponential back-off with full jitter, never before the partner says.
//!
//! Nothing here keeps state. The random value is made of the seed, the event and the attempt, so that a test with the same seed sees
//! the same times, whatever the order in which tasks run.

use std::time::Duration;

/// How retries are spread over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait before the second attempt; it doubles with each further one.
    pub base: Duration,
    /// The longest wait there is, unless a partner asks for more.
    pub cap: Duration,
    /// An event that was tried first so long ago becomes a dead letter when it fails again.
    pub window: Duration,
}

impl Default for Backoff {
    /// A second, 20 minutes, 4 hours.
    fn default() -> Self {
        Self { base: Duration::from_secs(1), cap: Duration::from_secs(20 * 60), window: Duration::from_secs(4 * 3600) }
    }
}

impl Backoff {
    /// How long to wait after so many attempts, at least 1: any time up to the cap of this attempt, but at least what the partner
    /// asked for, and then a little more at random, so that not everybody comes back at the same moment.
    #[must_use]
    pub fn wait(&self, attempts: u32, after: Option<Duration>, random: u64) -> Duration {
        let doubled = self.base.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
        let spread = doubled.min(self.cap).mul_f64(fraction(random));
        match after {
            Some(after) => after.saturating_add(spread.min(after / 4)),
            None => spread,
        }
    }
}

/// A value from 0 to below 1.
pub(super) fn fraction(random: u64) -> f64 {
    // 53 bits: as many as a double holds exactly.
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// A random value made of others (the finaliser of splitmix64 over each).
pub(super) fn mix(values: &[u64]) -> u64 {
    values.iter().fold(0x9e37_79b9_7f4a_7c15, |state, value| {
        let mut z = (state ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_spread_over_the_whole_of_a_doubling_span_up_to_the_cap() {
        let backoff = Backoff::default();
        for (attempts, longest) in [(1, 1), (2, 2), (5, 16), (11, 1024), (12, 1200), (40, 1200), (u32::MAX, 1200)] {
            let waits: Vec<f64> = (0..1000)
                .map(|n| backoff.wait(attempts, None, mix(&[7, n])).as_secs_f64() / f64::from(longest))
                .collect();
            let mean = waits.iter().sum::<f64>() / 1000.0;
            assert!(waits.iter().all(|wait| (0.0..1.0).contains(wait)), "{attempts}");
            assert!((0.45..0.55).contains(&mean), "{attempts}: {mean}");
        }
    }

    #[test]
    fn nothing_comes_back_before_the_partner_said() {
        let minute = Duration::from_secs(60);
        for n in 0..1000 {
            let wait = Backoff::default().wait(3, Some(minute), mix(&[n]));
            assert!((minute..=minute + Duration::from_secs(4)).contains(&wait), "{wait:?}");
        }
        assert_eq!(Backoff::default().wait(9, Some(Duration::ZERO), u64::MAX), Duration::ZERO);
    }
}
