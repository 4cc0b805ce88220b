//! Instances that are held: by somebody, or by what their partner answered.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::Scheduler;
use super::places::Timer;
use crate::delivery::time::later;
use crate::log::InstanceId;

/// Why the lanes of an instance do nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Why, for people.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// The partner said so (credentials revoked, plan expired), or its code failed too often; else somebody asked for it.
    pub by_partner: bool,
    /// When one call is made to see whether it is mended.
    pub probe_at: Option<Timestamp>,
}

impl Scheduler {
    /// Holds the lanes of an instance until [`resume`](Self::resume).
    pub fn pause(&mut self, id: InstanceId, reason: String, now: Timestamp) {
        if let Some(instance) = self.by_id.get(&id).and_then(|index| self.instances.get_mut(*index as usize)) {
            let held = Held { reason, since: now, by_partner: false, probe_at: None };
            instance.held = Some(Box::new(held));
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
        self.instance(id)?.held.as_deref()
    }

    pub(super) fn hold_or_resume(
        &mut self,
        index: u32,
        probe: bool,
        pause: Option<String>,
        answered: bool,
        now: Timestamp,
    ) {
        let probe_at = self.shares.probe.map(|wait| later(now, wait));
        let Some(instance) = self.instances.get_mut(index as usize) else { return };
        let by_partner = instance.held.as_ref().is_none_or(|held| held.by_partner);
        if let Some(reason) = pause.filter(|_| by_partner) {
            let since = instance.held.as_ref().map_or(now, |held| held.since);
            instance.held = Some(Box::new(Held { reason, since, by_partner, probe_at }));
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
}
