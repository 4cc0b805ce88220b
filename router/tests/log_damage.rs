//! Torn ends, damage, other formats, a full disk: each is told clearly, and nothing that was accepted is lost by it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use destination_router::log::{
    Accepted, Dead, Done, Embedded, EmbeddedOptions, How, LaneId, Log, LogError, Outcome, Parcel, Retry, Seq, SourceId,
    fingerprint,
};
use jiff::Timestamp;

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// Small segments, so that they are rolled all the time.
fn small() -> EmbeddedOptions {
    let mut options = EmbeddedOptions::default();
    options.segment_bytes = 300_000;
    options
}

fn open(folder: &Path) -> Embedded {
    Embedded::open(folder, small()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(folder: &Path) -> LogError {
    Embedded::open(folder, small()).expect_err("refused")
}

fn parcel(source: SourceId, ids: &[String]) -> Parcel {
    let events = ids.iter().map(|id| Accepted { json: text(id), id: fingerprint(id) }).collect();
    Parcel { source, received_at: time(7), sent_at: None, shared: Bytes::new(), events }
}

/// An event by its id: of a size of its own, and not like another.
fn text(id: &str) -> Bytes {
    let size = 1 + usize::try_from(fingerprint(id) % 1500).expect("small");
    Bytes::from(format!("{{\"messageId\":\"{id}\",\"pad\":\"{}\"}}", id.repeat(size / id.len())))
}

fn lane(log: &dyn Log, source: &str) -> LaneId {
    LaneId { source: log.source(source).expect("a source"), instance: log.instance("slack").expect("an instance") }
}

/// What is said of an event: one in seven dies, one in five is to be tried again, the others are delivered.
fn said(lane: LaneId, seq: Seq) -> Outcome {
    let mut outcome = record(lane);
    match seq {
        seq if seq % 7 == 3 => {
            outcome.dead.push((seq, Dead { attempts: 1, open: 1, reason: format!("400 for {seq}") }))
        }
        seq if seq % 5 == 1 => outcome.retry.push((
            seq,
            Retry { attempts: 2, since: time(1), at: time(2), open: seq, reason: format!("503 for {seq}") },
        )),
        seq => outcome.done.push(Done { events: seq..seq + 1, how: How::Delivered { status: 200, elapsed_ms: 5 } }),
    }
    outcome
}

fn record(lane: LaneId) -> Outcome {
    Outcome { lane, at: time(9), done: vec![], retry: vec![], dead: vec![] }
}

#[test]
fn a_folder_of_another_release_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(open(dir.path()));
    fs::write(dir.path().join("format"), "7\n").expect("written");
    assert!(matches!(refused(dir.path()), LogError::Version { found: 7, known: 1, .. }));
    fs::write(dir.path().join("format"), "what?").expect("written");
    assert!(matches!(refused(dir.path()), LogError::Corrupt { .. }));
    fs::remove_file(dir.path().join("format")).expect("removed");
    let error = refused(dir.path());
    assert!(error.to_string().contains("the file `format` in"), "{error}");
}

/// A log with events `0`, `1`, … each in a group of its own, closed; and its last segment file.
async fn filled(folder: &Path, events: usize) -> (LaneId, PathBuf) {
    let log = open(folder);
    let lane = lane(&log, "web");
    for n in 0..events {
        log.append(parcel(lane.source, &[n.to_string()])).await.expect("accepted");
    }
    drop(log);
    (lane, last_segment(folder))
}

fn last_segment(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("segments")).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.max().expect("a segment file")
}

/// The index forgets everything, as if it had never been synced: all is entered again from the segment files.
fn lose_the_index(folder: &Path) {
    fs::remove_dir_all(folder.join("index")).expect("removed");
}

