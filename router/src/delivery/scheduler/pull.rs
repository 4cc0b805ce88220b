//! What the scheduler hands out, and what it hears back.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::gate::View;
use crate::delivery::lane::Waiting;
use crate::log::{LaneId, Seq};

/// How the pool is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares {
    /// The most pulls in flight.
    pub pool: usize,
    /// The most of one instance.
    pub instance: usize,
    /// The most of all instances that send to one host.
    pub host: usize,
    /// The most events of one lane that wait for a retry.
    pub open: usize,
    /// The most events of one user that wait behind one that is retried, where order by user holds.
    pub hold: usize,
    /// What a visit gives a lane: so many events or kilobytes.
    pub quantum: u32,
    /// How long a lane that the partner's answer held waits before it makes one call to see; `None` for ever.
    pub probe: Option<Duration>,
}

impl Default for Shares {
    /// 256 pulls, 32 of an instance, 64 of a host, 10,000 open retries of a lane, 100 of a user, a quantum of 256, a probe every 10 minutes.
    fn default() -> Self {
        Self {
            pool: 256,
            instance: 32,
            host: 64,
            open: 10_000,
            hold: 100,
            quantum: 256,
            probe: Some(Duration::from_secs(600)),
        }
    }
}

/// How the lanes of an instance go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// How many events make a full pull.
    pub events: u32,
    /// Whether these go into one call: then more are taken where few are wanted.
    pub batches: bool,
    /// How long a pull waits to be full.
    pub linger: Duration,
    /// The most pulls of one lane in flight; 1 where order by user holds.
    pub pulls: u16,
    /// Whether the events of a user keep their order.
    pub ordered: bool,
}

/// Work for a worker: some events of a lane.
#[derive(Debug, Clone)]
pub struct Pull {
    /// Whose.
    pub lane: LaneId,
    /// What.
    pub what: What,
    /// The lane is held; this is the one call that sees whether it is mended.
    pub probe: bool,
    pub(super) slot: u32,
    pub(super) host: Option<u32>,
}

/// What a worker is to do.
#[derive(Debug, Clone)]
pub enum What {
    /// Deliver events that were not tried.
    New {
        /// Their places.
        events: Vec<Range<Seq>>,
        /// The users of whom an event waits: later ones are to be held back.
        blocked: Arc<[u64]>,
    },
    /// Try events again, in order of their places.
    Again(Vec<(Seq, Waiting)>),
    /// Give these up: their window is over and the gate is still shut.
    Expired(Vec<(Seq, Waiting)>),
}

/// What became of a pull.
#[derive(Debug, Clone, Default)]
pub struct Finished {
    /// Events that wait for another attempt.
    pub waiting: Vec<(Seq, Waiting)>,
    /// New events that were not tried.
    pub back: Vec<Range<Seq>>,
    /// No new events of this lane before.
    pub back_until: Option<Timestamp>,
    /// No retries of this lane before.
    pub again_until: Option<Timestamp>,
    /// Events that became dead letters.
    pub dead: u32,
    /// How many events there were, their bytes, and how many were wanted.
    pub seen: Seen,
    /// How the gate of the instance stands.
    pub instance: View,
    /// The last host that was sent to, and how its gate stands.
    pub host: Option<(u32, View)>,
    /// The partner will take nothing until somebody mends it.
    pub pause: Option<String>,
    /// The partner answered something else than that.
    pub answered: bool,
}

/// What a worker saw of the events, so that the next pull can be sized.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Events read.
    pub events: u32,
    /// Their bytes.
    pub bytes: u64,
    /// How many the instance wanted.
    pub wanted: u32,
}
