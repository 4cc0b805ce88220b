//! How many requests at once: as many as the partner bears, by what its answers show.
//!
//! Additive increase, multiplicative decrease, as TCP does it: one more for each full round of good answers, a third less on a sign
//! that it is too much (429, 503, no answer in time, answers that take far longer than they used to).

use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::time::{ago, later};

/// Answers below this are quick, however much quicker the others were.
const QUICK: f64 = 0.25;

/// A limit that adapts itself between 1 and what is allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width {
    limit: f32,
    most: f32,
    /// Means of the time to an answer, in seconds: of late, and as it usually is.
    recent: f32,
    usual: f32,
    /// One cut for one jam: not again before this.
    cut_again: Timestamp,
}

impl Width {
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1) as f32;
        Self { limit: most, most, recent: 0.0, usual: 0.0, cut_again: Timestamp::MIN }
    }

    /// How many may be out at once.
    pub(super) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// The limit that is allowed changed.
    pub(super) fn allow(&mut self, most: usize) {
        let most = most.max(1) as f32;
        // A limit that was never lowered goes up with what is allowed.
        self.limit = if self.limit >= self.most { most } else { self.limit.min(most) };
        self.most = most;
    }

    /// A good answer came after so long, while so many were out.
    pub(super) fn good(&mut self, now: Timestamp, elapsed: Duration, out: usize) {
        let seconds = elapsed.as_secs_f32();
        let first = self.usual == 0.0;
        self.recent += (seconds - self.recent) * if first { 1.0 } else { 0.2 };
        self.usual += (seconds - self.usual) * if first { 1.0 } else { 0.005 };
        if f64::from(self.recent) > QUICK.max(f64::from(self.usual) * 3.0) {
            self.cut(now, 0.9);
        } else if out * 2 >= self.limit() {
            self.limit = (self.limit + 1.0 / self.limit).min(self.most);
        }
    }

    /// The partner shows that it is too much.
    pub(super) fn jam(&mut self, now: Timestamp) {
        self.cut(now, 0.67);
    }

    /// Begins again with one request at a time.
    pub(super) fn restart(&mut self) {
        self.limit = 1.0;
    }

    fn cut(&mut self, now: Timestamp, factor: f32) {
        if now >= self.cut_again {
            self.limit = (self.limit * factor).max(1.0);
            let round = Duration::from_secs_f32(self.recent.clamp(0.05, 10.0));
            self.cut_again = later(now, round);
        }
    }

    /// Whether it is below what is allowed: for people.
    pub(super) fn lowered(&self) -> bool {
        self.limit < self.most
    }
}

/// How long a span of counting is.
const SPAN: Duration = Duration::from_secs(30);

/// Counts that fade: what happened 30 seconds ago counts a third.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fading {
    good: f32,
    bad: f32,
    at: Timestamp,
}

impl Fading {
    pub(super) fn new() -> Self {
        Self { good: 0.0, bad: 0.0, at: Timestamp::MIN }
    }

    pub(super) fn add(&mut self, now: Timestamp, good: bool) {
        self.fade(now);
        *(if good { &mut self.good } else { &mut self.bad }) += 1.0;
    }

    /// Lets time pass.
    pub(super) fn fade(&mut self, now: Timestamp) {
        let past = ago(now, self.at).as_secs_f32();
        // A clock is read a few million times a second; fading for every microsecond would only cost.
        if past > 0.1 {
            let fade = (-past / SPAN.as_secs_f32()).exp();
            (self.good, self.bad, self.at) = (self.good * fade, self.bad * fade, now);
        }
    }

    /// How many there were of late.
    pub(super) fn count(&self) -> f32 {
        self.good + self.bad
    }

    /// Which part of them was bad, from 0 to 1.
    pub(super) fn bad(&self) -> f32 {
        if self.count() > 0.0 { self.bad / self.count() } else { 0.0 }
    }

    pub(super) fn clear(&mut self) {
        (self.good, self.bad) = (0.0, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_millis(ms))
    }

    #[test]
    fn a_jam_lowers_the_limit_once_a_round_and_good_answers_raise_it_one_by_one() {
        let mut width = Width::new(16);
        (0..16).for_each(|_| width.jam(at(0)));
        assert_eq!(width.limit(), 10);
        width.jam(at(100));
        assert_eq!(width.limit(), 7);
        (0..8).for_each(|_| width.good(at(200), Duration::from_millis(20), 7));
        assert_eq!(width.limit(), 8);
        (0..1000).for_each(|_| width.good(at(300), Duration::from_millis(20), 16));
        assert_eq!((width.limit(), width.lowered()), (16, false));
    }

    #[test]
    fn a_limit_that_is_not_used_does_not_grow() {
        let mut width = Width::new(100);
        (0..20).for_each(|n| width.jam(at(n * 100)));
        let low = width.limit();
        (0..10_000).for_each(|n| width.good(at(3000 + n), Duration::from_millis(20), 0));
        assert_eq!(width.limit(), low);
    }

    #[test]
    fn answers_that_take_far_longer_than_usual_lower_the_limit() {
        let mut width = Width::new(64);
        (0..1000).for_each(|n| width.good(at(n), Duration::from_millis(40), 64));
        assert_eq!(width.limit(), 64);
        (0..50).for_each(|n| width.good(at(1000 + n * 2000), Duration::from_millis(2000), 64));
        assert!(width.limit() < 16, "{}", width.limit());
    }
}
