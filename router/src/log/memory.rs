//! The engine for tests and demos: behaves as the embedded one does, and forgets.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::fold::{Fold, mentions};
use super::{
    Dead, DeadLetter, InstanceId, LaneId, LaneState, Log, LogError, Outcome, Parcel, Pending, Retention, Seq, SourceId,
    Stored, Usage,
};

/// A log in memory. Dropped, everything in it is gone.
#[derive(Debug, Default)]
pub struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    sources: Vec<String>,
    instances: Vec<String>,
    streams: BTreeMap<SourceId, Stream>,
    lanes: BTreeMap<LaneId, Lane>,
    full: bool,
}

#[derive(Debug, Default)]
struct Stream {
    parcels: BTreeMap<Seq, Parcel>,
    head: Seq,
}

#[derive(Debug, Default)]
struct Lane {
    records: Vec<Outcome>,
    fold: Fold,
    dead: BTreeMap<Seq, (Timestamp, Dead)>,
}

impl Memory {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Acts as on a full disk (until told otherwise): appends and records are refused with [`LogError::Full`].
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Memory {
    fn source(&self, name: &str) -> Result<SourceId, LogError> {
        Ok(SourceId(number(&mut self.state().sources, name)))
    }

    fn instance(&self, name: &str) -> Result<InstanceId, LogError> {
        Ok(InstanceId(number(&mut self.state().instances, name)))
    }

    fn append(&self, parcel: Parcel) -> Pending<'_, Seq> {
        let answer = self.state().append(parcel);
        Box::pin(std::future::ready(answer))
    }

    fn flushed(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn record(&self, outcome: Outcome) -> Pending<'_, ()> {
        let answer = self.state().record(outcome);
        Box::pin(std::future::ready(answer))
    }

    fn head(&self, source: SourceId) -> Result<Seq, LogError> {
        Ok(self.state().streams.get(&source).map_or(0, |stream| stream.head))
    }

    fn read(&self, source: SourceId, from: Seq, events: usize) -> Result<Vec<Stored>, LogError> {
        let state = self.state();
        let mut read = Vec::new();
        let mut count = 0;
        for (&first, parcel) in state.streams.get(&source).into_iter().flat_map(|stream| stream.holding(from)) {
            if count >= events {
                break;
            }
            count += parcel.events.len();
            read.push(Stored { first, parcel: parcel.clone() });
        }
        Ok(read)
    }

    fn lane(&self, lane: LaneId) -> Result<LaneState, LogError> {
        let state = self.state();
        Ok(state
            .lanes
            .get(&lane)
            .map_or_else(LaneState::default, |lane| lane.fold.clone().into_state(lane.dead.len() as u64)))
    }

    fn find(&self, id: u64, limit: usize) -> Result<Vec<(SourceId, Seq)>, LogError> {
        let state = self.state();
        let mut found = Vec::new();
        for (source, stream) in &state.streams {
            let places = stream.parcels.iter().rev().flat_map(|(first, parcel)| {
                let places = parcel.events.iter().enumerate().rev().filter(|(_, event)| event.id == id);
                places.map(move |(index, _)| (parcel.received_at, *source, first + index as Seq))
            });
            found.extend(places.take(limit));
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found.into_iter().take(limit).map(|(_, source, seq)| (source, seq)).collect())
    }

    fn history(&self, lane: LaneId, seq: Seq) -> Result<Vec<Outcome>, LogError> {
        let state = self.state();
        if state.streams.get(&lane.source).is_some_and(|stream| seq < stream.floor()) {
            return Ok(Vec::new());
        }
        let records = state.lanes.get(&lane).into_iter().flat_map(|lane| &lane.records);
        Ok(records.filter(|record| mentions(record, seq)).cloned().collect())
    }

    fn dead(
        &self,
        lane: Option<LaneId>,
        after: Option<(LaneId, Seq)>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, LogError> {
        let state = self.state();
        let lanes = state.lanes.iter().filter(|(id, _)| lane.is_none_or(|lane| lane == **id));
        let letters = lanes.flat_map(|(id, lane)| {
            lane.dead.iter().map(|(seq, (at, dead))| DeadLetter { lane: *id, seq: *seq, at: *at, dead: dead.clone() })
        });
        let later = letters.filter(|letter| after.is_none_or(|after| (letter.lane, letter.seq) > after));
        Ok(later.take(limit).collect())
    }

    fn recent(&self, source: SourceId, since: Timestamp, limit: usize) -> Result<Vec<u64>, LogError> {
        let state = self.state();
        let parcels = state.streams.get(&source).into_iter().flat_map(|stream| stream.parcels.values().rev());
        let young = parcels.take_while(|parcel| parcel.received_at >= since);
        let mut ids: Vec<u64> =
            young.flat_map(|parcel| parcel.events.iter().rev().map(|event| event.id)).take(limit).collect();
        ids.reverse();
        Ok(ids)
    }

    fn expire(&self, lanes: &[LaneId], now: Timestamp, retention: Retention) -> Result<(), LogError> {
        self.state().expire(lanes, now, retention);
        Ok(())
    }

    fn usage(&self) -> Result<Usage, LogError> {
        Ok(self.state().usage())
    }
}

impl State {
    fn append(&mut self, parcel: Parcel) -> Result<Seq, LogError> {
        self.space()?;
        if parcel.events.is_empty() {
            return Err(LogError::Engine { folder: folder(), problem: "a parcel without events was given".into() });
        }
        let stream = self.streams.entry(parcel.source).or_default();
        let first = stream.head;
        stream.head += parcel.events.len() as Seq;
        stream.parcels.insert(first, parcel);
        Ok(first)
    }

