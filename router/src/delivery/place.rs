//! What lanes share on their way out, as the scheduler sees it: an instance, or a host.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::gate::View;

/// An instance or a host: how many pulls it has in flight and may have, and the lanes that wait for it.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) pulls: usize,
    pub(super) parked: VecDeque<u32>,
    pub(super) view: View,
    /// When the scheduler looks at it next.
    pub(super) timer: Option<Timestamp>,
}

impl Place {
    /// How many pulls more it may have, of `most`: none while its gate is shut, one while that is probed.
    pub(super) fn room(&self, now: Timestamp, most: usize) -> usize {
        if self.shut(now).is_some() {
            return 0;
        }
        let most = if self.view.probing { 1 } else { most };
        most.saturating_sub(self.pulls)
    }

    pub(super) fn shut(&self, now: Timestamp) -> Option<Timestamp> {
        self.view.shut.filter(|until| *until > now)
    }
}

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
