//! The log: what was accepted, and what became of it. Nothing else in the process is durable.
//!
//! An event is kept once, in the order in which its source's events were accepted; its place is a [`Seq`]. What becomes of it at each
//! destination instance is told by small records ([`Outcome`]) that are added behind one another. Nothing is changed in place.
//!
//! A *lane* ([`LaneId`]) is one source's events on their way to one destination instance. It is no queue of its own: it reads the
//! stream of its source, and the log remembers how far it is.
//!
//! [`Log`] is the seam: [`Embedded`] is the engine without a service to start, [`Memory`] the one for tests, which forgets.

mod embedded;
mod fold;
mod memory;

pub use embedded::{Embedded, EmbeddedOptions};
pub use memory::Memory;

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use jiff::Timestamp;
use std::future::Future;
use std::pin::Pin;

/// The place of an event among those of its source. The first is 0.
pub type Seq = u64;

/// A source, as the log numbers it. The number of a name never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A destination instance, as the log numbers it. The number of a name never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub u32);

/// One source's events on their way to one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId {
    /// Where the events come from.
    pub source: SourceId,
    /// Where they go.
    pub instance: InstanceId,
}

/// What one request brought: one event or a batch, kept as it came.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Whose events these are.
    pub source: SourceId,
    /// When the request came in.
    pub received_at: Timestamp,
    /// When the client says that it sent them, by its own clock.
    pub sent_at: Option<Timestamp>,
    /// A JSON object with what holds for every event of the batch (`context`, `integrations`); empty for nothing.
    pub shared: Bytes,
    /// The events; never none.
    pub events: Vec<Accepted>,
}

/// One event as it was accepted.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The JSON object, byte for byte; valid UTF-8.
    pub json: Bytes,
    /// [`fingerprint`] of its `messageId`.
    pub id: u64,
}

/// The number by which the log finds a `messageId`: xxh3, 64 bits. Two ids may share one, so that a find is to be compared.
#[must_use]
pub fn fingerprint(message_id: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(message_id.as_bytes())
}

/// Events as the log gives them back.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The place of the first event; the others follow it.
    pub first: Seq,
    /// What was accepted. Whole, also where a read began in its middle.
    pub parcel: Parcel,
}

impl Stored {
    /// The places of its events.
    #[must_use]
    pub fn range(&self) -> Range<Seq> {
        self.first..self.first + self.parcel.events.len() as Seq
    }
}

/// What became of some events of a lane: one record, added once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// On which lane.
    pub lane: LaneId,
    /// When it was known.
    pub at: Timestamp,
    /// Events that need nothing more.
    pub done: Vec<Done>,
    /// Events that are to be tried again.
    pub retry: Vec<(Seq, Retry)>,
    /// Events that will not be delivered.
    pub dead: Vec<(Seq, Dead)>,
}

/// Events in a row that need nothing more, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Which.
    pub events: Range<Seq>,
    /// Why.
    pub how: How,
}

/// How an event is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The partner took it: the status of the last answer, and how long that took.
    Delivered {
        /// The status code of the last answer.
        status: u16,
        /// From the last request to its answer, in milliseconds.
        elapsed_ms: u32,
    },
    /// It was not meant for this instance.
    Skipped,
}

/// An event that is to be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried first: the window of retries begins there.
    pub since: Timestamp,
    /// Not before.
    pub at: Timestamp,
    /// The subscriptions that still want it, a bit each, from the lowest.
    pub open: u64,
    /// What went wrong last, for people.
    pub reason: String,
}

/// An event that will not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// How often it was tried.
    pub attempts: u32,
    /// The subscriptions that did not get it, a bit each.
    pub open: u64,
    /// Why, for people; no secrets.
    pub reason: String,
}

/// How far a lane is, as its records tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneState {
    /// Events that were judged (done, dead or waiting for a retry), as ranges in order that do not touch.
    pub judged: Vec<Range<Seq>>,
    /// Those of them that wait for a retry.
    pub retries: Vec<(Seq, Retry)>,
    /// How many are dead letters.
    pub dead: u64,
}

/// A dead letter, with what is needed to look at it or send it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// On which lane.
    pub lane: LaneId,
    /// Which event.
    pub seq: Seq,
    /// When it died.
    pub at: Timestamp,
    /// Why.
    pub dead: Dead,
}

/// How much there is, for limits and metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Events kept.
    pub events: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// How long what is done with is kept. What is not done with is always kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Delivered events and dead letters older than this go.
    pub age: std::time::Duration,
    /// The oldest delivered events go while the log is larger than so many bytes.
    pub bytes: u64,
}

