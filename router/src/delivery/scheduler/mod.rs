//! The scheduler: which lane does what next. It is pure: the time is an argument, and nothing waits.
//!
//! Lanes that could do something stand in one queue and take turns (deficit round-robin): each visit gives a lane credit, each pull
//! costs it the events and kilobytes that it takes, and a lane in debt is passed over. A lane whose instance or host has no room is
//! parked there, and comes back when there is. So a decision costs the same with ten lanes and with 88,000, and a partner that is slow
//! or dead has its share of the pool and no more.
//!
//! The backlog lies in the log. What a lane keeps in memory besides its place are the events that wait for a retry, at most
//! [`Shares::open`]; a lane that has more than that reads no new events until some are done with.

mod again;
mod hold;
mod members;
mod places;
mod pull;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::lane::{Lane, Offer, Queue};
use crate::log::{InstanceId, LaneId, Seq, SourceId};
pub use hold::Held;
use places::{Place, Timer};
pub use pull::{Finished, Pace, Pull, Seen, Shares, What};

#[derive(Debug)]
pub(in crate::delivery) struct Instance {
    pub(in crate::delivery) pace: Pace,
    pub(in crate::delivery) place: Place,
    pub(in crate::delivery) held: Option<Box<Held>>,
    pub(in crate::delivery) lanes: Vec<u32>,
    /// The host that it sends to, as of the last answer.
    pub(in crate::delivery) host: Option<u32>,
    /// Events that went ahead out of their user's order.
    pub(in crate::delivery) unordered: u64,
}

#[derive(Debug, Default)]
pub(in crate::delivery) struct Source {
    pub(in crate::delivery) head: Seq,
    lanes: Vec<u32>,
}

/// The scheduler.
#[derive(Debug)]
pub struct Scheduler {
    pub(in crate::delivery) shares: Shares,
    pub(in crate::delivery) lanes: Vec<Option<Lane>>,
    free: Vec<u32>,
    index: HashMap<LaneId, u32>,
    pub(in crate::delivery) sources: HashMap<SourceId, Source>,
    pub(in crate::delivery) instances: Vec<Instance>,
    pub(in crate::delivery) by_id: HashMap<InstanceId, u32>,
    pub(in crate::delivery) hosts: HashMap<u32, Place>,
    ready: VecDeque<u32>,
    timers: BinaryHeap<Reverse<(Timestamp, Timer)>>,
    pulls: usize,
}

impl Scheduler {
    /// One without lanes.
    #[must_use]
    pub fn new(shares: Shares) -> Self {
        Self {
            shares,
            lanes: Vec::new(),
            free: Vec::new(),
            index: HashMap::new(),
            sources: HashMap::new(),
            instances: Vec::new(),
            by_id: HashMap::new(),
            hosts: HashMap::new(),
            ready: VecDeque::new(),
            timers: BinaryHeap::new(),
            pulls: 0,
        }
    }

    /// A source has events up to there.
    pub fn appended(&mut self, source: SourceId, head: Seq, now: Timestamp) {
        let state = self.sources.entry(source).or_default();
        let before = state.head;
        if head <= before {
            return;
        }
        state.head = head;
        // Taken out for the loop and put back: a source may have thousands of lanes.
        let lanes = std::mem::take(&mut state.lanes);
        for slot in &lanes {
            if let Some(lane) = self.lane_mut(*slot) {
                if lane.next >= before {
                    lane.since = now;
                }
                if lane.queue == Queue::None {
                    self.wake(*slot, now);
                }
            }
        }
        self.sources.entry(source).or_default().lanes = lanes;
    }

    /// The next work, if there is any now.
    pub fn next(&mut self, now: Timestamp) -> Option<Pull> {
        self.fire(now);
        while self.pulls < self.shares.pool {
            let slot = self.ready.pop_front()?;
            if let Some(pull) = self.visit(slot, now) {
                self.pulls += 1;
                return Some(pull);
            }
        }
        None
    }

