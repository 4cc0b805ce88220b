//! The tracking API as its clients know it: paths, write keys, codings, browsers.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod ingest_support;

use std::io::Write;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use axum::body::Body;
use destination_router::ingest::Config;
use destination_router::log::SourceId;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use ingest_support::{RECEIVED, post, source, way, way_with};

#[tokio::test]
async fn every_call_has_its_paths() {
    let way = way();
    for (paths, kind) in [
        (["track", "t"], "track"),
        (["identify", "i"], "identify"),
        (["page", "p"], "page"),
        (["screen", "s"], "screen"),
        (["group", "g"], "group"),
        (["alias", "a"], "alias"),
    ] {
        for path in paths.iter().flat_map(|p| [format!("/v1/{p}"), format!("/v1/{p}/")]) {
            way.post(&path, r#"{"userId":"u","event":"E"}"#).await.is_success();
            assert_eq!(way.shelf.events().last().unwrap()["type"], kind, "{path}");
        }
    }
    for path in ["/v1/batch", "/v1/batch/", "/v1/b", "/v1/b/", "/v1/import", "/v1/import/"] {
        way.post(path, r#"{"batch":[{"type":"page","userId":"u"},{"type":"screen","userId":"u"}]}"#).await.is_success();
    }
    assert_eq!(way.shelf.events().len(), 24 + 12);
    assert_eq!(way.ingest.counters().batches.load(Relaxed), 6);
}

#[tokio::test]
async fn the_path_says_the_type_whatever_the_event_says() {
    let way = way();
    way.post("/v1/page", r#"{"type":"track","userId":"u"}"#).await.is_success();
    assert_eq!(way.shelf.events()[0]["type"], "page");
}

#[tokio::test(start_paused = true)]
async fn an_event_is_kept_as_it_came() {
    let way = way();
    let event = r#"{ "type":"track", "messageId":"m", "userId":"u","event":"é\u00e9", "properties":{"n":1.0, "n":2} }"#;
    way.post("/v1/track", event).await.is_success();
    assert_eq!(way.shelf.bytes(), [event]);
    let batch = format!("{{\"batch\":[ {event} , {}]}}", event.replace("\"m\"", "\"m2\""));
    way.post("/v1/batch", batch).await.is_success();
    assert_eq!(way.shelf.bytes()[1..], [event.replace("\"m\"", "\"m2\"")], "m was there already");
    assert_eq!(way.shelf.events()[0]["receivedAt"], RECEIVED);
}

#[tokio::test]
async fn the_write_key_may_stand_in_five_places() {
    let way = way();
    let event = json!({"type": "track", "event": "E", "userId": "u"});
    let keyed = json!({"type": "track", "event": "E", "userId": "u", "writeKey": "OTHER"});
    let request = |path: &str, body: &Value| Request::post(path).body(Body::from(body.to_string())).unwrap();
    let mut header = request("/v1/track", &event);
    header.headers_mut().insert("x-write-key", "OTHER:secret-of-a-test".parse().unwrap());
    let mut basic = request("/v1/track", &event);
    basic.headers_mut().insert("authorization", "Basic T1RIRVI6".parse().unwrap());
    let mut bearer = request("/v1/track", &keyed);
    bearer.headers_mut().insert("authorization", "Bearer not-a-real-token".parse().unwrap());
    for request in [
        header,
        basic,
        bearer,
        request("/v1/track", &keyed),
        request("/v1/batch", &json!({"batch": [event], "writeKey": "OTHER"})),
        request("/v1/batch", &json!({"batch": [keyed]})),
    ] {
        way.send(request).await.is_success();
        assert_eq!(way.shelf.stored.lock().unwrap().last().unwrap().parcel.source, SourceId(1));
        assert_eq!(way.shelf.events().last().unwrap().get("writeKey"), None, "destinations never see it");
    }
}

#[tokio::test]
async fn no_unknown_and_switched_off_write_keys_are_told_apart() {
    let way = way();
    let event = r#"{"userId":"u","event":"E"}"#;
    let none = way.send(Request::post("/v1/track").body(Body::from(event)).unwrap()).await;
    none.is(401, "no_write_key");
    let unknown = Request::post("/v1/track").header("x-write-key", "nobody").body(Body::from(event)).unwrap();
    way.send(unknown).await.is(401, "unknown_write_key");
    way.post("/v1/track", r#"{"userId":"u","event":"E","writeKey":"OFF"}"#).await.is_success();
    let off = Request::post("/v1/track").body(Body::from(r#"{"userId":"u","writeKey":"OFF"}"#)).unwrap();
    way.send(off).await.is(401, "source_disabled");
    assert_eq!(way.shelf.events().len(), 1, "the header's key goes before the body's");
    assert_eq!(way.ingest.counters().statuses().find(|(status, _)| *status == 401), Some((401, 3)));
}

#[tokio::test]
async fn sources_are_replaced_while_requests_come_in() {
    let way = way();
    way.post("/v1/track", r#"{"userId":"u","event":"E","messageId":"m"}"#).await.is_success();
    way.ingest.reload(vec![source("shop", 0, "NEW")]).unwrap();
    way.post("/v1/track", r#"{"userId":"u","event":"E"}"#).await.is(401, "unknown_write_key");
    let again = Request::post("/v1/track").header("x-write-key", "NEW");
    let again = again.body(Body::from(r#"{"userId":"u","event":"E","messageId":"m"}"#)).unwrap();
    way.send(again).await.is_success();
    assert_eq!(way.shelf.events().len(), 1, "the duplicate is known under the new key");
    let clash = way.ingest.reload(vec![source("a", 0, "K"), source("b", 1, "K")]).unwrap_err();
    assert_eq!(clash.to_string(), "the sources a and b have the same write key: give each its own");
    way.ingest.reload(vec![source("a", 0, "")]).unwrap_err();
    assert!(!format!("{:?}", way.ingest).contains("NEW"), "keys are not shown");
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn coded(coding: &str, body: Vec<u8>) -> Request<Body> {
    let mut request = post("/v1/track", body);
    request.headers_mut().insert("content-encoding", coding.parse().unwrap());
    request
}

#[tokio::test]
async fn bodies_come_plain_or_compressed() {
    let way = way();
    let event = r#"{"userId":"u","event":"E"}"#;
    way.send(coded("gzip", gzip(event))).await.is_success();
    way.send(coded("GZIP", gzip(event))).await.is_success();
    way.send(coded("identity", event.into())).await.is_success();
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(event.as_bytes()).unwrap();
    way.send(coded("deflate", encoder.finish().unwrap())).await.is_success();
    assert_eq!(way.shelf.events().len(), 4);
    way.send(coded("zstd", event.into())).await.is(415, "unknown_content_encoding");
    way.send(coded("gzip", event.into())).await.is(400, "garbled_body");
    let whole = gzip(event);
    way.send(coded("gzip", whole[..whole.len() - 9].to_vec())).await.is(400, "garbled_body");
}

#[tokio::test]
async fn a_bomb_is_not_unpacked() {
    let way = way();
    let bomb = gzip(&" ".repeat(5_000_000));
    assert!(bomb.len() < 10_000);
    way.send(coded("gzip", bomb)).await.is(400, "too_large");
}

#[tokio::test]
async fn a_browser_may_ask_and_send() {
    let way = way();
    let ask = Request::options("/v1/t")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let allowed = way.send(ask.body(Body::empty()).unwrap()).await;
    assert_eq!(allowed.status, StatusCode::NO_CONTENT);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://shop.example");
    assert_eq!(allowed.header("access-control-allow-methods"), "POST, OPTIONS");
    assert_eq!(allowed.header("access-control-allow-headers"), "authorization,content-type");
    assert_eq!(allowed.header("access-control-max-age"), "86400");
    // What `sendBeacon` sends: no headers of ours, and a content type that needs no question.
    let beacon = Request::post("/v1/t").header("origin", "https://shop.example").header("content-type", "text/plain");
    let body = r#"{"type":"track","event":"E","anonymousId":"a","writeKey":"WK"}"#;
    let answer = way.send(beacon.body(Body::from(body)).unwrap()).await;
    answer.is_success();
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert_eq!(answer.header("vary"), "origin");
    let refused = Request::post("/v1/t").header("origin", "null").body(Body::from("{")).unwrap();
    let refused = way.send(refused).await;
    assert_eq!(refused.header("access-control-allow-origin"), "null", "a page may read errors too");
    way.post("/v1/m", "{\"series\":[]}").await.is_success();
}

#[tokio::test]
async fn what_is_no_path_and_no_post_is_said() {
    let way = way();
    way.post("/v1/trace", "{}").await.is(404, "not_found");
    way.post("/", "{}").await.is(404, "not_found");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = Request::builder().method(method).uri("/v1/track").body(Body::empty()).unwrap();
        let answer = way.send(request).await;
        answer.is(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), "POST, OPTIONS");
    }
}

#[tokio::test]
async fn what_the_batch_says_holds_for_its_events() {
    let way = way();
    let batch = json!({
        "batch": [{"type": "page", "userId": "u", "context": {"device": {"id": "d"}}}, {"type": "page", "userId": "u"}],
        "context": {"device": {"type": "phone"}}, "integrations": {"All": false}, "sentAt": "2026-01-02T03:04:06Z",
    });
    way.post("/v1/batch", batch.to_string()).await.is_success();
    let events = way.shelf.events();
    assert_eq!(events[0]["context"], json!({"device": {"id": "d", "type": "phone"}}));
    assert_eq!(events[1]["context"], json!({"device": {"type": "phone"}}));
    assert_eq!(events[1]["integrations"], json!({"All": false}));
    assert_eq!(events[1]["sentAt"], "2026-01-02T03:04:06.000Z");
}

// The clock of the way in follows tokio's, which stands still here.
#[tokio::test(start_paused = true)]
async fn clocks_are_corrected() {
    let way = way();
    let event = json!({"userId": "u", "timestamp": "1970-01-01T00:00:00Z", "sentAt": "1970-01-01T00:01:00Z"});
    way.post("/v1/page", event.to_string()).await.is_success();
    let event = &way.shelf.events()[0];
    assert_eq!(event["timestamp"], "2026-01-02T03:03:06.000Z");
    assert_eq!(event["originalTimestamp"], "1970-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn a_message_id_is_made_where_there_is_none() {
    let way = way();
    for id in ["", r#","messageId":null"#, r#","messageId":"""#, r#","messageId":17"#] {
        way.post("/v1/page", format!(r#"{{"userId":"u"{id}}}"#)).await.is_success();
    }
    let ids: Vec<_> = way.shelf.events().iter().map(|event| event["messageId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids[3], "17");
    for id in &ids[..3] {
        assert_eq!(id.len(), 36, "{id}");
    }
    assert_ne!(ids[0], ids[1]);
    let stored = way.shelf.stored.lock().unwrap();
    assert_eq!(stored[0].parcel.events[0].id, destination_router::log::fingerprint(&ids[0]));
}

#[tokio::test]
async fn an_address_is_kept_for_a_user_s_own_device_alone() {
    let way = way_with(Config { forwarded: true, ..Config::default() }, Default::default());
    let send = |origin: bool, body: &str| {
        let mut request = post("/v1/page", body.to_owned());
        request.headers_mut().insert("x-forwarded-for", "198.51.100.7, 203.0.113.9".parse().unwrap());
        if origin {
            request.headers_mut().insert("origin", "https://shop.example".parse().unwrap());
        }
        way.send(request)
    };
    send(false, r#"{"userId":"u"}"#).await.is_success();
    send(true, r#"{"userId":"u"}"#).await.is_success();
    send(false, r#"{"userId":"u","context":{"direct":true}}"#).await.is_success();
    let ips: Vec<_> = way.shelf.events().iter().map(|event| event["context"]["ip"].clone()).collect();
    assert_eq!(ips, [Value::Null, json!("203.0.113.9"), json!("203.0.113.9")]);
    assert!(way.shelf.stored.lock().unwrap()[0].parcel.shared.is_empty());
}

#[tokio::test]
async fn a_long_backlog_and_a_full_disk_say_when_to_come_back() {
    let way = way();
    let event = r#"{"userId":"u","event":"E","messageId":"m"}"#;
    way.door.full.store(true, SeqCst);
    let answer = way.post("/v1/track", event).await;
    answer.is(429, "too_many_requests");
    assert_eq!((answer.header("retry-after"), answer.header("x-ratelimit-reset")), ("7", "7"));
    way.door.full.store(false, SeqCst);
    way.shelf.full.store(true, SeqCst);
    let answer = way.post("/v1/track", event).await;
    answer.is(429, "too_many_requests");
    assert_eq!(answer.header("retry-after"), "30");
    way.shelf.full.store(false, SeqCst);
    way.shelf.broken.store(true, SeqCst);
    let answer = way.post("/v1/track", event).await;
    answer.is(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    way.shelf.broken.store(false, SeqCst);
    way.post("/v1/track", event).await.is_success();
    assert_eq!(way.shelf.events().len(), 1, "what failed is no duplicate");
    assert_eq!(*way.door.appended.lock().unwrap(), [(SourceId(0), 0..1)]);
}
