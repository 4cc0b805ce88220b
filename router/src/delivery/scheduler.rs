//! The scheduler: which lane does what next. It is pure: the time is an argument, and nothing waits.
//!
//! Lanes that could do something stand in one queue and take turns (deficit round-robin): each visit gives a lane credit, each pull
//! costs it the events and kilobytes that it takes, and a lane in debt is passed over. A lane whose instance or host has no room is
//! parked there, and comes back when there is. So a decision costs the same with ten lanes and with 88,000, and a partner that is slow
//! or dead has its share of the pool and no more.
//!
//! The backlog lies in the log. What a lane keeps in memory besides its place are the events that wait for a retry, at most
//! [`Shares::open`]; a lane that has more than that reads no new events until some are done with.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::gate::View;
use super::lane::{Lane, Offer, Queue, Start, Waiting};
use super::place::{Held, Place};
use super::time::later;
use crate::log::{InstanceId, LaneId, Seq, SourceId};

/// How the pool is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares {
    /// The most pulls in flight.
    pub pool: usize,
    /// The most of one instance.
    pub instance: usize,
    /// The most of all instances that send to one host.
    pub host: usize,
    /// The most events of one lane that wait for a retry.
    pub open: usize,
    /// The most events of one user that wait behind one that is retried, where order by user holds.
    pub hold: usize,
    /// What a visit gives a lane: so many events or kilobytes.
    pub quantum: u32,
    /// How long a lane that the partner's answer held waits before it makes one call to see; `None` for ever.
    pub probe: Option<Duration>,
}

impl Default for Shares {
    /// 256 pulls, 32 of an instance, 64 of a host, 10,000 open retries of a lane, 100 of a user, a quantum of 256, a probe every 10 minutes.
    fn default() -> Self {
        Self {
            pool: 256,
            instance: 32,
            host: 64,
            open: 10_000,
            hold: 100,
            quantum: 256,
            probe: Some(Duration::from_secs(600)),
        }
    }
}

/// How the lanes of an instance go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// How many events make a full pull.
    pub events: u32,
    /// Whether these go into one call: then more are taken where few are wanted.
    pub batches: bool,
    /// How long a pull waits to be full.
    pub linger: Duration,
    /// The most pulls of one lane in flight; 1 where order by user holds.
    pub pulls: u16,
    /// Whether the events of a user keep their order.
    pub ordered: bool,
}

/// Work for a worker: some events of a lane.
#[derive(Debug, Clone)]
pub struct Pull {
    /// Whose.
    pub lane: LaneId,
    /// What.
    pub what: What,
    /// The lane is held; this is the one call that sees whether it is mended.
    pub probe: bool,
    slot: u32,
    host: Option<u32>,
}

/// What a worker is to do.
#[derive(Debug, Clone)]
pub enum What {
    /// Deliver events that were not tried.
    New {
        /// Their places.
        events: Vec<Range<Seq>>,
        /// The users of whom an event waits: later ones are to be held back.
        blocked: Arc<[u64]>,
    },
    /// Try events again, in order of their places.
    Again(Vec<(Seq, Waiting)>),
    /// Give these up: their window is over and the gate is still shut.
    Expired(Vec<(Seq, Waiting)>),
}

/// What became of a pull.
#[derive(Debug, Clone, Default)]
pub struct Finished {
    /// Events that wait for another attempt.
    pub waiting: Vec<(Seq, Waiting)>,
    /// New events that were not tried.
    pub back: Vec<Range<Seq>>,
    /// No new events of this lane before.
    pub back_until: Option<Timestamp>,
    /// No retries of this lane before.
    pub again_until: Option<Timestamp>,
    /// Events that became dead letters.
    pub dead: u32,
    /// How many events there were, their bytes, and how many were wanted.
    pub seen: Seen,
    /// How the gate of the instance stands.
    pub instance: View,
    /// The last host that was sent to, and how its gate stands.
    pub host: Option<(u32, View)>,
    /// The partner will take nothing until somebody mends it.
    pub pause: Option<String>,
    /// The partner answered something else than that.
    pub answered: bool,
}

/// What a worker saw of the events, so that the next pull can be sized.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Events read.
    pub events: u32,
    /// Their bytes.
    pub bytes: u64,
    /// How many the instance wanted.
    pub wanted: u32,
}

#[derive(Debug)]
pub(super) struct Instance {
    pub(super) id: InstanceId,
    pub(super) pace: Pace,
    pub(super) place: Place,
    pub(super) held: Option<Held>,
    pub(super) lanes: Vec<u32>,
    /// The host that it sends to, as of the last answer.
    pub(super) host: Option<u32>,
    /// Events that went ahead out of their user's order.
    pub(super) unordered: u64,
}

