//! What is done with goes, and its disk space comes back.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use destination_router::log::{
    Accepted, Done, Embedded, EmbeddedOptions, How, LaneId, Log, Outcome, Parcel, Retention, Seq, SourceId,
};
use jiff::Timestamp;

const MB: u64 = 1 << 20;

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn open(folder: &Path) -> Embedded {
    let mut options = EmbeddedOptions::default();
    options.segment_bytes = 2 * MB;
    Embedded::open(folder, options).unwrap_or_else(|error| panic!("{error}"))
}

fn lane(log: &dyn Log, source: &str) -> LaneId {
    LaneId { source: log.source(source).expect("a source"), instance: log.instance("slack").expect("an instance") }
}

/// A parcel of a hundred events of 1 KB; they begin with their number.
fn hundred(source: SourceId, round: u64) -> Parcel {
    let json = |n: u64| Bytes::from(format!("{:<1000}", format!("{{\"n\":{}}}", round * 100 + n)));
    let events = (0..100).map(|n| Accepted { json: json(n), id: round * 100 + n }).collect();
    Parcel { source, received_at: time(0), sent_at: None, shared: Bytes::new(), events }
}

fn delivered(lane: LaneId, events: std::ops::Range<Seq>) -> Outcome {
    let done = vec![Done { events, how: How::Delivered { status: 200, elapsed_ms: 5 } }];
    Outcome { lane, at: time(0), done, retry: vec![], dead: vec![] }
}

/// What a folder takes on the disk, in bytes: blocks, not lengths.
fn taken(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let sizes = entries.map(|entry| {
        let metadata = entry.metadata().expect("metadata");
        if metadata.is_dir() { taken(&entry.path()) } else { metadata.blocks() * 512 }
    });
    sizes.sum()
}

#[tokio::test]
async fn disk_space_is_given_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let log = open(dir.path());
    let lane = lane(&log, "web");
    for round in 0..300 {
        log.append(hundred(lane.source, round)).await.expect("accepted");
        log.record(delivered(lane, round * 100..(round + 1) * 100)).await.expect("recorded");
    }
    let before = taken(dir.path());
    assert!(before > 29 * MB, "{before}");

    let keep = Retention { age: Duration::from_secs(1 << 30), bytes: 5 * MB };
    log.expire(&[lane], time(1), keep).expect("expired");
    let after = taken(dir.path());
    assert!(after < 9 * MB, "{after} of {before} bytes are left");
    let usage = log.usage().expect("usage");
    assert!((4_000..6_000).contains(&usage.events), "{usage:?}");
    let oldest = log.read(lane.source, 0, 1).expect("read").remove(0);
    assert_eq!(oldest.first, 30_000 - usage.events);
    assert_eq!(log.history(lane, oldest.first).expect("a history").len(), 1);

    log.expire(&[lane], time(100), Retention { age: Duration::from_secs(50), bytes: u64::MAX }).expect("expired");
    assert_eq!(log.usage().expect("usage").events, 0);
    assert!(taken(dir.path()) < 5 * MB, "{} bytes are left", taken(dir.path()));
    drop(log);

    let log = open(dir.path());
    assert_eq!(log.head(lane.source).expect("a head"), 30_000);
    assert_eq!(log.lane(lane).expect("a lane").judged, [0..30_000; 1]);
    drop(log);

    // What segments that went had told is not lost with the index either.
    fs::remove_dir_all(dir.path().join("index")).expect("removed");
    let log = open(dir.path());
    assert_eq!(log.head(lane.source).expect("a head"), 30_000);
    assert_eq!(log.lane(lane).expect("a lane").judged, [0..30_000; 1]);
    assert_eq!(self::lane(&log, "web"), lane);
    log.record(delivered(lane, 30_000..30_100)).await.expect("recorded");
    assert_eq!(log.lane(lane).expect("a lane").judged, [0..30_100; 1]);
    drop(log);
    let log = open(dir.path());
    assert_eq!(log.lane(lane).expect("a lane").judged, [0..30_100; 1]);
    assert_eq!(log.append(hundred(lane.source, 300)).await.expect("accepted"), 30_000);
}

#[tokio::test]
async fn an_event_that_waits_does_not_hold_the_space_of_others() {
    let dir = tempfile::tempdir().expect("a folder");
    let log = open(dir.path());
    let (busy, stuck) = (lane(&log, "busy"), lane(&log, "stuck"));
    for round in 0..200 {
        log.append(hundred(busy.source, round)).await.expect("accepted");
        if round % 10 == 0 {
            log.append(Parcel { source: stuck.source, ..hundred(busy.source, round) }).await.expect("accepted");
        }
    }
    log.record(delivered(busy, 0..20_000)).await.expect("recorded");
    let before = taken(dir.path());
    let old = Retention { age: Duration::from_secs(50), bytes: u64::MAX };
    for _ in 0..2 {
        log.expire(&[busy, stuck], time(100), old).expect("expired");
    }
    let after = taken(dir.path());
    assert!(after < before / 3, "{after} of {before} bytes are left");
    assert_eq!(log.usage().expect("usage").events, 2_000);

    let whole = |log: &dyn Log| {
        let read = log.read(stuck.source, 0, usize::MAX).expect("read");
        assert_eq!(read.len(), 20);
        for (index, stored) in (0_u64..).zip(read) {
            assert_eq!(stored.first, index * 100);
            let events = (index * 1000..).zip(&stored.parcel.events);
            events.for_each(|(n, event)| assert!(event.json.starts_with(format!("{{\"n\":{n}}}").as_bytes())));
        }
        assert!(log.read(busy.source, 0, 9).expect("read").is_empty());
    };
    whole(&log);
    drop(log);
    whole(&open(dir.path()));
    // What moved is found again when everything is entered anew.
    fs::remove_dir_all(dir.path().join("index")).expect("removed");
    let log = open(dir.path());
    whole(&log);
    assert_eq!(log.head(busy.source).expect("a head"), 20_000);
    assert_eq!(lane(&log, "stuck"), stuck);
    assert_eq!(log.lane(busy).expect("a lane").judged, [0..20_000; 1]);
}

#[tokio::test]
async fn a_long_history_is_folded_and_its_old_records_go() {
    let dir = tempfile::tempdir().expect("a folder");
    let log = open(dir.path());
    let lane = lane(&log, "web");
    for round in 0..20 {
        log.append(hundred(lane.source, round)).await.expect("accepted");
    }
    // Every other event first, so that the ranges do not join at once.
    for first in [0, 1] {
        for seq in (first..2_000).step_by(2).filter(|seq| *seq != 1_500) {
            let pending = (0..3).map(|_| log.record(delivered(lane, seq..seq + 1))).collect::<Vec<_>>();
            for pending in pending {
                pending.await.expect("recorded");
            }
        }
    }
    let state = log.lane(lane).expect("a lane");
    assert_eq!(state.judged, [0..1_500, 1_501..2_000]);
    drop(log);
    let log = open(dir.path());
    assert_eq!(log.lane(lane).expect("a lane"), state);
    assert_eq!(log.history(lane, 3).expect("a history").len(), 3);
    let old = Retention { age: Duration::from_secs(50), bytes: u64::MAX };
    log.expire(&[lane], time(100), old).expect("expired");
    assert_eq!(log.lane(lane).expect("a lane"), state);
    assert_eq!(log.history(lane, 3).expect("a history"), []);
    assert_eq!(log.history(lane, 1_501).expect("a history").len(), 3);
    log.record(delivered(lane, 1_500..1_501)).await.expect("recorded");
    assert_eq!(log.lane(lane).expect("a lane").judged.len(), 1);
}
