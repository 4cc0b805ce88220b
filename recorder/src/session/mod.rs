//! One test's recorder.
//!
//! ```text
//! Recorder ──open──► Tapes ──session──► Session ──start──► Step ┬ Pass        send it, nobody looks
//!  (builder)        (guard)         (for the seams)             ├ Record(..)  send it, tell the Recording what happens
//!                      │                                        └ Ask(..)     give the body ──► Play(..) or Record(..)
//!                   finish ──► saved tapes, or a report of what went wrong
//! ```
//!
//! The session does no I/O on the network and awaits nothing: a seam asks what to do, does it in its client's own way, and
//! tells what came of it. State is behind one lock that is never held while anybody waits.

mod age;
mod check;
#[cfg(feature = "proxy")]
mod conversation;
mod error;
mod exchange;
mod finish;
mod head;
mod location;
mod memo;
mod miss;
mod mode;
mod playback;
mod prepared;
mod quiet;
mod recorder;
mod recording;
mod replay;
mod rng;
mod run;
mod save;
mod shape;
mod spool;
mod state;
mod tap;
mod tapes;
mod world;

pub use check::{Change, Drift};
pub use error::{Error, ErrorKind};
pub use exchange::Exchange;
pub use finish::{Report, Unused};
pub use head::Head;
pub use location::{CallSite, Location};
pub use miss::{Candidate, Miss, MissReason};
pub use mode::{Mode, UnknownMode};
pub use playback::{Break, Frame, Opening, Playback, Replayed, Timing};
pub use recorder::{OnPanic, Recorder};
pub use replay::Repeat;
pub use rng::Rng;
pub use run::{Orphans, RunReport};
pub use state::{Ask, Reply, Session, Step};
pub use tap::{AnswerHead, AnswerTap, Recording, RequestTap};
pub use tapes::Tapes;
pub use world::World;

#[cfg(feature = "proxy")]
pub(crate) use conversation::{Conversation, Turn, Upgrade};
#[cfg(feature = "ureq")]
pub(crate) use recording::REQUEST_LIMIT;
pub(crate) use recording::lock;
pub(crate) use spool::{Spool, Spooled};
#[cfg(feature = "tokio")]
pub(crate) use state::{Draining, PATIENCE};
#[cfg(feature = "proxy")]
pub(crate) use state::{ENGINE, wait_for_engine};
#[cfg(feature = "formats")]
pub(crate) use {prepared::version as http_version, recording::version as tape_version};
