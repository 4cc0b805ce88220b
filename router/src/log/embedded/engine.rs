//! The log as the trait has it: asks the writer, and reads beside it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::EmbeddedOptions;
use super::books::{Content, put_name};
use super::codec::Problem;
use super::context::Context;
use super::expire::Expiry;
use super::folder::{lock, version};
use super::frame::{Frame, Kind};
use super::keeper;
use super::keys::dead_key;
use super::outcome;
use super::parcel::{self, Summary};
use super::segments::Tail;
use super::shared::Shared;
use super::writer::{Answer, Ask, Write, Writer};
use crate::log::fold::mentions;
use crate::log::{
    DeadLetter, InstanceId, LaneId, LaneState, Log, LogError, Outcome, Parcel, Pending, Retention, Seq, SourceId,
    Stored, Usage,
};

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
        self.shared.find(id, limit)
    }

    fn history(&self, lane: LaneId, seq: Seq) -> Result<Vec<Outcome>, LogError> {
        if seq < self.shared.span(lane.source).floor {
            return Ok(Vec::new());
        }
        let index = self.shared.index()?;
        let (checkpoint, _) = index.checkpoint(lane)?;
        let mut told = Vec::new();
        for group in index.records(lane, checkpoint.first) {
            told.extend(group?.1.into_iter().filter(|outcome| mentions(outcome, seq)));
        }
        Ok(told)
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
        self.shared.recent(source, since, limit)
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
