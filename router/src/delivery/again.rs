//! The events of a lane that wait for a retry, and those that wait behind them because they are the same user's.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::lane::Waiting;
use crate::log::Seq;

/// The events of a lane that wait for a retry.
#[derive(Debug, Default)]
pub(super) struct Again {
    by_time: BTreeMap<(Timestamp, Seq), Waiting>,
    /// For each user with an event that waits: which one is first, and those behind it.
    users: HashMap<u64, Chain>,
    held: usize,
}

#[derive(Debug, Default)]
struct Chain {
    first: Seq,
    /// The first is being sent; else it waits for its time.
    flying: bool,
    behind: BTreeMap<Seq, Waiting>,
}

impl Again {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.users.is_empty()
    }

    /// The users with an event that waits.
    pub(super) fn blocked(&self) -> Vec<u64> {
        self.users.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.by_time.len() + self.held
    }

    pub(super) fn first(&self) -> Option<Timestamp> {
        self.by_time.first_key_value().map(|((at, _), _)| *at)
    }

    /// When the oldest of them was tried first.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.by_time.values().filter(|waiting| waiting.attempts > 0).map(|waiting| waiting.since).min()
    }

    pub(super) fn add(&mut self, seq: Seq, waiting: Waiting, hold: usize) -> u64 {
        let user = waiting.user;
        if user == 0 {
            self.by_time.insert((waiting.at, seq), waiting);
            return 0;
        }
        let chain = self.users.entry(user).or_insert_with(|| Chain { first: seq, ..Chain::default() });
        if chain.first == seq {
            self.by_time.insert((waiting.at, seq), waiting);
            return 0;
        }
        chain.behind.insert(seq, waiting);
        self.held += 1;
        if chain.behind.len() <= hold {
            return 0;
        }
        self.give_way(user)
    }

    /// Too many wait behind one event: it is taken out of the order, and the next one becomes the first.
    fn give_way(&mut self, user: u64) -> u64 {
        let Some(chain) = self.users.get(&user).filter(|chain| !chain.flying) else {
            // The next one that is held back asks again.
            return 0;
        };
        let (first, ahead) = (chain.first, chain.behind.len());
        let Some((_, waiting)) = self.by_time.iter_mut().find(|((_, seq), _)| *seq == first) else {
            return 0;
        };
        waiting.user = 0;
        waiting.ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        self.advance(user);
        ahead as u64
    }

    pub(super) fn settle(&mut self, now: Timestamp, taken: &[(Seq, Waiting)], unfinished: Vec<(Seq, Waiting)>) {
        for (seq, waiting) in unfinished {
            match self.users.get_mut(&waiting.user).filter(|_| waiting.user != 0) {
                Some(chain) => {
                    chain.behind.insert(seq, waiting);
                    self.held += 1;
                }
                None => {
                    self.by_time.insert((waiting.at, seq), waiting);
                }
            }
        }
        for user in taken.iter().map(|(_, waiting)| waiting.user).filter(|user| *user != 0) {
            if self.users.get(&user).is_some_and(|chain| chain.flying) {
                self.advance_at(now, user);
            }
        }
    }

    fn advance(&mut self, user: u64) {
        self.advance_at(Timestamp::MIN, user);
    }

    /// The next event of a user becomes the first; one that was only held back may go at once.
    fn advance_at(&mut self, now: Timestamp, user: u64) {
        let Some(chain) = self.users.get_mut(&user) else { return };
        let Some((seq, mut waiting)) = chain.behind.pop_first() else {
            self.users.remove(&user);
            return;
        };
        (chain.first, chain.flying) = (seq, false);
        self.held -= 1;
        if waiting.held {
            (waiting.at, waiting.held) = (waiting.at.min(now), false);
        }
        self.by_time.insert((waiting.at, seq), waiting);
    }

    pub(super) fn take(&mut self, now: Timestamp, most: usize) -> Vec<(Seq, Waiting)> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(first) = self.by_time.first_entry().filter(|first| first.key().0 <= now)
        {
            let ((_, seq), waiting) = first.remove_entry();
            let user = waiting.user;
            taken.push((seq, waiting));
            if let Some(chain) = self.users.get_mut(&user).filter(|_| user != 0) {
                chain.flying = true;
                while taken.len() < most
                    && let Some(behind) = chain.behind.pop_first()
                {
                    self.held -= 1;
                    taken.push(behind);
                }
            }
        }
        taken.sort_unstable_by_key(|(seq, _)| *seq);
        taken
    }

    pub(super) fn take_if(&mut self, wanted: impl Fn(&Waiting) -> bool) -> Vec<(Seq, Waiting)> {
        let keys: Vec<_> = self.by_time.iter().filter(|(_, waiting)| wanted(waiting)).map(|(key, _)| *key).collect();
        let taken = keys.into_iter().filter_map(|key| Some((key.1, self.by_time.remove(&key)?)));
        let taken: Vec<(Seq, Waiting)> = taken.collect();
        for (_, waiting) in taken.iter().filter(|(_, waiting)| waiting.user != 0) {
            self.users.entry(waiting.user).and_modify(|chain| chain.flying = true);
        }
        taken
    }
}
