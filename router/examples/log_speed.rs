//! How fast the log accepts, gives back and records, beside a bare file in the same process: one that is appended to and synced by
//! groups, and does nothing else.
//!
//! ```text
//! cargo run --release -p destination-router --example log_speed [-- FOLDER] [--long]
//! ```
//!
//! `--long` shows a backlog of ten million events and a history of ten million instead (3 GB of disk, a minute).

use std::fs::{File, read_to_string};
use std::future::Future;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use destination_router::log::{
    Accepted, Done, Embedded, EmbeddedOptions, How, LaneId, Log, Outcome, Parcel, Seq, SourceId, fingerprint,
};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);

fn main() {
    let (options, folders): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let long = options.iter().any(|option| option == "--long");
    let folder = folders.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(folder).expect("a folder");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        if long {
            backlog(&dir.path().join("backlog")).await;
            history(&dir.path().join("history")).await;
            return;
        }
        println!("medians of {ROUNDS} rounds of {ROUND:?}, in turn; events of 1 KB; load before: {}", load());
        println!("{:<34} {:>10} {:>10} {:>6}   {:>22}   p99 ms", "", "log/s", "file/s", "ratio", "CPU µs an event");
        for (what, writers, events) in [
            ("one event, 1 writer", 1, 1),
            ("one event, 32 writers", 32, 1),
            ("parcels of 100, 1 writer", 1, 100),
            ("parcels of 100, 8 writers", 8, 100),
            ("parcels of 100, 32 writers", 32, 100),
        ] {
            appends(dir.path(), what, writers, events).await;
        }
        records(dir.path()).await;
        read_back(dir.path()).await;
    });
    println!("load after: {}", load());
}

/// A file that is appended to, with group commit as the log has it: the floor.
struct Bare(mpsc::Sender<(Vec<Bytes>, oneshot::Sender<()>)>);

impl Bare {
    fn create(path: PathBuf) -> Self {
        let (asks, mut asked) = mpsc::channel::<(Vec<Bytes>, oneshot::Sender<()>)>(8192);
        let mut file = File::create(path).expect("a file");
        std::thread::spawn(move || {
            let (mut buffer, mut answers) = (Vec::new(), Vec::new());
            while let Some(first) = asked.blocking_recv() {
                let mut next = Some(first);
                while let Some((events, answer)) = next {
                    for event in events {
                        buffer.extend_from_slice(&(event.len() as u64).to_le_bytes());
                        buffer.extend_from_slice(&event);
                    }
                    answers.push(answer);
                    next = if answers.len() < 4096 { asked.try_recv().ok() } else { None };
                }
                file.write_all(&buffer).expect("written");
                file.sync_data().expect("synced");
                buffer.clear();
                for answer in answers.drain(..) {
                    answer.send(()).expect("someone who waits");
                }
            }
        });
        Self(asks)
    }

    async fn append(&self, events: Vec<Bytes>) {
        let (answer, answered) = oneshot::channel();
        self.0.send((events, answer)).await.expect("the writer");
        answered.await.expect("synced");
    }
}

/// What one round showed.
#[derive(Clone, Copy)]
struct Round {
    per_second: f64,
    cpu: f64,
    p99: f64,
}

async fn appends(dir: &Path, what: &str, writers: usize, events: usize) {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let folder = dir.join(format!("{writers}-{events}-{round}"));
        let log = Arc::new(Embedded::open(&folder, EmbeddedOptions::default()).expect("a log"));
        let source = log.source("web").expect("a source");
        let append = move |n| {
            let (log, parcel) = (Arc::clone(&log), parcel(source, events, n));
            async move {
                log.append(parcel).await.expect("accepted");
            }
        };
        ours.push(measure(writers, events, append).await);
        std::fs::remove_dir_all(&folder).expect("removed");

        let path = dir.join("bare");
        let bare = Arc::new(Bare::create(path.clone()));
        let append = move |n| {
            let (bare, events) = (Arc::clone(&bare), json(events, n));
            async move { bare.append(events).await }
        };
        floor.push(measure(writers, events, append).await);
        std::fs::remove_file(path).expect("removed");
    }
    report(what, &ours, &floor);
}

