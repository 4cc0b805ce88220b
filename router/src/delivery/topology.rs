//! What the engine is made of, and which source goes to which instance.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::backoff::Backoff;
use super::scheduler::Shares;
use super::tokens::TokenMemory;
use crate::client::Client;
use crate::clock::Clock;
use crate::destination::Target;
use crate::log::{Log, Stored};

/// Makes some events of a parcel, as destinations see them: one answer for each place, or why it cannot be read.
pub type Decoder = Arc<dyn Fn(&Stored, Range<usize>) -> Vec<Result<Value, String>> + Send + Sync>;

/// What an engine is made of.
#[derive(Clone)]
pub struct Parts {
    /// Where the events lie, and what becomes of them is recorded.
    pub log: Arc<dyn Log>,
    /// What sends.
    pub client: Client,
    /// What tells the time.
    pub clock: Clock,
    /// Where all random values come from.
    pub seed: u64,
    /// What reads events.
    pub decoder: Decoder,
    /// Where refresh tokens are kept that a partner changes; `None` to keep them in memory alone.
    pub tokens: Option<Arc<dyn TokenMemory>>,
    /// How all of it goes.
    pub options: Options,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("log", &self.log).field("options", &self.options).finish_non_exhaustive()
    }
}

/// How delivery goes, for all instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How the pool is shared.
    pub shares: Shares,
    /// How retries are spread.
    pub backoff: Backoff,
    /// The most requests at once to one host, over all instances.
    pub host_concurrency: usize,
    /// How long a call waits for a gate before its events go back to their lane.
    pub patience: Duration,
    /// How long a destination's code may take for one piece of work, where it is watched.
    pub watchdog: Duration,
    /// After so many times longer than that, an instance is held.
    pub overruns: u32,
    /// The most bytes of events that are kept for other lanes of their source, as JSON; decoded they take about ten times as much.
    /// Lanes that follow each other closely need little.
    pub cache: usize,
    /// New events are refused while so many wait, in the lane that has most of each source, over all sources.
    pub backlog: u64,
}

impl Default for Options {
    /// 256 requests to a host, a second of patience, 5 seconds of code three times, 4 MB of JSON, 20 million events.
    fn default() -> Self {
        Self {
            shares: Shares::default(),
            backoff: Backoff::default(),
            host_concurrency: 256,
            patience: Duration::from_secs(1),
            watchdog: Duration::from_secs(5),
            overruns: 3,
            cache: 4_000_000,
            backlog: 20_000_000,
        }
    }
}

/// Which source goes to which instance.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    /// The instances.
    pub instances: Vec<Instance>,
}

/// A destination instance, and which sources it is for.
#[derive(Clone)]
pub struct Instance {
    /// What turns events into requests. Its name is the instance's; another value under the same name is a changed instance.
    pub target: Arc<dyn Target>,
    /// How many subscriptions it has; each of their numbers is lower.
    pub subscriptions: usize,
    /// The names of the sources.
    pub sources: Vec<String>,
    /// Whether the events of one user are delivered in their order.
    pub ordered: bool,
    /// Whether its code is watched: it runs on threads of its own, and what does not end is given up. That costs a few
    /// microseconds a call. Mappings are bounded by themselves; a destination that is data alone needs no watching.
    pub watched: bool,
}

impl Instance {
    /// An instance without order by user, watched.
    #[must_use]
    pub fn new(target: Arc<dyn Target>, subscriptions: usize, sources: Vec<String>) -> Self {
        Self { target, subscriptions, sources, ordered: false, watched: true }
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("name", &self.target.name())
            .field("sources", &self.sources)
            .field("ordered", &self.ordered)
            .field("watched", &self.watched)
            .finish_non_exhaustive()
    }
}
