//! What stands between ingest and delivery: says when it is too much, and tells delivery what came.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::delivery::Engine;
use crate::ingest::{Full, Intake};
use crate::log::{LogError, Seq, SourceId};

/// When a client is to come back to a router whose log is full.
const COME_BACK: Duration = Duration::from_secs(5);

/// So long after events could not be stored the router is not ready. Then somebody must try again, to see whether it passed.
const FAILED: Duration = Duration::from_secs(10);

/// The intake of a running router.
#[derive(Debug)]
pub(crate) struct Gate {
    engine: Engine,
    /// The most bytes that the log may take.
    most_bytes: u64,
    /// As many as it took when somebody looked last.
    bytes: AtomicU64,
    stopping: AtomicBool,
    /// Why the log did not take events last, and when.
    failed: Mutex<Option<(Instant, String)>>,
    failing: AtomicBool,
}

impl Gate {
    pub(crate) fn new(engine: Engine, most_bytes: u64) -> Self {
        Self {
            engine,
            most_bytes,
            bytes: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            failed: Mutex::new(None),
            failing: AtomicBool::new(false),
        }
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
        if let Some((at, error)) = &*self.failed()
            && at.elapsed() < FAILED
        {
            return Err(error.clone());
        }
        match source.map(|source| self.engine.admit(source, 1, 0)) {
            Some(Err(_)) => Err("as many events wait as `limits.backlog.events` allows".to_owned()),
            _ => Ok(()),
        }
    }

    fn failed(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
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
        if self.failing.load(Ordering::Relaxed) && self.failing.swap(false, Ordering::Relaxed) {
            *self.failed() = None;
            tracing::info!("events are stored again");
        }
    }

    fn unstored(&self, error: &LogError) {
        *self.failed() = Some((Instant::now(), error.to_string()));
        // Each request meets it, and one line says it.
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::error!("events cannot be stored, clients are told to try again: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::client::{self, Options};
    use crate::clock::Clock;
    use crate::delivery::{self, Parts, Topology};
    use crate::log::Memory;

    async fn gate() -> Gate {
        let parts = Parts {
            log: Arc::new(Memory::default()),
            client: client::open(&Options::default()).unwrap(),
            clock: Clock::system(),
            seed: 1,
            decoder: Arc::new(|_, _| Vec::new()),
            tokens: None,
            options: delivery::Options { backlog: 10, ..delivery::Options::default() },
        };
        Gate::new(Engine::start(parts, Topology::default()).await.unwrap(), 1_000)
    }

    #[tokio::test]
    async fn a_log_that_is_too_large_takes_nothing_until_it_is_smaller() {
        let (gate, source) = (gate().await, SourceId(0));
        assert!(gate.ready(Some(source)).is_ok() && gate.admit(source, 1, 100).is_ok());
        gate.measured(1_000);
        assert_eq!(gate.admit(source, 1, 100), Err(Full { retry_after: COME_BACK }));
        assert!(gate.ready(Some(source)).unwrap_err().contains("limits.backlog.bytes"));
        gate.measured(999);
        assert!(gate.ready(Some(source)).is_ok());
    }

    #[tokio::test]
    async fn a_disk_that_is_full_is_not_ready_until_it_takes_events_again() {
        let gate = gate().await;
        gate.unstored(&LogError::Full { folder: "./data".to_owned() });
        assert!(gate.ready(None).unwrap_err().contains("the disk with ./data is full"));
        // Only a client that tries again can show that it passed.
        assert!(gate.admit(SourceId(0), 1, 1).is_ok());
        gate.appended(SourceId(0), 0..1);
        assert!(gate.ready(None).is_ok());
    }

    #[tokio::test]
    async fn a_router_that_stops_is_not_ready_and_finishes_what_is_on_its_way_in() {
        let gate = gate().await;
        gate.stop();
        assert!(gate.ready(None).is_err());
        assert!(gate.admit(SourceId(0), 1, 1).is_ok());
    }

    #[tokio::test]
    async fn more_events_than_the_backlog_holds_are_not_taken() {
        let gate = gate().await;
        assert!(gate.admit(SourceId(0), 10, 1).is_ok());
        assert!(gate.admit(SourceId(0), 11, 1).is_err());
    }
}
