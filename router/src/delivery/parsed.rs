//! Events as they were decoded, shared between the lanes of a source: twelve instances decode an event once.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;

use super::topology::Decoder;
use crate::log::{Log, LogError, Seq, SourceId, Stored};

/// So many events of a parcel are decoded together: by one worker, while others do the next ones.
const BLOCK: usize = 128;

type Block = OnceLock<Vec<Result<Value, String>>>;

/// A parcel and what was decoded of it.
pub(super) struct Parsed {
    stored: Stored,
    blocks: Box<[Block]>,
}

impl Parsed {
    fn new(stored: Stored) -> Self {
        let blocks = stored.parcel.events.len().div_ceil(BLOCK);
        Self { stored, blocks: (0..blocks).map(|_| Block::new()).collect() }
    }

    pub(super) fn range(&self) -> Range<Seq> {
        self.stored.range()
    }

    /// The event at a place of the parcel, decoded now if nobody did before.
    pub(super) fn event(&self, index: usize, decoder: &Decoder) -> Result<&Value, String> {
        let missing = || format!("the parcel has no event {index}");
        let block = self.blocks.get(index / BLOCK).ok_or_else(missing)?;
        let start = index / BLOCK * BLOCK;
        let end = (start + BLOCK).min(self.stored.parcel.events.len());
        let events = block.get_or_init(|| decoder(&self.stored, start..end));
        events.get(index - start).ok_or_else(missing)?.as_ref().map_err(Clone::clone)
    }

    /// The size of an event, as JSON.
    pub(super) fn bytes(&self, index: usize) -> usize {
        self.stored.parcel.events.get(index).map_or(0, |event| event.json.len())
            + self.stored.parcel.shared.len().min(64)
    }

    fn weight(&self) -> usize {
        200 + self.stored.parcel.events.iter().map(|event| event.json.len() + 50).sum::<usize>()
    }
}

impl fmt::Debug for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parsed").field("range", &self.range()).finish_non_exhaustive()
    }
}

/// The parcels that were read last, as many as a number of bytes holds.
#[derive(Debug)]
pub(super) struct Cache {
    state: Mutex<State>,
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    parcels: BTreeMap<(SourceId, Seq), Arc<Parsed>>,
    order: VecDeque<(SourceId, Seq)>,
    weight: usize,
}

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self { state: Mutex::default(), most }
    }

    /// The parcels that hold these events, in order; events that the log no longer has are in none.
    pub(super) fn read(
        &self,
        log: &dyn Log,
        source: SourceId,
        range: Range<Seq>,
    ) -> Result<Vec<Arc<Parsed>>, LogError> {
        let mut found = self.cached(source, range.clone());
        let mut next = range.start;
        let mut all = Vec::with_capacity(found.len());
        while next < range.end {
            // What is there in a row is taken; from the first gap on, the log is read.
            while let Some(parcel) = found.front().filter(|parcel| parcel.range().start <= next) {
                next = next.max(parcel.range().end);
                all.extend(found.pop_front());
            }
            let end = found.front().map_or(range.end, |parcel| parcel.range().start);
            if next >= end {
                continue;
            }
            let read = log.read(source, next, (end - next) as usize)?;
            // The log counts whole parcels, also what lies before `next` in the first: there may be more to read.
            next = read.last().map_or(end, |stored| stored.range().end.max(next + 1));
            all.extend(self.keep(source, read.into_iter().filter(|stored| stored.first < end)));
        }
        Ok(all)
    }

    fn cached(&self, source: SourceId, range: Range<Seq>) -> VecDeque<Arc<Parsed>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.parcels.range(..(source, range.start)).next_back();
        let before = before.filter(|((of, _), parcel)| *of == source && parcel.range().end > range.start);
        let within = state.parcels.range((source, range.start)..(source, range.end));
        before.into_iter().chain(within).map(|(_, parcel)| Arc::clone(parcel)).collect()
    }

    fn keep(&self, source: SourceId, read: impl Iterator<Item = Stored>) -> Vec<Arc<Parsed>> {
        let read: Vec<Arc<Parsed>> = read.map(|stored| Arc::new(Parsed::new(stored))).collect();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let kept = read.into_iter().map(|parcel| {
            let key = (source, parcel.range().start);
            if let Some(known) = state.parcels.get(&key) {
                // Another lane read it meanwhile, and may have decoded it.
                return Arc::clone(known);
            }
            state.weight += parcel.weight();
            state.order.push_back(key);
            state.parcels.insert(key, Arc::clone(&parcel));
            parcel
        });
        let kept = kept.collect();
        while state.weight > self.most
            && let Some(key) = state.order.pop_front()
        {
            if let Some(gone) = state.parcels.remove(&key) {
                state.weight = state.weight.saturating_sub(gone.weight());
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use jiff::Timestamp;

    use super::*;
    use crate::log::{Accepted, Memory, Parcel};

    fn parcel(source: SourceId, sizes: usize) -> Parcel {
        let event = |n: usize| Accepted { json: format!("{{\"n\":{n}}}").into(), id: n as u64 };
        Parcel {
            source,
            received_at: Timestamp::UNIX_EPOCH,
            sent_at: None,
            shared: Default::default(),
            events: (0..sizes).map(event).collect(),
        }
    }

    fn decoder(count: Arc<AtomicUsize>) -> Decoder {
        Arc::new(move |stored, range| {
            count.fetch_add(range.len(), Ordering::Relaxed);
            let events = stored.parcel.events.get(range).unwrap_or_default();
            events.iter().map(|event| serde_json::from_slice(&event.json).map_err(|e| e.to_string())).collect()
        })
    }

    #[tokio::test]
    async fn reads_what_is_asked_for_whatever_is_cached_and_decodes_each_event_once() {
        let log = Memory::new();
        let source = log.source("web").unwrap();
        for size in [3, 1, 300, 1, 1, 7] {
            log.append(parcel(source, size)).await.unwrap();
        }
        let count = Arc::new(AtomicUsize::new(0));
        let (cache, decoder) = (Cache::new(1_000_000), decoder(Arc::clone(&count)));
        for range in [304..306, 2..5, 310..313, 0..313, 5..6, 100..312] {
            let read = cache.read(&log, source, range.clone()).unwrap();
            let mut next = range.start;
            for parcel in read {
                assert!(parcel.range().contains(&next), "{range:?}");
                for seq in next..parcel.range().end {
                    parcel.event((seq - parcel.range().start) as usize, &decoder).unwrap();
                }
                next = parcel.range().end;
            }
            assert!(next >= range.end, "{range:?}");
        }
        assert_eq!(count.load(Ordering::Relaxed), 313);
    }

    #[tokio::test]
    async fn keeps_no_more_than_so_many_bytes() {
        let log = Memory::new();
        let source = log.source("web").unwrap();
        for _ in 0..100 {
            log.append(parcel(source, 10)).await.unwrap();
        }
        let cache = Cache::new(10_000);
        assert_eq!(cache.read(&log, source, 0..1000).unwrap().len(), 100);
        let state = cache.state.lock().unwrap();
        assert!(state.weight <= 10_000 && !state.parcels.is_empty());
        assert_eq!(state.weight, state.parcels.values().map(|parcel| parcel.weight()).sum::<usize>());
    }
}
