//! `router bench`: a load on this machine, from clients to a partner, all in one process.
//!
//! What it measures is what is asked of a router: each event is synced before its 200, planned by a mapping, and delivered once. The
//! clients and the partner take a part of the processors, so that a router by itself does better.

mod client;
mod sink;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use tokio::task::JoinSet;

use self::client::Client;
use self::sink::Sink;
use super::Failed;
use crate::control::{Options, Server, config};

/// What clients of the bench are known by.
const KEY: &str = "bench";

/// Delivery may take so long after the last event was accepted.
const PATIENCE: Duration = Duration::from_secs(120);

/// A destination that takes batches of what a mapping makes.
const DEFINITION: &str = "name: Bench
docs: https://localhost/
base: http://127.0.0.1
limits: {batch: {events: 1000, bytes: 2MB, linger: 10ms}}
actions:
  send:
    when: type = \"track\"
    request: POST /import
    each:
      event: $.event
      properties:
        ...: $.properties
        distinct_id: [$.userId, $.anonymousId]
        time: {$: $.timestamp, as: unix_ms}
        insert_id: $.messageId
";

/// Measure how many events a second this machine accepts and delivers
///
/// Starts a router in a folder of its own, sends made-up events to it, and takes its requests. Nothing outside is touched.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  router bench
  router bench --events 1000000 --batch 1 --connections 64
  router bench --data /mnt/disk        on that disk, which decides most of it")]
pub(super) struct Bench {
    /// How many events are sent
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    events: u64,
    /// How many go into a request
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=2500))]
    batch: u64,
    /// How many connections send at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=1000))]
    connections: u64,
    /// A folder on the disk to be measured; a part of it is made and removed
    #[arg(long, value_name = "DIR")]
    data: Option<std::path::PathBuf>,
}

impl Bench {
    pub(super) fn main(&self) -> Result<(), Failed> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failed::could_not)?;
        let parent = self.data.clone().unwrap_or_else(std::env::temp_dir);
        let folder = parent.join(format!("router-bench-{}", std::process::id()));
        let measured = runtime.block_on(self.measure(&folder));
        let removed = std::fs::remove_dir_all(&folder);
        println!("{}", measured?);
        removed.map_err(|error| Failed::could_not(format_args!("{} cannot be removed: {error}", folder.display())))
    }

    async fn measure(&self, folder: &Path) -> Result<String, Failed> {
        let sink = Sink::start().await.map_err(Failed::could_not)?;
        let server = router(folder, sink.port).await?;
        let listen = server.listen();
        let start = Instant::now();
        let left = Arc::new(AtomicU64::new(self.events));
        let mut clients = JoinSet::new();
        for number in 0..self.connections {
            clients.spawn(send(listen, number, self.batch, left.clone()));
        }
        let mut times = Vec::new();
        while let Some(sent) = clients.join_next().await {
            times.extend(sent.map_err(Failed::could_not)??);
        }
        let accepted = start.elapsed();
        let deadline = Instant::now() + PATIENCE;
        while sink.events() < self.events && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let delivered = start.elapsed();
        server.stop().await;
        if sink.events() != self.events {
            let (events, got) = (self.events, sink.events());
            return Err(Failed::refused(format_args!(
                "{events} events were accepted and {got} delivered: this is a bug"
            )));
        }
        times.sort_unstable();
        let percentile = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default();
        let rate = |time: Duration| (self.events as f64 / time.as_secs_f64()).round();
        Ok(format!(
            "{} events of about 500 bytes, {} a request, {} connections; every one synced before its 200\n\
             accepted   {:>9} events/s    request p50 {:.2?}, p99 {:.2?}\n\
             end to end {:>9} events/s    planned by a mapping, {} requests to the partner",
            self.events,
            self.batch,
            self.connections,
            rate(accepted),
            percentile(0.5),
            percentile(0.99),
            rate(delivered),
            sink.requests()
        ))
    }
}

/// A router in a folder of its own.
async fn router(folder: &Path, port: u16) -> Result<Server, Failed> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        let done = std::fs::create_dir_all(path.parent().unwrap_or(folder)).and_then(|()| std::fs::write(&path, text));
        done.map_err(|error| Failed::could_not(format_args!("{} cannot be written: {error}", path.display())))
    };
    write("definitions/bench.yaml", DEFINITION)?;
    write(
        "router.yaml",
        &format!(
            "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\ndestinations_from: [definitions]\nsources: {{bench: {{write_keys: [{KEY}], destinations: all}}}}\n\
             destinations: {{sink: {{type: bench, send_to: 'http://127.0.0.1:{port}'}}}}\n"
        ),
    )?;
    let loaded =
        config::load(&folder.join("router.yaml"), &[], &|_| None).map_err(|report| Failed::mistakes(&report))?;
    Ok(Server::start(loaded, Options::default()).await?)
}

/// Sends until there are none left; gives how long each request took.
async fn send(to: SocketAddr, number: u64, batch: u64, left: Arc<AtomicU64>) -> Result<Vec<Duration>, Failed> {
    let failed = |error: std::io::Error| Failed::could_not(format_args!("a client of the bench failed: {error}"));
    let mut client = Client::connect(to).await.map_err(failed)?;
    let mut times = Vec::new();
    loop {
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1).map(|_| left.saturating_sub(batch))
        });
        let Ok(before) = taken else { return Ok(times) };
        let count = before.min(batch);
        let events: Vec<String> = (0..count).map(|i| event(number, before - i)).collect();
        let request = if batch == 1 {
            client::request("/v1/track", KEY, &events.concat())
        } else {
            client::request("/v1/batch", KEY, &format!("{{\"batch\":[{}]}}", events.join(",")))
        };
        loop {
            match client.send(&request).await.map_err(failed)? {
                (200, time) => break times.push(time),
                (429, _) => tokio::time::sleep(Duration::from_millis(50)).await,
                (status, _) => {
                    return Err(Failed::refused(format_args!(
                        "the router answered {status} to the bench: this is a bug"
                    )));
                }
            }
        }
    }
}

fn event(client: u64, number: u64) -> String {
    format!(
        r#"{{"type":"track","event":"Order Completed","messageId":"bench-{client}-{number}","userId":"user-{}","timestamp":"2026-01-01T00:00:00.000Z","context":{{"library":{{"name":"bench","version":"1.0.0"}},"page":{{"path":"/checkout","url":"https://shop.example/checkout"}}}},"properties":{{"order_id":"{number}","total":99.5,"currency":"EUR","coupon":"spring","products":[{{"product_id":"p1","price":49.5,"quantity":1}},{{"product_id":"p2","price":25,"quantity":2}}]}}}}"#,
        number % 10_000
    )
}
