//! The real binary on small folders of tapes. One program, so that it is linked once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod conversations;
mod docs;
mod formats;
mod help;
mod live;
mod reading;
mod reviewing;
#[cfg(unix)]
mod running;
mod scanning;
mod suites;
mod support;
mod tidying;
mod viewing;
