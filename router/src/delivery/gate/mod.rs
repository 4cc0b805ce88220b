//! Gates: what goes out passes two of them, the one of its instance and the one of its host.
//!
//! A [`Gate`] is pure: the time is an argument. It holds a token bucket (the rate that a partner allows), a width that adapts itself
//! (how many requests at once), a circuit breaker (a partner that is down is left alone, and probed now and then), the moment until
//! which the partner asked to be left alone (`Retry-After`), and for hosts a budget of retries.

mod breaker;
mod bucket;
mod budget;
mod width;

use std::time::Duration;

use jiff::Timestamp;

use breaker::{Breaker, Circuit};
use bucket::Bucket;
use budget::Budget;
use width::Width;

use super::time::later;

/// What a gate lets through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Requests a second; `None` for any number.
    pub rate: Option<f64>,
    /// The most requests at once.
    pub concurrency: usize,
    /// Whether retries are rationed while much fails.
    pub budget: bool,
}

/// One gate.
#[derive(Debug)]
pub struct Gate {
    rules: Rules,
    out: usize,
    bucket: Option<Bucket>,
    width: Width,
    breaker: Breaker,
    shut: Option<Timestamp>,
    budget: Option<Budget>,
}

/// Whether a request carries events that were tried before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first attempt.
    First,
    /// A retry.
    Again,
}

/// What a gate says to somebody who wants to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Go.
    Go,
    /// As many are out as may be: ask when one is back.
    Full,
    /// The rate allows it then.
    Paced(Timestamp),
    /// Nobody passes until then.
    Shut(Timestamp),
    /// Too many retries for now; others may pass. Ask then.
    Spent(Timestamp),
}

/// What came of a request, as far as a gate cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// An answer, after so long.
    Good(Duration),
    /// A failure, or a sign that it is too much; nobody passes for so long, where the partner said how long.
    Bad(Option<Duration>),
    /// A failure that may be the event's own: only many of them with nothing good between show that the partner is down.
    Soft,
    /// Nothing that tells anything.
    None,
}

/// How a gate stands, for the scheduler and for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// Nobody passes before.
    pub shut: Option<Timestamp>,
    /// The circuit is not closed: one at a time, to see.
    pub probing: bool,
    /// So many requests may be out at once.
    pub width: usize,
    /// So many are.
    pub out: usize,
    /// Much fails: retries are rationed.
    pub failing: bool,
}

impl Gate {
    /// A gate that is open.
    #[must_use]
    pub fn new(rules: Rules, now: Timestamp, seed: u64) -> Self {
        Self {
            rules,
            out: 0,
            bucket: rules.rate.and_then(|rate| Bucket::new(rate, now)),
            width: Width::new(rules.concurrency),
            breaker: Breaker::new(seed),
            shut: None,
            budget: rules.budget.then(|| Budget::new(now)),
        }
    }

    /// Other rules from now on. What the gate learned stays.
    pub fn rule(&mut self, rules: Rules, now: Timestamp) {
        if rules.rate != self.rules.rate {
            self.bucket = rules.rate.and_then(|rate| Bucket::new(rate, now));
        }
        self.width.allow(rules.concurrency);
        self.rules = rules;
    }

    /// Whether one may pass. Nothing is counted before [`pass`](Self::pass).
    pub fn ask(&mut self, now: Timestamp, kind: Kind) -> Ask {
        if let Some(until) = self.shut.filter(|until| *until > now) {
            return Ask::Shut(until);
        }
        match self.breaker.circuit(now) {
            Circuit::Open(until) => return Ask::Shut(until),
            Circuit::Probing => return Ask::Shut(later(now, Duration::from_secs(1))),
            // What is still out from before may keep a place, but not the probe from going.
            Circuit::Probe => return self.paced(now),
            Circuit::Closed => {}
        }
        if self.out >= self.width.limit() {
            return Ask::Full;
        }
        if kind == Kind::Again {
            self.breaker.fade(now);
        }
        if kind == Kind::Again
            && self.breaker.failing()
            && let Some(Err(then)) = self.budget.as_mut().map(|budget| budget.ready(now))
        {
            return Ask::Spent(then);
        }
        self.paced(now)
    }

    /// One passes.
    pub fn pass(&mut self, kind: Kind) {
        self.out += 1;
        self.breaker.go();
        if let Some(bucket) = &mut self.bucket {
            bucket.take();
        }
        if let Some(budget) = &mut self.budget {
            match kind {
                Kind::First => budget.earn(),
                Kind::Again if self.breaker.failing() => budget.spend(),
                Kind::Again => {}
            }
        }
    }

    /// One is back.
    pub fn back(&mut self, now: Timestamp, kind: Kind, sign: Sign) {
        if let Some(budget) = self.budget.as_mut().filter(|_| kind == Kind::Again) {
            match sign {
                Sign::Good(_) => budget.worked(),
                Sign::Bad(_) | Sign::Soft => budget.failed(),
                Sign::None => {}
            }
        }
        match sign {
            Sign::Good(elapsed) => {
                if self.breaker.good(now) {
                    // A partner that comes back is met by one request, then two: not by everything that waited.
                    self.width.restart();
                }
                self.width.good(now, elapsed, self.out);
            }
            Sign::Bad(after) => {
                self.breaker.bad(now);
                self.width.jam(now);
                self.shut_for(now, after);
            }
            Sign::Soft => {
                self.breaker.soft(now);
            }
            Sign::None => self.breaker.lost(now),
        }
        self.out = self.out.saturating_sub(1);
    }

