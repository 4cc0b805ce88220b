//! What only other processes show: killed at any moment, and two at once.
//!
//! The other process is this very binary, told by its environment which part to play.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use destination_router::log::{
    Accepted, Dead, Done, Embedded, EmbeddedOptions, How, InstanceId, LaneId, Log, LogError, Outcome, Parcel, Retry,
    Seq, SourceId, fingerprint,
};
use jiff::Timestamp;

const FOLDER: &str = "LOG_TESTS_FOLDER";
const WRITERS: usize = 8;

/// Starts a part of this file in a process of its own.
fn play(part: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["--exact", part, "--ignored", "--nocapture", "--test-threads=1"]).env(FOLDER, folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process")
}

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

fn record(lane: LaneId) -> Outcome {
    Outcome { lane, at: time(9), done: vec![], retry: vec![], dead: vec![] }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of a test, in a process of its own"]
async fn part_appends_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let log: Arc<Embedded> = Arc::new(open(folder.as_ref()));
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let log = Arc::clone(&log);
        tasks.push(tokio::spawn(async move {
            // Two writers to a source: their groups mix.
            let lane = lane(&*log, &format!("source {}", writer % 4));
            for round in 0.. {
                let ids: Vec<_> =
                    (0..=round % 3).map(|n| format!("{writer}-{}-{round}-{n}", std::process::id())).collect();
                let first = log.append(parcel(lane.source, &ids)).await.expect("accepted");
                // One `println!` is one line, also with several writers.
                println!("event {} {first} {}", lane.source.0, ids.join(" "));
                for seq in first..first + ids.len() as Seq {
                    log.record(said(lane, seq)).await.expect("recorded");
                    println!("said {} {} {seq}", lane.source.0, lane.instance.0);
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("a writer");
    }
}

/// What a child was told is safe, in whole lines.
#[derive(Debug, Default)]
struct Told {
    events: Vec<(SourceId, Seq, String)>,
    records: Vec<(LaneId, Seq)>,
}

impl Told {
    fn hear(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        // The test harness may stand in front of the first line.
        let word = words.find(|word| *word == "event" || *word == "said");
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number");
        let id = |number: u64| u32::try_from(number).expect("a number");
        match word {
            Some("event") => {
                let (source, first) = (SourceId(id(number())), number());
                self.events.extend((first..).zip(words).map(|(seq, id)| (source, seq, id.to_owned())));
            }
            Some(_) => {
                let source = SourceId(id(number()));
                let lane = LaneId { source, instance: InstanceId(id(number())) };
                self.records.push((lane, number()));
            }
            None => {}
        }
    }

    fn holds_in(&self, log: &dyn Log) {
        let sources: BTreeSet<_> = self.events.iter().map(|(source, _, _)| *source).collect();
        for source in sources {
            let mut next = 0;
            let mut kept = BTreeMap::new();
            for stored in log.read(source, 0, usize::MAX).expect("read") {
                assert_eq!(stored.first, next, "a hole in {source:?}");
                next = stored.range().end;
                kept.extend(stored.range().zip(stored.parcel.events));
            }
            assert_eq!(log.head(source).expect("a head"), next);
            for (_, seq, id) in self.events.iter().filter(|event| event.0 == source) {
                let event = kept.get(seq).unwrap_or_else(|| panic!("event {seq} of {source:?} is lost"));
                assert_eq!((&event.json, event.id), (&text(id), fingerprint(id)), "event {seq} of {source:?}");
            }
        }
        // A history is looked for among all records of its lane: some of them, so that the test takes seconds.
        for (lane, seq) in self.records.iter().step_by(1 + self.records.len() / 60) {
            assert_eq!(log.history(*lane, *seq).expect("a history"), [said(*lane, *seq)], "what was said of {seq}");
        }
        let lanes: BTreeSet<_> = self.records.iter().map(|(lane, _)| *lane).collect();
        for lane in lanes {
            let state = log.lane(lane).expect("a lane");
            let letters = log.dead(Some(lane), None, usize::MAX).expect("dead letters");
            assert_eq!(state.dead, letters.len() as u64);
            let letters: BTreeMap<_, _> = letters.into_iter().map(|letter| (letter.seq, letter.dead)).collect();
            let retries: BTreeMap<_, _> = state.retries.into_iter().collect();
            let judged: BTreeSet<_> = state.judged.into_iter().flatten().collect();
            for (_, seq) in self.records.iter().filter(|record| record.0 == lane) {
                let said = said(lane, *seq);
                assert!(judged.contains(seq), "{seq} was judged");
                assert_eq!(retries.get(seq), said.retry.first().map(|(_, retry)| retry), "the retry of {seq}");
                assert_eq!(letters.get(seq), said.dead.first().map(|(_, dead)| dead), "the dead letter {seq}");
            }
        }
    }
}

#[test]
fn what_was_answered_is_there_after_kill_9_at_any_moment() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut told = Told::default();
    for round in 0..10_u64 {
        let mut child = play("part_appends_until_it_is_killed", dir.path());
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let before = told.events.len();
        let (lines, heard) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut line = Vec::new();
            // The last line may be half a line.
            while out.read_until(b'\n', &mut line).is_ok() && line.ends_with(b"\n") {
                let _ = lines.send(std::mem::take(&mut line));
            }
        });
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &Vec<u8>| line.starts_with(b"event")) {
            lines.push(heard.recv_timeout(Duration::from_secs(60)).expect("the child accepts something"));
        }
        // Sometimes at once, sometimes after thousands of events and tens of segments.
        std::thread::sleep(Duration::from_millis((round * round * 37) % 400));
        child.kill().expect("killed");
        child.wait().expect("ended");
        reader.join().expect("read");
        lines.extend(heard);
        for line in lines {
            told.hear(&String::from_utf8_lossy(&line));
        }
        told.holds_in(&open(dir.path()));
        assert!(told.events.len() > before, "nothing was accepted in round {round}");
    }
    assert!(told.events.len() > 500, "only {} events were accepted", told.events.len());
    assert!(told.records.len() > 500, "only {} records were accepted", told.records.len());
}

#[test]
#[ignore = "a part of a test, in a process of its own"]
fn part_holds_the_folder() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let _log = open(folder.as_ref());
    println!("\nopen");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("the end of the input");
}

#[test]
fn a_folder_that_another_process_has_open_is_refused_at_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut child = play("part_holds_the_folder", dir.path());
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.trim_end().ends_with("open") {
        line.clear();
        assert!(out.read_line(&mut line).expect("a line") > 0, "the child ended too early");
    }
    let start = std::time::Instant::now();
    let error = refused(dir.path());
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    assert!(matches!(error, LogError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("is in use by another router: give each router a `data` folder of its own"));
    child.kill().expect("killed");
    child.wait().expect("ended");
    drop(open(dir.path()));
}
