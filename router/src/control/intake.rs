//! What stands between ingest and delivery: says when it is too much, and tells delivery what came.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::delivery::Engine;
use crate::ingest::{Full, Intake};
use crate::log::{Seq, SourceId};

/// When a client is to come back to a router whose log is full.
const COME_BACK: Duration = Duration::from_secs(5);

/// The intake of a running router.
#[derive(Debug)]
pub(crate) struct Gate {
    engine: Engine,
    /// The most bytes that the log may take.
    most_bytes: u64,
    /// As many as it took when somebody looked last.
    bytes: AtomicU64,
    stopping: AtomicBool,
}

impl Gate {
    pub(crate) fn new(engine: Engine, most_bytes: u64) -> Self {
        Self { engine, most_bytes, bytes: AtomicU64::new(0), stopping: AtomicBool::new(false) }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Notes how much the log takes.
    pub(crate) fn measured(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// From now on it is not ready. What is on its way in is still taken: nobody new gets in, for the listener is closed.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Why nothing is taken.
    ///
    /// # Errors
    /// The reason, for people.
    pub(crate) fn ready(&self, source: Option<SourceId>) -> Result<(), String> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("the router is stopping".to_owned());
        }
        if self.too_large() {
            return Err("the log takes as many bytes as `limits.backlog.bytes` allows".to_owned());
        }
        match source.map(|source| self.engine.admit(source, 1, 0)) {
            Some(Err(_)) => Err("as many events wait as `limits.backlog.events` allows".to_owned()),
            _ => Ok(()),
        }
    }

    fn too_large(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= self.most_bytes
    }
}

impl Intake for Gate {
    fn admit(&self, source: SourceId, events: usize, bytes: usize) -> Result<(), Full> {
        if self.too_large() {
            return Err(Full { retry_after: COME_BACK });
        }
        let admitted = self.engine.admit(source, events, bytes);
        admitted.map_err(|full| Full { retry_after: full.retry_after })
    }

    fn appended(&self, source: SourceId, events: Range<Seq>) {
        self.engine.appended(source, events);
    }
}
