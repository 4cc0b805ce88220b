//! A world for tests of delivery: a log in memory, virtual time, partners that answer by a script, and a destination that is easy to
//! read: it sends the numbers of its events.

#![allow(dead_code, reason = "each test file uses its own part of the world")]

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use destination_router::client::{Answer, Body, BoxError, Client, Failure};
use destination_router::clock::Clock;
use destination_router::delivery::{Engine, Instance, Options, Parts, Status, Topology};
use destination_router::destination::target::{Token, TokenSource};
use destination_router::destination::{Blame, Call, Env, Judged, Limits, Planned, Target, Verdict};
use destination_router::log::{
    Accepted, DeadLetter, How, InstanceId, LaneId, LaneState, Log, LogError, Memory, Outcome, Parcel, Pending, Retention,
    Seq, SourceId, Stored, Usage, fingerprint,
};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::util::BoxCloneSyncService;

/// A request as a partner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) at: Duration,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) events: Vec<u64>,
}

/// What a partner does with it.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Status(u16),
    After(u16, u64),
    /// 207: these events, by their place in the request, are to be tried again.
    Partly(Vec<usize>),
    Body(u16, String),
    Refuse,
    Hang,
}

pub(crate) type Script = Box<dyn Fn(&Seen) -> (Duration, Reply) + Send + Sync>;

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

    pub(crate) fn client(&self) -> Client {
        let (seen, script, begun) = (Arc::clone(&self.seen), Arc::clone(&self.script), self.begun);
        let (out, most_out) = (Arc::clone(&self.out), Arc::clone(&self.most_out));
        BoxCloneSyncService::new(tower::service_fn(move |request: http::Request<Full<Bytes>>| {
            let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
            let (out, most_out) = (Arc::clone(&out), Arc::clone(&most_out));
            async move {
                let token = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
                let (host, path) = (request.uri().host().unwrap().to_owned(), request.uri().path().to_owned());
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let events = serde_json::from_slice(&body).unwrap_or_default();
                let request = Seen { at: begun.elapsed(), host, path, token, events };
                let (wait, reply) = script.lock().unwrap()(&request);
                seen.lock().unwrap().push(request);
                most_out.fetch_max(out.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let _guard = Out(out);
                tokio::time::sleep(wait).await;
                answer(reply).await
            }
        }))
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
        state.retries.is_empty() && (head == 0 || state.judged == [0..head])
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

/// The log in memory, and all records that were added to it.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) memory: Memory,
    pub(crate) records: Mutex<Vec<Outcome>>,
}

impl Log for Recording {
    fn source(&self, name: &str) -> Result<SourceId, LogError> {
        self.memory.source(name)
    }

    fn instance(&self, name: &str) -> Result<InstanceId, LogError> {
        self.memory.instance(name)
    }

    fn append(&self, parcel: Parcel) -> Pending<'_, Seq> {
        self.memory.append(parcel)
    }

    fn flushed(&self) -> Pending<'_, ()> {
        self.memory.flushed()
    }

    fn record(&self, outcome: Outcome) -> Pending<'_, ()> {
        let copy = outcome.clone();
        Box::pin(async move {
            self.memory.record(outcome).await?;
            self.records.lock().unwrap().push(copy);
            Ok(())
        })
    }

    fn head(&self, source: SourceId) -> Result<Seq, LogError> {
        self.memory.head(source)
    }

    fn read(&self, source: SourceId, from: Seq, events: usize) -> Result<Vec<Stored>, LogError> {
        self.memory.read(source, from, events)
    }

    fn lane(&self, lane: LaneId) -> Result<LaneState, LogError> {
        self.memory.lane(lane)
    }

    fn find(&self, id: u64, limit: usize) -> Result<Vec<(SourceId, Seq)>, LogError> {
        self.memory.find(id, limit)
    }

    fn history(&self, lane: LaneId, seq: Seq) -> Result<Vec<Outcome>, LogError> {
        self.memory.history(lane, seq)
    }

    fn dead(
        &self,
        lane: Option<LaneId>,
        after: Option<(LaneId, Seq)>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, LogError> {
        self.memory.dead(lane, after, limit)
    }

    fn recent(&self, source: SourceId, since: Timestamp, limit: usize) -> Result<Vec<u64>, LogError> {
        self.memory.recent(source, since, limit)
    }

    fn expire(&self, lanes: &[LaneId], now: Timestamp, retention: Retention) -> Result<(), LogError> {
        self.memory.expire(lanes, now, retention)
    }

    fn usage(&self) -> Result<Usage, LogError> {
        self.memory.usage()
    }
}