    fn record(&mut self, outcome: Outcome) -> Result<(), LogError> {
        self.space()?;
        let lane = self.lanes.entry(outcome.lane).or_default();
        lane.fold.add(&outcome);
        for done in &outcome.done {
            lane.dead.retain(|seq, _| !done.events.contains(seq));
        }
        for (seq, _) in &outcome.retry {
            lane.dead.remove(seq);
        }
        for (seq, dead) in &outcome.dead {
            lane.dead.insert(*seq, (outcome.at, dead.clone()));
        }
        lane.records.push(outcome);
        Ok(())
    }

    fn space(&self) -> Result<(), LogError> {
        if self.full { Err(LogError::Full { folder: folder() }) } else { Ok(()) }
    }

    fn usage(&self) -> Usage {
        let parcels = self.streams.values().flat_map(|stream| stream.parcels.values());
        parcels.fold(Usage::default(), |usage, parcel| Usage {
            events: usage.events + parcel.events.len() as u64,
            bytes: usage.bytes + size(parcel),
        })
    }

    fn expire(&mut self, lanes: &[LaneId], now: Timestamp, retention: Retention) {
        let mut bytes = self.usage().bytes;
        while let Some(source) = self.expirable(lanes, now, retention, bytes) {
            let Some(stream) = self.streams.get_mut(&source) else { return };
            let Some((first, parcel)) = stream.parcels.pop_first() else { return };
            bytes = bytes.saturating_sub(size(&parcel));
            let gone = first..first + parcel.events.len() as Seq;
            for (_, lane) in self.lanes.iter_mut().filter(|(id, _)| id.source == source) {
                lane.dead.retain(|seq, _| !gone.contains(seq));
            }
        }
    }

    /// The source whose first parcel is to go next: the oldest of those that may.
    fn expirable(&self, lanes: &[LaneId], now: Timestamp, retention: Retention, bytes: u64) -> Option<SourceId> {
        let may_go = |source: SourceId, first: Seq, parcel: &Parcel| {
            let events = first..first + parcel.events.len() as Seq;
            let lane = |lane: &LaneId| self.lanes.get(lane);
            let finished = lanes
                .iter()
                .filter(|lane| lane.source == source)
                .all(|id| lane(id).is_some_and(|lane| lane.fold.finished(first) >= events.end));
            let letters = self
                .lanes
                .iter()
                .any(|(id, lane)| id.source == source && lane.dead.range(events.clone()).next().is_some());
            let old = now.duration_since(parcel.received_at) > age(retention);
            finished && (old || (bytes > retention.bytes && !letters))
        };
        let firsts = self.streams.iter().filter_map(|(source, stream)| {
            let (first, parcel) = stream.parcels.first_key_value()?;
            may_go(*source, *first, parcel).then_some((parcel.received_at, *source))
        });
        firsts.min().map(|(_, source)| source)
    }
}

impl Stream {
    /// The first place that is kept.
    fn floor(&self) -> Seq {
        self.parcels.first_key_value().map_or(self.head, |(first, _)| *first)
    }

    /// Parcels from the one that holds this place, or the next.
    fn holding(&self, from: Seq) -> impl Iterator<Item = (&Seq, &Parcel)> {
        let before = self.parcels.range(..=from).next_back();
        let start = before
            .filter(|(first, parcel)| **first + parcel.events.len() as Seq > from)
            .map_or(from, |(first, _)| *first);
        self.parcels.range(start..)
    }
}

/// How long is kept, as the clock counts.
fn age(retention: Retention) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(retention.age).unwrap_or(jiff::SignedDuration::MAX)
}

fn number(names: &mut Vec<String>, name: &str) -> u32 {
    let known = names.iter().position(|known| known == name);
    let index = known.unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    });
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn size(parcel: &Parcel) -> u64 {
    (parcel.shared.len() + parcel.events.iter().map(|event| event.json.len()).sum::<usize>()) as u64
}

fn folder() -> String {
    "memory".into()
}