    /// When [`next`](Self::next) may have something though nothing happened; `None` for never.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// A pull is finished.
    pub fn done(&mut self, now: Timestamp, pull: &Pull, finished: Finished) {
        let hold = self.shares.hold;
        self.pulls = self.pulls.saturating_sub(1);
        let Some(lane) = self.lane_mut(pull.slot) else { return };
        let instance = lane.instance;
        lane.pulls = lane.pulls.saturating_sub(1);
        lane.dead = lane.dead.saturating_add(finished.dead);
        let mut ahead = 0;
        match &pull.what {
            What::New { events, .. } => {
                let count: u64 = events.iter().map(|range| range.end - range.start).sum();
                lane.flying = lane.flying.saturating_sub(count as u32);
                lane.measure(finished.seen);
                finished.back.into_iter().for_each(|range| lane.back.insert(range));
                for (seq, waiting) in finished.waiting {
                    ahead += lane.wait(seq, waiting, hold);
                }
            }
            What::Again(taken) | What::Expired(taken) => lane.settle(now, taken, finished.waiting),
        }
        lane.not_before = finished.back_until.map_or(lane.not_before, |until| until.max(lane.not_before));
        lane.again_from = finished.again_until.map_or(lane.again_from, |until| until.max(lane.again_from));
        if !matches!(pull.what, What::Expired(_)) {
            self.leave(instance, pull.host, finished.instance, finished.host, ahead, now);
            self.hold_or_resume(instance, pull.probe, finished.pause, finished.answered, now);
        }
        self.drop_if_gone(pull.slot);
        self.wake(pull.slot, now);
    }

