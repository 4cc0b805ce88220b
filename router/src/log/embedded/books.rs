//! Entering what was written into the index; [`super::tidy`] takes out what is done with. Only the writer does this, so that no sum
//! is ever worked out twice at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use fjall::OwnedWriteBatch;
use jiff::Timestamp;

use super::codec::{put_number, put_time};
use super::context::Context;
use super::frame::{HEADER, Header, Kind, MOVED, RUN};
use super::index::{Checkpoint, Index, Mark, Span};
use super::keys::{dead_key, floor_key, lane_key, record_key, run_key, segment_key};
use super::outcome;
use super::parcel::Summary;
use super::run::{Place, Run};
use crate::log::{Dead, DeadLetter, InstanceId, LaneId, LaneState, LogError, Outcome, Seq, SourceId};

/// A lane is folded anew when its records since the last time take so many bytes, or as many as the checkpoint: a restart reads
/// that much at most for each lane, and folding costs no more than writing did.
const CHECKPOINT: u64 = 32 * 1024;

/// What is kept of each source, for everyone to read.
pub(super) type Spans = RwLock<HashMap<SourceId, Span>>;

/// The index, and sums that would be dear to look up.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) index: Index,
    pub(super) context: Context,
    pub(super) spans: Arc<Spans>,
    pub(super) lanes: HashMap<LaneId, Note>,
    /// The bytes of each segment that are not forgotten.
    pub(super) live: BTreeMap<u32, u64>,
    mark: Mark,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    /// The number of the next record.
    next: u64,
    /// What the records since the checkpoint take.
    since: u64,
    checkpoint: u64,
    pub(super) dead: u64,
    /// Someone is folding it.
    folding: bool,
}

/// What a frame holds, beside its bytes.
#[derive(Debug)]
pub(super) enum Content {
    Parcel(Summary),
    Outcome(Outcome),
    /// The name of a source or an instance.
    Name(String),
    /// How far a lane is, and its dead letters.
    Lane(LaneState, Vec<DeadLetter>),
    /// First kept and next place of a source.
    Span(Seq, Seq),
}

/// A frame in its place.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    pub(super) header: Header,
    pub(super) offset: u64,
    pub(super) body: &'a [u8],
    pub(super) content: Content,
}

impl Placed<'_> {
    fn end(&self) -> u64 {
        self.offset + HEADER as u64 + u64::from(self.header.body_len)
    }
}

impl Books {
    pub(super) fn open(index: Index, spans: Arc<Spans>, context: Context) -> Result<Self, LogError> {
        *spans.write().unwrap_or_else(PoisonError::into_inner) = index.spans()?;
        let (live, mark) = (index.live()?, index.mark()?);
        Ok(Self { index, context, spans, lanes: HashMap::new(), live, mark })
    }

    /// Lanes are looked up again, and folded when they have more records.
    pub(super) fn forget_notes(&mut self) {
        self.lanes.clear();
    }

    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// Enters a group, parcels first. The answer is the lanes that are to be folded.
    pub(super) fn enter(&mut self, segment: u32, group: Vec<Placed<'_>>) -> Result<Vec<LaneId>, LogError> {
        let mut entry = self.begin(Mark { segment, offset: 0 });
        let mut run: Option<(SourceId, Seq, Run)> = None;
        let mut spans = HashMap::new();
        let mut due = Vec::new();
        for placed in group {
            let end = placed.end();
            if !matches!(placed.content, Content::Parcel(_)) || placed.header.flags & RUN != 0 {
                self.close(&mut entry, &mut spans, run.take())?;
            }
            match placed.content {
                Content::Parcel(summary) => {
                    let source = SourceId(placed.header.source);
                    let place = Place { segment, offset: placed.offset, length: 0 };
                    let (_, _, run) =
                        run.get_or_insert_with(|| (source, placed.header.place, Run { place, parcels: Vec::new() }));
                    run.place.length = end - run.place.offset;
                    run.parcels.push(summary);
                    if placed.header.flags & (MOVED | RUN) == MOVED | RUN {
                        self.leave(&mut entry, source, placed.header.place)?;
                    }
                }
                Content::Outcome(outcome) => due.extend(self.outcome(&mut entry, &outcome, placed.body)?),
                Content::Name(name) => {
                    let (tag, number) = match placed.header.kind {
                        Kind::Instance => (b'i', u32::try_from(placed.header.place).unwrap_or(u32::MAX)),
                        _ => (b's', placed.header.source),
                    };
                    let key = [&[tag], name.as_bytes()].concat();
                    entry.batch.insert(&self.index.meta, key, number.to_le_bytes());
                }
                Content::Lane(state, letters) => self.lane(&mut entry, lane_of(&placed.header), state, &letters)?,
                Content::Span(floor, head) => {
                    let source = SourceId(placed.header.source);
                    let span = self.span(source).unwrap_or_default();
                    let span = Span { floor: span.floor.max(floor), head: span.head.max(head), ..span };
                    entry.batch.insert(&self.index.meta, floor_key(source), floor_value(span));
                    spans.insert(source, span);
                }
            }
            entry.mark.offset = end;
        }
        self.close(&mut entry, &mut spans, run)?;
        self.commit(entry)?;
        let mut published = self.spans.write().unwrap_or_else(PoisonError::into_inner);
        published.extend(spans);
        Ok(due)
    }

