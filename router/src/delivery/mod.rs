//! Time and order: lanes, the scheduler, gates, retries, batches. They live here and nowhere else.
//!
//! An [`Engine`] takes a log, a client, a clock, a seed and a [`Topology`], and delivers. One task owns the [`Scheduler`], which is
//! pure: it decides which *lane* (one source's events on their way to one instance) does what next, and hands out *pulls*. A worker
//! does a pull from its places in the log to its record:
//!
//! ```text
//!            appended                     pull                                              one record
//!  ingest ──────────► scheduler (lanes) ──────► read · decode · route · plan · send · judge ──────────► log
//!                         ▲     ▲                 shared     (caught, watched)  │                        │
//!                         │     └── view ── gates (instance, host) ◄────────────┘                        │
//!                         └──────────────────────────── finished ◄───────────────────────────────────────┘
//! ```
//!
//! * The backlog lies in the log. In memory are places, the events that wait for a retry (a bound for each lane), and a bounded cache
//!   of decoded events that the lanes of a source share.
//! * An event counts as judged once its record is on disk. What was in flight when the process ended is delivered again: at least once,
//!   and each event has one end, as `delivered`, `skipped` or `dead`.
//! * A [`gate`] that is shut makes events go back to their lane. That is no attempt.
//! * Whatever a destination's code does harms its own events alone: panics are caught, what does not end is left behind.

mod acting;
mod again;
mod backoff;
mod configure;
mod counters;
mod dispatcher;
mod engine;
pub mod gate;
mod lane;
mod parsed;
mod passage;
mod ranges;
pub mod scheduler;
mod shield;
mod status;
mod time;
mod tokens;
mod topology;
mod work;

pub use acting::Degraded;
pub use backoff::Backoff;
pub use counters::{Counters, LATENCY_MS};
pub use engine::{Engine, EngineError, Full};
pub use lane::{Start, Waiting};
pub use scheduler::{Held, Scheduler, Shares};
pub use status::{InstanceStatus, LaneStatus, Status};
pub use tokens::TokenMemory;
pub use topology::{Decoder, Instance, Options, Parts, Topology};
