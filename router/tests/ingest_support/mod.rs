//! A way in over a log in memory that can be made slow or full.
#![expect(dead_code, reason = "each test program uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use destination_router::clock::Clock;
use destination_router::event;
use destination_router::ingest::{Config, Full, Ingest, Intake, Source, router};
use destination_router::log::{
    DeadLetter, InstanceId, LaneId, LaneState, Log, LogError, Outcome, Parcel, Pending, Retention, Seq, SourceId,
    Stored, Usage,
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Semaphore;
use tower::ServiceExt;

pub(crate) const RECEIVED: &str = "2026-01-02T03:04:06.000Z";

/// A log that forgets, one source's events after the other's.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) stored: Mutex<Vec<Stored>>,
    pub(crate) recent: Mutex<Vec<u64>>,
    /// Appending waits while it has no permit.
    pub(crate) gate: Semaphore,
    pub(crate) begun: AtomicUsize,
    pub(crate) full: AtomicBool,
    pub(crate) broken: AtomicBool,
}

impl Default for Shelf {
    fn default() -> Self {
        let gate = Semaphore::new(1);
        let (stored, recent, begun, full, broken) = Default::default();
        Self { stored, recent, gate, begun, full, broken }
    }
}

impl Shelf {
    /// Every event that is stored, as destinations see it.
    pub(crate) fn events(&self) -> Vec<Value> {
        let stored = self.stored.lock().unwrap();
        stored.iter().flat_map(|s| (0..s.parcel.events.len()).map(|i| event::decode(s, i).unwrap())).collect()
    }

    /// What is stored, byte for byte.
    pub(crate) fn bytes(&self) -> Vec<String> {
        let stored = self.stored.lock().unwrap();
        let events = stored.iter().flat_map(|s| &s.parcel.events);
        events.map(|event| String::from_utf8(event.json.to_vec()).unwrap()).collect()
    }
}

impl Log for Shelf {
    fn source(&self, _: &str) -> Result<SourceId, LogError> {
        Ok(SourceId(0))
    }
    fn instance(&self, _: &str) -> Result<InstanceId, LogError> {
        Ok(InstanceId(0))
    }
    fn append(&self, parcel: Parcel) -> Pending<'_, Seq> {
        Box::pin(async move {
            self.begun.fetch_add(1, SeqCst);
            drop(self.gate.acquire().await.unwrap());
            if self.full.load(SeqCst) {
                return Err(LogError::Full { folder: "shelf".to_owned() });
            }
            if self.broken.load(SeqCst) {
                return Err(LogError::Engine { folder: "shelf".to_owned(), problem: "it broke".to_owned() });
            }
            let mut stored = self.stored.lock().unwrap();
            let same = stored.iter().filter(|s| s.parcel.source == parcel.source);
            let first = same.map(|s| s.range().end).max().unwrap_or(0);
            stored.push(Stored { first, parcel });
            Ok(first)
        })
    }
    fn flushed(&self) -> Pending<'_, ()> {
        Box::pin(async { Ok(()) })
    }
    fn record(&self, _: Outcome) -> Pending<'_, ()> {
        Box::pin(async { Ok(()) })
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
        Ok(self.recent.lock().unwrap().clone())
    }
    fn expire(&self, _: &[LaneId], _: Timestamp, _: Retention) -> Result<(), LogError> {
        Ok(())
    }
    fn usage(&self) -> Result<Usage, LogError> {
        Ok(Usage::default())
    }
}

/// Takes everything, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Door {
    pub(crate) full: AtomicBool,
    pub(crate) appended: Mutex<Vec<(SourceId, std::ops::Range<Seq>)>>,
}

impl Intake for Door {
    fn admit(&self, _: SourceId, _: usize, _: usize) -> Result<(), Full> {
        if self.full.load(SeqCst) { Err(Full { retry_after: Duration::from_millis(6_100) }) } else { Ok(()) }
    }
    fn appended(&self, source: SourceId, events: std::ops::Range<Seq>) {
        self.appended.lock().unwrap().push((source, events));
    }
}

pub(crate) struct Way {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) door: Arc<Door>,
    pub(crate) ingest: Ingest,
    pub(crate) router: Router,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }
    #[track_caller]
    pub(crate) fn is(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), &self.json()["code"]), (status, &Value::from(code)), "{}", self.text);
        assert_eq!(self.json()["success"], false);
    }
    #[track_caller]
    pub(crate) fn is_success(&self) {
        assert_eq!((self.status, self.text.as_str()), (StatusCode::OK, r#"{"success": true}"#));
    }
}

pub(crate) fn source(name: &str, id: u32, key: &str) -> Source {
    Source { name: name.to_owned(), id: SourceId(id), write_keys: vec![key.to_owned()], enabled: true, strict: false }
}

/// A way in for the write keys WK and OTHER, for OFF, which is switched off, and for STRICT, which is strict.
pub(crate) fn way() -> Way {
    way_with(Config::default(), Arc::default())
}

pub(crate) fn way_with(config: Config, shelf: Arc<Shelf>) -> Way {
    let door = Arc::new(Door::default());
    let off = Source { enabled: false, ..source("off", 2, "OFF") };
    let strict = Source { strict: true, ..source("strict", 3, "STRICT") };
    let sources = vec![source("shop", 0, "WK"), source("other", 1, "OTHER"), off, strict];
    let clock = Clock::starting_at(RECEIVED.parse().unwrap());
    let ingest = Ingest::new(config, shelf.clone(), door.clone(), clock, sources).unwrap();
    Way { shelf, door, router: router(ingest.clone()), ingest }
}

impl Way {
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(post(path, body)).await
    }

    pub(crate) fn refused(&self, reason: &str) -> u64 {
        self.ingest.counters().refused().find(|(code, _)| *code == reason).unwrap().1
    }
}

/// A request with the write key WK.
pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path).header("authorization", "Basic V0s6").header("content-type", "application/json");
    request.body(body.into()).unwrap()
}
