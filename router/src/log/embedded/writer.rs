//! The one thread that writes. It takes what has gathered, writes it behind one another, waits for the disk once, enters it in the
//! index, and answers all who wait: group commit.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::books::{Books, Content, Placed};
use super::frame::{Frame, GROUP, MOVED, RUN};
use super::index::Checkpoint;
use super::run;
use super::segments::Tail;
use super::shared::Shared;
use crate::log::{LaneId, LogError, Seq, SourceId};

/// A group is not larger than this: those who wait do not wait for more than this to be written.
const GROUP_BYTES: usize = 8 * 1024 * 1024;
const GROUP_FRAMES: usize = 4096;
/// How often an index that failed is opened again while nobody writes, and how often its size is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// What the writer is asked.
#[derive(Debug)]
pub(super) enum Ask {
    Write(Write),
    Flushed(oneshot::Sender<Result<(), LogError>>),
    Folded(LaneId, Box<Checkpoint>),
    Task(Task, SyncSender<Result<Progress, LogError>>),
    Close,
}

/// A frame to be written, and who waits for it.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) frame: Frame,
    pub(super) content: Content,
    pub(super) answer: Answer,
}

/// Who is told that it is on disk.
#[derive(Debug)]
pub(super) enum Answer {
    Place(oneshot::Sender<Result<Seq, LogError>>),
    Done(oneshot::Sender<Result<(), LogError>>),
    Named(SyncSender<Result<(), LogError>>),
}

/// A small step of tidying up, between two groups.
#[derive(Debug)]
pub(super) enum Task {
    /// Forgets a source's events before a place.
    Forget(SourceId, Seq),
    /// Removes a lane's records that tell of nothing from a place on.
    Trim(LaneId, Seq),
    /// Writes a run anew, so that its segment can go.
    Move { from: u32, source: SourceId, parcels: Vec<Write> },
    /// Writes again what segments that go tell besides events: names, how far lanes are, places of sources.
    Carry { names: Vec<Write>, lanes: Vec<LaneId>, sources: Vec<SourceId> },
    /// Lets go of segments in which nothing is live.
    Release(Vec<u32>),
}

/// How a [`Task`] went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Ask again.
    More,
    Finished,
}

/// How many entries of the index one task touches.
const STEP: usize = 256;

