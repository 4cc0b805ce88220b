//! Leaves a partner alone that does not answer, and asks now and then whether it is back.

use std::time::Duration;

use jiff::Timestamp;

use super::width::Fading;
use crate::delivery::backoff::{fraction, mix};
use crate::delivery::time::later;

/// So many failures in a row, with nothing good between them, open the circuit.
const IN_A_ROW: u32 = 5;
/// So many that may be the events' own.
const SOFT_IN_A_ROW: u32 = 20;
/// Or this part of at least so many answers of late.
const PART: (f32, f32) = (0.5, 20.0);
/// The first time open, and the longest: it doubles with every probe that fails.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// A circuit breaker.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    state: State,
    row: u32,
    soft: u32,
    /// How often it opened since all was well.
    opened: u32,
    recent: Fading,
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Timestamp,
    },
    /// A probe is out.
    Probing,
}

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Circuit {
    Closed,
    /// One request may go, to see.
    Probe,
    /// A probe is out.
    Probing,
    Open(Timestamp),
}

impl Breaker {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: State::Closed, row: 0, soft: 0, opened: 0, recent: Fading::new(), seed }
    }

    pub(super) fn circuit(&self, now: Timestamp) -> Circuit {
        match self.state {
            State::Closed => Circuit::Closed,
            State::Open { until } if until > now => Circuit::Open(until),
            State::Open { .. } => Circuit::Probe,
            State::Probing => Circuit::Probing,
        }
    }

    /// A request goes.
    pub(super) fn go(&mut self) {
        if self.state != State::Closed {
            self.state = State::Probing;
        }
    }

    /// A request came to nothing that tells anything.
    pub(super) fn lost(&mut self, now: Timestamp) {
        if self.state == State::Probing {
            self.state = State::Open { until: now };
        }
    }

    /// A good answer. True where this closed the circuit.
    pub(super) fn good(&mut self, now: Timestamp) -> bool {
        (self.row, self.soft) = (0, 0);
        self.recent.add(now, true);
        if self.state != State::Probing {
            // An answer to a request that went before the circuit opened tells nothing new.
            self.opened = if self.state == State::Closed && self.recent.bad() < 0.05 { 0 } else { self.opened };
            return false;
        }
        self.state = State::Closed;
        self.recent.clear();
        true
    }

    /// A failure. True where this opened the circuit.
    pub(super) fn bad(&mut self, now: Timestamp) -> bool {
        self.row += 1;
        self.recent.add(now, false);
        let trips = match self.state {
            State::Open { .. } => false,
            State::Probing => true,
            State::Closed => {
                let (part, count) = PART;
                self.row >= IN_A_ROW
                    || self.soft >= SOFT_IN_A_ROW
                    || (self.recent.count() >= count && self.recent.bad() >= part && self.row > 0)
            }
        };
        if trips {
            let open = FIRST.saturating_mul(1_u32.checked_shl(self.opened).unwrap_or(u32::MAX)).min(LONGEST);
            // Between three quarters and the whole of it, so that routers do not probe in step.
            let open = open.mul_f64(1.0 - fraction(mix(&[self.seed, u64::from(self.opened)])) / 4.0);
            self.opened = (self.opened + 1).min(30);
            self.state = State::Open { until: later(now, open) };
        }
        trips
    }

    /// A failure that may be the event's own. True where this opened the circuit.
    pub(super) fn soft(&mut self, now: Timestamp) -> bool {
        self.soft += 1;
        if self.soft >= SOFT_IN_A_ROW || self.state == State::Probing {
            return self.bad(now);
        }
        self.recent.add(now, false);
        false
    }

    /// Lets time pass.
    pub(super) fn fade(&mut self, now: Timestamp) {
        self.recent.fade(now);
    }

    /// Whether so much fails of late that retries are to be rationed.
    pub(super) fn failing(&self) -> bool {
        self.recent.count() >= 5.0 && self.recent.bad() > 0.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds))
    }

    #[test]
    fn opens_after_five_failures_in_a_row_probes_once_and_closes() {
        let mut breaker = Breaker::new(1);
        assert!((0..4).all(|_| !breaker.bad(at(0))));
        assert_eq!(breaker.circuit(at(0)), Circuit::Closed);
        assert!(breaker.bad(at(0)));
        assert!(matches!(breaker.circuit(at(0)), Circuit::Open(until) if until <= at(1)));
        assert_eq!(breaker.circuit(at(1)), Circuit::Probe);
        breaker.go();
        assert_eq!(breaker.circuit(at(1)), Circuit::Probing);
        assert!(breaker.good(at(2)));
        assert_eq!(breaker.circuit(at(2)), Circuit::Closed);
    }

    #[test]
    fn a_partner_that_is_down_for_hours_gets_a_probe_every_few_minutes() {
        let mut breaker = Breaker::new(1);
        assert!((0..5).any(|_| breaker.bad(at(0))));
        let (mut now, mut probes) = (at(0), 0);
        while now < at(4 * 3600) {
            if let Circuit::Open(until) = breaker.circuit(now) {
                now = until;
            } else {
                breaker.go();
                assert!(breaker.bad(now));
                probes += 1;
            }
        }
        assert!((48..70).contains(&probes), "{probes}");
    }

    #[test]
    fn half_of_twenty_answers_bad_open_it_and_a_few_do_not() {
        let mut breaker = Breaker::new(1);
        let answers = (0..1000).map(|n| if n % 4 == 0 { breaker.bad(at(n / 100)) } else { breaker.good(at(n / 100)) });
        assert_eq!(answers.filter(|changed| *changed).count(), 0);
        assert!(breaker.failing());
        let answers =
            (1000..2400).map(|n| if n % 4 > 0 { breaker.bad(at(n / 100)) } else { breaker.good(at(n / 100)) });
        assert!(answers.filter(|changed| *changed).count() > 0);
    }

    #[test]
    fn failures_of_single_events_open_it_only_when_nothing_else_comes() {
        let mut breaker = Breaker::new(1);
        assert!((0..100).all(|n| if n % 19 == 18 { !breaker.good(at(0)) } else { !breaker.soft(at(0)) }));
        assert!((0..20).any(|_| breaker.soft(at(0))));
    }

    #[test]
    fn a_probe_that_got_lost_is_not_waited_for() {
        let mut breaker = Breaker::new(1);
        assert!((0..5).any(|_| breaker.bad(at(0))));
        breaker.go();
        breaker.lost(at(3));
        assert_eq!(breaker.circuit(at(3)), Circuit::Probe);
    }
}