async fn records(dir: &Path) {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let folder = dir.join(format!("records-{round}"));
        let log = Arc::new(Embedded::open(&folder, EmbeddedOptions::default()).expect("a log"));
        let lane = lane(&*log);
        let record = move |n| {
            let (log, outcome) = (Arc::clone(&log), delivered(lane, n, 1));
            async move { log.record(outcome).await.expect("recorded") }
        };
        ours.push(measure(32, 1, record).await);
        std::fs::remove_dir_all(&folder).expect("removed");

        let path = dir.join("bare");
        let bare = Arc::new(Bare::create(path.clone()));
        let record = move |_| {
            let bare = Arc::clone(&bare);
            async move { bare.append(vec![Bytes::from_static(&[7; 60])]).await }
        };
        floor.push(measure(32, 1, record).await);
        std::fs::remove_file(path).expect("removed");
    }
    report("records of one event, 32 writers", &ours, &floor);
}

async fn read_back(dir: &Path) {
    const EVENTS: u64 = 200_000;
    for events in [1, 100] {
        let folder = dir.join(format!("read-{events}"));
        let log = Arc::new(Embedded::open(&folder, EmbeddedOptions::default()).expect("a log"));
        let source = log.source("web").expect("a source");
        let bare =
            File::options().read(true).write(true).create(true).truncate(true).open(dir.join("bare")).expect("a file");
        for first in (0..EVENTS).step_by(32 * events) {
            let pending: Vec<_> = (0..32).map(|n| log.append(parcel(source, events, first + n))).collect();
            for pending in pending {
                pending.await.expect("accepted");
            }
        }
        (&bare).write_all(&vec![7; usize::try_from(EVENTS).expect("few") * 1032]).expect("written");
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(timed(|| {
                let (mut at, mut bytes) = (0, 0);
                while at < EVENTS {
                    for stored in log.read(source, at, 500).expect("read") {
                        at = stored.range().end;
                        bytes += stored.parcel.events.iter().map(|event| event.json.len()).sum::<usize>();
                    }
                }
                assert!(bytes > 0);
                at
            }));
            floor.push(timed(|| {
                for part in 0..EVENTS / 500 {
                    let mut bytes = vec![0; 500 * 1032];
                    bare.read_exact_at(&mut bytes, part * 500 * 1032).expect("read");
                    std::hint::black_box(bytes);
                }
                EVENTS
            }));
        }
        report(&format!("read back, parcels of {events}"), &ours, &floor);
        let start = Instant::now();
        let found = log.find(fingerprint("nobody's"), 9).expect("found");
        println!("  a find among {EVENTS} events: {:.1?}, {} found", start.elapsed(), found.len());
        drop(log);
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}

/// Ten million events of 200 bytes that nobody takes.
async fn backlog(folder: &Path) {
    let log = Embedded::open(folder, EmbeddedOptions::default()).expect("a log");
    let source = log.source("web").expect("a source");
    let json: Vec<_> = json(1000, 0).iter().map(|event| event.slice(..200)).collect();
    let mut events = 0;
    for target in [100_000, 1_000_000, 10_000_000] {
        while events < target {
            let pending: Vec<_> = (0..10)
                .map(|n| {
                    let ids = events + n * 1000..;
                    let events = json.iter().zip(ids).map(|(json, id)| Accepted { json: json.clone(), id }).collect();
                    log.append(Parcel { events, ..parcel(source, 1, 0) })
                })
                .collect();
            for pending in pending {
                events = pending.await.expect("accepted") + 1000;
            }
        }
        let usage = log.usage().expect("usage");
        println!("a backlog of {events} events, {} MB on disk: {} MB of memory", usage.bytes >> 20, memory());
    }
    let start = Instant::now();
    let found = log.find(5, 9).expect("found");
    println!("a find among {events} events: {:.0?}, {} found", start.elapsed(), found.len());
    drop(log);
    let start = Instant::now();
    let log = Embedded::open(folder, EmbeddedOptions::default()).expect("a log");
    println!("opened again in {:.0?}, the head is {}", start.elapsed(), log.head(source).expect("a head"));
}

/// Ten million events that were delivered, ten at a time, and no two records in order.
async fn history(folder: &Path) {
    const RECORDS: u64 = 1_000_000;
    let log = Embedded::open(folder, EmbeddedOptions::default()).expect("a log");
    let lane = lane(&log);
    for first in (0..RECORDS).step_by(1000) {
        let pending: Vec<_> = (first..first + 1000).rev().map(|n| log.record(delivered(lane, n * 10, 10))).collect();
        for pending in pending {
            pending.await.expect("recorded");
        }
    }
    drop(log);
    let start = Instant::now();
    let log = Embedded::open(folder, EmbeddedOptions::default()).expect("a log");
    let opened = start.elapsed();
    let state = log.lane(lane).expect("a lane");
    println!(
        "a log with {} delivered events in {RECORDS} records: opened in {opened:.0?}, its lane known in {:.1?}; {} MB of memory",
        state.judged.last().map_or(0, |events| events.end),
        start.elapsed() - opened,
        memory()
    );
}

