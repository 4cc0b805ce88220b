//! The log in memory, and all that was recorded in it.

use std::sync::Mutex;

use destination_router::log::{
    DeadLetter, InstanceId, LaneId, LaneState, Log, LogError, Memory, Outcome, Parcel, Pending, Retention, Seq,
    SourceId, Stored, Usage,
};
use jiff::Timestamp;

/// The log in memory, and all records that were added to it.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) memory: Memory,
    pub(crate) records: Mutex<Vec<Outcome>>,
}

impl Log for Recording {
    fn source(&self, name: &str) -> Result<SourceId, LogError> {
        self.memory.source(name)
    }

    fn instance(&self, name: &str) -> Result<InstanceId, LogError> {
        self.memory.instance(name)
    }

    fn append(&self, parcel: Parcel) -> Pending<'_, Seq> {
        self.memory.append(parcel)
    }

    fn flushed(&self) -> Pending<'_, ()> {
        self.memory.flushed()
    }

    fn record(&self, outcome: Outcome) -> Pending<'_, ()> {
        let copy = outcome.clone();
        Box::pin(async move {
            self.memory.record(outcome).await?;
            self.records.lock().unwrap().push(copy);
            Ok(())
        })
    }

    fn head(&self, source: SourceId) -> Result<Seq, LogError> {
        self.memory.head(source)
    }

    fn read(&self, source: SourceId, from: Seq, events: usize) -> Result<Vec<Stored>, LogError> {
        self.memory.read(source, from, events)
    }

    fn lane(&self, lane: LaneId) -> Result<LaneState, LogError> {
        self.memory.lane(lane)
    }

    fn find(&self, id: u64, limit: usize) -> Result<Vec<(SourceId, Seq)>, LogError> {
        self.memory.find(id, limit)
    }

    fn history(&self, lane: LaneId, seq: Seq) -> Result<Vec<Outcome>, LogError> {
        self.memory.history(lane, seq)
    }

    fn dead(
        &self,
        lane: Option<LaneId>,
        after: Option<(LaneId, Seq)>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, LogError> {
        self.memory.dead(lane, after, limit)
    }

    fn recent(&self, source: SourceId, since: Timestamp, limit: usize) -> Result<Vec<u64>, LogError> {
        self.memory.recent(source, since, limit)
    }

    fn expire(&self, lanes: &[LaneId], now: Timestamp, retention: Retention) -> Result<(), LogError> {
        self.memory.expire(lanes, now, retention)
    }

    fn usage(&self) -> Result<Usage, LogError> {
        self.memory.usage()
    }
}
