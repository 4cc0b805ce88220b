//! What is done with goes: first from what can be read, then from the disk, whole segments at a time. Segments in which little is
//! left are written anew, so that one event that waits does not hold the disk space of a million.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::io;
use std::sync::mpsc::{Sender, sync_channel};

use super::books::lane_of;
use super::codec::Problem;
use super::frame::{Frame, HEADER, Header, Kind};
use super::index::{Index, Span};
use super::replay::content;
use super::shared::Shared;
use super::writer::{Ask, Progress, Task, Write};
use jiff::{SignedDuration, Timestamp};

/// How many lanes one task folds: the writer is not held up for long.
const LANES: usize = 64;
use crate::log::fold::Fold;
use crate::log::{LaneId, LogError, Retention, Seq, SourceId};

/// Runs through everything once.
pub(super) struct Expiry<'a> {
    pub(super) shared: &'a Shared,
    pub(super) writer: &'a Sender<Ask>,
    pub(super) lanes: &'a [LaneId],
    pub(super) now: Timestamp,
    pub(super) retention: Retention,
}

impl Expiry<'_> {
    pub(super) fn run(&self) -> Result<(), LogError> {
        for (source, floor) in self.floors()? {
            while self.ask(Task::Forget(source, floor))? == Progress::More {}
        }
        for source in self.shared.sources() {
            let floor = self.shared.span(source).floor;
            let lanes = self.shared.index()?.lanes_of(source)?;
            for lane in lanes.into_iter().filter(|_| floor > 0) {
                while self.ask(Task::Trim(lane, floor))? == Progress::More {}
            }
        }
        self.thin()?;
        self.sweep()
    }

    /// Removes the files in which nothing is live, once what else they tell is written again.
    fn sweep(&self) -> Result<(), LogError> {
        let live = self.shared.index()?.live()?;
        let mut files = self.shared.segments.sizes();
        // The last is being written to.
        files.pop_last();
        files.retain(|number, _| live.get(number).is_none_or(|live| *live == 0));
        for (&number, &size) in &files {
            self.carry(number, size)?;
        }
        if files.is_empty() {
            return Ok(());
        }
        let segments: Vec<u32> = files.into_keys().collect();
        self.ask(Task::Release(segments.clone()))?;
        for number in segments {
            self.shared.segments.remove(number).map_err(|error| self.io("removing a segment file", &error))?;
        }
        Ok(())
    }

    /// Writes again what a segment tells besides events: the segment files are the truth, also when the index is made anew.
    fn carry(&self, number: u32, size: u64) -> Result<(), LogError> {
        let (mut names, mut lanes, mut sources) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut offset = 0;
        while offset + (HEADER as u64) <= size {
            let header = self.header(number, offset)?;
            match header.kind {
                Kind::Parcel | Kind::Span => drop(sources.insert(SourceId(header.source))),
                Kind::Outcome | Kind::Lane => drop(lanes.insert(lane_of(&header))),
                Kind::Source | Kind::Instance => names.push(self.copy(number, offset, &header)?),
            }
            offset += HEADER as u64 + u64::from(header.body_len);
        }
        self.ask(Task::Carry { names, lanes: Vec::new(), sources: sources.into_iter().collect() })?;
        let lanes: Vec<_> = lanes.into_iter().collect();
        for lanes in lanes.chunks(LANES) {
            self.ask(Task::Carry { names: Vec::new(), lanes: lanes.to_vec(), sources: Vec::new() })?;
        }
        Ok(())
    }

    fn header(&self, number: u32, offset: u64) -> Result<Header, LogError> {
        let read = self.shared.segments.read(number, offset, HEADER);
        let bytes = read.map_err(|error| self.io("reading a segment file", &error))?;
        Header::decode(&bytes).map_err(|problem| self.shared.corrupt_frame(number, offset, &problem))
    }

    /// A frame as it lies there, to be written again.
    fn copy(&self, number: u32, offset: u64, header: &Header) -> Result<Write, LogError> {
        let read = self.shared.segments.read(number, offset + HEADER as u64, header.body_len as usize);
        let body = read.map_err(|error| self.io("reading a segment file", &error))?;
        header
            .check(&body)
            .and_then(|()| again(header, &body))
            .map_err(|problem| self.shared.corrupt_frame(number, offset, &problem))
    }

    /// Up to where each source's events may go, the oldest first.
    fn floors(&self) -> Result<HashMap<SourceId, Seq>, LogError> {
        let index = self.shared.index()?;
        let mut bytes: u64 = index.live()?.values().sum();
        let mut floors = HashMap::new();
        let mut streams = HashMap::new();
        let mut fronts = BinaryHeap::new();
        for source in self.shared.sources() {
            let mut stream = self.stream(&index, source)?;
            if let Some(front) = stream.next(&index)? {
                fronts.push(Reverse((front.received_at, source)));
                streams.insert(source, (stream, front));
            }
        }
        let age = SignedDuration::try_from(self.retention.age).unwrap_or(SignedDuration::MAX);
        while let Some(Reverse((received_at, source))) = fronts.pop() {
            let Some((stream, front)) = streams.get_mut(&source) else { continue };
            let old = self.now.duration_since(received_at) > age;
            // Where this one stays, those behind it do too.
            if !old && (bytes <= self.retention.bytes || stream.dead_before(&index, front)?) {
                continue;
            }
            floors.insert(source, front.end);
            bytes = bytes.saturating_sub(front.bytes);
            if let Some(next) = stream.next(&index)? {
                fronts.push(Reverse((next.received_at, source)));
                *front = next;
            }
        }
        Ok(floors)
    }

    fn stream(&self, index: &Index, source: SourceId) -> Result<Stream, LogError> {
        let span = self.shared.span(source);
        let mut finished = span.head;
        if span.floor < span.head {
            for lane in self.lanes.iter().filter(|lane| lane.source == source) {
                finished = finished.min(Fold::from(index.lane_state(*lane)?).finished(span.floor));
            }
        }
        let lanes = index.lanes_of(source)?;
        Ok(Stream { source, span, finished, lanes, run: VecDeque::new(), at: span.floor })
    }

    /// Writes anew what is left in segments of which less than half is live.
    fn thin(&self) -> Result<(), LogError> {
        let live = self.shared.index()?.live()?;
        let sizes = self.shared.segments.sizes();
        let tail = sizes.keys().next_back().copied();
        for (number, size) in sizes {
            let live = live.get(&number).copied().unwrap_or_default();
            if Some(number) != tail && live > 0 && live < size / 2 {
                self.evacuate(number, size)?;
            }
        }
        Ok(())
    }

    fn evacuate(&self, number: u32, size: u64) -> Result<(), LogError> {
        let mut offset = 0;
        while offset + (HEADER as u64) <= size {
            let header = self.header(number, offset)?;
            let (source, first) = (SourceId(header.source), header.place);
            let run = match header.kind {
                Kind::Parcel => self.shared.index()?.run(source, first)?,
                _ => None,
            };
            let Some(run) = run.filter(|run| (run.place.segment, run.place.offset) == (number, offset)) else {
                offset += HEADER as u64 + u64::from(header.body_len);
                continue;
            };
            let length = usize::try_from(run.place.length).unwrap_or_default();
            let bytes = self.shared.segments.read(number, offset, length);
            let bytes = bytes.map_err(|error| self.io("reading a segment file", &error))?;
            let frames = self.shared.frames(source, &run, bytes)?;
            let parcels = frames.iter().map(|(header, body)| again(header, body)).collect::<Result<_, _>>();
            let parcels = parcels.map_err(|problem| self.shared.corrupt_frame(number, offset, &problem))?;
            self.ask(Task::Move { from: number, source, parcels })?;
            offset += run.place.length;
        }
        Ok(())
    }

    fn ask(&self, task: Task) -> Result<Progress, LogError> {
        let (answer, answered) = sync_channel(1);
        self.writer.send(Ask::Task(task, answer)).map_err(|_| LogError::Closed)?;
        answered.recv().map_err(|_| LogError::Closed)?
    }

    fn io(&self, doing: &str, error: &io::Error) -> LogError {
        self.shared.context.io(doing, error)
    }
}

