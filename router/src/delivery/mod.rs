//! Time and order: lanes, the scheduler, gates, retries, batches. They live here and nowhere else.
mod backoff;
mod gate;
mod lane;
mod place;
mod ranges;
pub mod scheduler;
mod time;
