//! What one partner has taken. Counting is a few atomics; the events themselves are kept up to a limit.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::Scenario;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was not there before.
    New,
    /// The partner had it already.
    Duplicate,
}

/// How much a partner has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Requests, refused ones included.
    pub requests: u64,
    /// Events taken, each once.
    pub events: u64,
    /// Events that the partner had already.
    pub duplicates: u64,
}

/// An event as it was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The key by which the partner knows it again.
    pub key: Option<String>,
    /// The event in the partner's own form.
    pub event: Value,
}

/// The books of one partner.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    requests: AtomicU64,
    events: AtomicU64,
    duplicates: AtomicU64,
    kept: AtomicUsize,
    books: Mutex<Books>,
    records: Mutex<BTreeMap<String, Value>>,
}

#[derive(Debug, Default)]
struct Books {
    /// Digests: ten million keys are 80 MB so.
    seen: HashSet<u64>,
    digest: RandomState,
    received: VecDeque<Received>,
    /// For each limit: when its window began, and what came since.
    rates: HashMap<String, (i64, u64)>,
    script: VecDeque<Scenario>,
    standing: Scenario,
}

impl Ledger {
    pub(crate) fn keep(&self, events: usize) {
        self.kept.store(events, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> Count {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Count { requests: read(&self.requests), events: read(&self.events), duplicates: read(&self.duplicates) }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        lock(&self.books).received.iter().cloned().collect()
    }

    pub(crate) fn records(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        lock(&self.records)
    }

    pub(crate) fn asked(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes events that nobody looked at.
    pub(crate) fn tally(&self, events: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    pub(crate) fn take(&self, key: Option<&str>, event: &Value) -> Taken {
        let kept = self.kept.load(Ordering::Relaxed);
        if key.is_some() || kept > 0 {
            let mut books = lock(&self.books);
            let digest = key.map(|key| books.digest.hash_one(key));
            if digest.is_some_and(|digest| !books.seen.insert(digest)) {
                self.duplicates.fetch_add(1, Ordering::Relaxed);
                return Taken::Duplicate;
            }
            if kept > 0 {
                if books.received.len() >= kept {
                    books.received.pop_front();
                }
                books.received.push_back(Received { key: key.map(str::to_owned), event: event.clone() });
            }
        }
        self.events.fetch_add(1, Ordering::Relaxed);
        Taken::New
    }

    pub(crate) fn over(&self, key: &str, amount: u64, most: u64, window: Duration, now_ms: i64) -> Option<Duration> {
        let length = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        let mut books = lock(&self.books);
        let (begin, sum) = books.rates.entry(key.to_owned()).or_insert((now_ms, 0));
        if now_ms >= begin.saturating_add(length) {
            (*begin, *sum) = (now_ms, 0);
        }
        if sum.saturating_add(amount) > most {
            let left = begin.saturating_add(length) - now_ms;
            return Some(Duration::from_millis(left.try_into().unwrap_or_default()));
        }
        *sum += amount;
        None
    }

    /// What the partner does with the request that came now.
    pub(crate) fn scenario(&self) -> Scenario {
        let mut books = lock(&self.books);
        books.script.pop_front().unwrap_or_else(|| books.standing.clone())
    }

    pub(crate) fn play(&self, script: impl IntoIterator<Item = Scenario>, then: Scenario) {
        let mut books = lock(&self.books);
        books.script = script.into_iter().collect();
        books.standing = then;
    }

    /// Forgets everything, the scenario too.
    pub(crate) fn reset(&self) {
        *lock(&self.books) = Books::default();
        lock(&self.records).clear();
        for counter in [&self.requests, &self.events, &self.duplicates] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

/// What a partner that panicked left behind is still counted.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_once() {
        let ledger = Ledger::default();
        ledger.keep(1);
        assert_eq!(ledger.take(Some("a"), &Value::Null), Taken::New);
        assert_eq!(ledger.take(Some("a"), &Value::Null), Taken::Duplicate);
        assert_eq!(ledger.take(Some("b"), &Value::from(1)), Taken::New);
        assert_eq!(ledger.take(None, &Value::from(2)), Taken::New);
        assert_eq!(ledger.count(), Count { requests: 0, events: 3, duplicates: 1 });
        assert_eq!(ledger.received(), [Received { key: None, event: Value::from(2) }]);
    }

    #[test]
    fn a_limit_holds_within_its_window() {
        let ledger = Ledger::default();
        let over = |key: &str, now_ms| ledger.over(key, 2, 4, Duration::from_secs(1), now_ms);
        assert_eq!((over("u", 0), over("u", 100), over("v", 100)), (None, None, None));
        assert_eq!(over("u", 400), Some(Duration::from_millis(600)));
        assert_eq!(over("u", 1_000), None);
    }

    #[test]
    fn a_script_is_played_and_then_something_holds() {
        let ledger = Ledger::default();
        ledger.play([Scenario::Timeout, Scenario::Normal], Scenario::Reset);
        let played = [ledger.scenario(), ledger.scenario(), ledger.scenario(), ledger.scenario()];
        assert_eq!(played, [Scenario::Timeout, Scenario::Normal, Scenario::Reset, Scenario::Reset]);
    }
}