#[tokio::test]
async fn a_torn_end_is_cut_and_the_log_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let (lane, file) = filled(dir.path(), 5).await;
    let whole = fs::read(&file).expect("the file");
    let last = whole.windows(4).rposition(|bytes| bytes == b"\xD7RL1").expect("a frame");
    for end in [last + 1, last + 39, last + 41, whole.len() - 1] {
        lose_the_index(dir.path());
        // What a power failure leaves: half a frame, and zeros where bytes were to be.
        let torn = [&whole[..end], &[0; 700][..]].concat();
        fs::write(&file, torn).expect("written");
        let log = open(dir.path());
        assert_eq!(log.head(lane.source).expect("a head"), 4, "cut at {end}");
        assert_eq!(log.append(parcel(lane.source, &["new".into()])).await.expect("accepted"), 4);
        drop(log);
        let log = open(dir.path());
        let read = log.read(lane.source, 4, 9).expect("read");
        assert_eq!(read[0].parcel.events[0].json, text("new"));
    }
}

#[tokio::test]
async fn damage_before_the_end_is_named_when_the_log_is_opened() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_, file) = filled(dir.path(), 5).await;
    let mut bytes = fs::read(&file).expect("the file");
    let frames: Vec<_> = frames_in(&bytes);
    bytes[frames[3] + 60] ^= 1;
    fs::write(&file, &bytes).expect("written");
    lose_the_index(dir.path());
    let error = refused(dir.path());
    assert!(matches!(error, LogError::Corrupt { .. }), "{error:?}");
    let expected = format!("byte {} of segment file 00000001.seg in ", frames[3]);
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!(fs::read(&file).expect("the file"), bytes, "it is left as it is");
}

#[tokio::test]
async fn damage_is_named_when_the_event_is_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let (lane, file) = filled(dir.path(), 5).await;
    let mut bytes = fs::read(&file).expect("the file");
    let frames = frames_in(&bytes);
    // The first two frames are names.
    bytes[frames[2 + 3] + 60] ^= 1;
    fs::write(&file, bytes).expect("written");
    let log = open(dir.path());
    assert_eq!(log.read(lane.source, 0, 3).expect("read").len(), 3);
    assert_eq!(log.read(lane.source, 4, 3).expect("read").len(), 1);
    let error = log.read(lane.source, 0, 9).expect_err("damaged");
    assert!(matches!(error, LogError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().starts_with("event 3 of source 0, byte "), "{error}");
    assert!(error.to_string().contains("the checksum of its body is wrong"), "{error}");
}

#[tokio::test]
async fn a_segment_file_that_is_gone_or_shorter_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_, file) = filled(dir.path(), 5).await;
    let whole = fs::read(&file).expect("the file");
    fs::write(&file, &whole[..whole.len() - 3]).expect("written");
    let error = refused(dir.path());
    assert!(error.to_string().starts_with("segment file 00000001.seg in "), "{error}");
    fs::remove_file(&file).expect("removed");
    assert!(matches!(refused(dir.path()), LogError::Corrupt { .. }));
}

#[tokio::test]
async fn an_index_that_is_damaged_is_made_anew_from_the_segment_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let (lane, _) = filled(dir.path(), 5).await;
    let log = open(dir.path());
    for seq in 0..5 {
        log.record(said(lane, seq)).await.expect("recorded");
    }
    let state = log.lane(lane).expect("a lane");
    drop(log);
    let journals =
        fs::read_dir(dir.path().join("index")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let journal = journals.filter(|path| path.extension().is_some_and(|end| end == "jnl")).max().expect("a journal");
    let mut bytes = fs::read(&journal).expect("the journal");
    // In the middle of a value: fjall cuts off what it cannot make sense of, but not what has a wrong checksum.
    let at = bytes.windows(5).position(|bytes| bytes == b"503 f").expect("a reason");
    bytes[at] ^= 1;
    fs::write(&journal, bytes).expect("written");
    let log = open(dir.path());
    assert!(dir.path().join("index.damaged").exists(), "it was put aside");
    holds(&log, lane, &(0..5).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(log.lane(lane).expect("a lane"), state);
    assert_eq!(log.source("web").expect("a source"), lane.source);
}

fn frames_in(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len() - 4).filter(|at| &bytes[*at..at + 4] == b"\xD7RL1").collect()
}