pub(super) struct Writer {
    shared: Arc<Shared>,
    tail: Tail,
    /// None after the index failed, until it is open again.
    books: Option<Books>,
    /// The next place of each source. Ahead of the index only while that is broken.
    heads: HashMap<SourceId, Seq>,
    keeper: Sender<LaneId>,
    measured: Instant,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, tail: Tail, books: Books, keeper: Sender<LaneId>) -> Self {
        Self { shared, tail, books: Some(books), heads: HashMap::new(), keeper, measured: Instant::now() }
    }

    /// Works until it is asked to close, or nobody can ask any more.
    pub(super) fn run(mut self, asks: &Receiver<Ask>) {
        let mut waiting = VecDeque::new();
        loop {
            match waiting.pop_front().map_or_else(|| asks.recv_timeout(INTERVAL), Ok) {
                Ok(Ask::Close) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(first) => {
                    waiting.push_front(first);
                    self.serve(&mut waiting, asks);
                }
                Err(RecvTimeoutError::Timeout) => self.rest(),
            }
            if self.measured.elapsed() >= INTERVAL {
                self.rest();
            }
        }
        if let Some(Err(error)) = self.books.as_ref().map(|books| books.index().persist()) {
            tracing::warn!(%error, "the index was not synced; it follows when the log is opened again");
        }
    }

    /// What can wait.
    fn rest(&mut self) {
        self.measured = Instant::now();
        match self.books() {
            Ok(books) => {
                let index = books.index().clone();
                self.shared.measure(&index);
            }
            Err(error) => tracing::warn!(%error, "the index of the log is not open"),
        }
    }

    /// Serves what is first, and with it what has gathered of the same sort.
    fn serve(&mut self, waiting: &mut VecDeque<Ask>, asks: &Receiver<Ask>) {
        let (mut writes, mut flushed, mut bytes) = (Vec::new(), Vec::new(), 0);
        while bytes < GROUP_BYTES && writes.len() < GROUP_FRAMES {
            let next = waiting.pop_front().map_or_else(|| asks.try_recv(), Ok);
            match next {
                Ok(Ask::Write(write)) => {
                    bytes += write.frame.bytes().len();
                    writes.push(write);
                }
                Ok(Ask::Flushed(answer)) => flushed.push(answer),
                Ok(other) => {
                    waiting.push_front(other);
                    break;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        if writes.is_empty() && flushed.is_empty() {
            match waiting.pop_front() {
                Some(Ask::Folded(lane, checkpoint)) => self.folded(lane, &checkpoint),
                Some(Ask::Task(task, answer)) => {
                    let progress = self.task(task);
                    let _ = answer.send(progress);
                }
                Some(other) => waiting.push_front(other),
                None => {}
            }
            return;
        }
        let written = self.group(&mut writes, 0);
        for write in writes {
            write.answer.send(&written, write.frame.header().place);
        }
        for answer in flushed {
            let _ = answer.send(written.clone());
        }
    }

    /// Writes a group, and enters it.
    fn group(&mut self, writes: &mut [Write], flags: u8) -> Result<(), LogError> {
        if writes.is_empty() {
            return Ok(());
        }
        // While the index is broken, nothing more is taken than it has to follow.
        self.books()?;
        if self.tail.length() >= self.shared.options.segment_bytes {
            self.tail.roll().map_err(|error| self.shared.context.io("a new segment file", &error))?;
            if let Some(Err(error)) = self.books.as_ref().map(|books| books.index().persist()) {
                return Err(self.failed(error));
            }
        }
        // A source's parcels lie together, as runs; what is not a parcel comes behind them.
        writes.sort_by_key(|write| match write.content {
            Content::Parcel(_) => (0, write.frame.header().source),
            _ => (1, 0),
        });
        let heads = self.stamp(writes, flags);
        let start = self.tail.length();
        let frames = writes.iter().map(|write| &write.frame);
        self.tail.append(frames).map_err(|error| self.shared.context.io("writing events", &error))?;
        self.heads.extend(heads);
        self.enter(writes, start);
        Ok(())
    }

    /// Gives each frame its place. The answer is the sources' next places, once all is on disk.
    fn stamp(&self, writes: &mut [Write], flags: u8) -> HashMap<SourceId, Seq> {
        let mut heads = HashMap::new();
        let mut run = (None, 0);
        for (index, write) in writes.iter_mut().enumerate() {
            let group = if index == 0 { GROUP } else { 0 };
            let header = *write.frame.header();
            let Content::Parcel(summary) = &write.content else {
                write.frame.stamp(group, header.place);
                continue;
            };
            let source = SourceId(header.source);
            let (start, place) = if flags & MOVED == 0 {
                let head = heads.entry(source).or_insert_with(|| self.head(source));
                let place = *head;
                *head += summary.events();
                (run.0 != Some(source) || run.1 > run::LIMIT, place)
            } else {
                (index == 0, header.place)
            };
            let before = if start { 0 } else { run.1 };
            run = (Some(source), before + write.frame.bytes().len() as u64);
            write.frame.stamp(group | flags | if start { RUN } else { 0 }, place);
        }
        heads
    }

    fn head(&self, source: SourceId) -> Seq {
        self.heads.get(&source).copied().unwrap_or_else(|| self.shared.span(source).head)
    }

    /// Enters a group that is on disk. Where the index fails, the group is safe nevertheless: the index follows later.
    fn enter(&mut self, writes: &mut [Write], start: u64) {
        let mut offset = start;
        let mut placed = Vec::with_capacity(writes.len());
        for write in writes {
            let frame = &write.frame;
            // Once it is entered nobody needs it any more.
            let content = std::mem::replace(&mut write.content, Content::Name(String::new()));
            placed.push(Placed { header: *frame.header(), offset, body: frame.body(), content });
            offset += frame.bytes().len() as u64;
        }
        let Some(books) = &mut self.books else { return };
        match books.enter(self.tail.number(), placed) {
            Ok(due) => {
                for lane in due {
                    // Without a keeper nothing is folded; it is only gone when the log is closed.
                    let _ = self.keeper.send(lane);
                }
            }
            Err(error) => {
                let error = self.failed(error);
                tracing::warn!(%error, "the index of the log failed; it is opened again");
                // Where that fails too, the next who asks hears of it.
                let _ = self.books();
            }
        }
    }

    fn folded(&mut self, lane: LaneId, checkpoint: &Checkpoint) {
        // A checkpoint that was not taken in is folded again later.
        if let Ok(books) = self.books()
            && let Err(error) = books.checkpoint(lane, checkpoint)
        {
            let error = self.failed(error);
            tracing::warn!(%error, "a checkpoint was not written");
        }
    }

    fn task(&mut self, task: Task) -> Result<Progress, LogError> {
        let books = self.books()?;
        let more = |more| if more { Progress::More } else { Progress::Finished };
        let progress = match task {
            Task::Forget(source, to) => books.forget(source, to, STEP).map(more),
            Task::Trim(lane, floor) => books.trim(lane, floor, STEP).map(more),
            Task::Release(segments) => books.release(&segments).map(|()| Progress::Finished),
            Task::Carry { mut names, lanes, sources } => {
                let carried = books.carried(&lanes, &sources)?;
                names.extend(carried.into_iter().map(|(frame, content)| Write::unanswered(frame, content)));
                return self.group(&mut names, 0).map(|()| Progress::Finished);
            }
            Task::Move { from, source, mut parcels } => {
                let first = parcels.first().map_or(0, |write| write.frame.header().place);
                let there = books.index().run(source, first)?.is_some_and(|run| run.place.segment == from);
                return if there { self.group(&mut parcels, MOVED) } else { Ok(()) }.map(|()| Progress::Finished);
            }
        };
        progress.map_err(|error| self.failed(error))
    }

    /// The index, opened again where it failed.
    fn books(&mut self) -> Result<&mut Books, LogError> {
        let books = match self.books.take() {
            Some(books) => books,
            None => self.shared.reopen()?,
        };
        Ok(self.books.insert(books))
    }

    /// The index takes nothing more: it is to be opened again. Until then it can be read.
    fn failed(&mut self, error: LogError) -> LogError {
        self.books = None;
        error
    }
}

impl Write {
    /// A frame for which nobody waits by itself.
    pub(super) fn unanswered(frame: Frame, content: Content) -> Self {
        let (answer, _) = oneshot::channel();
        Self { frame, content, answer: Answer::Done(answer) }
    }
}

impl Answer {
    fn send(self, written: &Result<(), LogError>, place: u64) {
        let written = written.clone();
        // Whoever does not wait any more need not be told.
        match self {
            Self::Place(answer) => drop(answer.send(written.map(|()| place))),
            Self::Done(answer) => drop(answer.send(written)),
            Self::Named(answer) => drop(answer.send(written)),
        }
    }
}