/// Runs so many writers for a round. Each waits for its answer before it goes on.
async fn measure<F: Future<Output = ()> + Send + 'static>(
    writers: usize,
    events: usize,
    append: impl Fn(u64) -> F + Clone + Send + 'static,
) -> Round {
    let (start, cpu) = (Instant::now(), cpu());
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let append = append.clone();
        tasks.push(tokio::spawn(async move {
            let mut waits = Vec::new();
            let mut n = writer as u64;
            while start.elapsed() < ROUND {
                let asked = Instant::now();
                append(n).await;
                waits.push(asked.elapsed());
                n += writers as u64;
            }
            waits
        }));
    }
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.expect("a writer"));
    }
    let count = (waits.len() * events) as f64;
    let (elapsed, cpu) = (start.elapsed(), self::cpu() - cpu);
    waits.sort_unstable();
    let p99 = waits.get(waits.len() * 99 / 100).map_or(0.0, |wait| wait.as_secs_f64() * 1e3);
    Round { per_second: count / elapsed.as_secs_f64(), cpu: cpu * 1e6 / count, p99 }
}

fn timed(work: impl FnOnce() -> u64) -> Round {
    let (start, cpu) = (Instant::now(), cpu());
    let count = work() as f64;
    let (elapsed, cpu) = (start.elapsed(), self::cpu() - cpu);
    Round { per_second: count / elapsed.as_secs_f64(), cpu: cpu * 1e6 / count, p99: 0.0 }
}

fn report(what: &str, ours: &[Round], floor: &[Round]) {
    let median = |rounds: &[Round], of: fn(&Round) -> f64| {
        let mut values: Vec<_> = rounds.iter().map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let [log, file] = [ours, floor].map(|rounds| median(rounds, |round| round.per_second));
    let [log_cpu, file_cpu] = [ours, floor].map(|rounds| median(rounds, |round| round.cpu));
    let [log_p99, file_p99] = [ours, floor].map(|rounds| median(rounds, |round| round.p99));
    println!(
        "{what:<34} {log:>10.0} {file:>10.0} {:>5.0}%   {log_cpu:>8.2}, file {file_cpu:>8.2}   {log_p99:.2}, file {file_p99:.2}",
        log / file * 100.0
    );
}

fn parcel(source: SourceId, events: usize, n: u64) -> Parcel {
    let events = json(events, n).into_iter().zip(n * 1000..).map(|(json, id)| Accepted { json, id }).collect();
    Parcel { source, received_at: Timestamp::UNIX_EPOCH, sent_at: None, shared: Bytes::new(), events }
}

/// So many events of 1 KB, as slices of one body.
fn json(events: usize, n: u64) -> Vec<Bytes> {
    static BODY: std::sync::LazyLock<Bytes> = std::sync::LazyLock::new(|| {
        let mut number = 1_u64;
        let mut text = String::new();
        while text.len() < 1_200_000 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text += &format!("\"property\":\"{number:x}\",");
        }
        Bytes::from(text)
    });
    let offset = usize::try_from(n % 1000).expect("small");
    (0..events).map(|event| BODY.slice(offset + event * 1024..offset + (event + 1) * 1024)).collect()
}

fn lane(log: &dyn Log) -> LaneId {
    LaneId { source: log.source("web").expect("a source"), instance: log.instance("slack").expect("an instance") }
}

fn delivered(lane: LaneId, first: Seq, events: u64) -> Outcome {
    let done = vec![Done { events: first..first + events, how: How::Delivered { status: 200, elapsed_ms: 35 } }];
    Outcome { lane, at: Timestamp::UNIX_EPOCH, done, retry: vec![], dead: vec![] }
}

/// Seconds of CPU that this process took, its kernel's part included.
fn cpu() -> f64 {
    let stat = read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}

/// MB of memory that this process has.
fn memory() -> u64 {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// How busy the machine is.
fn load() -> String {
    read_to_string("/proc/loadavg").unwrap_or_default().split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}