struct Out(Arc<AtomicUsize>);

impl Drop for Out {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn answer(reply: Reply) -> Result<http::Response<Body>, BoxError> {
    let (status, retry, body) = match reply {
        Reply::Status(status) => (status, None, String::new()),
        Reply::After(status, seconds) => (status, Some(seconds), String::new()),
        Reply::Partly(failed) => (207, None, json!(failed).to_string()),
        Reply::Body(status, body) => (status, None, body),
        Reply::Refuse => return Err(Box::new(Failure::Connect("refused".into()))),
        Reply::Hang => std::future::pending().await,
    };
    let mut response = http::Response::builder().status(status);
    if let Some(seconds) = retry {
        response = response.header("retry-after", seconds);
    }
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {});
    Ok(response.body(Body::new(body)).unwrap())
}

/// A destination that sends the numbers of its events as a JSON list to `http://HOST/`.
pub(crate) struct Fake {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) limits: Vec<Limits>,
    pub(crate) oauth: Option<FakeTokens>,
    /// Ends loops that do not end.
    pub(crate) release: Arc<AtomicBool>,
}

impl Fake {
    pub(crate) fn new(name: &str) -> Self {
        let limits = Limits { timeout: 30 * SECOND, ..Limits::default() };
        Self { name: name.into(), host: name.into(), limits: vec![limits], oauth: None, release: Arc::default() }
    }

    pub(crate) fn batch(mut self, events: usize, linger: Duration) -> Self {
        self.limits.iter_mut().for_each(|limits| (limits.events, limits.linger) = (events, linger));
        self
    }

    pub(crate) fn limit(mut self, change: impl Fn(&mut Limits)) -> Self {
        self.limits.iter_mut().for_each(change);
        self
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    /// An instance that is not watched, for these sources.
    pub(crate) fn from(self, sources: &[&str]) -> Instance {
        let subscriptions = self.limits.len();
        let sources = sources.iter().map(|source| (*source).to_owned()).collect();
        Instance { watched: false, ..Instance::new(Arc::new(self), subscriptions, sources) }
    }
}

impl Target for Fake {
    fn name(&self) -> &str {
        &self.name
    }

    fn slug(&self) -> &str {
        "fake"
    }

    /// `to` names the subscriptions, as bits; without it, all want the event.
    fn route(&self, event: &Value) -> u64 {
        assert!(event.get("poison") != Some(&json!("route")), "cannot route {event}");
        self.spin(event, "route");
        event.get("to").and_then(Value::as_u64).unwrap_or(u64::MAX)
    }

    fn action(&self, _subscription: usize) -> &str {
        "send"
    }

    fn limits(&self, subscription: usize) -> &Limits {
        &self.limits[subscription]
    }

    fn plan(&self, subscription: usize, events: &[&Value], _env: &Env) -> Planned {
        let mut planned = Planned::default();
        let mut numbers = Vec::new();
        let mut places = Vec::new();
        for (place, event) in events.iter().enumerate() {
            assert!(event.get("poison") != Some(&json!("plan")), "cannot plan {event}");
            self.spin(event, "plan");
            if event.get("refuse").is_some() {
                planned.refused.push((place, "n is missing".into()));
            } else {
                numbers.push(event["n"].as_u64().unwrap());
                places.push(place);
            }
        }
        if !places.is_empty() {
            let request = http::Request::post(format!("http://{}/{subscription}", self.host));
            let request = request.body(Bytes::from(json!(numbers).to_string())).unwrap();
            planned.calls.push(Call { subscription, events: places, request, step: 0, memory: None });
        }
        planned
    }

