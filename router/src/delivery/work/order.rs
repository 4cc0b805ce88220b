//! Order by user: the events of a pull in rounds.
//!
//! In a round no user has more than one event, or several for the same subscription, which takes them together in one call. A round
//! begins when the one before it is over. An event that has to wait holds back the later ones of its user, and nobody else's:
//! within the pull here, beyond it by the lane.
//!
//! Order gives way where it must, and that is counted: a partner that takes a batch in part may take a later event of a user and not
//! an earlier one.

use std::collections::{HashMap, VecDeque};

use super::plan::{Chunk, chunks};
use super::send::Job;
use super::tally::{Fate, Report, Tally};
use crate::delivery::scheduler::What;

/// Users with an event that is not done with, and whether it waits for a retry (else it only goes back to its lane).
type Blocked = HashMap<u64, bool>;

impl Job {
    /// Delivers what was routed, keeping the order of each user's events.
    pub(super) async fn in_rounds(&self, tally: &mut Tally) {
        let mut blocked = Blocked::new();
        if let What::New { blocked: users, .. } = &self.pull.what {
            blocked.extend(users.iter().map(|user| (*user, true)));
        }
        for round in self.rounds(tally) {
            let free = self.hold_back(round, &mut blocked, tally);
            let (batches, singles): (Vec<Chunk>, Vec<Chunk>) =
                chunks(&self.acting, tally, free.iter().copied()).into_iter().partition(|chunk| self.batches(chunk));
            let mut ready = Vec::new();
            for chunk in singles {
                ready.extend(self.plan(chunk, tally).await);
            }
            self.side_by_side(ready, tally).await;
            for chunk in batches {
                self.one_by_one(chunk, &mut blocked, tally).await;
            }
            self.note(&free, &mut blocked, tally);
        }
        self.count_unordered(tally);
    }

    fn batches(&self, chunk: &Chunk) -> bool {
        self.acting.target.limits(chunk.subscription).events > 1
    }

    fn user(&self, item: u32) -> u64 {
        self.batch.items.get(item as usize).map_or(0, |item| item.user)
    }

    fn rounds(&self, tally: &mut Tally) -> Vec<Vec<u32>> {
        let mut rounds: Vec<Vec<u32>> = vec![Vec::new()];
        let mut last: HashMap<u64, (usize, u64)> = HashMap::new();
        for item in 0..self.batch.items.len() as u32 {
            let wanted = tally.mark(item).map_or(0, |mark| mark.open());
            let user = self.user(item);
            if wanted == 0 {
                continue;
            }
            let together =
                wanted.is_power_of_two() && self.acting.target.limits(wanted.trailing_zeros() as usize).events > 1;
            let round = match last.get(&user).filter(|_| user != 0) {
                Some((round, before)) if together && *before == wanted => *round,
                Some((round, _)) => round + 1,
                None => 0,
            };
            last.insert(user, (round, wanted));
            if rounds.len() <= round {
                rounds.push(Vec::new());
            }
            if let Some(round) = rounds.get_mut(round) {
                round.push(item);
            }
        }
        rounds
    }

    /// Takes out events whose user has an earlier one that is not done with.
    fn hold_back(&self, items: Vec<u32>, blocked: &mut Blocked, tally: &mut Tally) -> Vec<u32> {
        let (held, free): (Vec<u32>, Vec<u32>) =
            items.into_iter().partition(|item| self.user(*item) != 0 && blocked.contains_key(&self.user(*item)));
        for item in held {
            let waits = blocked.get(&self.user(item)).copied().unwrap_or_default();
            let wanted = tally.mark(item).map_or(0, |mark| mark.open());
            for subscription in (0..64).filter(|n| wanted & (1 << n) != 0) {
                let fate = if waits { Fate::Held } else { Fate::Paused };
                tally.add(Report { items: vec![item], subscription, fate });
            }
        }
        free
    }

    /// The calls of a batch one after the other, since each may hold events of the same users.
    async fn one_by_one(&self, chunk: Chunk, blocked: &mut Blocked, tally: &mut Tally) {
        let subscription = chunk.subscription;
        let items = self.hold_back(chunk.items, blocked, tally);
        let mut calls: VecDeque<_> = self.plan(Chunk { subscription, items }, tally).await.into();
        while let Some((chunk, call)) = calls.pop_front() {
            let items = chunk.items(&call.events);
            if tally.pause.is_some() {
                tally.add(Report { items, subscription, fate: Fate::Paused });
                continue;
            }
            if items.iter().any(|item| self.user(*item) != 0 && blocked.contains_key(&self.user(*item))) {
                let items = self.hold_back(items, blocked, tally);
                for call in self.plan(Chunk { subscription, items }, tally).await.into_iter().rev() {
                    calls.push_front(call);
                }
                continue;
            }
            self.side_by_side(vec![(chunk, call)], tally).await;
            self.note(&items, blocked, tally);
        }
    }

    /// Notes whose events are not done with.
    fn note(&self, items: &[u32], blocked: &mut Blocked, tally: &mut Tally) {
        for item in items {
            let before = self.batch.items.get(*item as usize).is_some_and(|item| item.before.is_some());
            if let Some(mark) = tally.mark(*item).filter(|mark| mark.unfinished()) {
                let waits = before || mark.begun();
                blocked.entry(self.user(*item)).or_insert(waits);
            }
        }
    }

    fn count_unordered(&self, tally: &mut Tally) {
        let mut waiting = std::collections::HashSet::new();
        let mut unordered = 0;
        for item in 0..self.batch.items.len() as u32 {
            let user = self.user(item);
            let Some(mark) = tally.mark(item).filter(|_| user != 0) else { continue };
            if mark.unfinished() {
                waiting.insert(user);
            } else if mark.got() && waiting.contains(&user) {
                unordered += 1;
            }
        }
        tally.unordered += unordered;
    }
}
