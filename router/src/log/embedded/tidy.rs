//! Taking out of the index what is done with, in small steps, and saying what segments that go had told.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::PoisonError;

use super::books::{Books, Content, floor_value};
use super::codec::put_number;
use super::frame::{Frame, Kind};
use super::index::Span;
use super::keys::{dead_key, floor_key, lane_key, record_key, run_key, segment_key};
use super::outcome;
use crate::log::{LaneId, LogError, Seq, SourceId};

impl Books {
    /// Forgets a source's events before a place, at most `limit` runs at once. The answer is whether there is more.
    pub(super) fn forget(&mut self, source: SourceId, to: Seq, limit: usize) -> Result<bool, LogError> {
        let Some(span) = self.span(source).filter(|span| span.floor < to) else { return Ok(false) };
        let mut batch = self.index.db.batch();
        let mut weighed = BTreeSet::new();
        let (mut floor, mut base, mut more) = (to, span.base, false);
        let runs: Vec<_> = self.index.runs_from(source, span.base, span.base).take(limit + 1).collect();
        for (count, run) in runs.into_iter().enumerate() {
            let run = run?;
            if run.end() > to {
                base = run.first;
                break;
            }
            if count == limit {
                (floor, base, more) = (run.first, run.first, true);
                break;
            }
            batch.remove(&self.index.runs, run_key(source, run.first));
            self.lighten(&mut weighed, run.place);
            base = run.end();
        }
        for lane in self.index.lanes_of(source)? {
            let mut note = self.note(lane)?;
            if note.dead > 0 {
                let gone = self.letters_in(lane, span.floor, floor)?;
                gone.iter().for_each(|seq| batch.remove(&self.index.dead, dead_key(lane, *seq)));
                note.dead = note.dead.saturating_sub(gone.len() as u64);
                batch.insert(&self.index.lanes, lane_key(lane, b'd'), note.dead.to_le_bytes());
                self.lanes.insert(lane, note);
            }
        }
        let span = Span { base, floor, ..span };
        batch.insert(&self.index.meta, floor_key(source), floor_value(span));
        self.weigh(&mut batch, weighed);
        batch.commit().map_err(|error| self.context.fjall(&error))?;
        self.spans.write().unwrap_or_else(PoisonError::into_inner).insert(source, span);
        Ok(more)
    }

    /// Removes a lane's oldest records that tell of nothing from `floor` on, at most `limit`. The answer is whether there is more.
    pub(super) fn trim(&mut self, lane: LaneId, floor: Seq, limit: usize) -> Result<bool, LogError> {
        let (mut checkpoint, _) = self.index.checkpoint(lane)?;
        let mut batch = self.index.db.batch();
        let from = checkpoint.first;
        for record in self.index.records(lane, from).take(limit) {
            let (number, group) = record?;
            if number >= checkpoint.next || group.iter().filter_map(outcome::last).any(|last| last >= floor) {
                break;
            }
            batch.remove(&self.index.records, record_key(lane, number));
            checkpoint.first = number + 1;
        }
        if checkpoint.first == from {
            return Ok(false);
        }
        batch.insert(&self.index.lanes, lane_key(lane, b'c'), checkpoint.put());
        batch.commit().map_err(|error| self.context.fjall(&error))?;
        Ok(checkpoint.first - from >= limit as u64)
    }

    /// Lets go of segments in which nothing is live. The index is on disk then, so that nobody needs them any more.
    pub(super) fn release(&mut self, segments: &[u32]) -> Result<(), LogError> {
        let mut batch = self.index.db.batch();
        for number in segments {
            self.live.remove(number);
            batch.remove(&self.index.meta, segment_key(*number));
        }
        batch.commit().map_err(|error| self.context.fjall(&error))?;
        self.index.persist()
    }

    /// A lane and a source as they are, as frames.
    pub(super) fn carried(&self, lanes: &[LaneId], sources: &[SourceId]) -> Result<Vec<(Frame, Content)>, LogError> {
        let mut carried = Vec::new();
        for lane in lanes {
            let state = self.index.lane(*lane)?.fold.into_state(0);
            let (from, to) = (Bound::Included(dead_key(*lane, 0)), Bound::Included(dead_key(*lane, Seq::MAX)));
            let letters: Vec<_> = self.index.dead_letters(from, to).collect::<Result<_, _>>()?;
            let frame = Frame::build(Kind::Lane, lane.source.0, lane.instance.0.into(), |out| {
                outcome::put_lane(out, &state, &letters);
                Ok(())
            });
            let frame = frame.map_err(|problem| self.context.engine(&problem))?;
            carried.push((frame, Content::Lane(state, letters)));
        }
        for source in sources {
            let Span { floor, head, .. } = self.span(*source).unwrap_or_default();
            let frame = Frame::build(Kind::Span, source.0, 0, |out| {
                put_number(out, floor);
                put_number(out, head);
                Ok(())
            });
            let frame = frame.map_err(|problem| self.context.engine(&problem))?;
            carried.push((frame, Content::Span(floor, head)));
        }
        Ok(carried)
    }
}
