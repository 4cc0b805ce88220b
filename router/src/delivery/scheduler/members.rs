//! Which instances and lanes there are.

use jiff::Timestamp;

use super::places::Place;
use super::{Instance, Pace, Scheduler};
use crate::delivery::lane::{Lane, Queue, Start};
use crate::log::{InstanceId, LaneId};

impl Scheduler {
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
        self.instances.push(Instance { pace, place, held: None, lanes: Vec::new(), host: None, unordered: 0 });
    }

    /// Whether there is such a lane, working or about to end.
    #[must_use]
    pub fn has(&self, lane: LaneId) -> bool {
        self.index.contains_key(&lane)
    }

    /// An instance that was added.
    pub(in crate::delivery) fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.by_id.get(&id).and_then(|index| self.instances.get(*index as usize))
    }

    /// The lanes that work.
    pub fn lanes(&self) -> impl Iterator<Item = LaneId> {
        self.lanes.iter().flatten().filter(|lane| !lane.gone).map(|lane| lane.id)
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

    /// Forgets a lane that was removed, once nothing of it is in flight.
    pub(super) fn drop_if_gone(&mut self, slot: u32) {
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
