//! What accepting costs, beside the floor: axum, a pass of `serde_json` over the body, and one file that is synced in groups.
//!
//! ```console
//! cargo run --release -p destination-router --example accept_speed [ROUNDS [FOLDER]]
//! ```
//!
//! Each round starts the floor and the way in, one after the other, as a process of its own with two threads, and loads it from this
//! process on loopback: one event of 1 KB a request over 32 connections, then batches of 100 over 16. No two events are the same, so
//! that no duplicate is dropped cheaply. Both write to the same kind of log: one thread that takes what has gathered, writes it and syncs it.
//! The ratios are medians over the rounds, each of one round. Between runs a factor of 2 is noise; a ratio is not.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use destination_router::clock::Clock;
use destination_router::ingest::{Config, Full, Ingest, Intake, Serving, Source, router, serve};
use destination_router::log::{
    DeadLetter, InstanceId, LaneId, LaneState, Log, LogError, Outcome, Parcel, Pending, Retention, Seq, SourceId,
    Stored, Usage,
};
use http_body_util::{BodyExt, Full as Body};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, folder] = arguments.as_slice()
        && ["floor", "ours"].contains(&mode.as_str())
    {
        let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        return threads.block_on(served(mode == "ours", Path::new(folder)));
    }
    let rounds = arguments.first().map_or(Ok(7), |text| text.parse())?;
    let folder = arguments.get(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    one.block_on(compare(rounds, &folder))
}

// ---------------------------------------------------------------------------------------------------------------- the comparison

struct Load {
    name: &'static str,
    path: &'static str,
    requests: usize,
    events: usize,
    connections: usize,
}

const LOADS: [Load; 2] = [
    Load { name: "one event a request", path: "/v1/track", requests: 60_000, events: 1, connections: 32 },
    Load { name: "batches of 100", path: "/v1/batch", requests: 6_000, events: 100, connections: 16 },
];

