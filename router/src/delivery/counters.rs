//! What an instance did since the process began: plain numbers, read at any time, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper ends of the classes of latency, in milliseconds; one more class holds what is above.
pub const LATENCY_MS: [u64; 12] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000];

/// The counters of one instance. Each event of each lane counts once in `delivered`, `skipped` or `dead`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Events that the partner took.
    pub delivered: AtomicU64,
    /// Events that were not meant for it.
    pub skipped: AtomicU64,
    /// Events that became dead letters because the partner or the destination refused them.
    pub rejected: AtomicU64,
    /// Events that became dead letters, for whatever reason.
    pub dead: AtomicU64,
    /// Times that an event had to wait for another attempt.
    pub retried: AtomicU64,
    /// Times that an event went back because a gate was shut.
    pub deferred: AtomicU64,
    /// Requests sent.
    pub requests: AtomicU64,
    /// Requests without an answer.
    pub failures: AtomicU64,
    /// Events that went ahead of, or without, an earlier one of their user, though order was asked for.
    pub unordered: AtomicU64,
    /// Times that the destination's code panicked.
    pub panics: AtomicU64,
    /// Times that the destination's code did not end in time.
    pub overruns: AtomicU64,
    /// Answers by how long they took, as [`LATENCY_MS`] has the classes.
    pub latency: [AtomicU64; LATENCY_MS.len() + 1],
    /// The sum of these times, in microseconds.
    pub latency_us: AtomicU64,
}

impl Counters {
    /// Adds to a counter.
    pub(super) fn add(counter: &AtomicU64, count: u64) {
        if count > 0 {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// An answer took so long.
    pub(super) fn answered(&self, elapsed: Duration) {
        let ms = elapsed.as_millis() as u64;
        let class = LATENCY_MS.partition_point(|end| *end < ms);
        if let Some(class) = self.latency.get(class) {
            class.fetch_add(1, Ordering::Relaxed);
        }
        self.latency_us.fetch_add(elapsed.as_micros() as u64, Ordering::Relaxed);
    }
}
