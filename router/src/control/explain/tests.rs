//! Explanations and lists of a log in memory, with a destination made for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Gathering, Lane, Mask, Place, State};
use crate::client::{Answer, Failure};
use crate::control::dead_letters::{self, Query};
use crate::destination::{Call, Env, Judged, Limits, Planned, Target, Verdict};
use crate::log::{Accepted, Dead, Done, How, LaneId, Log, Memory, Outcome, Parcel, Retry, fingerprint};

/// Sends events of its own type, and refuses those without a total.
struct Sender(&'static str, Limits);

impl Target for Sender {
    fn name(&self) -> &str {
        self.0
    }
    fn slug(&self) -> &str {
        "sender"
    }
    fn route(&self, event: &Value) -> u64 {
        u64::from(event["type"] == "track")
    }
    fn action(&self, _: usize) -> &str {
        "send"
    }
    fn limits(&self, _: usize) -> &Limits {
        &self.1
    }
    fn plan(&self, subscription: usize, events: &[&Value], _: &Env) -> Planned {
        let mut planned = Planned::default();
        if events[0]["properties"]["total"].is_null() {
            planned.refused.push((0, "properties.total is missing".to_owned()));
            return planned;
        }
        let request = http::Request::post("https://partner.example/fake-secret/x?k=fake-secret")
            .header("content-type", "application/json")
            .header("authorization", "Bearer fake-secret")
            .body(Bytes::from(json!({ "total": events[0]["properties"]["total"], "key": "fake-secret" }).to_string()))
            .unwrap();
        planned.calls.push(Call { subscription, events: vec![0], request, step: 0, memory: None });
        planned
    }
    fn judge(&self, _: Call, _: Result<&Answer, &Failure>, _: &Env) -> Judged {
        Judged::All(Verdict::Delivered)
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

async fn event(log: &Memory, source: crate::log::SourceId, id: &str, body: Value) -> u64 {
    let mut event = json!({ "messageId": id, "userId": "u1" });
    event.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let accepted = Accepted { json: Bytes::from(event.to_string()), id: fingerprint(id) };
    let parcel =
        Parcel { source, received_at: at(0), sent_at: Some(at(-1)), shared: Bytes::new(), events: vec![accepted] };
    log.append(parcel).await.unwrap()
}

fn outcome(lane: LaneId, second: i64) -> Outcome {
    Outcome { lane, at: at(second), done: Vec::new(), retry: Vec::new(), dead: Vec::new() }
}

fn places(log: &Memory) -> Vec<Place> {
    let lane = |name: &'static str| Lane {
        instance: log.instance(name).unwrap(),
        target: Arc::new(Sender(name, Limits::default())),
        mask: Arc::new(Mask::new(["fake-secret".to_owned()])),
        disabled: false,
    };
    vec![
        Place { source: "shop".to_owned(), id: log.source("shop").unwrap(), lanes: vec![lane("a"), lane("b")] },
        Place { source: "till".to_owned(), id: log.source("till").unwrap(), lanes: vec![lane("b")] },
    ]
}

#[tokio::test]
async fn the_way_of_an_event_is_told_without_secrets() {
    let log = Memory::default();
    let places = places(&log);
    let seq =
        event(&log, places[0].id, "m1", json!({"type": "track", "event": "Paid", "properties": {"total": 5}})).await;
    let lane = LaneId { source: places[0].id, instance: places[0].lanes[0].instance };
    let reason = "503 with fake-secret".to_owned();
    let retry = Retry { attempts: 1, since: at(1), at: at(9), open: 1, reason };
    log.record(Outcome { retry: vec![(seq, retry)], ..outcome(lane, 1) }).await.unwrap();
    let how = How::Delivered { status: 202, elapsed_ms: 12 };
    log.record(Outcome { done: vec![Done { events: seq..seq + 1, how }], ..outcome(lane, 9) }).await.unwrap();

    let gathering = Gathering { log: &log, places: &places, env: Env { now: at(20), seed: 1 }, gates: BTreeMap::new() };
    let told = gathering.explain("m1").unwrap();

    let way = &told.events[0].destinations[0];
    assert_eq!((way.state, way.routed, way.history.len()), (State::Delivered, true, 2));
    assert_eq!(told.events[0].destinations[1].state, State::Waiting);
    let text = told.to_string();
    assert!(!text.contains("fake-secret") && !serde_json::to_string(&told).unwrap().contains("fake-secret"), "{text}");
    insta::assert_snapshot!(text, @r#"
    track "Paid"  m1
      accepted 2027-01-15T08:00:00.000Z from source `shop`, number 0, sent by the client's clock 2027-01-15T07:59:59.000Z

    a (sender): delivered – answer 202 at 2027-01-15T08:00:09.000Z
      filter    meant for it
      action    send
      request   POST https://partner.example/***/x?k=***
                content-type: application/json
                authorization: ***
                {
                  "total": 5,
                  "key": "***"
                }
      history   2027-01-15T08:00:01.000Z retrying after 1 try: 503 with ***; next try 2027-01-15T08:00:09.000Z
      history   2027-01-15T08:00:09.000Z delivered, answer 202 in 12 ms

    b (sender): waiting
      filter    meant for it
      action    send
      request   POST https://partner.example/***/x?k=***
                content-type: application/json
                authorization: ***
                {
                  "total": 5,
                  "key": "***"
                }
    "#);
    assert!(gathering.explain("m2").unwrap().events.is_empty());
}

#[tokio::test]
async fn what_is_not_wanted_or_refused_is_told() {
    let log = Memory::default();
    let places = places(&log);
    event(&log, places[1].id, "m1", json!({"type": "identify"})).await;
    event(&log, places[1].id, "m2", json!({"type": "track", "event": "Paid"})).await;

    let gathering = Gathering { log: &log, places: &places, env: Env { now: at(20), seed: 1 }, gates: BTreeMap::new() };

    let skipped = gathering.explain("m1").unwrap().to_string();
    assert!(skipped.contains("filter    not meant for it"), "{skipped}");
    let refused = gathering.explain("m2").unwrap().to_string();
    assert!(refused.contains("action    send refuses the event: properties.total is missing"), "{refused}");
}

#[tokio::test]
async fn dead_letters_are_listed_by_name_and_page_by_page() {
    let log = Memory::default();
    let places = places(&log);
    for (source, instance) in [(0, 0), (0, 1), (1, 0)] {
        let place = &places[source];
        let lane = LaneId { source: place.id, instance: place.lanes[instance].instance };
        for i in 0..3 {
            let seq = event(&log, place.id, &format!("m{source}{instance}{i}"), json!({"type": "track"})).await;
            let dead = Dead { attempts: 1, open: 1, reason: "400 no".to_owned() };
            log.record(Outcome { dead: vec![(seq, dead)], ..outcome(lane, i) }).await.unwrap();
        }
    }
    let list = |query: Query| dead_letters::list(&log, &query, &places);
    let query = |destination: Option<&str>, source: Option<&str>, limit: Option<usize>| Query {
        destination: destination.map(str::to_owned),
        source: source.map(str::to_owned),
        limit,
        after: None,
    };

    assert_eq!(list(Query::default()).unwrap().letters.len(), 9);
    assert_eq!(list(query(Some("b"), None, None)).unwrap().letters.len(), 6);
    assert_eq!(list(query(Some("b"), Some("till"), None)).unwrap().letters.len(), 3);
    let mut ids = Vec::new();
    let mut next = query(None, None, Some(2));
    loop {
        let page = list(next.clone()).unwrap();
        ids.extend(page.letters.iter().filter_map(|letter| letter.message_id.clone()));
        let Some(after) = page.next else { break };
        next.after = Some(after);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 9);
    assert!(list(query(Some("c"), None, None)).is_err());
    assert!(list(Query { after: Some("1-x".to_owned()), ..Query::default() }).is_err());
}