    /// Enters a run that is complete.
    fn close(
        &mut self,
        entry: &mut Entry,
        spans: &mut HashMap<SourceId, Span>,
        run: Option<(SourceId, Seq, Run)>,
    ) -> Result<(), LogError> {
        let Some((source, first, run)) = run else { return Ok(()) };
        let end = first + run.parcels.iter().map(Summary::events).sum::<u64>();
        let span = spans.get(&source).copied().or_else(|| self.span(source));
        if span.is_none() {
            entry.batch.insert(&self.index.meta, floor_key(source), floor_value(Span::default()));
        }
        let span = span.unwrap_or_default();
        spans.insert(source, Span { head: span.head.max(end), ..span });
        *self.live.entry(run.place.segment).or_default() += run.place.length;
        entry.weighed.insert(run.place.segment);
        entry.batch.insert(&self.index.runs, run_key(source, first), run.put());
        Ok(())
    }

    /// A run is no longer where it was.
    fn leave(&mut self, entry: &mut Entry, source: SourceId, first: Seq) -> Result<(), LogError> {
        if let Some(old) = self.index.run(source, first)? {
            self.lighten(&mut entry.weighed, old.place);
        }
        Ok(())
    }

    fn outcome(&mut self, entry: &mut Entry, outcome: &Outcome, body: &[u8]) -> Result<Option<LaneId>, LogError> {
        let lane = outcome.lane;
        if entry.changed.contains(&lane) {
            // What became of its dead letters must be seen by the next record.
            let next = self.begin(entry.mark);
            self.commit(std::mem::replace(entry, next))?;
        }
        let mut note = self.note(lane)?;
        outcome::put_in_group(entry.records.entry(lane).or_default(), body);
        let dead = self.letters(&mut entry.batch, outcome, note.dead)?;
        if dead.1 {
            entry.changed.insert(lane);
            entry.batch.insert(&self.index.lanes, lane_key(lane, b'd'), dead.0.to_le_bytes());
        }
        note = Note { since: note.since + body.len() as u64, dead: dead.0, ..note };
        let due = note.since > CHECKPOINT.max(note.checkpoint) && !note.folding;
        note.folding |= due;
        self.lanes.insert(lane, note);
        Ok(due.then_some(lane))
    }

    /// Enters what a record says of dead letters. The answer is how many there are now, and whether anything changed.
    fn letters(&self, batch: &mut OwnedWriteBatch, outcome: &Outcome, before: u64) -> Result<(u64, bool), LogError> {
        let lane = outcome.lane;
        let mut risen = BTreeSet::new();
        if before > 0 {
            let done = outcome.done.iter().map(|done| done.events.clone());
            for events in done.chain(outcome.retry.iter().map(|(seq, _)| *seq..seq.saturating_add(1))) {
                risen.extend(self.letters_in(lane, events.start, events.end)?);
            }
        }
        let died: BTreeMap<Seq, &Dead> = outcome.dead.iter().map(|(seq, dead)| (*seq, dead)).collect();
        let mut count = before;
        for seq in risen.iter().filter(|seq| !died.contains_key(seq)) {
            batch.remove(&self.index.dead, dead_key(lane, *seq));
            count = count.saturating_sub(1);
        }
        for (seq, dead) in &died {
            let known = before > 0 && self.index.first_dead(lane, *seq)? == Some(*seq);
            count += u64::from(!known);
            self.letter(batch, lane, *seq, outcome.at, dead);
        }
        Ok((count, !(risen.is_empty() && died.is_empty())))
    }

    /// Enters what a lane was when segments with its records went. Nothing new, unless the index is made anew.
    fn lane(
        &mut self,
        entry: &mut Entry,
        lane: LaneId,
        state: LaneState,
        letters: &[DeadLetter],
    ) -> Result<(), LogError> {
        let note = self.note(lane)?;
        // A lane is new while its next record is the first: what is entered here is not to be taken for that.
        let note = Note { next: note.next.max(1), ..note };
        let (stored, _) = self.index.checkpoint(lane)?;
        let value = Checkpoint { first: stored.first, next: note.next, fold: state.into(), bytes: 0 }.put();
        let listed: BTreeSet<Seq> = letters.iter().map(|letter| letter.seq).collect();
        for seq in self.letters_in(lane, 0, Seq::MAX)?.into_iter().filter(|seq| !listed.contains(seq)) {
            entry.batch.remove(&self.index.dead, dead_key(lane, seq));
        }
        for letter in letters {
            self.letter(&mut entry.batch, lane, letter.seq, letter.at, &letter.dead);
        }
        let dead = listed.len() as u64;
        entry.batch.insert(&self.index.lanes, lane_key(lane, b'd'), dead.to_le_bytes());
        self.lanes.insert(lane, Note { dead, since: 0, checkpoint: value.len() as u64, ..note });
        entry.batch.insert(&self.index.lanes, lane_key(lane, b'c'), value);
        Ok(())
    }

