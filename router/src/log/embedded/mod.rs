//! The engine without a service to start: segment files that are synced, and an index on fjall that follows them.
//!
//! ```text
//! append, record ──► writer (one thread) ──► segments/00000001.seg …   one write and one sync for all who wait
//!                                       └──► index/ (fjall)            not synced: it follows from its mark after a crash
//! read ──► index ──► segments
//! ```
//!
//! **Why the events are not in fjall.** Measured (2 cores, events of 1 KB, a process of its own; the ratios are what counts): 32
//! requests with one event each, synced together, took 7.8 µs of CPU an event in fjall and 3.6 beside it, at 70,000–99,000 events a
//! second against 142,000; parcels of 100 took 1.6 against 1.1. fjall writes everything twice (journal, then table), which showed
//! in the pauses: 1 in 100 groups waited 2–9 ms, against 0.3–3. And it takes nothing more once a write has failed, which a full disk
//! makes happen; a file can be cut. What is lost: fjall's own torn-end handling and checksums, so that [`frame`] and [`replay`] have
//! theirs, and tests that kill the process.
//!
//! **What is where.** [`segments`] holds every parcel and record as a [`frame`], in the order of acceptance. The [`index`] says where
//! a source's [`run`]s lie, and holds the records again, by lane, with checkpoints that the [`keeper`] folds. [`books`] is how the
//! index is written, [`expire`] how everything gets rid of what is done with.
//!
//! **How far back `history` reaches.** To the oldest event that is kept: a record goes when all events it tells of have gone.

mod books;
mod codec;
mod context;
mod expire;
mod frame;
mod index;
mod keeper;
mod outcome;
mod parcel;
mod replay;
mod run;
mod segments;
mod shared;
mod writer;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::ops::Bound;
use std::path::Path;
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use jiff::Timestamp;
use tokio::sync::oneshot;

use self::books::{Content, put_name};
use self::codec::Problem;
use self::context::Context;
use self::expire::Expiry;
use self::frame::{Frame, Kind};
use self::index::dead_key;
use self::parcel::Summary;
use self::segments::Tail;
use self::shared::Shared;
use self::writer::{Answer, Ask, Write, Writer};
use super::fold::mentions;
use super::{
    DeadLetter, InstanceId, LaneId, LaneState, Log, LogError, Outcome, Parcel, Pending, Retention, Seq, SourceId,
    Stored, Usage,
};

/// The version of the folder. A release that changes what is in it raises this.
const FORMAT: u32 = 1;

/// How the log uses the machine.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EmbeddedOptions {
    /// What of the index is kept in memory for reading, in bytes. Events are cached by the operating system.
    pub cache_bytes: u64,
    /// How large a segment file grows, in bytes: the step in which disk space is given back.
    pub segment_bytes: u64,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { cache_bytes: 32 * 1024 * 1024, segment_bytes: 64 * 1024 * 1024 }
    }
}

/// A log in a folder of its own.
#[derive(Debug)]
pub struct Embedded {
    shared: Arc<Shared>,
    names: Mutex<Names>,
    expiring: Mutex<()>,
    writer: Sender<Ask>,
    threads: Vec<JoinHandle<()>>,
    /// Held as long as the log is open.
    _lock: File,
}

#[derive(Debug, Default)]
struct Names {
    sources: HashMap<String, u32>,
    instances: HashMap<String, u32>,
}

impl Embedded {
    /// Opens the log in a folder, which is made if it is not there. What was accepted before is there again.
    ///
    /// # Errors
    /// [`LogError::InUse`] if another process has it open, [`LogError::Version`] if another release wrote it,
    /// [`LogError::Corrupt`] if something in it is damaged, and what the disk says.
    pub fn open(folder: impl AsRef<Path>, options: EmbeddedOptions) -> Result<Self, LogError> {
        let folder = folder.as_ref();
        let context = Context::of(folder);
        let io = |doing: &str, error: &io::Error| context.io(doing, error);
        fs::create_dir_all(folder).map_err(|error| io("making the folder", &error))?;
        let lock = lock(folder, &context)?;
        version(folder, &context)?;
        let shared = Arc::new(Shared::at(folder.to_owned(), options, context.clone())?);
        let books = shared.reopen()?;
        let last = shared.segments.sizes().keys().next_back().copied().unwrap_or(1);
        let tail = Tail::open(Arc::clone(&shared.segments), last).map_err(|error| io("the segment files", &error))?;
        let names = Names { sources: books.index().names(b's')?, instances: books.index().names(b'i')? };

        let (writer, asks) = channel();
        let (keeper, lanes) = channel();
        let work = Writer::new(Arc::clone(&shared), tail, books, keeper);
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let mut threads = Vec::new();
        threads.push(thread("log writer").spawn(move || work.run(&asks)).map_err(|error| io("a thread", &error))?);
        let (reading, answers) = (Arc::clone(&shared), writer.clone());
        let keep = move || keeper::run(&reading, &lanes, &answers);
        threads.push(thread("log keeper").spawn(keep).map_err(|error| io("a thread", &error))?);
        Ok(Self { shared, names: Mutex::new(names), expiring: Mutex::default(), writer, threads, _lock: lock })
    }

