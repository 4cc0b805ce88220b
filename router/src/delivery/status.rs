//! How delivery stands, for people and for metrics.

use jiff::Timestamp;

use super::acting::Degraded;
use super::gate::View;
use super::scheduler::{Held, Scheduler};
use crate::log::{InstanceId, LaneId, Seq};

/// How delivery stands.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Each instance, in the order of their names.
    pub instances: Vec<InstanceStatus>,
    /// Each host that was sent to, and its gate.
    pub hosts: Vec<(String, View)>,
    /// Pulls in flight.
    pub pulls: usize,
}

/// How an instance stands.
#[derive(Debug, Clone)]
pub struct InstanceStatus {
    /// Its name.
    pub name: String,
    /// Its destination.
    pub slug: String,
    /// Its lanes do nothing, and why.
    pub held: Option<Held>,
    /// Its code misbehaved.
    pub degraded: Option<Degraded>,
    /// Its gate.
    pub gate: View,
    /// Events that went ahead of an earlier one of their user because too many waited.
    pub unordered: u64,
    /// Its lanes, in the order of their sources.
    pub lanes: Vec<LaneStatus>,
}

/// How a lane stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStatus {
    /// Which.
    pub lane: LaneId,
    /// The name of its source.
    pub source: String,
    /// Events that were not tried, those in flight included.
    pub backlog: u64,
    /// Pulls in flight.
    pub in_flight: u16,
    /// Events that wait for a retry, those in flight included.
    pub retries: usize,
    /// When the oldest of these was tried first.
    pub retrying_since: Option<Timestamp>,
    /// The place of the first event that was not tried, if there is one, those in flight aside.
    pub first: Option<Seq>,
    /// When that event was accepted.
    pub oldest: Option<Timestamp>,
    /// Dead letters.
    pub dead: u32,
}

impl Scheduler {
    /// How many events of an instance went ahead of an earlier one of their user because too many waited.
    #[must_use]
    pub fn unordered(&self, id: InstanceId) -> u64 {
        self.instance(id).map_or(0, |instance| instance.unordered)
    }

    /// How the lanes of an instance stand, without the names and times that the log knows.
    #[must_use]
    pub fn status(&self, id: InstanceId) -> Vec<LaneStatus> {
        let slots = self.instance(id).into_iter().flat_map(|instance| &instance.lanes);
        let lanes = slots.filter_map(|slot| self.lanes.get(*slot as usize)?.as_ref());
        let mut all: Vec<_> = lanes
            .map(|lane| {
                let head = self.sources.get(&lane.id.source).map_or(0, |source| source.head);
                let unread = (head > lane.next).then_some(lane.next);
                LaneStatus {
                    lane: lane.id,
                    source: String::new(),
                    backlog: lane.backlog(head),
                    in_flight: lane.pulls,
                    retries: lane.waiting(),
                    retrying_since: lane.again.as_ref().and_then(|again| again.oldest()),
                    first: lane.back.first().or(unread),
                    oldest: None,
                    dead: lane.dead,
                }
            })
            .collect();
        all.sort_unstable_by_key(|lane| lane.lane);
        all
    }
}