    /// How many events are not done with: of each source, in the lane that has most of them.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        let of = |source: &Source| {
            let lanes = source.lanes.iter().filter_map(|slot| self.lane(*slot));
            lanes.map(|lane| lane.backlog(source.head) + lane.waiting() as u64).max()
        };
        self.sources.values().filter_map(of).sum()
    }

    /// How many pulls are in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.pulls
    }

    fn lane(&self, slot: u32) -> Option<&Lane> {
        self.lanes.get(slot as usize)?.as_ref()
    }

    fn lane_mut(&mut self, slot: u32) -> Option<&mut Lane> {
        self.lanes.get_mut(slot as usize)?.as_mut()
    }

    /// What a lane could do now; where that is nothing, it is looked at again in time.
    fn offer(&mut self, slot: u32, now: Timestamp) -> Option<Offer> {
        let lane = self.lanes.get(slot as usize)?.as_ref()?;
        let pace = &self.instances.get(lane.instance as usize)?.pace;
        let head = self.sources.get(&lane.id.source).map_or(0, |source| source.head);
        let offer = lane.offer(now, head, pace, self.shares.open);
        if let Offer::Later(at) = offer
            && at < lane.timer
        {
            self.lane_mut(slot)?.timer = at;
            self.timers.push(Reverse((at, Timer::Lane(slot))));
        }
        matches!(offer, Offer::New | Offer::Again).then_some(offer)
    }

    fn wake(&mut self, slot: u32, now: Timestamp) {
        if self.lane(slot).is_some_and(|lane| lane.queue == Queue::None) && self.offer(slot, now).is_some() {
            self.queue(slot, Queue::Ready);
            self.ready.push_back(slot);
        }
    }

    fn queue(&mut self, slot: u32, queue: Queue) {
        if let Some(lane) = self.lane_mut(slot) {
            lane.queue = queue;
        }
    }

    fn wake_instance(&mut self, index: u32, now: Timestamp) {
        let lanes = self.instances.get(index as usize).map_or_else(Vec::new, |instance| instance.lanes.clone());
        lanes.into_iter().for_each(|slot| self.wake(slot, now));
    }

    /// A ready lane's turn.
    fn visit(&mut self, slot: u32, now: Timestamp) -> Option<Pull> {
        self.queue(slot, Queue::None);
        let instance = self.lane(slot)?.instance;
        let Some(offer) = self.offer(slot, now) else {
            self.pass_on(instance, now);
            return None;
        };
        let (shares, state) = (&self.shares, self.instances.get_mut(instance as usize)?);
        let mut probe = false;
        if let Some(held) = &state.held {
            // Nothing is queued while it is held: everything wakes when it goes on.
            probe = state.place.pulls == 0 && held.probe_at.is_some_and(|at| at <= now);
            if !probe {
                self.pass_on(instance, now);
                return None;
            }
        }
        if state.place.room(now, shares.instance) == 0 {
            state.place.parked.push_back(slot);
            self.park(slot, Timer::Instance(instance), now);
            return None;
        }
        let host = state.host;
        if let Some(place) = host.and_then(|host| self.hosts.get_mut(&host))
            && place.room(now, shares.host) == 0
        {
            place.parked.push_back(slot);
            self.park(slot, Timer::Host(host.unwrap_or_default()), now);
            self.unpark(instance, now);
            return None;
        }
        let quantum = i32::try_from(self.shares.quantum.max(1)).unwrap_or(i32::MAX);
        let lane = self.lane_mut(slot)?;
        if lane.credit <= 0 {
            lane.credit = lane.credit.saturating_add(quantum);
        }
        if lane.credit <= 0 {
            lane.queue = Queue::Ready;
            self.ready.push_back(slot);
            return None;
        }
        let pull = self.pull(slot, offer, probe, host, now)?;
        if let Some(state) = self.instances.get_mut(instance as usize) {
            state.place.pulls += 1;
        }
        if let Some(place) = host.and_then(|host| self.hosts.get_mut(&host)) {
            place.pulls += 1;
        }
        // Its turn lasts as long as its credit.
        let credit = self.lane(slot).is_some_and(|lane| lane.credit > 0);
        if self.offer(slot, now).is_some() {
            self.queue(slot, Queue::Ready);
            if credit { self.ready.push_front(slot) } else { self.ready.push_back(slot) }
        }
        Some(pull)
    }

    fn pull(&mut self, slot: u32, offer: Offer, probe: bool, host: Option<u32>, now: Timestamp) -> Option<Pull> {
        let quantum = i32::try_from(self.shares.quantum.max(1)).unwrap_or(i32::MAX);
        let open = self.shares.open;
        let lane = self.lanes.get_mut(slot as usize)?.as_mut()?;
        let pace = &self.instances.get(lane.instance as usize)?.pace;
        let head = self.sources.get(&lane.id.source).map_or(0, |source| source.head);
        let room = open.saturating_sub(lane.waiting() + lane.flying as usize).max(1) as u64;
        let most = if probe && !pace.batches { 1 } else { lane.step(pace).min(room) };
        let (what, count) = if offer == Offer::New {
            let blocked = if pace.ordered { lane.blocked().into() } else { Arc::default() };
            let events = lane.take_new(head, most);
            let count: u64 = events.iter().map(|range| range.end - range.start).sum();
            lane.flying += count as u32;
            lane.streak = lane.streak.saturating_add(1);
            // What is left waits for company from now on.
            lane.since = now;
            (What::New { events, blocked }, count)
        } else {
            let taken = lane.take_again(now, if probe && !pace.batches { 1 } else { pace.events as usize });
            lane.streak = 0;
            let count = taken.len() as u64;
            (What::Again(taken), count)
        };
        lane.pulls += 1;
        let cost = count as f32 * (lane.bytes / 1024.0).max(1.0);
        lane.credit = (lane.credit - cost as i32).clamp(-64 * quantum, quantum);
        Some(Pull { lane: lane.id, what, probe, slot, host })
    }
}

impl Lane {
    fn measure(&mut self, seen: Seen) {
        if seen.events > 0 {
            let events = seen.events as f32;
            self.bytes += (seen.bytes as f32 / events - self.bytes) * 0.2;
            self.share += (seen.wanted as f32 / events - self.share) * 0.2;
        }
    }
}
