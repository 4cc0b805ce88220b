//! A lane: how far one source's events are on their way to one instance.
//!
//! A lane holds no events. It holds the place of the next one, places that were put back, and the events that wait for a retry, of which
//! there is a bound. An idle lane is a hundred and some bytes.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use super::again::Again;
use super::ranges::Ranges;
use super::scheduler::Pace;
use super::time::later;
use crate::log::{LaneId, LaneState, Seq};

/// An event that waits for its next attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried first.
    pub since: Timestamp,
    /// Not before.
    pub at: Timestamp,
    /// The subscriptions that did not get it, a bit each.
    pub open: u64,
    /// Those of them that will not: the partner refused the event. Known since this process began; after a restart they are asked again.
    pub refused: u64,
    /// Why the partner refused it there.
    pub refusal: Option<Arc<str>>,
    /// Where order by user holds: a number made of the user, not 0. 0 stands for no order.
    pub user: u64,
    /// Held back by an earlier event of the same user.
    pub held: bool,
    /// So many later events of the same user went ahead of it, because too many waited.
    pub ahead: u32,
    /// What went wrong last, for people.
    pub reason: Arc<str>,
}

/// Where a lane begins.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// Events from here on were not read.
    pub next: Seq,
    /// Events before that were not judged.
    pub back: Vec<Range<Seq>>,
    /// Events that wait for a retry.
    pub waiting: Vec<(Seq, Waiting)>,
    /// How many are dead letters.
    pub dead: u64,
}

impl Start {
    /// A lane that begins with the events to come.
    #[must_use]
    pub fn at(next: Seq) -> Self {
        Self { next, ..Self::default() }
    }

    /// Goes on where the records end. `user` tells the user of an event, by its place, where order by user is asked for.
    #[must_use]
    pub fn after(state: LaneState, mut user: impl FnMut(Seq) -> u64) -> Self {
        let gaps = Ranges::gaps(&state.judged).take(u64::MAX);
        let next = state.judged.last().map_or(0, |range| range.end);
        let waiting = state.retries.into_iter().map(|(seq, retry)| {
            let waiting = Waiting {
                attempts: retry.attempts,
                since: retry.since,
                at: retry.at,
                open: retry.open,
                refused: 0,
                refusal: None,
                user: user(seq),
                held: retry.attempts == 0,
                ahead: 0,
                reason: retry.reason.into(),
            };
            (seq, waiting)
        });
        Self { next, back: gaps, waiting: waiting.collect(), dead: state.dead }
    }
}

/// What a lane could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    /// New events.
    New,
    /// Events that were tried before.
    Again,
    /// Something then.
    Later(Timestamp),
    /// Nothing until something happens.
    Nothing,
}

/// In which queue of the scheduler a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Queue {
    #[default]
    None,
    Ready,
    Parked,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) id: LaneId,
    /// Its instance's place in the scheduler's list.
    pub(super) instance: u32,
    pub(super) queue: Queue,
    /// Taken out of the topology; kept while something is in flight.
    pub(super) gone: bool,
    /// Pulls of new events since the last one of retries.
    pub(super) streak: u8,
    pub(super) pulls: u16,
    /// New events in flight: each may come to wait for a retry.
    pub(super) flying: u32,
    /// Retries in flight.
    pub(super) flying_again: u32,
    /// What it may still cost in this round.
    pub(super) credit: i32,
    /// Means: bytes of an event, and which part of the events is wanted.
    pub(super) bytes: f32,
    pub(super) share: f32,
    pub(super) next: Seq,
    pub(super) back: Ranges,
    pub(super) again: Option<Box<Again>>,
    /// No new events before.
    pub(super) not_before: Timestamp,
    /// No retries before.
    pub(super) again_from: Timestamp,
    /// New events wait for company since then.
    pub(super) since: Timestamp,
    /// When the scheduler looks at it next.
    pub(super) timer: Timestamp,
    pub(super) dead: u32,
}

impl Lane {
    pub(super) fn new(id: LaneId, instance: u32, start: Start, now: Timestamp, hold: usize) -> Self {
        let mut back = Ranges::default();
        start.back.into_iter().for_each(|range| back.insert(range));
        let mut lane = Self {
            id,
            instance,
            queue: Queue::None,
            gone: false,
            streak: 0,
            pulls: 0,
            flying: 0,
            flying_again: 0,
            credit: 0,
            bytes: 1024.0,
            share: 1.0,
            next: start.next,
            back,
            again: None,
            not_before: Timestamp::MIN,
            again_from: Timestamp::MIN,
            since: now,
            timer: Timestamp::MAX,
            dead: u32::try_from(start.dead).unwrap_or(u32::MAX),
        };
        // In their order, so that the first of each user goes first.
        for (seq, waiting) in start.waiting {
            lane.wait(seq, waiting, hold);
        }
        lane
    }