    /// The number of a name, given and synced at its first mention.
    fn number(&self, kind: Kind, name: &str) -> Result<u32, LogError> {
        let mut names = self.names();
        let known = if kind == Kind::Source { &mut names.sources } else { &mut names.instances };
        if let Some(number) = known.get(name) {
            return Ok(*number);
        }
        let number = known.values().max().map_or(0, |last| last + 1);
        let (source, place) = if kind == Kind::Source { (number, 0) } else { (0, number.into()) };
        let body = |out: &mut Vec<u8>| {
            put_name(out, name);
            Ok(())
        };
        let frame = self.frame(kind, source, place, body)?;
        let (answer, answered) = sync_channel(1);
        self.ask(Ask::Write(Write { frame, content: Content::Name(name.to_owned()), answer: Answer::Named(answer) }))?;
        answered.recv().map_err(|_| LogError::Closed)??;
        known.insert(name.to_owned(), number);
        Ok(number)
    }

    fn frame(
        &self,
        kind: Kind,
        source: u32,
        place: u64,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), Problem>,
    ) -> Result<Frame, LogError> {
        Frame::build(kind, source, place, body).map_err(|problem| self.shared.context.engine(&problem))
    }

    fn begin_append(&self, parcel: &Parcel) -> Result<oneshot::Receiver<Result<Seq, LogError>>, LogError> {
        if parcel.events.is_empty() {
            return Err(self.shared.context.engine("a parcel without events was given"));
        }
        let frame = self.frame(Kind::Parcel, parcel.source.0, 0, |out| parcel::put(out, parcel))?;
        let (answer, answered) = oneshot::channel();
        let content = Content::Parcel(Summary::of(parcel));
        self.ask(Ask::Write(Write { frame, content, answer: Answer::Place(answer) }))?;
        Ok(answered)
    }

    fn begin_record(&self, outcome: Outcome) -> Result<oneshot::Receiver<Result<(), LogError>>, LogError> {
        let lane = outcome.lane;
        let body = |out: &mut Vec<u8>| {
            outcome::put(out, &outcome);
            Ok(())
        };
        let frame = self.frame(Kind::Outcome, lane.source.0, lane.instance.0.into(), body)?;
        let (answer, answered) = oneshot::channel();
        self.ask(Ask::Write(Write { frame, content: Content::Outcome(outcome), answer: Answer::Done(answer) }))?;
        Ok(answered)
    }

    fn begin_flush(&self) -> Result<oneshot::Receiver<Result<(), LogError>>, LogError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Ask::Flushed(answer))?;
        Ok(answered)
    }

    fn ask(&self, ask: Ask) -> Result<(), LogError> {
        self.writer.send(ask).map_err(|_| LogError::Closed)
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Embedded {
    /// Finishes what was asked, and closes the files.
    fn drop(&mut self) {
        let _ = self.writer.send(Ask::Close);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Log for Embedded {
    fn source(&self, name: &str) -> Result<SourceId, LogError> {
        self.number(Kind::Source, name).map(SourceId)
    }

    fn instance(&self, name: &str) -> Result<InstanceId, LogError> {
        self.number(Kind::Instance, name).map(InstanceId)
    }

    fn append(&self, parcel: Parcel) -> Pending<'_, Seq> {
        answer(self.begin_append(&parcel))
    }

    fn flushed(&self) -> Pending<'_, ()> {
        answer(self.begin_flush())
    }

    fn record(&self, outcome: Outcome) -> Pending<'_, ()> {
        answer(self.begin_record(outcome))
    }

    fn head(&self, source: SourceId) -> Result<Seq, LogError> {
        Ok(self.shared.span(source).head)
    }

    fn read(&self, source: SourceId, from: Seq, events: usize) -> Result<Vec<Stored>, LogError> {
        self.shared.read(source, from, events)
    }

    fn lane(&self, lane: LaneId) -> Result<LaneState, LogError> {
        self.shared.index()?.lane_state(lane)
    }

    fn find(&self, id: u64, limit: usize) -> Result<Vec<(SourceId, Seq)>, LogError> {
        let index = self.shared.index()?;
        let mut found = Vec::new();
        for source in self.shared.sources() {
            let (span, before) = (self.shared.span(source), found.len());
            for run in index.runs_back(source, span.base) {
                let run = run?;
                if run.ids().any(|other| other == id) {
                    let parcels: Vec<_> = run.spans().collect();
                    let places = (run.first..).zip(run.ids()).filter(|(seq, other)| *other == id && *seq >= span.floor);
                    let mut places: Vec<_> = places
                        .filter_map(|(seq, _)| {
                            let parcel = parcels.iter().find(|(_, _, end)| seq < *end)?;
                            Some((parcel.1, source, seq))
                        })
                        .collect();
                    places.reverse();
                    found.extend(places);
                }
                if found.len() - before >= limit || run.first <= span.floor {
                    break;
                }
            }
            found.truncate(before.saturating_add(limit));
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found.into_iter().take(limit).map(|(_, source, seq)| (source, seq)).collect())
    }

    fn history(&self, lane: LaneId, seq: Seq) -> Result<Vec<Outcome>, LogError> {
        if seq < self.shared.span(lane.source).floor {
            return Ok(Vec::new());
        }
        let index = self.shared.index()?;
        let (checkpoint, _) = index.checkpoint(lane)?;
        let records = index.records(lane, checkpoint.first);
        records
            .map(|record| record.map(|(_, outcome)| outcome))
            .filter(|record| record.as_ref().map_or(true, |outcome| mentions(outcome, seq)))
            .collect()
    }

    fn dead(
        &self,
        lane: Option<LaneId>,
        after: Option<(LaneId, Seq)>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, LogError> {
        let (mut from, mut to) = (Bound::Unbounded, Bound::Unbounded);
        if let Some(lane) = lane {
            from = Bound::Included(dead_key(lane, 0));
            to = Bound::Included(dead_key(lane, Seq::MAX));
        }
        if let Some((after, seq)) = after
            && lane.is_none_or(|lane| lane <= after)
        {
            from = Bound::Excluded(dead_key(after, seq));
        }
        if lane.is_some_and(|lane| after.is_some_and(|(after, _)| after > lane)) {
            return Ok(Vec::new());
        }
        self.shared.index()?.dead_letters(from, to).take(limit).collect()
    }

    fn recent(&self, source: SourceId, since: Timestamp, limit: usize) -> Result<Vec<u64>, LogError> {
        let span = self.shared.span(source);
        let index = self.shared.index()?;
        let mut ids = Vec::new();
        'runs: for run in index.runs_back(source, span.base) {
            let run = run?;
            let all: Vec<u64> = run.ids().collect();
            let parcels: Vec<_> = run.spans().collect();
            for (first, received_at, end) in parcels.into_iter().rev() {
                if received_at < since || first < span.floor || ids.len() >= limit {
                    break 'runs;
                }
                let [start, end] = [first, end].map(|seq| usize::try_from(seq - run.first).unwrap_or(usize::MAX));
                ids.extend(all.get(start..end).unwrap_or_default().iter().rev());
            }
        }
        ids.truncate(limit);
        ids.reverse();
        Ok(ids)
    }

    fn expire(&self, lanes: &[LaneId], now: Timestamp, retention: Retention) -> Result<(), LogError> {
        let _one_at_a_time = self.expiring.lock().unwrap_or_else(PoisonError::into_inner);
        Expiry { shared: &self.shared, writer: &self.writer, lanes, now, retention }.run()
    }

    fn usage(&self) -> Result<Usage, LogError> {
        let events = self.shared.events();
        Ok(Usage { events, bytes: self.shared.bytes() })
    }
}

