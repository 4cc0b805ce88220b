//! What delivery itself costs: events from a log in memory to a partner that answers at once, beside a floor that decodes and plans the
//! same events in a plain loop. `cargo run --release -p destination-router --example deliver_speed`

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use destination_router::client::{Answer, Body, BoxError, Client, Failure};
use destination_router::clock::Clock;
use destination_router::delivery::{Decoder, Engine, Instance, Options, Parts, Topology};
use destination_router::destination::{Call, Env, Judged, Limits, Planned, Target, Verdict};
use destination_router::log::{Accepted, LaneId, Log, Memory, Parcel};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::util::BoxCloneSyncService;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let events: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(400_000);
    let floor = floor(events);
    println!("floor: decode and plan {events} events in a loop: {:.2} us of CPU an event", micros(floor, events));
    for (name, batch, parcel, instances, watched) in [
        ("(warming up)", 100, 100, 1, false),
        ("batches of 100, parcels of 100", 100, 100, 1, false),
        ("batches of 100, parcels of 100, watched", 100, 100, 1, true),
        ("batches of 100, parcels of one", 100, 1, 1, false),
        ("one event a call, parcels of 100", 1, 100, 1, false),
        ("one event a call, parcels of one", 1, 1, 1, false),
        ("one event a call, parcels of one, watched", 1, 1, 1, true),
        ("batches of 100, twelve instances", 100, 100, 12, false),
    ] {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let Ok(runtime) = runtime else { return };
        let count = if batch == 1 { events / 4 } else { events } / instances;
        let (took, cpu) = runtime.block_on(deliver(batch, parcel, count, instances, watched));
        let deliveries = count * instances;
        println!(
            "{name}: {:.0} deliveries/s on 2 threads, {:.2} us of CPU each (floor {:.2})",
            deliveries as f64 / took.as_secs_f64(),
            micros(cpu, deliveries),
            micros(floor, events),
        );
    }
}

async fn deliver(batch: usize, parcel: usize, events: usize, instances: usize, watched: bool) -> (Duration, Duration) {
    let log = Arc::new(Memory::new());
    let options = Options { cache: 4_000_000, ..Options::default() };
    let parts = Parts {
        log: Arc::clone(&log) as Arc<dyn Log>,
        client: client(),
        clock: Clock::system(),
        seed: 7,
        decoder: decoder(),
        tokens: None,
        options,
    };
    let instance = |n: usize| {
        let target = Plain { name: format!("p{n}"), limits: Limits { events: batch, ..Limits::default() } };
        Instance { watched, ..Instance::new(Arc::new(target), 1, vec!["web".into()]) }
    };
    let instances: Vec<Instance> = (0..instances).map(instance).collect();
    let names: Vec<String> = instances.iter().map(|instance| instance.target.name().to_owned()).collect();
    let Ok(engine) = Engine::start(parts, Topology { instances }).await else { return Default::default() };
    let (Ok(source), mut first) = (log.source("web"), 0) else { return Default::default() };
    let texts: Vec<Bytes> = (0..events + parcel).map(|n| event(n).into()).collect();
    let begun = (Instant::now(), cpu());
    while first < events {
        let texts = texts.iter().enumerate().skip(first).take(parcel);
        let accepted = texts.map(|(n, text)| Accepted { json: text.clone(), id: n as u64 }).collect();
        let parcel =
            Parcel { source, received_at: Timestamp::now(), sent_at: None, shared: Bytes::new(), events: accepted };
        let count = parcel.events.len();
        if let Ok(place) = log.append(parcel).await {
            engine.appended(source, place..place + count as u64);
        }
        first += count;
        // As many as an ingest would let wait.
        while first % 10_000 < count && engine.backlog() > 50_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    for name in names {
        let Ok(instance) = log.instance(&name) else { continue };
        while log.lane(LaneId { source, instance }).is_ok_and(|state| state.judged.first() != Some(&(0..first as u64)))
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let spent = (begun.0.elapsed(), cpu() - begun.1);
    engine.stop(Duration::from_secs(1)).await;
    spent
}

fn floor(events: usize) -> Duration {
    let target = Plain { name: "floor".into(), limits: Limits { events: 100, ..Limits::default() } };
    let env = Env { now: Timestamp::UNIX_EPOCH, seed: 7 };
    let texts: Vec<String> = (0..100).map(event).collect();
    let begun = cpu();
    for _ in 0..events / 100 {
        let values: Vec<Value> = texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
        std::hint::black_box(target.plan(0, &values.iter().collect::<Vec<_>>(), &env));
    }
    cpu() - begun
}

fn event(n: usize) -> String {
    format!(
        r#"{{"type":"track","event":"Order Completed","messageId":"m-{n}","userId":"user-{}","timestamp":"2026-01-01T00:00:00Z","context":{{"library":{{"name":"analytics.js","version":"4.1.0"}},"page":{{"url":"https://shop.example/cart","title":"Cart"}}}},"properties":{{"order_id":"o-{n}","total":{}.5,"currency":"EUR","products":[{{"id":"a","quantity":2}},{{"id":"b","quantity":1}}]}}}}"#,
        n % 1000,
        n % 90
    )
}

fn decoder() -> Decoder {
    Arc::new(|stored, range| {
        let events = stored.parcel.events.get(range).unwrap_or_default();
        events.iter().map(|event| serde_json::from_slice(&event.json).map_err(|error| error.to_string())).collect()
    })
}

/// A partner that answers at once.
fn client() -> Client {
    BoxCloneSyncService::new(tower::service_fn(async |_request: http::Request<Full<Bytes>>| {
        let body = Full::new(Bytes::from_static(b"{}")).map_err(|never| match never {});
        Ok::<_, BoxError>(http::Response::new(Body::new(body)))
    }))
}

/// A destination that takes a few fields.
struct Plain {
    name: String,
    limits: Limits,
}

impl Target for Plain {
    fn name(&self) -> &str {
        &self.name
    }

    fn slug(&self) -> &str {
        "plain"
    }

    fn route(&self, event: &Value) -> u64 {
        u64::from(event.get("type").and_then(Value::as_str) == Some("track"))
    }

    fn action(&self, _subscription: usize) -> &str {
        "send"
    }

    fn limits(&self, _subscription: usize) -> &Limits {
        &self.limits
    }

    fn plan(&self, subscription: usize, events: &[&Value], _env: &Env) -> Planned {
        let item = |event: &&Value| json!({"event": event["event"], "user": event["userId"], "id": event["messageId"], "properties": event["properties"]});
        let body: Vec<Value> = events.iter().map(item).collect();
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let request = http::Request::post("http://partner.example/track").header("content-type", "application/json");
        let Ok(request) = request.body(Bytes::from(body)) else { return Planned::default() };
        let events = (0..events.len()).collect();
        Planned { calls: vec![Call { subscription, events, request, step: 0, memory: None }], refused: Vec::new() }
    }

    fn judge(&self, _call: Call, outcome: Result<&Answer, &Failure>, _env: &Env) -> Judged {
        Judged::All(match outcome {
            Ok(_) => Verdict::Delivered,
            Err(failure) => Verdict::Reject(failure.to_string()),
        })
    }
}

/// The processor time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn micros(time: Duration, events: usize) -> f64 {
    time.as_secs_f64() * 1e6 / events.max(1) as f64
}
