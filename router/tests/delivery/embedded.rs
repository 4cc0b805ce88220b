//! The engine on the log that it has in production, in real time.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use destination_router::delivery::{Engine, Parts, Topology};
use destination_router::log::{Accepted, Embedded, EmbeddedOptions, LaneId, Log, Parcel};
use serde_json::json;

use crate::fake::*;
use crate::partner::*;
use crate::world::*;

async fn open(world: &World, folder: &Path) -> (Arc<Embedded>, Engine) {
    let log = Arc::new(Embedded::open(folder, EmbeddedOptions::default()).unwrap());
    let parts = Parts { log: Arc::clone(&log) as Arc<dyn Log>, ..world.parts() };
    let instances = vec![
        Fake::new("batch").batch(50, 5 * MS).from(&["web", "app"]),
        Fake::new("single").from(&["web", "app"]),
        Fake::new("down").batch(50, Duration::ZERO).from(&["web"]),
    ];
    let engine = Engine::start(parts, Topology { instances }).await.unwrap();
    (log, engine)
}

/// The log goes when the last worker has gone.
async fn close(log: Arc<Embedded>) {
    while Arc::strong_count(&log) > 1 {
        tokio::time::sleep(MS).await;
    }
}

async fn append(log: &Embedded, engine: Option<&Engine>, source: &str, numbers: std::ops::Range<u64>) {
    let source = log.source(source).unwrap();
    let events = numbers.map(|n| Accepted { json: json!({ "n": n }).to_string().into(), id: n });
    let events: Vec<Accepted> = events.collect();
    let count = events.len() as u64;
    let parcel = Parcel { source, received_at: start(), sent_at: None, shared: Default::default(), events };
    let first = log.append(parcel).await.unwrap();
    engine.inspect(|engine| engine.appended(source, first..first + count));
}

fn finished(log: &Embedded, source: &str, instance: &str) -> bool {
    let lane = LaneId { source: log.source(source).unwrap(), instance: log.instance(instance).unwrap() };
    let (state, head) = (log.lane(lane).unwrap(), log.head(lane.source).unwrap());
    state.retries.is_empty() && state.judged.len() == 1 && state.judged[0] == (0..head)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_in_the_middle_lose_nothing() {
    let world = World::new();
    let calls = AtomicUsize::new(0);
    world.script(move |seen| match (&*seen.host, calls.fetch_add(1, Ordering::Relaxed) % 50) {
        ("down", _) if seen.at < 2 * SECOND => (MS, Reply::Status(503)),
        (_, 0) => (MS, Reply::Status(500)),
        _ => (MS, Reply::Status(200)),
    });
    let folder = tempfile::tempdir().unwrap();
    // Lanes that begin with sources that are empty.
    let (log, engine) = open(&world, folder.path()).await;
    drop(engine);
    close(log).await;
    for round in 0..4_u64 {
        tokio::time::sleep(20 * MS).await;
        let (log, engine) = open(&world, folder.path()).await;
        for part in 0..10 {
            let first = (round * 10 + part) * 100;
            append(&log, (part < 9).then_some(&engine), "web", first..first + 100).await;
            append(&log, Some(&engine), "app", 100_000 + first..100_000 + first + 100).await;
        }
        tokio::time::sleep(30 * MS).await;
        if round % 2 == 0 {
            drop(engine);
        } else {
            engine.stop(200 * MS).await;
        }
        close(log).await;
    }
    let (log, engine) = open(&world, folder.path()).await;
    let lanes = [("web", "batch"), ("app", "batch"), ("web", "single"), ("app", "single"), ("web", "down")];
    let deadline = tokio::time::Instant::now() + 60 * SECOND;
    while !lanes.iter().all(|(source, instance)| finished(&log, source, instance)) {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", engine.status().await.unwrap());
        tokio::time::sleep(20 * MS).await;
    }
    assert!(log.dead(None, None, 1).unwrap().is_empty());
    for (host, expected) in [("batch", 8000), ("single", 8000), ("down", 4000)] {
        assert_eq!(world.got(host).into_iter().collect::<HashSet<u64>>().len(), expected, "{host}");
    }
}