#[derive(Clone, Copy)]
struct Reading {
    events_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

async fn compare(rounds: usize, folder: &Path) -> Result<(), Error> {
    let scratch = folder.join(format!("accept-speed-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    for load in &LOADS {
        let (mut floors, mut ours) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // Whoever goes first finds the machine as the other left it.
            for mode in if round % 2 == 0 { ["floor", "ours"] } else { ["ours", "floor"] } {
                let server = Server::start(mode, &scratch)?;
                // The first requests warm both up.
                loaded(load, &server.address, load.requests / 20).await?;
                let reading = loaded(load, &server.address, load.requests).await?;
                if mode == "ours" { ours.push(reading) } else { floors.push(reading) }
            }
        }
        let ratios = floors.iter().zip(&ours).map(|(floor, ours)| ours.events_per_second / floor.events_per_second);
        println!("{}: {:.0}% of the floor (median of {rounds})", load.name, median(ratios) * 100.0);
        for (name, readings) in [("floor", &floors), ("ours", &ours)] {
            println!(
                "  {name}: {:>7.0} events/s, p50 {:.2} ms, p99 {:.2} ms",
                median(readings.iter().map(|r| r.events_per_second)),
                median(readings.iter().map(|r| r.p50_ms)),
                median(readings.iter().map(|r| r.p99_ms)),
            );
        }
    }
    Ok(std::fs::remove_dir_all(&scratch)?)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// This program as a server; it ends with this value.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(mode: &str, folder: &Path) -> Result<Self, Error> {
        let mut process =
            Command::new(std::env::current_exe()?).arg(mode).arg(folder).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        let told = process.stdout.take().ok_or("no output")?;
        BufReader::new(told).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

// ---------------------------------------------------------------------------------------------------------------- the load

const NUMBER: &str = "000000000000";

/// An event of 1 KB with a number in its id that is written anew for each.
fn event() -> String {
    let mut text = format!(
        r#"{{"messageId":"load-{NUMBER}","type":"track","event":"Cart Viewed","userId":"user-77","anonymousId":"5f0c","timestamp":"2026-02-03T04:05:06.789Z","context":{{"library":{{"name":"load","version":"1"}},"ip":"198.51.100.4","locale":"de-CH","timezone":"Europe/Zurich","userAgent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)","page":{{"url":"https://shop.example/cart?from=mail","path":"/cart","title":"Your \"cart\""}}}},"integrations":{{"All":true}},"properties":{{"cart_id":"c-9","currency":"CHF","total":48.5,"coupon":null,"products":[{{"sku":"T-1","name":"Teapot","price":38.5,"quantity":1}},{{"sku":"C-4","name":"Cup","price":5,"quantity":2}}],"note":""#
    );
    text.push_str(&"lorem ipsum ".repeat(100)[..1021 - text.len()]);
    text.push_str("\"}}");
    text
}

/// A body that is another one each time.
struct Template {
    text: String,
    places: Vec<usize>,
}

impl Template {
    fn new(load: &Load) -> Self {
        let text = match load.events {
            1 => event(),
            many => format!(r#"{{"batch":[{}],"sentAt":"2026-02-03T04:05:07.000Z"}}"#, vec![event(); many].join(",")),
        };
        let places = text.match_indices(NUMBER).map(|(place, _)| place).collect();
        Self { text, places }
    }

    fn body(&self, number: &mut u64) -> Bytes {
        let mut bytes = self.text.clone().into_bytes();
        for place in &self.places {
            *number += 1;
            let digits = format!("{number:012}");
            if let Some(to) = bytes.get_mut(*place..place + digits.len()) {
                to.copy_from_slice(digits.as_bytes());
            }
        }
        bytes.into()
    }
}

async fn loaded(load: &Load, address: &str, requests: usize) -> Result<Reading, Error> {
    // Numbers go on from one run to the next.
    static NUMBERS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let template = Rc::new(Template::new(load));
    let (left, number) = (Rc::new(Cell::new(requests)), Rc::new(Cell::new(0)));
    let base = NUMBERS.fetch_add((requests * load.events) as u64, std::sync::atomic::Ordering::Relaxed);
    number.set(base);
    let tasks = tokio::task::LocalSet::new();
    let begun = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..load.connections {
        let (template, left, number, address, path) =
            (template.clone(), left.clone(), number.clone(), address.to_owned(), load.path);
        clients.push(tasks.spawn_local(async move {
            let stream = TcpStream::connect(&address).await?;
            stream.set_nodelay(true)?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::task::spawn_local(connection);
            let mut times = Vec::new();
            while left.get() > 0 {
                left.set(left.get() - 1);
                let mut next = number.get();
                let body = template.body(&mut next);
                number.set(next);
                let request = http::Request::post(path)
                    .header("host", &address)
                    .header("authorization", "Basic V0s6")
                    .header("content-type", "application/json")
                    .body(Body::new(body))?;
                let sent = Instant::now();
                sender.ready().await?;
                let answer = sender.send_request(request).await?;
                let status = answer.status();
                answer.into_body().collect().await?;
                if status != 200 {
                    return Err(format!("answered {status}").into());
                }
                times.push(sent.elapsed().as_secs_f64() * 1e3);
            }
            Ok::<_, Error>(times)
        }));
    }
    let mut times = Vec::new();
    tasks
        .run_until(async {
            for client in clients {
                times.extend(client.await??);
            }
            Ok::<_, Error>(())
        })
        .await?;
    let seconds = begun.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    let part = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    let events_per_second = (requests * load.events) as f64 / seconds;
    Ok(Reading { events_per_second, p50_ms: part(0.5), p99_ms: part(0.99) })
}

// ---------------------------------------------------------------------------------------------------------------- the servers

async fn served(ours: bool, folder: &Path) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let file = File::create(folder.join(if ours { "ours.log" } else { "floor.log" }))?;
    if ours {
        let id = SourceId(0);
        let write_keys = vec!["WK".to_owned()];
        let source = Source { name: "load".to_owned(), id, write_keys, enabled: true, strict: false };
        let log = Arc::new(BareFile(writer(file)));
        let ingest = Ingest::new(Config::default(), log, Arc::new(Open), Clock::system(), vec![source])?;
        serve(listener, router(ingest), Serving::default(), std::future::pending()).await;
    } else {
        let floor = Router::new()
            .route("/{*any}", post(floor))
            .layer(axum::extract::DefaultBodyLimit::max(1 << 26))
            .with_state(writer(file));
        axum::serve(listener, floor).await?;
    }
    Ok(())
}

async fn floor(State(log): State<mpsc::Sender<Piece>>, body: Bytes) -> &'static str {
    if serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_err() {
        return "{\"success\":false}";
    }
    let (done, stored) = oneshot::channel();
    let sent = log.send(Piece { bytes: vec![body], events: 1, done }).await;
    if sent.is_ok() && stored.await.is_ok() { "{\"success\":true}" } else { "{\"success\":false}" }
}

struct Piece {
    bytes: Vec<Bytes>,
    events: u64,
    done: oneshot::Sender<Seq>,
}

/// Group commit: what has gathered is written and synced at once.
fn writer(mut file: File) -> mpsc::Sender<Piece> {
    let (log, mut pieces) = mpsc::channel::<Piece>(8192);
    std::thread::spawn(move || {
        let (mut out, mut done, mut seq) = (Vec::new(), Vec::new(), 0);
        while let Some(first) = pieces.blocking_recv() {
            let mut next = Some(first);
            while let Some(piece) = next {
                for bytes in &piece.bytes {
                    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                    out.extend_from_slice(bytes);
                }
                done.push((seq, piece.done));
                seq += piece.events;
                next = if done.len() < 4096 { pieces.try_recv().ok() } else { None };
            }
            if file.write_all(&out).and_then(|()| file.sync_data()).is_err() {
                return;
            }
            out.clear();
            for (seq, done) in done.drain(..) {
                let _ = done.send(seq);
            }
        }
    });
    log
}

/// The floor's file as a log.
#[derive(Debug)]
struct BareFile(mpsc::Sender<Piece>);

impl Log for BareFile {
    fn append(&self, parcel: Parcel) -> Pending<'_, Seq> {
        Box::pin(async move {
            let (done, stored) = oneshot::channel();
            let events = parcel.events.len() as u64;
            let bytes = parcel.events.into_iter().map(|event| event.json).chain([parcel.shared]).collect();
            self.0.send(Piece { bytes, events, done }).await.map_err(|_| LogError::Closed)?;
            stored.await.map_err(|_| LogError::Closed)
        })
    }
    fn source(&self, _: &str) -> Result<SourceId, LogError> {
        Ok(SourceId(0))
    }
    fn instance(&self, _: &str) -> Result<InstanceId, LogError> {
        Ok(InstanceId(0))
    }
    fn flushed(&self) -> Pending<'_, ()> {
        nothing()
    }
    fn record(&self, _: Outcome) -> Pending<'_, ()> {
        nothing()
    }
    fn head(&self, _: SourceId) -> Result<Seq, LogError> {
        Ok(0)
    }
    fn read(&self, _: SourceId, _: Seq, _: usize) -> Result<Vec<Stored>, LogError> {
        Ok(Vec::new())
    }
    fn lane(&self, _: LaneId) -> Result<LaneState, LogError> {
        Ok(LaneState::default())
    }
    fn find(&self, _: u64, _: usize) -> Result<Vec<(SourceId, Seq)>, LogError> {
        Ok(Vec::new())
    }
    fn history(&self, _: LaneId, _: Seq) -> Result<Vec<Outcome>, LogError> {
        Ok(Vec::new())
    }
    fn dead(&self, _: Option<LaneId>, _: Option<(LaneId, Seq)>, _: usize) -> Result<Vec<DeadLetter>, LogError> {
        Ok(Vec::new())
    }
    fn recent(&self, _: SourceId, _: Timestamp, _: usize) -> Result<Vec<u64>, LogError> {
        Ok(Vec::new())
    }
    fn expire(&self, _: &[LaneId], _: Timestamp, _: Retention) -> Result<(), LogError> {
        Ok(())
    }
    fn usage(&self) -> Result<Usage, LogError> {
        Ok(Usage::default())
    }
}

fn nothing() -> Pending<'static, ()> {
    Box::pin(std::future::ready(Ok(())))
}

/// Takes everything.
#[derive(Debug)]
struct Open;

impl Intake for Open {
    fn admit(&self, _: SourceId, _: usize, _: usize) -> Result<(), Full> {
        Ok(())
    }
    fn appended(&self, _: SourceId, _: std::ops::Range<Seq>) {}
}
