//! What finds things again: where each run lies, the records of each lane, dead letters, names. Kept in fjall.
//!
//! The segment files are the truth and are synced; the index follows them, and may lag behind after a crash: it knows up to
//! where it has followed (the *mark*), and what lies behind that is entered again when the log is opened.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::path::Path;

use fjall::config::CompressionPolicy;
use fjall::{CompressionType, Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Slice};

use super::EmbeddedOptions;
use super::codec::{Problem, Reader};
use super::context::Context;
use super::keys::{dead_key, lane_key, record_key, run_key};
use super::outcome;
use super::run::Entry;
use crate::log::fold::Fold;
use crate::log::{DeadLetter, InstanceId, LaneId, LaneState, LogError, Outcome, Seq, SourceId};

/// How large a memtable grows before it is written out. Small, so that memory stays flat and no write waits long for one that is
/// being synced: with events in fjall, memtables of 8 MB paused it for up to 50 ms, of 64 MB for 170, at the same speed.
const MEMTABLE: u64 = 8 * 1024 * 1024;

/// The keyspaces. Clones are the same index.
#[derive(Clone)]
pub(super) struct Index {
    pub(super) db: Database,
    /// Single values: the mark, names, floors, what of each segment is live.
    pub(super) meta: Keyspace,
    /// Source, first place → [`super::run::Run`].
    pub(super) runs: Keyspace,
    /// Lane, running number → the records of the lane that were written at once. fjall reads its journal when it is opened, entry
    /// by entry: fewer entries, a faster start.
    pub(super) records: Keyspace,
    /// Lane, `c` or `d` → checkpoint, number of dead letters.
    pub(super) lanes: Keyspace,
    /// Lane, place → dead letter.
    pub(super) dead: Keyspace,
    context: Context,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Index").field("folder", &self.context.folder).finish_non_exhaustive()
    }
}

/// Where in the segment files the index is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) segment: u32,
    pub(super) offset: u64,
}

/// What is kept of a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// Where its first run begins: at the floor or before.
    pub(super) base: Seq,
    /// The first event that is kept.
    pub(super) floor: Seq,
    /// The place of its next event.
    pub(super) head: Seq,
}

/// A lane as it was when its records up to a number had been folded. Numbers are those of groups of records.
#[derive(Debug, Clone, Default)]
pub(super) struct Checkpoint {
    /// The first record that is kept.
    pub(super) first: u64,
    /// The first record that is not folded.
    pub(super) next: u64,
    pub(super) fold: Fold,
    /// What the stored checkpoint takes.
    pub(super) bytes: u64,
}

impl Checkpoint {
    /// As it is stored.
    pub(super) fn put(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.next.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        outcome::put_state(&mut out, &self.fold.clone().into_state(0));
        out
    }
}