    /// What it could do now, given how far its source is.
    pub(super) fn offer(&self, now: Timestamp, head: Seq, pace: &Pace, open: usize) -> Offer {
        if self.gone || self.pulls >= pace.pulls {
            return Offer::Nothing;
        }
        let new = self.new_from(now, head, pace, open);
        let again = self.again.as_ref().and_then(|again| again.first()).map(|first| first.max(self.again_from));
        match (new, again) {
            // Four pulls of new events, then one of retries: new ones come first, and retries get a fifth at the least.
            (Some(new), Some(again)) if new <= now && again <= now => {
                if self.streak >= 4 {
                    Offer::Again
                } else {
                    Offer::New
                }
            }
            (Some(new), _) if new <= now => Offer::New,
            (_, Some(again)) if again <= now => Offer::Again,
            (new, again) => new.into_iter().chain(again).min().map_or(Offer::Nothing, Offer::Later),
        }
    }

    /// From when on new events can be taken; `None` where there are none, or no room for what may come to wait for a retry.
    fn new_from(&self, now: Timestamp, head: Seq, pace: &Pace, open: usize) -> Option<Timestamp> {
        let flying = self.flying as usize;
        if self.waiting() + flying + (pace.events as usize).min(open / 2) > open {
            return None;
        }
        let unread = head.saturating_sub(self.next);
        if !self.back.is_empty() || (unread > 0 && (pace.linger.is_zero() || unread >= self.step(pace))) {
            return Some(self.not_before.max(Timestamp::MIN));
        }
        // A clock that was set back must not keep a batch waiting.
        (unread > 0).then(|| later(self.since.min(now), pace.linger).max(self.not_before))
    }

    /// How many events it takes at once: as many as fill a batch, by what was wanted of the last ones.
    pub(super) fn step(&self, pace: &Pace) -> u64 {
        const BYTES: f32 = 4_000_000.0;
        let fill =
            if pace.batches { (pace.events as f32 / self.share.max(0.05)).min(2500.0) } else { pace.events as f32 };
        let light = BYTES / self.bytes.max(1.0);
        (fill.max(pace.events as f32).min(light) as u64).max(1)
    }

    /// How many events were not tried, or are being tried.
    pub(super) fn backlog(&self, head: Seq) -> u64 {
        head.saturating_sub(self.next) + self.back.len() + u64::from(self.flying)
    }

    /// How many events wait for a retry or are retried.
    pub(super) fn waiting(&self) -> usize {
        self.again.as_ref().map_or(0, |again| again.len()) + self.flying_again as usize
    }

    /// Takes events that were not tried, at most so many.
    pub(super) fn take_new(&mut self, head: Seq, most: u64) -> Vec<Range<Seq>> {
        let mut taken = self.back.take(most);
        let left = most - taken.iter().map(|range| range.end - range.start).sum::<u64>();
        let end = head.min(self.next.saturating_add(left));
        if end > self.next {
            match taken.last_mut().filter(|last| last.end == self.next) {
                Some(last) => last.end = end,
                None => taken.push(self.next..end),
            }
            self.next = end;
        }
        taken
    }

    /// Takes events whose time has come, at most so many; those with a user bring along what waits behind them.
    pub(super) fn take_again(&mut self, now: Timestamp, most: usize) -> Vec<(Seq, Waiting)> {
        let Some(again) = &mut self.again else { return Vec::new() };
        let taken = again.take(now, most);
        self.flying_again += taken.len() as u32;
        if again.is_empty() {
            self.again = None;
        }
        taken
    }

    /// Takes all whose window is over.
    pub(super) fn take_expired(&mut self, oldest: Timestamp) -> Vec<(Seq, Waiting)> {
        let Some(again) = &mut self.again else { return Vec::new() };
        let taken = again.take_if(|waiting| !waiting.held && waiting.attempts > 0 && waiting.since <= oldest);
        self.flying_again += taken.len() as u32;
        taken
    }

    /// An event waits for its next attempt. The answer is how many events of its user go ahead out of order because too many
    /// (`hold`) waited.
    pub(super) fn wait(&mut self, seq: Seq, waiting: Waiting, hold: usize) -> u64 {
        self.again.get_or_insert_default().add(seq, waiting, hold)
    }

    /// Retries are back. Those in `unfinished` wait again; where a user has none, what waited behind goes on.
    pub(super) fn settle(&mut self, now: Timestamp, taken: &[(Seq, Waiting)], unfinished: Vec<(Seq, Waiting)>) {
        self.flying_again = self.flying_again.saturating_sub(taken.len() as u32);
        let ordered = taken.iter().any(|(_, waiting)| waiting.user != 0);
        if unfinished.is_empty() && !ordered {
            return;
        }
        self.again.get_or_insert_default().settle(now, taken, unfinished);
        if self.again.as_ref().is_some_and(|again| again.is_empty()) {
            self.again = None;
        }
    }

    /// The users with an event that waits.
    pub(super) fn blocked(&self) -> Vec<u64> {
        self.again.as_ref().map_or_else(Vec::new, |again| again.blocked())
    }
}

#[cfg(test)]
mod tests {
    use super::super::scheduler::Instance;
    use super::*;

    #[test]
    fn an_idle_lane_is_small() {
        assert!(size_of::<Lane>() <= 208, "{}", size_of::<Lane>());
        assert!(size_of::<Instance>() <= 280, "{}", size_of::<Instance>());
    }
}
