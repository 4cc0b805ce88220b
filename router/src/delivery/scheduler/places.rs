//! What lanes share on their way out: an instance, and a host. A lane that finds no room there is parked, and comes back when there is.

use std::cmp::Reverse;
use std::collections::VecDeque;

use jiff::Timestamp;

use super::Scheduler;
use crate::delivery::gate::View;
use crate::delivery::lane::Queue;

/// An instance or a host: how many pulls it has in flight and may have, and the lanes that wait for it.
#[derive(Debug, Default)]
pub(in crate::delivery) struct Place {
    pub(in crate::delivery) pulls: usize,
    pub(in crate::delivery) parked: VecDeque<u32>,
    pub(in crate::delivery) view: View,
    /// When the scheduler looks at it next.
    pub(in crate::delivery) timer: Option<Timestamp>,
}

impl Place {
    /// How many pulls more it may have, of `most`: none while its gate is shut, one while that is probed.
    pub(in crate::delivery) fn room(&self, now: Timestamp, most: usize) -> usize {
        if self.shut(now).is_some() {
            return 0;
        }
        let most = if self.view.probing { 1 } else { most };
        most.saturating_sub(self.pulls)
    }

    pub(in crate::delivery) fn shut(&self, now: Timestamp) -> Option<Timestamp> {
        self.view.shut.filter(|until| *until > now)
    }
}

/// What is looked at again in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Lane(u32),
    Instance(u32),
    Host(u32),
    Probe(u32),
}

impl Scheduler {
    pub(super) fn park(&mut self, slot: u32, timer: Timer, now: Timestamp) {
        self.queue(slot, Queue::Parked);
        self.watch(timer, now);
    }

    /// Looks at a place again when its gate opens.
    pub(super) fn watch(&mut self, timer: Timer, now: Timestamp) {
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
    pub(super) fn leave(
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
    pub(super) fn pass_on(&mut self, index: u32, now: Timestamp) {
        self.unpark(index, now);
        if let Some(host) = self.instances.get(index as usize).and_then(|instance| instance.host) {
            self.unpark_host(host, now);
        }
    }

    pub(super) fn unpark(&mut self, index: u32, now: Timestamp) {
        let most = self.shares.instance;
        let Some(place) = self.instances.get_mut(index as usize).map(|instance| &mut instance.place) else { return };
        let some = place.room(now, most).min(place.parked.len());
        let lanes: Vec<u32> = place.parked.drain(..some).collect();
        self.watch(Timer::Instance(index), now);
        self.unparked(&lanes);
    }

    pub(super) fn unpark_host(&mut self, host: u32, now: Timestamp) {
        let most = self.shares.host;
        let Some(place) = self.hosts.get_mut(&host) else { return };
        let some = place.room(now, most).min(place.parked.len());
        let lanes: Vec<u32> = place.parked.drain(..some).collect();
        self.watch(Timer::Host(host), now);
        self.unparked(&lanes);
    }

    /// They are visited even where they have nothing to do any more, so that the place they leave free goes to the next.
    pub(super) fn unparked(&mut self, lanes: &[u32]) {
        for slot in lanes {
            if self.lane(*slot).is_some() {
                self.queue(*slot, Queue::Ready);
                self.ready.push_back(*slot);
            }
        }
    }

    pub(super) fn fire(&mut self, now: Timestamp) {
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
}
