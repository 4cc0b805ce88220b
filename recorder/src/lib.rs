//! Records the HTTP that a test sends and what comes back, and replays it.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod codec;
pub mod key;
pub mod policy;
pub mod tape;
