//! Records the HTTP that a test sends and what comes back, and replays it.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod client;
mod codec;
pub mod key;
mod macros;
pub mod policy;
pub mod session;
mod store;
pub mod tape;

pub use policy::{Reveal, UnusedRule};
pub use session::{Error, ErrorKind, Exchange, Miss, Mode, OnPanic, Recorder, Repeat, Report, Session, Tapes, Timing};
pub use store::StoreError;
pub use tape::Origin;