    /// How it stands.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> View {
        let circuit = self.breaker.circuit(now);
        let open = if let Circuit::Open(until) = circuit { Some(until) } else { None };
        View {
            shut: self.shut.filter(|until| *until > now).max(open),
            probing: circuit != Circuit::Closed,
            width: self.width.limit(),
            out: self.out,
            failing: self.breaker.failing() || self.width.lowered(),
        }
    }

    fn paced(&mut self, now: Timestamp) -> Ask {
        match self.bucket.as_mut().map(|bucket| bucket.ready(now)) {
            Some(Err(then)) => Ask::Paced(then),
            _ => Ask::Go,
        }
    }

    fn shut_for(&mut self, now: Timestamp, after: Option<Duration>) {
        self.shut = self.shut.max(after.map(|after| later(now, after)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_millis(ms))
    }

    fn gate(rules: Rules) -> Gate {
        Gate::new(rules, at(0), 3)
    }

    const HOST: Rules = Rules { rate: None, concurrency: 8, budget: true };

    #[test]
    fn no_more_are_out_than_may_be() {
        let mut gate = gate(HOST);
        for _ in 0..8 {
            assert_eq!(gate.ask(at(0), Kind::First), Ask::Go);
            gate.pass(Kind::First);
        }
        assert_eq!(gate.ask(at(0), Kind::First), Ask::Full);
        gate.back(at(5), Kind::First, Sign::Good(Duration::from_millis(5)));
        assert_eq!(gate.ask(at(5), Kind::First), Ask::Go);
    }

    #[test]
    fn retry_after_shuts_the_gate_for_so_long() {
        let mut gate = gate(HOST);
        gate.pass(Kind::First);
        gate.pass(Kind::First);
        gate.back(at(0), Kind::First, Sign::Bad(Some(Duration::from_secs(30))));
        gate.back(at(1), Kind::First, Sign::Bad(Some(Duration::from_secs(10))));
        assert_eq!(gate.ask(at(29_999), Kind::First), Ask::Shut(at(30_000)));
        assert_eq!(gate.ask(at(30_000), Kind::First), Ask::Go);
    }

    #[test]
    fn a_partner_that_comes_back_is_met_by_one_request_and_then_by_more() {
        let mut gate = gate(HOST);
        for _ in 0..5 {
            gate.pass(Kind::First);
            gate.back(at(0), Kind::First, Sign::Bad(None));
        }
        assert!(matches!(gate.ask(at(0), Kind::First), Ask::Shut(_)));
        assert_eq!(gate.ask(at(1000), Kind::First), Ask::Go);
        gate.pass(Kind::First);
        assert!(matches!(gate.ask(at(1000), Kind::First), Ask::Shut(_)));
        gate.back(at(1010), Kind::First, Sign::Good(Duration::from_millis(10)));
        assert_eq!(gate.view(at(1010)).width, 2);
        for n in 0..100 {
            gate.pass(Kind::First);
            gate.pass(Kind::First);
            gate.back(at(1020 + n), Kind::First, Sign::Good(Duration::from_millis(10)));
            gate.back(at(1020 + n), Kind::First, Sign::Good(Duration::from_millis(10)));
        }
        assert!(gate.view(at(1200)).width >= 4);
    }

    #[test]
    fn while_much_fails_retries_are_rationed_and_first_attempts_are_not() {
        let mut gate = gate(Rules { concurrency: 10_000, ..HOST });
        let mut retries = 0;
        for n in 0..2000 {
            for kind in [Kind::First, Kind::Again, Kind::Again] {
                match gate.ask(at(n), kind) {
                    Ask::Go => {
                        gate.pass(kind);
                        retries += usize::from(kind == Kind::Again);
                        let sign = if n % 5 == 0 { Sign::Bad(None) } else { Sign::Good(Duration::from_millis(5)) };
                        gate.back(at(n), kind, sign);
                    }
                    other => assert!(matches!(other, Ask::Spent(_)) && kind == Kind::Again, "{other:?}"),
                }
            }
        }
        assert!((400..470).contains(&retries), "{retries}");
    }

    #[test]
    fn rules_that_change_keep_what_was_learned() {
        let mut gate = gate(HOST);
        gate.pass(Kind::First);
        gate.back(at(0), Kind::First, Sign::Bad(Some(Duration::from_secs(9))));
        gate.rule(Rules { rate: Some(1.0), concurrency: 4, budget: true }, at(0));
        assert_eq!(gate.ask(at(10), Kind::First), Ask::Shut(at(9000)));
        assert_eq!(gate.view(at(10)).width, 4);
        gate.pass(Kind::First);
        assert!(matches!(gate.ask(at(9000), Kind::First), Ask::Go));
    }
}
