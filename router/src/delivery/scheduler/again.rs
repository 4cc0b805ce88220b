//! Retries that are given up, and dead letters that are tried again.

use std::time::Duration;

use jiff::Timestamp;

use super::{Pull, Scheduler, What};
use crate::delivery::lane::Waiting;
use crate::log::{LaneId, Seq};

impl Scheduler {
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

    /// Work for each lane that has retries whose window is over while its gate is shut: they are given up.
    pub fn expired(&mut self, now: Timestamp, window: Duration) -> Vec<Pull> {
        let oldest =
            now.checked_sub(jiff::SignedDuration::try_from(window).unwrap_or_default()).unwrap_or(Timestamp::MIN);
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

    /// Whether any event waits for a retry.
    #[must_use]
    pub fn retries(&self) -> bool {
        self.lanes.iter().flatten().any(|lane| lane.again.is_some())
    }
}