/// A small disk of its own, where this process may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn of(megabytes: usize) -> Option<Self> {
        let disk = Self(tempfile::tempdir().expect("a folder"));
        if disk.mount(&format!("size={megabytes}m")) {
            return Some(disk);
        }
        eprintln!("skipped: a full disk, because this process may not mount a small one (it needs root)");
        None
    }
}

impl SmallDisk {
    fn mount(&self, options: &str) -> bool {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(self.0.path()).output();
        mount.is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_the_log_goes_on_when_there_is_space() {
    let Some(disk) = SmallDisk::of(24) else { return };
    let folder = disk.0.path().join("log");
    let log = open(&folder);
    let lane = lane(&log, "web");
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![0; 12 << 20]).expect("written");

    let mut accepted: Vec<String> = Vec::new();
    for cycle in 0..3 {
        let error = loop {
            let ids: Vec<_> = (0..20).map(|n| format!("{cycle}-{}-{n}", accepted.len())).collect();
            match log.append(parcel(lane.source, &ids)).await {
                Ok(first) => {
                    assert_eq!(first, accepted.len() as Seq, "nothing of what was refused has a place");
                    accepted.extend(ids);
                }
                Err(error) => break error,
            }
        };
        assert!(matches!(error, LogError::Full { .. }), "{error:?}");
        assert!(error.to_string().contains("is full: free some space"), "{error}");
        let refused = log.record(said(lane, 0)).await;
        assert!(refused.is_ok() || matches!(refused, Err(LogError::Full { .. })), "{refused:?}");
        holds(&log, lane, &accepted);

        // Space again, a little each time.
        let left = 8 - 4 * cycle.min(2);
        fs::write(&ballast, vec![0; left << 20]).expect("written");
        let id = format!("again {cycle}");
        let place = log.append(parcel(lane.source, std::slice::from_ref(&id))).await.expect("accepted");
        assert_eq!(place, accepted.len() as Seq);
        accepted.push(id);
        log.record(said(lane, place)).await.expect("recorded");
    }
    fs::remove_file(&ballast).expect("removed");
    drop(log);
    holds(&open(&folder), lane, &accepted);
}

#[tokio::test]
async fn what_was_accepted_is_safe_when_only_the_index_has_no_space() {
    let dir = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::of(1) else { return };
    std::os::unix::fs::symlink(disk.0.path(), dir.path().join("index")).expect("a link");
    fs::write(dir.path().join("format"), "1\n").expect("written");
    let log = open(dir.path());
    let lane = lane(&log, "web");
    let mut accepted: Vec<String> = Vec::new();
    let error = loop {
        let ids: Vec<_> = (0..500).map(|n| format!("{}-{n}", accepted.len())).collect();
        match log.append(parcel(lane.source, &ids)).await {
            Ok(_) => accepted.extend(ids),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LogError::Full { .. }), "{error:?}");
    assert!(accepted.len() > 10_000, "{} events", accepted.len());

    assert!(disk.mount("remount,size=64m"), "more space");
    let place = log.append(parcel(lane.source, &["again".into()])).await.expect("accepted");
    assert_eq!(place, accepted.len() as Seq);
    accepted.push("again".into());
    holds(&log, lane, &accepted);
    drop(log);
    holds(&open(dir.path()), lane, &accepted);
}

fn holds(log: &dyn Log, lane: LaneId, accepted: &[String]) {
    let read = log.read(lane.source, 0, usize::MAX).expect("read");
    let texts: Vec<_> = read.iter().flat_map(|stored| &stored.parcel.events).map(|event| event.json.clone()).collect();
    assert_eq!(texts.len(), accepted.len());
    assert!(texts.iter().zip(accepted).all(|(event, id)| *event == text(id)), "as they were accepted");
}
