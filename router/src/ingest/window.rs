//! Duplicates: which ids came lately.
//!
//! A source's ids are remembered in two generations. When the younger is full or old enough, it becomes the elder, and the elder is
//! forgotten; so an id is remembered at least as long as one generation lasts, and memory is bounded by two.
//!
//! An id counts from the moment at which its event is on its way to the disk. Whoever sends it again meanwhile must not be told
//! that it is safe before it is: each request holds a *ticket* until its events are on disk (or not), and a duplicate waits for
//! all the tickets that were out when it came.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use xxhash_rust::xxh3;

use super::Limits;
use crate::log::{Log, LogError, SourceId, fingerprint};

/// 128 bits for a `messageId`: the log's fingerprint of it, and a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) fingerprint: u64,
    check: u64,
}

/// The check of an id that the log remembers: it keeps the fingerprint alone, and that has to do.
const UNCHECKED: u64 = 0;

impl Id {
    pub(super) fn of(message_id: &str) -> Self {
        // Any seed but the fingerprint's.
        let check = xxh3::xxh3_64_with_seed(message_id.as_bytes(), 0x5eed) | 1;
        Self { fingerprint: fingerprint(message_id), check }
    }
}

/// One source's ids.
#[derive(Debug)]
pub(super) struct Window {
    state: Mutex<State>,
    /// Told when a ticket comes back.
    returned: Notify,
}

#[derive(Debug)]
struct State {
    young: Generation,
    old: Generation,
    since: Timestamp,
    /// The tickets from this number on: `true` for those that came back.
    tickets: VecDeque<bool>,
    first: u64,
    waiting: usize,
}

/// Holds others back until what it was given for is on disk. Dropped, it takes its ids back, for they were not stored.
#[derive(Debug)]
pub(super) struct Ticket {
    window: Arc<Window>,
    number: u64,
    ids: Vec<Id>,
    stored: bool,
}

impl Window {
    /// A window that knows what the log knows.
    pub(super) fn filled(log: &dyn Log, source: SourceId, now: Timestamp, limits: &Limits) -> Result<Self, LogError> {
        let since = now.checked_sub(limits.duplicates_age).unwrap_or(Timestamp::MIN);
        let mut young = Generation::default();
        for fingerprint in log.recent(source, since, limits.duplicates_count)? {
            young.insert(Id { fingerprint, check: UNCHECKED });
        }
        let state =
            State { young, old: Generation::default(), since: now, tickets: VecDeque::new(), first: 0, waiting: 0 };
        Ok(Self { state: Mutex::new(state), returned: Notify::new() })
    }

    /// Remembers these ids and hands out a ticket for those that are new; and gives the places of the others.
    pub(super) fn admit(self: &Arc<Self>, ids: Vec<Id>, now: Timestamp, limits: &Limits) -> (Ticket, Vec<usize>) {
        let mut state = self.lock();
        state.turn(now, limits);
        let mut known = Vec::new();
        for (place, id) in ids.iter().enumerate() {
            if state.old.has(*id) || !state.young.insert(*id) {
                known.push(place);
            }
        }
        let number = state.first + state.tickets.len() as u64;
        state.tickets.push_back(false);
        drop(state);
        let ids = without(ids, &known);
        (Ticket { window: self.clone(), number, ids, stored: false }, known)
    }

    /// Waits until every ticket is back that was out when this one was handed out. Then says whether all of these ids are still
    /// known: one that is not was not stored.
    pub(super) async fn settled(&self, number: u64, ids: &[Id]) -> bool {
        loop {
            let returned = self.returned.notified();
            tokio::pin!(returned);
            {
                let mut state = self.lock();
                if state.first > number {
                    return ids.iter().all(|id| state.old.has(*id) || state.young.has(*id));
                }
                returned.as_mut().enable();
                state.waiting += 1;
            }
            returned.await;
            self.lock().waiting -= 1;
        }
    }

    fn give_back(&self, number: u64, unstored: &[Id]) {
        let mut state = self.lock();
        for id in unstored {
            state.young.remove(*id);
            state.old.remove(*id);
        }
        let place = number.checked_sub(state.first).and_then(|place| usize::try_from(place).ok());
        if let Some(back) = place.and_then(|place| state.tickets.get_mut(place)) {
            *back = true;
        }
        while state.tickets.front() == Some(&true) {
            state.tickets.pop_front();
            state.first += 1;
        }
        if state.waiting > 0 {
            self.returned.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half-changed by a panic in here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn turn(&mut self, now: Timestamp, limits: &Limits) {
        // A clock that went back makes nothing old.
        let age = Duration::try_from(now.duration_since(self.since)).unwrap_or_default();
        if age >= limits.duplicates_age || self.young.count >= limits.duplicates_count {
            self.old = std::mem::take(&mut self.young);
            if age >= limits.duplicates_age * 2 {
                self.old = Generation::default();
            }
            self.since = now;
        }
    }
}

impl Ticket {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Its events are on disk.
    pub(super) fn stored(mut self) {
        self.stored = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let unstored = if self.stored { &[] } else { self.ids.as_slice() };
        self.window.give_back(self.number, unstored);
    }
}

/// The items that do not stand in these places, which are in order.
pub(super) fn without<T>(mut items: Vec<T>, places: &[usize]) -> Vec<T> {
    if !places.is_empty() {
        let (mut place, mut skip) = (0, places.iter().peekable());
        items.retain(|_| {
            let out = skip.next_if(|next| **next == place).is_some();
            place += 1;
            !out
        });
    }
    items
}

/// Some ids. In many small tables, so that none of them takes long to grow.
#[derive(Debug, Default)]
struct Generation {
    tables: Vec<HashMap<u64, u64, Seeded>>,
    count: usize,
}

const TABLES: usize = 64;

impl Generation {
    fn has(&self, id: Id) -> bool {
        let known = self.tables.get(id.fingerprint as usize % TABLES).and_then(|table| table.get(&id.fingerprint));
        known.is_some_and(|check| *check == id.check || *check == UNCHECKED || id.check == UNCHECKED)
    }

    /// Whether it was not there before.
    fn insert(&mut self, id: Id) -> bool {
        if self.has(id) {
            return false;
        }
        if self.tables.is_empty() {
            let seed = Seeded(std::hash::RandomState::new().hash_one(0));
            self.tables = (0..TABLES).map(|_| HashMap::with_hasher(seed)).collect();
        }
        if let Some(table) = self.tables.get_mut(id.fingerprint as usize % TABLES)
            && table.insert(id.fingerprint, id.check).is_none()
        {
            self.count += 1;
        }
        true
    }

    fn remove(&mut self, id: Id) {
        if self.has(id)
            && let Some(table) = self.tables.get_mut(id.fingerprint as usize % TABLES)
            && table.remove(&id.fingerprint).is_some()
        {
            self.count -= 1;
        }
    }
}

/// Hashes what is a hash already. The seed keeps a client from choosing ids that fall together.
#[derive(Debug, Clone, Copy)]
struct Seeded(u64);

impl BuildHasher for Seeded {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, n: u64) {
        let product = u128::from(self.0 ^ n) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

#[cfg(test)]
mod tests;
