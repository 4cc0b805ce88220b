//! A world for tests of delivery: a log in memory, virtual time, and a partner with a script.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use destination_router::clock::Clock;
use destination_router::delivery::{Engine, Instance, Options, Parts, Status, Topology};
use destination_router::log::{Accepted, How, LaneId, Log, Parcel, Seq, fingerprint};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::partner::{Reply, Script, Seen};
use crate::recording::Recording;

pub(crate) struct World {
    pub(crate) log: Arc<Recording>,
    pub(crate) clock: Clock,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    pub(crate) script: Arc<Mutex<Script>>,
    pub(crate) out: Arc<AtomicUsize>,
    pub(crate) most_out: Arc<AtomicUsize>,
    pub(crate) decoded: Arc<AtomicUsize>,
    pub(crate) options: Options,
    pub(crate) begun: tokio::time::Instant,
    pub(crate) seed: u64,
    numbers: AtomicUsize,
}

pub(crate) fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

impl World {
    pub(crate) fn new() -> Self {
        Self {
            log: Arc::default(),
            clock: Clock::starting_at(start()),
            seen: Arc::default(),
            script: Arc::new(Mutex::new(Box::new(|_| (5 * MS, Reply::Status(200))))),
            out: Arc::default(),
            most_out: Arc::default(),
            decoded: Arc::default(),
            options: Options::default(),
            begun: tokio::time::Instant::now(),
            seed: 7,
            numbers: AtomicUsize::new(0),
        }
    }

    pub(crate) fn script(&self, script: impl Fn(&Seen) -> (Duration, Reply) + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub(crate) fn parts(&self) -> Parts {
        let decoded = Arc::clone(&self.decoded);
        Parts {
            log: Arc::clone(&self.log) as Arc<dyn Log>,
            client: self.client(),
            clock: self.clock.clone(),
            seed: self.seed,
            decoder: Arc::new(move |stored, range| {
                decoded.fetch_add(range.len(), Ordering::Relaxed);
                let events = stored.parcel.events.get(range).unwrap_or_default();
                events.iter().map(|event| serde_json::from_slice(&event.json).map_err(|e| e.to_string())).collect()
            }),
            tokens: None,
            options: self.options.clone(),
        }
    }

    pub(crate) async fn engine(&self, instances: Vec<Instance>) -> Engine {
        Engine::start(self.parts(), Topology { instances }).await.unwrap()
    }

    /// Accepts events of a source; their numbers go on from call to call, over all sources.
    pub(crate) async fn accept(&self, engine: Option<&Engine>, source: &str, count: usize) -> Vec<u64> {
        let first = self.numbers.fetch_add(count, Ordering::Relaxed);
        self.accept_json(engine, source, (first..first + count).map(|n| json!({ "n": n })).collect()).await;
        (first as u64..(first + count) as u64).collect()
    }

    pub(crate) async fn accept_json(&self, engine: Option<&Engine>, source: &str, events: Vec<Value>) {
        let source = self.log.source(source).unwrap();
        let count = events.len() as u64;
        let events = events.iter().map(|event| {
            let json = event.to_string();
            Accepted { id: fingerprint(&json), json: json.into() }
        });
        let events = events.collect();
        let parcel = Parcel { source, received_at: self.clock.now(), sent_at: None, shared: Bytes::new(), events };
        let first = self.log.append(parcel).await.unwrap();
        if let Some(engine) = engine {
            engine.appended(source, first..first + count);
        }
    }

    pub(crate) fn lane(&self, source: &str, instance: &str) -> LaneId {
        LaneId { source: self.log.source(source).unwrap(), instance: self.log.instance(instance).unwrap() }
    }

    /// How often each event of a lane ended, and how: everything that the records say.
    pub(crate) fn ends(&self, lane: LaneId) -> BTreeMap<Seq, Vec<End>> {
        let head = self.log.head(lane.source).unwrap();
        let mut ends: BTreeMap<Seq, Vec<End>> = (0..head).map(|seq| (seq, Vec::new())).collect();
        for outcome in self.log.records.lock().unwrap().iter().filter(|outcome| outcome.lane == lane) {
            for done in &outcome.done {
                let end = if done.how == How::Skipped { End::Skipped } else { End::Delivered };
                done.events.clone().for_each(|seq| ends.get_mut(&seq).unwrap().push(end));
            }
            outcome.dead.iter().for_each(|(seq, _)| ends.get_mut(seq).unwrap().push(End::Dead));
        }
        ends
    }

    /// Whether all events of a lane came to an end.
    pub(crate) fn finished(&self, lane: LaneId) -> bool {
        let (state, head) = (self.log.lane(lane).unwrap(), self.log.head(lane.source).unwrap());
        state.retries.is_empty() && (head == 0 || (state.judged.len() == 1 && state.judged[0] == (0..head)))
    }

    /// Waits until a lane has nothing more to do.
    pub(crate) async fn finish(&self, lane: LaneId, limit: Duration) {
        let end = tokio::time::Instant::now() + limit;
        while !self.finished(lane) {
            assert!(tokio::time::Instant::now() < end, "not finished: {:?}", self.log.lane(lane).unwrap());
            let past = tokio::time::Instant::now().duration_since(end - limit);
            tokio::time::sleep((past / 200).max(10 * MS)).await;
        }
    }

    /// The numbers of the events that a host got and took (each time).
    pub(crate) fn got(&self, host: &str) -> Vec<u64> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.host == host).flat_map(|seen| seen.events.clone()).collect()
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn counts(&self, host: &str) -> HashMap<u64, usize> {
        self.got(host).into_iter().fold(HashMap::new(), |mut counts, n| {
            *counts.entry(n).or_default() += 1;
            counts
        })
    }
}

/// How an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Delivered,
    Skipped,
    Dead,
}

pub(crate) fn held(status: &Status, name: &str) -> Option<String> {
    let instance = status.instances.iter().find(|instance| instance.name == name).unwrap();
    instance.held.as_ref().map(|held| held.reason.clone())
}