/// What the log could not do.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk is full. Nothing was accepted; what had been is safe.
    #[error("the disk with {folder} is full: free some space, or lower `retention` in the configuration")]
    Full {
        /// The folder of the log.
        folder: String,
    },
    /// Another process has the folder open.
    #[error("{folder} is in use by another router: give each router a `data` folder of its own, or stop the other one")]
    InUse {
        /// The folder of the log.
        folder: String,
    },
    /// The folder was written by a release that this one does not know.
    #[error(
        "{folder} has format {found}, this release reads {known}: run the release that wrote it, or take a new folder"
    )]
    Version {
        /// The folder of the log.
        folder: String,
        /// The version found there.
        found: u32,
        /// The version of this release.
        known: u32,
    },
    /// A record cannot be read.
    #[error("{what} in {folder} cannot be read: {problem}")]
    Corrupt {
        /// The folder of the log.
        folder: String,
        /// Which record.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The engine failed in another way.
    #[error("the log in {folder} failed: {problem}")]
    Engine {
        /// The folder of the log.
        folder: String,
        /// What the engine says.
        problem: String,
    },
    /// The log was closed before this was asked.
    #[error("the log is closed")]
    Closed,
}

/// An answer that is being worked on.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, LogError>> + Send + 'a>>;

/// Where events and outcomes are kept. Reading blocks for a short while; writing waits for the disk without blocking.
pub trait Log: fmt::Debug + Send + Sync + 'static {
    /// The number of a source, given at its first mention. That waits for the disk once, and blocks.
    ///
    /// # Errors
    /// Those of the engine.
    fn source(&self, name: &str) -> Result<SourceId, LogError>;

    /// The number of a destination instance, given at its first mention. That waits for the disk once, and blocks.
    ///
    /// # Errors
    /// Those of the engine.
    fn instance(&self, name: &str) -> Result<InstanceId, LogError>;

    /// Accepts a parcel. Once this answers, it is on disk: the answer is the place of its first event.
    ///
    /// # Errors
    /// [`LogError::Full`], and those of the engine. Nothing was accepted then.
    fn append(&self, parcel: Parcel) -> Pending<'_, Seq>;

    /// Answers once everything that was given to [`append`](Self::append) before is on disk.
    ///
    /// # Errors
    /// What the disk says.
    fn flushed(&self) -> Pending<'_, ()>;

    /// Adds a record. Once this answers, it is on disk.
    ///
    /// # Errors
    /// As for [`append`](Self::append). The events concerned will be delivered again after a restart.
    fn record(&self, outcome: Outcome) -> Pending<'_, ()>;

    /// The place that a source's next event will get.
    ///
    /// # Errors
    /// Those of the engine.
    fn head(&self, source: SourceId) -> Result<Seq, LogError>;

    /// Parcels of a source in order: the first is the one that holds `from` (or the next one kept), the last the one with which
    /// there are `events` events or more, or the last there is.
    ///
    /// # Errors
    /// Those of the engine, and a parcel that cannot be read.
    fn read(&self, source: SourceId, from: Seq, events: usize) -> Result<Vec<Stored>, LogError>;

    /// How far a lane is. A lane without records has judged nothing.
    ///
    /// # Errors
    /// Those of the engine, and a record that cannot be read.
    fn lane(&self, lane: LaneId) -> Result<LaneState, LogError>;

    /// Where events with this [`fingerprint`] lie, newest first, at most `limit`.
    ///
    /// # Errors
    /// Those of the engine.
    fn find(&self, id: u64, limit: usize) -> Result<Vec<(SourceId, Seq)>, LogError>;

    /// All records of a lane that mention this event, oldest first: what `explain` tells. None once the event has expired.
    ///
    /// # Errors
    /// Those of the engine.
    fn history(&self, lane: LaneId, seq: Seq) -> Result<Vec<Outcome>, LogError>;

    /// Dead letters, oldest first: of one lane or all, from a place on, at most `limit`.
    ///
    /// # Errors
    /// Those of the engine.
    fn dead(
        &self,
        lane: Option<LaneId>,
        after: Option<(LaneId, Seq)>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, LogError>;

    /// The fingerprints of the events that a source accepted since then, oldest first, at most the newest `limit`: what
    /// duplicates are recognised by after a restart.
    ///
    /// # Errors
    /// Those of the engine.
    fn recent(&self, source: SourceId, since: Timestamp, limit: usize) -> Result<Vec<u64>, LogError>;

    /// Removes what is done with and older or more than `retention` allows, for lanes that are `lanes`; what any of them has not
    /// finished stays. An event finished by all is one that no lane in `lanes` waits for: one of a source without lanes goes by age and
    /// size alone. Gives disk space back. Blocks, for seconds where there is much to remove: not for a thread that serves requests.
    ///
    /// # Errors
    /// Those of the engine.
    fn expire(&self, lanes: &[LaneId], now: Timestamp, retention: Retention) -> Result<(), LogError>;

    /// How much there is.
    ///
    /// # Errors
    /// Those of the engine.
    fn usage(&self) -> Result<Usage, LogError>;
}
