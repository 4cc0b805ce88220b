//! What ingest counts, for metrics: plain numbers that only grow.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::StatusCode;

use super::refusal::Refusal;

/// The statuses that are ever answered.
const STATUSES: [u16; 11] = [200, 204, 400, 401, 404, 405, 408, 413, 415, 429, 503];

/// What was counted since the start.
#[derive(Debug, Default)]
pub struct IngestCounters {
    /// Events that are on disk.
    pub accepted: AtomicU64,
    /// Events that were there already.
    pub duplicates: AtomicU64,
    /// Requests that held a batch.
    pub batches: AtomicU64,
    /// Bytes of bodies, their content codings undone.
    pub bytes: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    statuses: [AtomicU64; STATUSES.len()],
}

impl IngestCounters {
    /// How many events were refused, by the code of the reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::ALL.iter().zip(&self.refused).map(|(reason, count)| (reason.code(), count.load(Relaxed)))
    }

    /// How many requests were answered, by status.
    pub fn statuses(&self) -> impl Iterator<Item = (u16, u64)> {
        STATUSES.into_iter().zip(&self.statuses).map(|(status, count)| (status, count.load(Relaxed)))
    }

    pub(super) fn refuse(&self, reason: Refusal, events: usize) {
        if let Some(count) = self.refused.get(reason.place()) {
            count.fetch_add(events as u64, Relaxed);
        }
    }

    pub(super) fn answer(&self, status: StatusCode) {
        let place = STATUSES.iter().position(|known| *known == status.as_u16());
        debug_assert!(place.is_some(), "{status} is not counted");
        if let Some(count) = place.and_then(|place| self.statuses.get(place)) {
            count.fetch_add(1, Relaxed);
        }
    }
}