impl Index {
    pub(super) fn open(folder: &Path, options: &EmbeddedOptions, context: Context) -> Result<Self, LogError> {
        let fail = |error| context.fjall(&error);
        let db = Database::builder(folder)
            .cache_size(options.cache_bytes)
            // The segment files are synced, so that the index needs no sync of its own.
            .manual_journal_persist(true)
            // What is written here is small already: with events in it, lz4 took twice the CPU and was no faster.
            .journal_compression(CompressionType::None)
            // Little is to be compacted, and the cores are for requests.
            .worker_threads(1)
            .max_journaling_size(64 * 1024 * 1024)
            .open()
            .map_err(fail)?;
        let keyspace = |name: &str| {
            let options = || {
                let options = KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE).manual_journal_persist(true);
                // Fingerprints are random bytes: nothing can be compressed in them.
                if name == "runs" {
                    options.data_block_compression_policy(CompressionPolicy::disabled())
                } else {
                    options
                }
            };
            db.keyspace(name, options).map_err(fail)
        };
        let (meta, runs, records) = (keyspace("meta")?, keyspace("runs")?, keyspace("records")?);
        let (lanes, dead) = (keyspace("lanes")?, keyspace("dead")?);
        Ok(Self { meta, runs, records, lanes, dead, db, context })
    }

    /// Waits until everything that was entered is on disk.
    pub(super) fn persist(&self) -> Result<(), LogError> {
        self.db.persist(PersistMode::SyncAll).map_err(|error| self.context.fjall(&error))
    }

    /// Up to where the segment files are entered.
    pub(super) fn mark(&self) -> Result<Mark, LogError> {
        self.value(&self.meta, b"m", "the mark of the index", |reader| {
            Ok(Mark { segment: reader.u32()?, offset: reader.u64()? })
        })
        .map(Option::unwrap_or_default)
    }

    /// Names and numbers of sources (`s`) or instances (`i`).
    pub(super) fn names(&self, tag: u8) -> Result<HashMap<String, u32>, LogError> {
        self.meta
            .prefix([tag])
            .map(|guard| {
                let (key, value) = self.pair(guard)?;
                let name = String::from_utf8(key.get(1..).unwrap_or_default().to_vec());
                let name = name.map_err(|_| self.context.corrupt("a name in the index", "it is not UTF-8"))?;
                Ok((name, self.parse("a name in the index", &value, |reader| reader.u32())?))
            })
            .collect()
    }

    /// The bytes of each segment that are not forgotten.
    pub(super) fn live(&self) -> Result<BTreeMap<u32, u64>, LogError> {
        self.meta
            .prefix(b"g")
            .map(|guard| {
                let (key, value) = self.pair(guard)?;
                let number = self.parse("a key of the index", key.get(1..).unwrap_or_default(), big_u32)?;
                Ok((number, self.parse("the size of a segment in the index", &value, |reader| reader.u64())?))
            })
            .collect()
    }

    /// What is kept of every source that ever had events.
    pub(super) fn spans(&self) -> Result<HashMap<SourceId, Span>, LogError> {
        self.meta
            .prefix(b"f")
            .map(|guard| {
                let (key, value) = self.pair(guard)?;
                let source = SourceId(self.parse("a key of the index", key.get(1..).unwrap_or_default(), big_u32)?);
                let read = |reader: &mut Reader<'_>| Ok((reader.u64()?, reader.u64()?));
                let (floor, base) = self.parse("a floor in the index", &value, read)?;
                let last = self.runs.range(run_key(source, base)..=run_key(source, Seq::MAX)).next_back();
                let end = last.map(|guard| self.entry(guard)).transpose()?.map_or(floor, |entry| entry.end());
                Ok((source, Span { base, floor, head: end.max(floor) }))
            })
            .collect()
    }

    /// The run that holds this place, and those behind it. What was removed before `base` is not looked at: there may be millions.
    pub(super) fn runs_from(
        &self,
        source: SourceId,
        base: Seq,
        from: Seq,
    ) -> impl Iterator<Item = Result<Entry, LogError>> + '_ {
        let holding = self.runs.range(run_key(source, base)..=run_key(source, from.max(base))).next_back();
        let after = (Bound::Excluded(run_key(source, from.max(base))), Bound::Included(run_key(source, Seq::MAX)));
        let all = holding.into_iter().chain(self.runs.range(after));
        all.map(|guard| self.entry(guard)).filter(move |entry| entry.as_ref().map_or(true, |entry| entry.end() > from))
    }

    /// The runs of a source from `base` on, newest first.
    pub(super) fn runs_back(&self, source: SourceId, base: Seq) -> impl Iterator<Item = Result<Entry, LogError>> + '_ {
        let all = self.runs.range(run_key(source, base)..=run_key(source, Seq::MAX)).rev();
        all.map(|guard| self.entry(guard))
    }

    /// The run that begins at this place.
    pub(super) fn run(&self, source: SourceId, first: Seq) -> Result<Option<Entry>, LogError> {
        let value = self.runs.get(run_key(source, first)).map_err(|error| self.context.fjall(&error))?;
        value.map(|value| self.parse_entry(source, first, value)).transpose()
    }

    /// A lane as all its records tell.
    pub(super) fn lane(&self, lane: LaneId) -> Result<Checkpoint, LogError> {
        let snapshot = self.db.snapshot();
        let stored = snapshot.get(&self.lanes, lane_key(lane, b'c')).map_err(|error| self.context.fjall(&error))?;
        let mut checkpoint = self.parse_checkpoint(lane, stored)?;
        let later = record_key(lane, checkpoint.next)..=record_key(lane, u64::MAX);
        for guard in snapshot.range(&self.records, later) {
            let (number, records) = self.group(lane, guard)?;
            records.iter().for_each(|record| checkpoint.fold.add(record));
            checkpoint.next = number + 1;
        }
        Ok(checkpoint)
    }

    /// The stored checkpoint of a lane, and the number that its next record gets.
    pub(super) fn checkpoint(&self, lane: LaneId) -> Result<(Checkpoint, u64), LogError> {
        let stored = self.lanes.get(lane_key(lane, b'c')).map_err(|error| self.context.fjall(&error))?;
        let checkpoint = self.parse_checkpoint(lane, stored)?;
        let last = self.records.range(record_key(lane, checkpoint.first)..=record_key(lane, u64::MAX)).next_back();
        let last = last.map(|guard| self.group(lane, guard)).transpose()?;
        let next = last.map_or(0, |(number, _)| number + 1).max(checkpoint.next);
        Ok((checkpoint, next))
    }

    /// How many dead letters a lane has.
    pub(super) fn dead_count(&self, lane: LaneId) -> Result<u64, LogError> {
        self.value(&self.lanes, &lane_key(lane, b'd'), "a number of dead letters in the index", |reader| reader.u64())
            .map(Option::unwrap_or_default)
    }

    /// How far a lane is.
    pub(super) fn lane_state(&self, lane: LaneId) -> Result<LaneState, LogError> {
        Ok(self.lane(lane)?.fold.into_state(self.dead_count(lane)?))
    }

    /// The lanes of a source that have records.
    pub(super) fn lanes_of(&self, source: SourceId) -> Result<Vec<LaneId>, LogError> {
        let keys = self.lanes.prefix(source.0.to_be_bytes()).map(|guard| {
            let key = guard.key().map_err(|error| self.context.fjall(&error))?;
            self.parse("a key of the index", &key, |reader| {
                let lane = LaneId { source: SourceId(big_u32(reader)?), instance: InstanceId(big_u32(reader)?) };
                Ok((lane, reader.byte()?))
            })
        });
        let checkpoints = keys.filter(|key| key.as_ref().map_or(true, |(_, tag)| *tag == b'c'));
        checkpoints.map(|key| key.map(|(lane, _)| lane)).collect()
    }

    /// Records of a lane from a number on, oldest first, in the groups in which they were written.
    pub(super) fn records(
        &self,
        lane: LaneId,
        from: u64,
    ) -> impl Iterator<Item = Result<(u64, Vec<Outcome>), LogError>> + '_ {
        self.records
            .range(record_key(lane, from)..=record_key(lane, u64::MAX))
            .map(move |guard| self.group(lane, guard))
    }

    /// Dead letters between two keys, in order.
    pub(super) fn dead_letters(
        &self,
        from: Bound<[u8; 16]>,
        to: Bound<[u8; 16]>,
    ) -> impl Iterator<Item = Result<DeadLetter, LogError>> + '_ {
        self.dead.range((from, to)).map(|guard| {
            let (key, value) = self.pair(guard)?;
            let (lane, seq) = self.parse("a key of the index", &key, |reader| {
                let lane = LaneId { source: SourceId(big_u32(reader)?), instance: InstanceId(big_u32(reader)?) };
                Ok((lane, big_u64(reader)?))
            })?;
            let what = format!("the dead letter of event {seq} on lane {}/{}", lane.source.0, lane.instance.0);
            self.parse(&what, &value, |reader| {
                Ok(DeadLetter { lane, seq, at: reader.time()?, dead: outcome::dead(reader)? })
            })
        })
    }

    /// The first dead letter of a source's lane at or behind a place.
    pub(super) fn first_dead(&self, lane: LaneId, from: Seq) -> Result<Option<Seq>, LogError> {
        let range = (Bound::Included(dead_key(lane, from)), Bound::Included(dead_key(lane, Seq::MAX)));
        self.dead_letters(range.0, range.1).next().transpose().map(|letter| letter.map(|letter| letter.seq))
    }

    fn parse_checkpoint(&self, lane: LaneId, stored: Option<Slice>) -> Result<Checkpoint, LogError> {
        let Some(value) = stored else { return Ok(Checkpoint::default()) };
        let mut reader = Reader::new(&value);
        let read = reader.u64().and_then(|next| Ok((next, reader.u64()?)));
        let read = read.and_then(|(next, first)| Ok((next, first, outcome::read_state(reader.rest())?)));
        let (next, first, state) = read.map_err(|problem| {
            self.context.corrupt(&format!("the checkpoint of lane {}/{}", lane.source.0, lane.instance.0), &problem)
        })?;
        Ok(Checkpoint { first, next, fold: state.into(), bytes: value.len() as u64 })
    }

    fn group(&self, lane: LaneId, guard: Guard) -> Result<(u64, Vec<Outcome>), LogError> {
        let (key, value) = self.pair(guard)?;
        let number = self.parse("a key of the index", key.get(8..).unwrap_or_default(), big_u64)?;
        let records = outcome::read_group(&value, lane).map_err(|problem| {
            let what = format!("record {number} of lane {}/{}", lane.source.0, lane.instance.0);
            self.context.corrupt(&what, &problem)
        })?;
        Ok((number, records))
    }

    fn entry(&self, guard: Guard) -> Result<Entry, LogError> {
        let (key, value) = self.pair(guard)?;
        let (source, first) =
            self.parse("a key of the index", &key, |reader| Ok((SourceId(big_u32(reader)?), big_u64(reader)?)))?;
        self.parse_entry(source, first, value)
    }

    fn parse_entry(&self, source: SourceId, first: Seq, value: Slice) -> Result<Entry, LogError> {
        Entry::read(first, value).map_err(|problem| {
            self.context.corrupt(&format!("the entry of event {first} of source {} in the index", source.0), &problem)
        })
    }

    fn pair(&self, guard: Guard) -> Result<(Slice, Slice), LogError> {
        guard.into_inner().map_err(|error| self.context.fjall(&error))
    }

    fn value<T>(
        &self,
        keyspace: &Keyspace,
        key: &[u8],
        what: &str,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, Problem>,
    ) -> Result<Option<T>, LogError> {
        let value = keyspace.get(key).map_err(|error| self.context.fjall(&error))?;
        value.map(|value| self.parse(what, &value, read)).transpose()
    }

    fn parse<T>(
        &self,
        what: &str,
        bytes: &[u8],
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, Problem>,
    ) -> Result<T, LogError> {
        let mut reader = Reader::new(bytes);
        let read = read(&mut reader).and_then(|value| reader.end().map(|()| value));
        read.map_err(|problem| self.context.corrupt(what, &problem))
    }
}

fn big_u32(reader: &mut Reader<'_>) -> Result<u32, Problem> {
    reader.u32().map(u32::swap_bytes)
}

fn big_u64(reader: &mut Reader<'_>) -> Result<u64, Problem> {
    reader.u64().map(u64::swap_bytes)
}