    fn judge(&self, call: Call, outcome: Result<&Answer, &Failure>, _env: &Env) -> Judged {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(failure) => {
                let reason = failure.to_string();
                return Judged::All(Verdict::Retry { blame: Blame::Host, after: None, reason });
            }
        };
        let after = answer.headers.get("retry-after").map(|value| Duration::from_secs(value.to_str().unwrap().parse().unwrap()));
        let reason = answer.status.as_u16().to_string();
        let retry = |blame| Judged::All(Verdict::Retry { blame, after, reason: reason.clone() });
        match answer.status.as_u16() {
            207 => {
                let failed: Vec<usize> = serde_json::from_slice(&answer.body).unwrap();
                let verdict = || Verdict::Retry { blame: Blame::Event, after, reason: reason.clone() };
                Judged::Each(failed.into_iter().map(|place| (call.events[place], verdict())).collect())
            }
            206 => Judged::Next(Box::new(Call {
                request: http::Request::post(format!("http://{}/next", self.host)).body(call.request.body().clone()).unwrap(),
                step: call.step + 1,
                ..call
            })),
            200..=299 => Judged::All(Verdict::Delivered),
            401 => Judged::All(Verdict::Reauthenticate(reason)),
            403 => Judged::All(Verdict::Pause("the key was revoked".into())),
            413 => Judged::Split(reason),
            418 => panic!("a teapot"),
            429 => retry(Blame::Instance),
            500 => retry(Blame::Event),
            503 => retry(Blame::Host),
            _ => Judged::All(Verdict::Reject(reason)),
        }
    }

    fn oauth(&self) -> Option<&dyn TokenSource> {
        self.oauth.as_ref().map(|tokens| tokens as &dyn TokenSource)
    }
}

impl Fake {
    fn spin(&self, event: &Value, place: &str) {
        while event.get("loop") == Some(&json!(place)) && !self.release.load(Ordering::Relaxed) {
            std::thread::sleep(MS);
        }
    }
}

/// Gets tokens from `http://tokens/`: the body of a good answer is the token.
pub(crate) struct FakeTokens {
    pub(crate) key: String,
}

impl TokenSource for FakeTokens {
    fn key(&self) -> &str {
        &self.key
    }

    fn request(&self, refresh_token: Option<&str>) -> http::Request<Bytes> {
        http::Request::post(format!("http://tokens/{}", refresh_token.unwrap_or_default())).body(Bytes::new()).unwrap()
    }

    fn answer(&self, outcome: Result<&Answer, &Failure>) -> Result<Token, Verdict> {
        match outcome {
            Ok(answer) if answer.status == 200 => {
                let access_token = String::from_utf8(answer.body.to_vec()).unwrap();
                Ok(Token { access_token, refresh_token: Some("refresh".into()), expires_in: Some(HOUR) })
            }
            Ok(answer) if answer.status == 400 => Err(Verdict::Pause("the grant was revoked".into())),
            _ => Err(Verdict::Retry { blame: Blame::Instance, after: None, reason: "no token".into() }),
        }
    }

    fn authorize(&self, request: &mut http::Request<Bytes>, access_token: &str) {
        request.headers_mut().insert("authorization", access_token.parse().unwrap());
    }
}

pub(crate) fn held(status: &Status, name: &str) -> Option<String> {
    let instance = status.instances.iter().find(|instance| instance.name == name).unwrap();
    instance.held.as_ref().map(|held| held.reason.clone())
}