#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) head: Seq,
    lanes: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Lane(u32),
    Instance(u32),
    Host(u32),
    Probe(u32),
}

/// The scheduler.
#[derive(Debug)]
pub struct Scheduler {
    pub(super) shares: Shares,
    pub(super) lanes: Vec<Option<Lane>>,
    free: Vec<u32>,
    index: HashMap<LaneId, u32>,
    pub(super) sources: HashMap<SourceId, Source>,
    pub(super) instances: Vec<Instance>,
    by_id: HashMap<InstanceId, u32>,
    pub(super) hosts: HashMap<u32, Place>,
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

    /// Adds an instance, or gives it another pace.
    pub fn set_instance(&mut self, id: InstanceId, pace: Pace, now: Timestamp) {
        if let Some(index) = self.by_id.get(&id).copied() {
            if let Some(instance) = self.instances.get_mut(index as usize) {
                instance.pace = pace;
            }
            self.wake_instance(index, now);
            return;
        }
        self.by_id.insert(id, self.instances.len() as u32);
        let place = Place::default();
        self.instances.push(Instance { id, pace, place, held: None, lanes: Vec::new(), host: None, unordered: 0 });
    }

    /// The lanes that work.
    pub fn lanes(&self) -> impl Iterator<Item = LaneId> {
        self.lanes.iter().flatten().filter(|lane| !lane.gone).map(|lane| lane.id)
    }

    /// Whether there is such a lane, working or about to end.
    #[must_use]
    pub fn has(&self, lane: LaneId) -> bool {
        self.index.contains_key(&lane)
    }

