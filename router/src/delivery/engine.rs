//! The engine: lanes at work.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::acting::Shared;
use super::counters::Counters;
use super::dispatcher::{Dispatcher, Message};
use super::scheduler::Scheduler;
use super::status::Status;
use super::topology::{Parts, Topology};
use crate::log::{DeadLetter, LaneId, LogError, Seq, SourceId};

/// What the engine could not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Two instances have the same name, or one has a name that no instance may have.
    #[error("there cannot be another destination named {0:?}: give each destination a name of its own")]
    Name(String),
    /// The engine was stopped.
    #[error("delivery was stopped")]
    Stopped,
}

/// There is too much to do: no new events now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many events wait to be delivered: try again in {} seconds", retry_after.as_secs())]
pub struct Full {
    /// When to try again.
    pub retry_after: Duration,
}

/// Lanes at work. Dropped without [`stop`](Self::stop) it ends as in a crash: what is in flight will be delivered again.
pub struct Engine {
    inbox: mpsc::UnboundedSender<Message>,
    shared: Arc<Shared>,
    backlog: Arc<AtomicU64>,
    limit: u64,
    counters: Listed,
    task: JoinHandle<()>,
}

/// The counters of the instances there are, and were.
pub(super) type Listed = Arc<Mutex<BTreeMap<String, Arc<Counters>>>>;

impl Engine {
    /// Begins to deliver, where the log says that it was. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The log cannot be read, or two instances have one name.
    pub async fn start(parts: Parts, topology: Topology) -> Result<Self, EngineError> {
        let limit = parts.options.backlog;
        let shared = Arc::new(Shared::new(parts));
        let (inbox, messages) = mpsc::unbounded_channel();
        let backlog = Arc::new(AtomicU64::new(0));
        let counters = Listed::default();
        let mut dispatcher = Dispatcher {
            shared: Arc::clone(&shared),
            scheduler: Scheduler::new(shared.parts.options.shares.clone()),
            acting: HashMap::new(),
            names: BTreeMap::new(),
            sources: HashMap::new(),
            back: inbox.clone(),
            backlog: Arc::clone(&backlog),
            tasks: JoinSet::new(),
            redriving: HashSet::new(),
            counters: Arc::clone(&counters),
            changed: true,
            counted: Timestamp::MIN,
            retries: false,
            swept: shared.now(),
        };
        dispatcher.configure(topology)?.write().await?;
        backlog.store(dispatcher.scheduler.backlog(), Ordering::Relaxed);
        let task = tokio::spawn(dispatcher.run(messages));
        Ok(Self { inbox, shared, backlog, limit, counters, task })
    }

    /// Whether so many more events may be accepted.
    ///
    /// # Errors
    /// [`Full`]: too many wait already.
    pub fn admit(&self, _source: SourceId, events: usize, _bytes: usize) -> Result<(), Full> {
        let waiting = self.backlog.load(Ordering::Relaxed).saturating_add(events as u64);
        if waiting <= self.limit {
            return Ok(());
        }
        // Longer the further it is over the limit: all who come back at once would find it full again.
        let over = (waiting - self.limit) as f64 / self.limit.max(1) as f64;
        Err(Full { retry_after: Duration::from_secs((5.0 + over * 100.0).min(60.0) as u64) })
    }

    /// Events of a source are in the log, up to the end of this range.
    pub fn appended(&self, source: SourceId, events: Range<Seq>) {
        drop(self.inbox.send(Message::Appended(source, events.end)));
    }

    /// Another topology from now on. When this answers, it holds also after a restart.
    ///
    /// # Errors
    /// The log failed, or two instances have one name: nothing was changed then, unless it was the record of a new lane that could
    /// not be written.
    pub async fn reconfigure(&self, topology: Topology) -> Result<(), EngineError> {
        self.ask(|answer| Message::Reconfigure(topology, answer)).await?
    }

    /// Holds the lanes of an instance until [`resume`](Self::resume), or a restart. False where there is no such instance.
    ///
    /// # Errors
    /// The engine was stopped.
    pub async fn pause(&self, instance: &str, reason: &str) -> Result<bool, EngineError> {
        self.ask(|answer| Message::Pause(instance.to_owned(), reason.to_owned(), answer)).await
    }

    /// Lets the lanes of an instance go on, whoever held them. False where there is no such instance.
    ///
    /// # Errors
    /// The engine was stopped.
    pub async fn resume(&self, instance: &str) -> Result<bool, EngineError> {
        self.ask(|answer| Message::Resume(instance.to_owned(), answer)).await
    }

    /// Sends dead letters again, with a new window. Those whose lane is full or gone stay dead, as do those that are not dead any
    /// more. The answer is how many are on their way, recorded.
    ///
    /// # Errors
    /// They could not be recorded, or the engine was stopped.
    pub async fn redrive(&self, letters: Vec<DeadLetter>) -> Result<usize, EngineError> {
        self.ask(|answer| Message::Redrive(letters, answer)).await?
    }

    /// How everything stands.
    ///
    /// # Errors
    /// The engine was stopped.
    pub async fn status(&self) -> Result<Status, EngineError> {
        let mut status = self.ask(Message::Status).await?;
        for lane in status.instances.iter_mut().flat_map(|instance| &mut instance.lanes) {
            let first = lane.first.and_then(|first| self.shared.parts.log.read(lane.lane.source, first, 1).ok());
            lane.oldest = first.and_then(|read| read.first().map(|stored| stored.parcel.received_at));
        }
        Ok(status)
    }

    /// The lanes at work: what the log must not expire before they are done with it.
    ///
    /// # Errors
    /// The engine was stopped.
    pub async fn lanes(&self) -> Result<Vec<LaneId>, EngineError> {
        self.ask(Message::Lanes).await
    }

    /// How many events wait, in the lane that has most of each source, over all sources; half a second old at the most.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.backlog.load(Ordering::Relaxed)
    }

    /// The counters of each instance, by name.
    #[must_use]
    pub fn counters(&self) -> BTreeMap<String, Arc<Counters>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes up nothing more, finishes and records what is in flight, and ends. What is not finished at the deadline is cut off and
    /// will be delivered again. The answer is how many pulls that were.
    pub async fn stop(self, deadline: Duration) -> usize {
        self.finish(deadline).await
    }

    /// The same for an engine that others hold too; it gives the log back when the last of them drops it.
    pub async fn finish(&self, deadline: Duration) -> usize {
        self.ask(|answer| Message::Stop(deadline, answer)).await.unwrap_or_default()
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, EngineError> {
        let (answer, answered) = oneshot::channel();
        self.inbox.send(message(answer)).map_err(|_| EngineError::Stopped)?;
        answered.await.map_err(|_| EngineError::Stopped)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("backlog", &self.backlog).finish_non_exhaustive()
    }
}