fn answer<T: Send + 'static>(asked: Result<oneshot::Receiver<Result<T, LogError>>, LogError>) -> Pending<'static, T> {
    Box::pin(async { asked?.await.map_err(|_| LogError::Closed)? })
}

/// Takes the folder for this process.
fn lock(folder: &Path, context: &Context) -> Result<File, LogError> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join("lock"));
    let file = file.map_err(|error| context.io("the lock file", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::InUse { folder: context.folder.clone() }),
        Err(TryLockError::Error(error)) => Err(context.io("the lock file", &error)),
    }
}

/// Looks whether this release knows the folder, and marks a new one.
fn version(folder: &Path, context: &Context) -> Result<(), LogError> {
    let io = |error: io::Error| context.io("the file `format`", &error);
    let path = folder.join("format");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let found = text.trim().parse().map_err(|_| context.corrupt("the file `format`", "it holds no number"))?;
            let folder = context.folder.clone();
            if found == FORMAT { Ok(()) } else { Err(LogError::Version { folder, found, known: FORMAT }) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if folder.join("segments").exists() || folder.join("index").exists() {
                return Err(context.corrupt("the file `format`", "it is not there, and the folder is not empty"));
            }
            let new = folder.join("format.new");
            let mut file = File::create(&new).map_err(io)?;
            writeln!(file, "{FORMAT}").and_then(|()| file.sync_all()).map_err(io)?;
            fs::rename(&new, &path).and_then(|()| segments::sync(folder)).map_err(io)
        }
        Err(error) => Err(io(error)),
    }
}
