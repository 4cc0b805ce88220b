//! What the router costs on its whole way, beside a floor: axum, a pass of `serde_json` over the body, and one file that is synced in
//! groups.
//!
//! ```console
//! cargo run --release -p destination-router --example router_speed [ROUNDS [FOLDER]]
//! cargo run --release -p destination-router --example router_speed memory [FOLDER]
//! ```
//!
//! Each round starts the floor and the router, one after the other, as a process of its own, and loads it from this process on loopback
//! with events of 1 KB: one a request over 32 connections, batches of 100 over 16, and batches whose events are planned by a mapping
//! and delivered in batches to a partner (a third process), until the partner has all. Every event is synced before its 200, on both
//! sides. No two events are the same, so that no duplicate is dropped cheaply. The ratios are medians over the rounds, each of one round.
//! Between runs a factor of 2 is noise; a ratio is not.
//!
//! `memory` prints what the router's process holds with a backlog of one and of ten million events that nobody takes.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use bytes::Bytes;
use destination_router::control::{Options, Server as InProcess, config};
use http_body_util::{BodyExt, Full as Body};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let two = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let folder = |given: Option<&&str>| given.map_or_else(std::env::temp_dir, PathBuf::from);
    match arguments.as_slice() {
        ["serve", "floor", folder] => two()?.block_on(floor(Path::new(folder))),
        ["serve", "router", folder, destination] => two()?.block_on(router(Path::new(folder), destination)),
        ["serve", "partner"] => one.block_on(partner()),
        ["memory", rest @ ..] => one.block_on(memory(&folder(rest.first()))),
        rest => {
            let rounds = rest.first().map_or(Ok(5), |text| text.parse())?;
            one.block_on(compare(rounds, &folder(rest.get(1))))
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------- the comparison

struct Load {
    name: &'static str,
    path: &'static str,
    requests: usize,
    events: usize,
    connections: usize,
    /// Whether it is over when the partner has all, and not when the last is accepted.
    delivered: bool,
}

const LOADS: [Load; 3] = [
    Load {
        name: "accept, one event a request",
        path: "/v1/track",
        requests: 60_000,
        events: 1,
        connections: 32,
        delivered: false,
    },
    Load {
        name: "accept, batches of 100",
        path: "/v1/batch",
        requests: 6_000,
        events: 100,
        connections: 16,
        delivered: false,
    },
    Load {
        name: "end to end, batches of 100",
        path: "/v1/batch",
        requests: 4_000,
        events: 100,
        connections: 16,
        delivered: true,
    },
];

#[derive(Clone, Copy)]
struct Reading {
    events_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

async fn compare(rounds: usize, folder: &Path) -> Result<(), Error> {
    for load in &LOADS {
        let (mut floors, mut ours) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // Whoever goes first finds the machine as the other left it.
            for mode in if round % 2 == 0 { ["floor", "router"] } else { ["router", "floor"] } {
                let reading = measured(load, mode, folder).await?;
                if mode == "router" { ours.push(reading) } else { floors.push(reading) }
            }
        }
        let ratios = floors.iter().zip(&ours).map(|(floor, ours)| ours.events_per_second / floor.events_per_second);
        println!("{}: {:.0}% of the floor that only accepts (median of {rounds})", load.name, median(ratios) * 100.0);
        for (name, readings) in [("floor", &floors), ("router", &ours)] {
            println!(
                "  {name:<6} {:>7.0} events/s, requests p50 {:.2} ms, p99 {:.2} ms",
                median(readings.iter().map(|r| r.events_per_second)),
                median(readings.iter().map(|r| r.p50_ms)),
                median(readings.iter().map(|r| r.p99_ms)),
            );
        }
    }
    Ok(())
}

async fn measured(load: &Load, mode: &str, folder: &Path) -> Result<Reading, Error> {
    let scratch = folder.join(format!("router-speed-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let place = scratch.to_string_lossy().into_owned();
    let partner = Server::start(&["partner"])?;
    let server = match mode {
        "floor" => Server::start(&["floor", &place])?,
        _ if load.delivered => Server::start(&["router", &place, &partner.address])?,
        _ => Server::start(&["router", &place, "none"])?,
    };
    // The first requests warm both up.
    let warm = load.requests / 20;
    loaded(load, &server.address, warm).await?;
    let delivered = load.delivered && mode == "router";
    let before = (warm * load.events) as u64;
    if delivered {
        all_delivered(&partner.address, before).await?;
    }
    let begun = Instant::now();
    let mut reading = loaded(load, &server.address, load.requests).await?;
    if delivered {
        let events = (load.requests * load.events) as u64;
        all_delivered(&partner.address, before + events).await?;
        reading.events_per_second = events as f64 / begun.elapsed().as_secs_f64();
    }
    drop(server);
    std::fs::remove_dir_all(&scratch)?;
    Ok(reading)
}

/// Waits until the partner has so many events, and not one more.
async fn all_delivered(partner: &str, wanted: u64) -> Result<(), Error> {
    let stream = TcpStream::connect(partner).await?;
    let (mut sender, connection) = http1::handshake::<_, Body<Bytes>>(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let begun = Instant::now();
    loop {
        let request = http::Request::get("/").header("host", partner).body(Body::default())?;
        let answer = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
        let count: u64 = std::str::from_utf8(&answer)?.parse()?;
        if count > wanted {
            return Err(format!("{count} events arrived and {wanted} were sent: some came twice").into());
        }
        if count == wanted {
            return Ok(());
        }
        if begun.elapsed() > Duration::from_secs(120) {
            return Err(format!("{count} of {wanted} events arrived within two minutes").into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn memory(folder: &Path) -> Result<(), Error> {
    let scratch = folder.join(format!("router-speed-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    // Nobody listens there: the events wait.
    let server = Server::start(&["router", &scratch.to_string_lossy(), "127.0.0.1:1"])?;
    let load = Load { name: "", path: "/v1/batch", requests: 0, events: 1000, connections: 8, delivered: false };
    let mut sent = 0;
    for target in [100_000, 1_000_000, 10_000_000] {
        loaded(&load, &server.address, (target - sent) / load.events).await?;
        sent = target;
        tokio::time::sleep(Duration::from_secs(2)).await;
        println!("{:>10} events wait: {:>5} MB resident", sent, server.resident()? / 1_000_000);
    }
    drop(server);
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
    fn start(arguments: &[&str]) -> Result<Self, Error> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = command.arg("serve").args(arguments).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        let told = process.stdout.take().ok_or("no output")?;
        BufReader::new(told).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_owned() })
    }

    /// The memory that it holds, in bytes.
    fn resident(&self) -> Result<u64, Error> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024)
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
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    let template = Rc::new(Template::new(load));
    let (left, number) = (Rc::new(Cell::new(requests)), Rc::new(Cell::new(0)));
    let base = NUMBERS.fetch_add((requests * load.events) as u64, Ordering::Relaxed);
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

/// What a router of `axum` and a file would do at the least.
async fn floor(folder: &Path) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let log = writer(File::create(folder.join("floor.log"))?);
    let floor = Router::new()
        .route("/{*any}", post(stored))
        .layer(axum::extract::DefaultBodyLimit::max(1 << 26))
        .with_state(log);
    Ok(axum::serve(listener, floor).await?)
}

async fn stored(State(log): State<mpsc::Sender<Piece>>, body: Bytes) -> &'static str {
    if serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_err() {
        return "{\"success\":false}";
    }
    let (done, synced) = oneshot::channel();
    let sent = log.send(Piece { bytes: body, done }).await;
    if sent.is_ok() && synced.await.is_ok() { "{\"success\":true}" } else { "{\"success\":false}" }
}

/// A whole router, as `router run` starts it, with one destination or none.
async fn router(folder: &Path, partner: &str) -> Result<(), Error> {
    let definition = "name: Load\ndocs: https://localhost/\nbase: http://localhost\n\
        limits: {batch: {events: 1000, bytes: 2MB, linger: 10ms}, concurrency: 16}\n\
        actions:\n  send:\n    when: type = \"track\"\n    request: POST /import\n    each:\n      event: $.event\n      \
        properties:\n        ...: $.properties\n        distinct_id: [$.userId, $.anonymousId]\n        \
        time: {$: $.timestamp, as: unix_ms}\n        insert_id: $.messageId\n";
    std::fs::create_dir_all(folder.join("definitions"))?;
    std::fs::write(folder.join("definitions/load.yaml"), definition)?;
    let lanes = if partner == "none" {
        "sources: {load: {write_keys: [WK], destinations: []}}\n".to_owned()
    } else {
        format!(
            "sources: {{load: {{write_keys: [WK], destinations: [load]}}}}\n\
             destinations: {{load: {{type: load, send_to: 'http://{partner}', allow_internal: true}}}}\n"
        )
    };
    let file = folder.join("router.yaml");
    let yaml = "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\ndestinations_from: [./definitions]\n\
                limits: {body: 4MiB, backlog: {events: 100000000, bytes: 100GB}}\n";
    std::fs::write(&file, format!("{yaml}{lanes}"))?;
    let loaded = config::load(&file, &[], &|name| std::env::var(name).ok()).map_err(|report| report.to_string())?;
    let server = InProcess::start(loaded, Options::default()).await?;
    println!("{}", server.listen());
    std::future::pending::<()>().await;
    Ok(())
}

/// Takes everything, and says how many events that were.
async fn partner() -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let count = Arc::new(AtomicU64::new(0));
    let taken = |State(count): State<Arc<AtomicU64>>, body: Bytes| async move {
        let events = memchr::memmem::find_iter(&body, "\"insert_id\"").count();
        count.fetch_add(events as u64, Ordering::Relaxed);
        "{}"
    };
    let told = |State(count): State<Arc<AtomicU64>>| async move { count.load(Ordering::Relaxed).to_string() };
    let partner = Router::new()
        .route("/", get(told))
        .route("/import", post(taken))
        .layer(axum::extract::DefaultBodyLimit::max(1 << 26))
        .with_state(count);
    Ok(axum::serve(listener, partner).await?)
}

struct Piece {
    bytes: Bytes,
    done: oneshot::Sender<()>,
}

/// Group commit: what has gathered is written and synced at once.
fn writer(mut file: File) -> mpsc::Sender<Piece> {
    let (log, mut pieces) = mpsc::channel::<Piece>(8192);
    std::thread::spawn(move || {
        let (mut out, mut done) = (Vec::new(), Vec::new());
        while let Some(first) = pieces.blocking_recv() {
            let mut next = Some(first);
            while let Some(piece) = next {
                out.extend_from_slice(&(piece.bytes.len() as u32).to_le_bytes());
                out.extend_from_slice(&piece.bytes);
                done.push(piece.done);
                next = if done.len() < 4096 { pieces.try_recv().ok() } else { None };
            }
            if file.write_all(&out).and_then(|()| file.sync_data()).is_err() {
                return;
            }
            out.clear();
            for done in done.drain(..) {
                let _ = done.send(());
            }
        }
    });
    log
}
