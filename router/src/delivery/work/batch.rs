//! The events of a pull: read, decoded, and routed.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::delivery::acting::{Acting, Shared};
use crate::delivery::lane::Waiting;
use crate::delivery::parsed::Parsed;
use crate::delivery::scheduler::{Seen, What};
use crate::delivery::shield::catch;
use crate::delivery::topology::Decoder;
use crate::log::{LogError, Seq, SourceId};

/// An event of a pull.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) seq: Seq,
    parcel: u32,
    index: u32,
    /// What is known of it where it was tried before.
    pub(super) before: Option<Waiting>,
    /// Where order by user holds: a number made of the user. 0 for no order.
    pub(super) user: u64,
}

/// The events of a pull.
pub(super) struct Batch {
    parcels: Vec<Arc<Parsed>>,
    pub(super) items: Vec<Item>,
    /// Places that the log no longer has.
    pub(super) gone: Vec<Seq>,
    decoder: Decoder,
}

impl Batch {
    /// Reads the events of a pull.
    pub(super) fn read(shared: &Shared, source: SourceId, what: &What) -> Result<Self, LogError> {
        let decoder = Arc::clone(&shared.parts.decoder);
        let mut batch = Self { parcels: Vec::new(), items: Vec::new(), gone: Vec::new(), decoder };
        match what {
            What::New { events, .. } => {
                batch.items.reserve(events.iter().map(|range| (range.end - range.start) as usize).sum());
                for range in events {
                    batch.add(shared, source, range.clone(), |_| None)?;
                }
            }
            What::Again(waiting) | What::Expired(waiting) => {
                let mut rest = waiting.as_slice();
                while let Some((first, _)) = rest.first() {
                    // Neighbours are read together.
                    let row = rest.iter().zip(*first..).take_while(|((seq, _), place)| seq == place).count();
                    let (now, later) = rest.split_at(row);
                    batch.add(shared, source, *first..*first + row as Seq, |n| now.get(n).map(|(_, w)| w.clone()))?;
                    rest = later;
                }
            }
        }
        Ok(batch)
    }

    fn add(
        &mut self,
        shared: &Shared,
        source: SourceId,
        range: Range<Seq>,
        before: impl Fn(usize) -> Option<Waiting>,
    ) -> Result<(), LogError> {
        let mut next = range.start;
        let parcels = shared.cache.read(&*shared.parts.log, source, range.clone())?;
        for parcel in parcels {
            let held = parcel.range();
            let number = self.parcels.len() as u32;
            self.gone.extend(next..held.start.min(range.end));
            let end = held.end.min(range.end);
            let first = next.max(held.start);
            for seq in first..end {
                let before = before((seq - range.start) as usize);
                let user = before.as_ref().map_or(0, |waiting| waiting.user);
                self.items.push(Item { seq, parcel: number, index: (seq - held.start) as u32, before, user });
            }
            next = next.max(end);
            self.parcels.push(parcel);
        }
        self.gone.extend(next..range.end);
        Ok(())
    }

    /// Events that are not there any more were expired with everything before them. A hole that is something else is no reason to
    /// take events for done.
    pub(super) fn check_gone(&self, shared: &Shared, source: SourceId) -> Result<(), LogError> {
        let Some(last) = self.gone.last() else { return Ok(()) };
        let log = &shared.parts.log;
        let kept = log.read(source, 0, 1)?.first().map(|stored| stored.first);
        let floor = kept.map_or_else(|| log.head(source), Ok)?;
        if *last < floor {
            tracing::warn!(
                events = self.gone.len(),
                last,
                floor,
                "events that were expired before they were delivered are skipped"
            );
            return Ok(());
        }
        let problem = "it was accepted and cannot be found".to_owned();
        Err(LogError::Corrupt { folder: String::new(), what: format!("event {last} of source {}", source.0), problem })
    }

    /// An event, or why it cannot be read.
    pub(super) fn event(&self, item: usize) -> Result<&Value, String> {
        let missing = || format!("there is no event {item} in the pull");
        let item = self.items.get(item).ok_or_else(missing)?;
        self.parcels.get(item.parcel as usize).ok_or_else(missing)?.event(item.index as usize, &self.decoder)
    }

    /// Events that are known to be readable.
    pub(super) fn events(&self, items: &[u32]) -> Vec<&Value> {
        items.iter().map(|item| self.event(*item as usize).unwrap_or(&Value::Null)).collect()
    }

    /// The subscriptions that want an event, or why that cannot be told.
    pub(super) fn route(&self, acting: &Acting, item: usize) -> Result<u64, Unrouted> {
        let event = self.event(item).map_err(Unrouted::Unreadable)?;
        let wanted = catch(|| acting.target.route(event)).map_err(Unrouted::Panicked)?;
        let open = self.items.get(item).and_then(|item| item.before.as_ref()).map_or(u64::MAX, |waiting| waiting.open);
        Ok(wanted & open & acting.all())
    }

    /// Notes the users, where order by user holds.
    pub(super) fn know_users(&mut self) {
        for n in 0..self.items.len() {
            let user = self.event(n).map_or(0, user);
            if let Some(item) = self.items.get_mut(n).filter(|item| item.before.is_none()) {
                item.user = user;
            }
        }
    }

    pub(super) fn seen(&self, wanted: usize) -> Seen {
        let bytes = self.items.iter().map(|item| {
            self.parcels.get(item.parcel as usize).map_or(0, |parcel| parcel.bytes(item.index as usize) as u64)
        });
        Seen { events: self.items.len() as u32, bytes: bytes.sum(), wanted: wanted as u32 }
    }
}

/// Why it cannot be told who wants an event.
#[derive(Debug)]
pub(super) enum Unrouted {
    Unreadable(String),
    Panicked(String),
}

/// A number made of an event's user: `userId`, else `anonymousId`. 0 where there is none.
pub(in crate::delivery) fn user(event: &Value) -> u64 {
    let id = |name: &str| event.get(name).and_then(Value::as_str).filter(|id| !id.is_empty());
    // A user and an anonymous visitor with the same id are not the same.
    let known = id("userId").map(|id| xxh3_64(id.as_bytes()));
    let anonymous = || id("anonymousId").map(|id| xxh3_64(id.as_bytes()).rotate_left(32));
    known.or_else(anonymous).map_or(0, |number| number.max(1))
}
