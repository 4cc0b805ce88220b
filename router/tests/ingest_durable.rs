//! 200 means on disk: also for a duplicate, also when the client hangs up, also after a restart.

mod ingest_support;

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use destination_router::ingest::Config;
use destination_router::log::fingerprint;
use serde_json::json;
use tokio::task::JoinHandle;

use ingest_support::{Answer, Shelf, Way, way, way_with};

const EVENT: &str = r#"{"userId":"u","event":"E","messageId":"m"}"#;

fn sending(way: &Arc<Way>, path: &'static str, body: &str) -> JoinHandle<Answer> {
    let (way, body) = (way.clone(), body.to_owned());
    tokio::spawn(async move { way.post(path, body).await })
}

/// Waits until so many appends have begun.
async fn begun(way: &Way, appends: usize) {
    while way.shelf.begun.load(SeqCst) < appends {
        tokio::task::yield_now().await;
    }
}

/// A log that takes and does not answer until `gate` gets a permit.
fn held() -> Arc<Way> {
    let way = Arc::new(way());
    way.shelf.gate.forget_permits(1);
    way
}

#[tokio::test]
async fn success_comes_after_the_log_says_so() {
    let way = held();
    let answer = sending(&way, "/v1/track", EVENT);
    begun(&way, 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!answer.is_finished());
    assert!(way.door.appended.lock().unwrap().is_empty());
    way.shelf.gate.add_permits(1);
    answer.await.unwrap().is_success();
    assert_eq!(way.shelf.events().len(), 1);
    assert_eq!(way.door.appended.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn duplicates_are_acknowledged_and_dropped() {
    let way = way();
    for _ in 0..3 {
        way.post("/v1/track", EVENT).await.is_success();
    }
    let batch = json!({"batch": [
        {"type": "page", "userId": "u", "messageId": "n"},
        {"type": "page", "userId": "u", "messageId": "m"},
        {"type": "page", "userId": "u", "messageId": "n"},
    ]});
    let answer = way.post("/v1/batch?strict=1", batch.to_string()).await;
    assert_eq!(answer.json(), json!({"success": true, "accepted": 1, "duplicates": 2, "refused": []}));
    let other = http::Request::post("/v1/track").header("x-write-key", "OTHER");
    way.send(other.body(EVENT.into()).unwrap()).await.is_success();
    assert_eq!(way.shelf.events().len(), 3, "another source's ids are its own");
    assert_eq!(way.ingest.counters().duplicates.load(Relaxed), 4);
    assert_eq!(way.ingest.counters().accepted.load(Relaxed), 3);
}

#[tokio::test]
async fn a_duplicate_is_not_acknowledged_before_the_first_is_on_disk() {
    let way = held();
    let first = sending(&way, "/v1/track", EVENT);
    begun(&way, 1).await;
    let second = sending(&way, "/v1/track", EVENT);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!second.is_finished());
    way.shelf.gate.add_permits(1);
    first.await.unwrap().is_success();
    second.await.unwrap().is_success();
    assert_eq!(way.shelf.events().len(), 1);
}

#[tokio::test]
async fn a_duplicate_of_what_could_not_be_stored_is_to_be_sent_again() {
    let way = held();
    let first = sending(&way, "/v1/track", EVENT);
    begun(&way, 1).await;
    let second = sending(&way, "/v1/track", EVENT);
    tokio::time::sleep(Duration::from_millis(20)).await;
    way.shelf.full.store(true, SeqCst);
    way.shelf.gate.add_permits(1);
    first.await.unwrap().is(429, "too_many_requests");
    second.await.unwrap().is(503, "unavailable");
    way.shelf.full.store(false, SeqCst);
    way.post("/v1/track", EVENT).await.is_success();
    assert_eq!(way.shelf.events().len(), 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_stops_nothing_that_was_begun() {
    let way = held();
    let gone = sending(&way, "/v1/track", EVENT);
    begun(&way, 1).await;
    gone.abort();
    assert!(gone.await.is_err_and(|error| error.is_cancelled()));
    let again = sending(&way, "/v1/track", EVENT);
    tokio::time::sleep(Duration::from_millis(20)).await;
    way.shelf.gate.add_permits(1);
    again.await.unwrap().is_success();
    assert_eq!(way.shelf.events().len(), 1);
    assert_eq!(way.door.appended.lock().unwrap().len(), 1, "delivery hears of what nobody waited for");
}

#[tokio::test]
async fn duplicates_are_known_after_a_restart() {
    let shelf = Shelf::default();
    shelf.recent.lock().unwrap().push(fingerprint("m"));
    let way = way_with(Config::default(), Arc::new(shelf));
    way.post("/v1/track", EVENT).await.is_success();
    assert_eq!(way.shelf.events().len(), 0);
    way.post("/v1/track", EVENT.replace("\"m\"", "\"n\"")).await.is_success();
    assert_eq!(way.shelf.events().len(), 1);
}
