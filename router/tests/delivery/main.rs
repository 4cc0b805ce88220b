//! Delivery in virtual time: hours of it in milliseconds.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests, also where no `#[test]` is near")]

mod embedded;
mod fake;
mod isolation;
mod life;
mod order;
mod outages;
mod partner;
mod properties;
mod recording;
mod scheduler;
mod verdicts;
mod world;
