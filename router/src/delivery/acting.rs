//! An instance at work, and what all workers share.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::counters::Counters;
use super::gate::{Gate, Rules};
use super::parsed::Cache;
use super::passage::{Door, Hosts};
use super::scheduler::Pace;
use super::shield::AT_ONCE;
use super::tokens::Tokens;
use super::topology::{Instance, Parts};
use crate::destination::{Limits, Target};
use crate::log::InstanceId;

/// What all workers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) parts: Parts,
    pub(super) cache: Cache,
    pub(super) hosts: Hosts,
    pub(super) tokens: Tokens,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            cache: Cache::new(parts.options.cache),
            hosts: Hosts::new(parts.options.host_concurrency, parts.seed),
            tokens: Tokens::new(parts.tokens.clone()),
            parts,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }
}

/// An instance at work. Another configuration makes another one, with the same gate and counters.
pub(super) struct Acting {
    pub(super) id: InstanceId,
    pub(super) target: Arc<dyn Target>,
    pub(super) subscriptions: usize,
    pub(super) ordered: bool,
    pub(super) watched: bool,
    turns: Semaphore,
    pub(super) door: Arc<Door>,
    pub(super) counters: Arc<Counters>,
    pub(super) health: Health,
}

impl Acting {
    pub(super) fn new(id: InstanceId, instance: &Instance, before: Option<&Self>, shared: &Shared) -> Self {
        let subscriptions = instance.subscriptions.min(64);
        let limits = (0..subscriptions).map(|n| instance.target.limits(n));
        let rates = limits.clone().filter_map(|limits| limits.rate);
        let rules = Rules {
            rate: rates.reduce(f64::min),
            concurrency: limits.map(|limits| limits.concurrency).max().unwrap_or(1),
            budget: false,
        };
        let now = shared.now();
        let door = match before {
            Some(before) => {
                before.door.gate().rule(rules, now);
                Arc::clone(&before.door)
            }
            None => Arc::new(Door::new(Gate::new(rules, now, shared.parts.seed ^ u64::from(id.0)), 0)),
        };
        Self {
            id,
            target: Arc::clone(&instance.target),
            subscriptions,
            ordered: instance.ordered,
            watched: instance.watched,
            turns: Semaphore::new(AT_ONCE),
            door,
            counters: before.map(|before| Arc::clone(&before.counters)).unwrap_or_default(),
            health: Health::default(),
        }
    }

    /// All its subscriptions, a bit each.
    pub(super) fn all(&self) -> u64 {
        if self.subscriptions >= 64 { u64::MAX } else { (1 << self.subscriptions) - 1 }
    }

    /// How its lanes go. A subscription that takes one event at a time gets 64 from a pull (fewer where the rate is low), the others
    /// a batch; a pull waits as long as the subscription does that waits longest.
    pub(super) fn pace(&self) -> Pace {
        let limits: Vec<&Limits> = (0..self.subscriptions).map(|n| self.target.limits(n)).collect();
        let batch = limits.iter().map(|limits| limits.events).max().unwrap_or(1).clamp(1, 2500);
        let concurrency = limits.iter().map(|limits| limits.concurrency).max().unwrap_or(1).max(1);
        let rate = limits.iter().filter_map(|limits| limits.rate).fold(f64::INFINITY, f64::min);
        let batches = batch > 1;
        let events = if batches { batch } else { (rate.clamp(1.0, 64.0) as usize).min(concurrency * 8) };
        let linger = limits.iter().map(|limits| limits.linger).max().unwrap_or_default();
        let calls = if batches { 1 } else { events };
        // One more than keep all requests going, for what is read and recorded meanwhile.
        let pulls = if self.ordered { 1 } else { concurrency.div_ceil(calls).min(15) + 1 };
        Pace {
            events: events as u32,
            batches,
            linger: if batches { linger } else { Duration::ZERO },
            pulls: pulls as u16,
            ordered: self.ordered,
        }
    }

    /// Whose turn it is to run its code, where that is watched.
    pub(super) fn turns(&self) -> Option<&Semaphore> {
        self.watched.then_some(&self.turns)
    }

    /// Its code panicked.
    pub(super) fn panicked(&self, what: &str, said: &str, now: Timestamp) {
        Counters::add(&self.counters.panics, 1);
        tracing::error!(
            instance = self.target.name(),
            destination = self.target.slug(),
            what,
            said,
            "destination code panicked"
        );
        self.health.degrade(format!("{what} panicked: {said}"), now);
    }

    /// Its code did not end in time. True where it is not to be run any more.
    pub(super) fn overran(&self, what: &str, shared: &Shared) -> bool {
        Counters::add(&self.counters.overruns, 1);
        let limit = shared.parts.options.watchdog;
        tracing::error!(
            instance = self.target.name(),
            destination = self.target.slug(),
            what,
            ?limit,
            "destination code does not end"
        );
        self.health.degrade(format!("{what} did not end within {}", humantime::format_duration(limit)), shared.now());
        self.health.overruns.fetch_add(1, Ordering::Relaxed);
        self.worn(shared)
    }

    /// Whether its code is not to be run any more.
    pub(super) fn worn(&self, shared: &Shared) -> bool {
        self.health.overruns.load(Ordering::Relaxed) >= shared.parts.options.overruns
    }
}

impl fmt::Debug for Acting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acting").field("id", &self.id).field("name", &self.target.name()).finish_non_exhaustive()
    }
}

/// Whether the code of an instance behaves.
#[derive(Debug, Default)]
pub(super) struct Health {
    degraded: Mutex<Option<Degraded>>,
    overruns: std::sync::atomic::AtomicU32,
}

/// What was wrong with a destination's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degraded {
    /// The last thing that was wrong, for people.
    pub reason: String,
    /// When that was.
    pub at: Timestamp,
    /// How often there was something since it was configured.
    pub times: u64,
}

impl Health {
    fn degrade(&self, reason: String, at: Timestamp) {
        let mut degraded = self.degraded.lock().unwrap_or_else(PoisonError::into_inner);
        let times = degraded.as_ref().map_or(0, |degraded| degraded.times) + 1;
        *degraded = Some(Degraded { reason, at, times });
    }

    pub(super) fn degraded(&self) -> Option<Degraded> {
        self.degraded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