    fn letter(&self, batch: &mut OwnedWriteBatch, lane: LaneId, seq: Seq, at: Timestamp, dead: &Dead) {
        let mut value = Vec::new();
        put_time(&mut value, at);
        outcome::put_dead(&mut value, dead);
        batch.insert(&self.index.dead, dead_key(lane, seq), value);
    }

    /// Takes in a lane that was folded.
    pub(super) fn checkpoint(&mut self, lane: LaneId, folded: &Checkpoint) -> Result<(), LogError> {
        let (stored, _) = self.index.checkpoint(lane)?;
        let value = Checkpoint { first: stored.first, ..folded.clone() }.put();
        let note = Note { since: 0, checkpoint: value.len() as u64, folding: false, ..self.note(lane)? };
        let mut batch = self.index.db.batch();
        batch.insert(&self.index.lanes, lane_key(lane, b'c'), value);
        self.lanes.insert(lane, note);
        batch.commit().map_err(|error| self.context.fjall(&error))
    }

    pub(super) fn span(&self, source: SourceId) -> Option<Span> {
        self.spans.read().unwrap_or_else(PoisonError::into_inner).get(&source).copied()
    }

    pub(super) fn note(&self, lane: LaneId) -> Result<Note, LogError> {
        if let Some(note) = self.lanes.get(&lane) {
            return Ok(*note);
        }
        let (checkpoint, next) = self.index.checkpoint(lane)?;
        let since = if next > checkpoint.next { CHECKPOINT / 2 } else { 0 };
        let dead = self.index.dead_count(lane)?;
        Ok(Note { next, since, checkpoint: checkpoint.bytes, dead, folding: false })
    }

    pub(super) fn letters_in(&self, lane: LaneId, start: Seq, end: Seq) -> Result<Vec<Seq>, LogError> {
        if start >= end {
            return Ok(Vec::new());
        }
        let (from, to) = (Bound::Included(dead_key(lane, start)), Bound::Excluded(dead_key(lane, end)));
        self.index.dead_letters(from, to).map(|letter| letter.map(|letter| letter.seq)).collect()
    }

    /// Less of a segment is live.
    pub(super) fn lighten(&mut self, weighed: &mut BTreeSet<u32>, place: Place) {
        let live = self.live.entry(place.segment).or_default();
        *live = live.saturating_sub(place.length);
        weighed.insert(place.segment);
    }

    /// Enters what of these segments is live. Once a batch: of two values for one key in a batch, either may win.
    pub(super) fn weigh(&self, batch: &mut OwnedWriteBatch, segments: BTreeSet<u32>) {
        for number in segments {
            let live = self.live.get(&number).copied().unwrap_or_default();
            batch.insert(&self.index.meta, segment_key(number), live.to_le_bytes());
        }
    }

    fn begin(&self, mark: Mark) -> Entry {
        Entry {
            batch: self.index.db.batch(),
            mark,
            changed: HashSet::new(),
            records: HashMap::new(),
            weighed: BTreeSet::new(),
        }
    }

    fn commit(&mut self, mut entry: Entry) -> Result<(), LogError> {
        self.weigh(&mut entry.batch, std::mem::take(&mut entry.weighed));
        for (lane, records) in std::mem::take(&mut entry.records) {
            let note = self.note(lane)?;
            if note.next == 0 {
                entry.batch.insert(&self.index.lanes, lane_key(lane, b'c'), Checkpoint::default().put());
            }
            entry.batch.insert(&self.index.records, record_key(lane, note.next), records);
            self.lanes.insert(lane, Note { next: note.next + 1, ..note });
        }
        let mut mark = Vec::with_capacity(12);
        mark.extend_from_slice(&entry.mark.segment.to_le_bytes());
        mark.extend_from_slice(&entry.mark.offset.to_le_bytes());
        entry.batch.insert(&self.index.meta, b"m".as_slice(), mark);
        entry.batch.commit().map_err(|error| self.context.fjall(&error))?;
        self.mark = entry.mark;
        Ok(())
    }
}

/// What is being entered at once.
struct Entry {
    batch: OwnedWriteBatch,
    mark: Mark,
    /// Lanes whose dead letters change with it.
    changed: HashSet<LaneId>,
    /// The records of each lane.
    records: HashMap<LaneId, Vec<u8>>,
    /// Segments of which more or less is live with it.
    weighed: BTreeSet<u32>,
}

pub(super) fn floor_value(span: Span) -> Vec<u8> {
    [span.floor.to_le_bytes(), span.base.to_le_bytes()].concat()
}

/// The body of a frame that holds a name.
pub(super) fn put_name(out: &mut Vec<u8>, name: &str) {
    put_number(out, name.len() as u64);
    out.extend_from_slice(name.as_bytes());
}

/// The lane that a frame with a record is of.
pub(super) fn lane_of(header: &Header) -> LaneId {
    let instance = u32::try_from(header.place).unwrap_or(u32::MAX);
    LaneId { source: SourceId(header.source), instance: InstanceId(instance) }
}
