//! The way in: Segment's HTTP tracking API, so that its SDKs work unchanged.
//!
//! A body is read in one pass (`read`, on the scanner of `scan`) that finds each event's text and judges it; the text itself is kept
//! as it came, a slice of the body. What an event was accepted for is decided later, when it is decoded ([`crate::event`]).
//!
//! ```text
//! body ─► read ─► window ─► log ─► 200
//!  │       │        └ duplicates: dropped, once the first of them is on disk
//!  │       └ refused events: counted, told in strict mode
//!  └ not JSON, too large, unknown write key: 400, 413, 401
//! ```
//!
//! # Segment's contract, and the strict one
//!
//! Segment answers 400 where the body is too large or no JSON, 429 with `Retry-After` where it is too much, and else 200: an event
//! that is wrong in itself (no user, a track event without a name, more than 32 KB, behind the 2,500th) is dropped without a word. That
//! is the default here too, and each drop is counted by its reason. With `strict` (for the process, for a source, or in the query:
//! `?strict=1`) the answer is
//!
//! ```json
//! {"success": false, "accepted": 2, "duplicates": 0, "refused": [{"index": 1, "messageId": "m2", "code": "no_event", "message": "…"}]}
//! ```
//!
//! with 400 where anything was refused (413 for what is too large as a whole). Events that are right are accepted either way.
//! An unknown write key is 401 in both, for silence would cost events.

mod accept;
mod answer;
mod body;
mod counters;
mod fields;
mod finish;
mod key;
mod mend;
mod read;
mod refusal;
mod routes;
mod scan;
mod serve;
mod sources;
mod surrogates;
mod window;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::log::{Log, LogError, Seq, SourceId};

pub use counters::IngestCounters;
pub use refusal::Refusal;
pub use routes::router;
pub use serve::{Peer, Serving, serve};
pub use sources::{Source, SourcesError};

/// How deep an event may be nested. `serde_json` goes 128 deep.
pub const MAX_DEPTH: usize = 100;

/// Who takes what was accepted, and says when it is too much.
pub trait Intake: fmt::Debug + Send + Sync + 'static {
    /// Asked before events are stored; nothing is reserved by it.
    ///
    /// # Errors
    /// Where the backlog is as long as it may be.
    fn admit(&self, source: SourceId, events: usize, bytes: usize) -> Result<(), Full>;

    /// Told once events are on disk.
    fn appended(&self, source: SourceId, events: Range<Seq>);

    /// Told where events could not be stored; their client is told to try again.
    fn unstored(&self, _error: &LogError) {}
}

/// Too much to take just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// When to come back.
    pub retry_after: Duration,
}

/// How much is taken at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest event, in bytes.
    pub event_bytes: usize,
    /// The largest body, in bytes, its content coding undone.
    pub batch_bytes: usize,
    /// The most events in a batch.
    pub batch_events: usize,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// How long a `messageId` is remembered, at least; twice as long at most.
    pub duplicates_age: Duration,
    /// How many are remembered for each source, at least, unless time is up before; 20 to 70 bytes each.
    pub duplicates_count: usize,
}

impl Default for Limits {
    /// Segment's: 32 KB, 500 KB, 2,500 events, duplicates for a day. Bodies have 30 seconds; a million ids are remembered.
    fn default() -> Self {
        Self {
            event_bytes: 32 * 1024,
            batch_bytes: 500 * 1024,
            batch_events: 2500,
            body_time: Duration::from_secs(30),
            duplicates_age: Duration::from_secs(24 * 3600),
            duplicates_count: 1_000_000,
        }
    }
}

/// What the way in is configured with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// How much is taken at once.
    pub limits: Limits,
    /// Tell every client which events were refused, and why.
    pub strict: bool,
    /// A proxy stands before this, and the last address in `x-forwarded-for` is the client's.
    pub forwarded: bool,
}

/// The way in. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Ingest(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    log: Arc<dyn Log>,
    intake: Arc<dyn Intake>,
    clock: Clock,
    sources: ArcSwap<sources::Table>,
    counters: Arc<IngestCounters>,
}

impl Ingest {
    /// Opens the way for these sources. Reads from the log which ids came lately, so that duplicates are known after a restart.
    ///
    /// # Errors
    /// Two sources with one write key; what the log says.
    pub fn new(
        config: Config,
        log: Arc<dyn Log>,
        intake: Arc<dyn Intake>,
        clock: Clock,
        sources: Vec<Source>,
    ) -> Result<Self, SourcesError> {
        let table = sources::Table::new(sources, None, &*log, &clock, &config.limits)?;
        let sources = ArcSwap::from_pointee(table);
        Ok(Self(Arc::new(Inner { config, log, intake, clock, sources, counters: Arc::default() })))
    }

    /// Replaces the sources. Requests that are being worked on go on with the old ones; what is known of duplicates stays.
    ///
    /// # Errors
    /// As [`new`](Self::new); the old sources stay then.
    pub fn reload(&self, sources: Vec<Source>) -> Result<(), SourcesError> {
        let inner = &*self.0;
        let old = inner.sources.load();
        let table = sources::Table::new(sources, Some(&old), &*inner.log, &inner.clock, &inner.config.limits)?;
        inner.sources.store(Arc::new(table));
        Ok(())
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &Arc<IngestCounters> {
        &self.0.counters
    }
}