    /// Adds a lane; its instance must be known. A lane that was removed and still has something in flight goes on as it was.
    pub fn add(&mut self, id: LaneId, start: Start, now: Timestamp) {
        if let Some(slot) = self.index.get(&id).copied() {
            if let Some(lane) = self.lane_mut(slot) {
                lane.gone = false;
            }
            self.wake(slot, now);
            return;
        }
        let Some(instance) = self.by_id.get(&id.instance).copied() else { return };
        let lane = Lane::new(id, instance, start, now, self.shares.hold);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.lanes.push(None);
            self.lanes.len() as u32 - 1
        });
        if let Some(place) = self.lanes.get_mut(slot as usize) {
            *place = Some(lane);
        }
        self.index.insert(id, slot);
        self.sources.entry(id.source).or_default().lanes.push(slot);
        if let Some(instance) = self.instances.get_mut(instance as usize) {
            instance.lanes.push(slot);
        }
        self.wake(slot, now);
    }

    /// Takes a lane away. What is in flight is finished.
    pub fn remove(&mut self, id: LaneId) {
        let Some(slot) = self.index.get(&id).copied() else { return };
        if let Some(lane) = self.lane_mut(slot) {
            lane.gone = true;
        }
        self.drop_if_gone(slot);
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

    /// Keeps room for events that are to be tried again though they were given up: at most so many, the answer is how many.
    pub fn reserve(&mut self, id: LaneId, most: usize) -> usize {
        let open = self.shares.open;
        let lane = self.index.get(&id).copied().and_then(|slot| self.lane_mut(slot)).filter(|lane| !lane.gone);
        let Some(lane) = lane else { return 0 };
        let some = open.saturating_sub(lane.waiting() + lane.flying as usize).min(most);
        lane.flying_again += some as u32;
        some
    }

    /// Puts events where room was kept for so many.
    pub fn redrive(&mut self, id: LaneId, reserved: usize, events: Vec<(Seq, Waiting)>, now: Timestamp) {
        let hold = self.shares.hold;
        let Some(slot) = self.index.get(&id).copied() else { return };
        let Some(lane) = self.lane_mut(slot) else { return };
        lane.flying_again = lane.flying_again.saturating_sub(reserved as u32);
        lane.dead = lane.dead.saturating_sub(events.len() as u32);
        for (seq, waiting) in events {
            lane.wait(seq, waiting, hold);
        }
        self.wake(slot, now);
    }

    /// Holds the lanes of an instance until [`resume`](Self::resume).
    pub fn pause(&mut self, id: InstanceId, reason: String, now: Timestamp) {
        if let Some(instance) = self.by_id.get(&id).and_then(|index| self.instances.get_mut(*index as usize)) {
            instance.held = Some(Held { reason, since: now, by_partner: false, probe_at: None });
        }
    }

    /// Lets the lanes of an instance go on.
    pub fn resume(&mut self, id: InstanceId, now: Timestamp) {
        let Some(index) = self.by_id.get(&id).copied() else { return };
        if let Some(instance) = self.instances.get_mut(index as usize) {
            instance.held = None;
        }
        self.unpark(index, now);
        self.wake_instance(index, now);
    }

    /// Why an instance is held, if it is.
    #[must_use]
    pub fn held(&self, id: InstanceId) -> Option<&Held> {
        self.by_id.get(&id).and_then(|index| self.instances.get(*index as usize))?.held.as_ref()
    }

    /// Work for each lane that has retries whose window is over while its gate is shut: they are given up.
    pub fn expired(&mut self, now: Timestamp, window: Duration) -> Vec<Pull> {
        let oldest = now.checked_sub(jiff::SignedDuration::try_from(window).unwrap_or_default()).unwrap_or(Timestamp::MIN);
        let mut pulls = Vec::new();
        for slot in 0..self.lanes.len() as u32 {
            let Some(lane) = self.lane(slot).filter(|lane| lane.again.is_some() && !lane.gone) else { continue };
            let Some(instance) = self.instances.get(lane.instance as usize) else { continue };
            let host = instance.host.and_then(|host| self.hosts.get(&host));
            let shut = [Some(&instance.place), host].into_iter().flatten().any(|place| place.shut(now).is_some());
            if !shut || instance.held.is_some() || (instance.pace.ordered && lane.pulls > 0) {
                continue;
            }
            let Some(lane) = self.lane_mut(slot) else { continue };
            let taken = lane.take_expired(oldest);
            if !taken.is_empty() {
                lane.pulls += 1;
                let what = What::Expired(taken);
                pulls.push(Pull { lane: lane.id, what, probe: false, slot, host: None });
            }
        }
        self.pulls += pulls.len();
        pulls
    }

    /// How many events wait: of each source, in the lane that has most of them.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        let of = |source: &Source| {
            let lanes = source.lanes.iter().filter_map(|slot| self.lane(*slot));
            lanes.map(|lane| source.head.saturating_sub(lane.next) + lane.back.len() + u64::from(lane.flying)).max()
        };
        self.sources.values().filter_map(of).sum()
    }

    /// Whether any event waits for a retry.
    #[must_use]
    pub fn retries(&self) -> bool {
        self.lanes.iter().flatten().any(|lane| lane.again.is_some())
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
        self.wake(slot, now);
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
            let taken = lane.take_again(now, (pace.events as u64).min(most.max(1)) as usize);
            lane.streak = 0;
            let count = taken.len() as u64;
            (What::Again(taken), count)
        };
        lane.pulls += 1;
        let cost = count as f32 * (lane.bytes / 1024.0).max(1.0);
        lane.credit = (lane.credit - cost as i32).clamp(-64 * quantum, quantum);
        Some(Pull { lane: lane.id, what, probe, slot, host })
    }

    fn park(&mut self, slot: u32, timer: Timer, now: Timestamp) {
        self.queue(slot, Queue::Parked);
        self.watch(timer, now);
    }

    /// Looks at a place again when its gate opens.
    fn watch(&mut self, timer: Timer, now: Timestamp) {
        let place = match timer {
            Timer::Instance(index) => self.instances.get_mut(index as usize).map(|instance| &mut instance.place),
            Timer::Host(host) => self.hosts.get_mut(&host),
            Timer::Lane(_) | Timer::Probe(_) => None,
        };
        if let Some(place) = place
            && let Some(until) = place.shut(now)
            && place.timer.is_none_or(|at| until < at)
        {
            place.timer = Some(until);
            self.timers.push(Reverse((until, timer)));
        }
    }

    /// A pull is back: its places have room, and their gates stand as it saw them.
    fn leave(
        &mut self,
        index: u32,
        counted: Option<u32>,
        view: View,
        seen: Option<(u32, View)>,
        ahead: u64,
        now: Timestamp,
    ) {
        if let Some(instance) = self.instances.get_mut(index as usize) {
            instance.unordered += ahead;
            instance.place.pulls = instance.place.pulls.saturating_sub(1);
            instance.place.view = view;
            if let Some((host, _)) = seen {
                instance.host = Some(host);
            }
        }
        if let Some(place) = counted.and_then(|host| self.hosts.get_mut(&host)) {
            place.pulls = place.pulls.saturating_sub(1);
        }
        if let Some((host, view)) = seen {
            self.hosts.entry(host).or_default().view = view;
        }
        self.unpark(index, now);
        for host in counted.into_iter().chain(seen.map(|(host, _)| host).filter(|host| Some(*host) != counted)) {
            self.unpark_host(host, now);
        }
    }

    /// A lane left its turn to others that wait for its instance or host.
    fn pass_on(&mut self, index: u32, now: Timestamp) {
        self.unpark(index, now);
        if let Some(host) = self.instances.get(index as usize).and_then(|instance| instance.host) {
            self.unpark_host(host, now);
        }
    }

    fn unpark(&mut self, index: u32, now: Timestamp) {
        let most = self.shares.instance;
        let Some(place) = self.instances.get_mut(index as usize).map(|instance| &mut instance.place) else { return };
        let some = place.room(now, most).min(place.parked.len());
        let lanes: Vec<u32> = place.parked.drain(..some).collect();
        self.watch(Timer::Instance(index), now);
        self.unparked(&lanes);
    }

    fn unpark_host(&mut self, host: u32, now: Timestamp) {
        let most = self.shares.host;
        let Some(place) = self.hosts.get_mut(&host) else { return };
        let some = place.room(now, most).min(place.parked.len());
        let lanes: Vec<u32> = place.parked.drain(..some).collect();
        self.watch(Timer::Host(host), now);
        self.unparked(&lanes);
    }

    /// They are visited even where they have nothing to do any more, so that the place they leave free goes to the next.
    fn unparked(&mut self, lanes: &[u32]) {
        for slot in lanes {
            if self.lane(*slot).is_some() {
                self.queue(*slot, Queue::Ready);
                self.ready.push_back(*slot);
            }
        }
    }

    fn hold_or_resume(&mut self, index: u32, probe: bool, pause: Option<String>, answered: bool, now: Timestamp) {
        let probe_at = self.shares.probe.map(|wait| later(now, wait));
        let Some(instance) = self.instances.get_mut(index as usize) else { return };
        let by_partner = instance.held.as_ref().is_none_or(|held| held.by_partner);
        if let Some(reason) = pause.filter(|_| by_partner) {
            let since = instance.held.as_ref().map_or(now, |held| held.since);
            instance.held = Some(Held { reason, since, by_partner, probe_at });
            self.timers.extend(probe_at.map(|at| Reverse((at, Timer::Probe(index)))));
        } else if probe && by_partner && answered {
            instance.held = None;
            self.unpark(index, now);
            self.wake_instance(index, now);
        } else if let Some(held) = instance.held.as_mut().filter(|held| held.probe_at.is_some_and(|at| at <= now)) {
            // The probe did not get through, or came in the way of something that was still in flight: once more, later.
            held.probe_at = probe_at;
            self.timers.extend(probe_at.map(|at| Reverse((at, Timer::Probe(index)))));
        }
    }

    fn fire(&mut self, now: Timestamp) {
        while let Some(Reverse((at, timer))) = self.timers.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.timers.pop();
            match timer {
                Timer::Lane(slot) => {
                    if let Some(lane) = self.lane_mut(slot).filter(|lane| lane.timer == at) {
                        lane.timer = Timestamp::MAX;
                        self.wake(slot, now);
                    }
                }
                Timer::Instance(index) => {
                    let instance = self.instances.get_mut(index as usize);
                    if let Some(instance) = instance.filter(|instance| instance.place.timer == Some(at)) {
                        instance.place.timer = None;
                        self.unpark(index, now);
                    }
                }
                Timer::Probe(index) => self.wake_instance(index, now),
                Timer::Host(host) => {
                    if let Some(place) = self.hosts.get_mut(&host).filter(|place| place.timer == Some(at)) {
                        place.timer = None;
                        self.unpark_host(host, now);
                    }
                }
            }
        }
    }

    /// Forgets a lane that was removed, once nothing of it is in flight.
    fn drop_if_gone(&mut self, slot: u32) {
        let Some(lane) = self.lane(slot).filter(|lane| lane.gone && lane.pulls == 0) else { return };
        let (id, instance, queue) = (lane.id, lane.instance, lane.queue);
        if let Some(source) = self.sources.get_mut(&id.source) {
            source.lanes.retain(|lane| *lane != slot);
        }
        let host = self.instances.get_mut(instance as usize).and_then(|instance| {
            instance.lanes.retain(|lane| *lane != slot);
            instance.place.parked.retain(|lane| *lane != slot);
            instance.host
        });
        if let Some(place) = host.and_then(|host| self.hosts.get_mut(&host)) {
            place.parked.retain(|lane| *lane != slot);
        }
        if queue != Queue::None {
            self.ready.retain(|lane| *lane != slot);
            self.hosts.values_mut().for_each(|place| place.parked.retain(|lane| *lane != slot));
        }
        self.index.remove(&id);
        if let Some(place) = self.lanes.get_mut(slot as usize) {
            *place = None;
        }
        self.free.push(slot);
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
