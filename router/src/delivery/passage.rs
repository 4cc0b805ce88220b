//! The way through both gates: that of the instance, then that of the host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::gate::{Ask, Gate, Kind, Rules, Sign, View};
use super::time::{ago, later};
use crate::clock::Clock;

/// A gate that tasks share.
#[derive(Debug)]
pub(super) struct Door {
    gate: Mutex<Gate>,
    freed: Notify,
    /// The number of a host; 0 for an instance.
    pub(super) number: u32,
}

impl Door {
    pub(super) fn new(gate: Gate, number: u32) -> Self {
        Self { gate: Mutex::new(gate), freed: Notify::new(), number }
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        // Nothing in a gate panics.
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn view(&self, now: Timestamp) -> View {
        self.gate().view(now)
    }

    fn back(&self, now: Timestamp, kind: Kind, sign: Sign) {
        self.gate().back(now, kind, sign);
        self.freed.notify_waiters();
    }
}

/// The gates of all hosts that were sent to.
#[derive(Debug)]
pub(super) struct Hosts {
    doors: Mutex<HashMap<String, Arc<Door>>>,
    concurrency: usize,
    seed: u64,
}

impl Hosts {
    pub(super) fn new(concurrency: usize, seed: u64) -> Self {
        Self { doors: Mutex::default(), concurrency, seed }
    }

    pub(super) fn door(&self, host: &str, now: Timestamp) -> Arc<Door> {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = doors.get(host) {
            return Arc::clone(door);
        }
        let number = u32::try_from(doors.len()).unwrap_or(u32::MAX).saturating_add(1);
        let rules = Rules { rate: None, concurrency: self.concurrency, budget: true };
        let door = Arc::new(Door::new(Gate::new(rules, now, self.seed ^ u64::from(number)), number));
        doors.insert(host.to_owned(), Arc::clone(&door));
        door
    }

    pub(super) fn views(&self, now: Timestamp) -> Vec<(String, View)> {
        let doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let mut views: Vec<_> = doors.iter().map(|(host, door)| (host.clone(), door.view(now))).collect();
        views.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        views
    }
}

/// Why a request may not go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    /// Ask again then.
    pub(super) until: Timestamp,
    /// Only retries may not.
    pub(super) retries_only: bool,
    /// A gate is shut; else it was only too full for too long.
    pub(super) shut: bool,
}

/// The leave to send one request, given back with what came of it.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    instance: &'a Door,
    host: Arc<Door>,
    clock: &'a Clock,
    kind: Kind,
    open: bool,
}

impl Pass<'_> {
    /// The request came to something.
    pub(super) fn back(mut self, now: Timestamp, instance: Sign, host: Sign) {
        self.open = false;
        self.instance.back(now, self.kind, instance);
        self.host.back(now, self.kind, host);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.open {
            let now = self.clock.now();
            self.instance.back(now, self.kind, Sign::None);
            self.host.back(now, self.kind, Sign::None);
        }
    }
}

/// Waits for both gates: for the rate as long as patience goes, for a place until one must have got free (`timeout`). A gate that is
/// shut is not waited for.
pub(super) async fn enter<'a>(
    instance: &'a Door,
    host: &Arc<Door>,
    kind: Kind,
    clock: &'a Clock,
    patience: Duration,
    timeout: Duration,
) -> Result<Pass<'a>, Refused> {
    let begun = clock.now();
    let (patient, longest) = (later(begun, patience), later(begun, timeout.max(patience)));
    loop {
        // Both are heard before they are asked, so that a place that gets free in between is not missed.
        let (a, b) = (instance.freed.notified(), host.freed.notified());
        tokio::pin!(a, b);
        a.as_mut().enable();
        b.as_mut().enable();
        let now = clock.now();
        let answer = ask(instance, host, kind, now);
        let refused = |until, retries_only, shut| Err(Refused { until, retries_only, shut });
        let until = match answer {
            Ask::Go => return Ok(Pass { instance, host: Arc::clone(host), clock, kind, open: true }),
            Ask::Shut(until) => return refused(until, false, true),
            Ask::Spent(until) => return refused(until, true, true),
            Ask::Paced(until) if until > patient => return refused(until, false, false),
            Ask::Paced(until) => until,
            Ask::Full if now >= longest => return refused(later(now, Duration::from_millis(50)), false, false),
            Ask::Full => longest,
        };
        tokio::select! {
            () = a => {}
            () = b => {}
            () = tokio::time::sleep(ago(until, now).max(Duration::from_millis(1))) => {}
        }
    }
}

/// Asks both, and passes both or none.
fn ask(instance: &Door, host: &Door, kind: Kind, now: Timestamp) -> Ask {
    let mut first = instance.gate();
    let mut second = host.gate();
    let answers = [first.ask(now, kind), second.ask(now, kind)];
    let shut = |answer: &Ask| matches!(answer, Ask::Shut(_) | Ask::Spent(_));
    let refusal = answers.iter().find(|answer| shut(answer)).or(answers.iter().find(|answer| **answer != Ask::Go));
    match refusal {
        Some(refusal) => *refusal,
        None => {
            first.pass(kind);
            second.pass(kind);
            Ask::Go
        }
    }
}