/// A frame with the same body, to be written again.
fn again(header: &Header, body: &[u8]) -> Result<Write, Problem> {
    let frame = Frame::build(header.kind, header.source, header.place, |out| {
        out.extend_from_slice(body);
        Ok(())
    })?;
    Ok(Write::unanswered(frame, content(header, body)?))
}

/// The parcels of a source that every lane has finished, from the floor on.
struct Stream {
    source: SourceId,
    span: Span,
    finished: Seq,
    lanes: Vec<LaneId>,
    run: VecDeque<Front>,
    at: Seq,
}

/// The parcel that is to go next.
#[derive(Clone, Copy)]
struct Front {
    first: Seq,
    received_at: Timestamp,
    end: Seq,
    bytes: u64,
}

impl Stream {
    fn next(&mut self, index: &Index) -> Result<Option<Front>, LogError> {
        if self.run.is_empty()
            && self.at < self.finished
            && let Some(run) = index.runs_from(self.source, self.span.base, self.at).next().transpose()?
        {
            let bytes = run.place.length / run.parcels.len().max(1) as u64;
            let fronts = run.spans().map(|(first, received_at, end)| Front { first, received_at, end, bytes });
            self.run = fronts.filter(|front| front.end > self.at).collect();
            self.at = run.end();
        }
        Ok(self.run.pop_front().filter(|front| front.end <= self.finished))
    }

    /// Whether an event of this parcel is a dead letter.
    fn dead_before(&self, index: &Index, front: &Front) -> Result<bool, LogError> {
        for lane in &self.lanes {
            if index.first_dead(*lane, front.first)?.is_some_and(|dead| dead < front.end) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
