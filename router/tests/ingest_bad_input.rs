//! Bad input: each kind has a clear answer, and what is right beside it is accepted.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod ingest_support;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use destination_router::ingest::{Config, Limits, MAX_DEPTH};
use serde_json::{Value, json};

use ingest_support::{Answer, Way, way, way_with};

fn event(extra: Value) -> Value {
    let mut event = json!({"type": "track", "userId": "u", "event": "E"});
    event.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    event
}

fn batch(events: &[Value]) -> String {
    json!({ "batch": events }).to_string()
}

/// The refused events of a strict answer, as (index, code).
fn refused(answer: &Answer) -> Vec<(u64, String)> {
    assert_eq!((answer.status.as_u16(), &answer.json()["success"]), (400, &json!(false)), "{}", answer.text);
    let list = answer.json()["refused"].as_array().unwrap().clone();
    list.iter().map(|r| (r["index"].as_u64().unwrap(), r["code"].as_str().unwrap().to_owned())).collect()
}

/// Sends an event that is wrong beside one that is right: by default nobody hears of it, strictly it is named; the other is stored.
async fn refused_alone(way: &Way, wrong: Value, code: &str) {
    let before = (way.shelf.events().len(), way.refused(code));
    let events = [event(json!({})), wrong];
    way.post("/v1/batch", batch(&events)).await.is_success();
    let strict = way.post("/v1/batch?strict=1", batch(&events)).await;
    assert_eq!(refused(&strict), [(1, code.to_owned())]);
    assert_eq!(strict.json()["accepted"], 1);
    assert!(strict.json()["refused"][0]["message"].as_str().unwrap().len() > 10);
    assert_eq!((way.shelf.events().len(), way.refused(code)), (before.0 + 2, before.1 + 2));
}

#[tokio::test]
async fn half_a_batch_wrong() {
    let way = way();
    let events = [
        event(json!({"messageId": "a"})),
        json!({"type": "track", "userId": "u", "messageId": "b"}),
        json!(7),
        event(json!({"messageId": "c"})),
        event(json!({"messageId": "a"})),
    ];
    let answer = way.post("/v1/batch?strict=1", batch(&events)).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!({
            "success": false, "accepted": 2, "duplicates": 1, "refused": [
                {"index": 1, "code": "no_event", "message": "a track event needs a name in `event`", "messageId": "b"},
                {"index": 2, "code": "not_an_object", "message": "an event is a JSON object"},
            ]
        })
    );
    assert_eq!(way.shelf.events().len(), 2);
}

#[tokio::test]
async fn a_strict_source_and_a_strict_process_are_strict_without_being_asked() {
    let way = way();
    let body = json!({"batch": [{"type": "page"}], "writeKey": "STRICT"}).to_string();
    let request = |path: &str| http::Request::post(path).body(Body::from(body.clone())).unwrap();
    assert_eq!(refused(&way.send(request("/v1/batch")).await), [(0, "no_user_anon_id".to_owned())]);
    way.send(request("/v1/batch?strict=0")).await.is_success();
    let way = way_with(Config { strict: true, ..Config::default() }, Arc::default());
    let right = way.post("/v1/track", event(json!({})).to_string()).await;
    assert_eq!(right.json(), json!({"success": true, "accepted": 1, "duplicates": 0, "refused": []}));
}

#[tokio::test]
async fn no_user() {
    let way = way();
    for user in [json!({}), json!({"userId": null}), json!({"userId": "", "anonymousId": null})] {
        let mut wrong = event(json!({}));
        wrong.as_object_mut().unwrap().remove("userId");
        wrong.as_object_mut().unwrap().extend(user.as_object().unwrap().clone());
        refused_alone(&way, wrong, "no_user_anon_id").await;
    }
}

#[tokio::test]
async fn no_event_name() {
    let way = way();
    for name in [json!(null), json!("")] {
        refused_alone(&way, event(json!({"event": name})), "no_event").await;
    }
}

#[tokio::test]
async fn no_type_and_an_unknown_type() {
    let way = way();
    refused_alone(&way, json!({"userId": "u"}), "no_type").await;
    refused_alone(&way, json!({"userId": "u", "type": 3}), "no_type").await;
    refused_alone(&way, json!({"userId": "u", "type": "Track"}), "unknown_type").await;
}

#[tokio::test]
async fn wrong_types() {
    let way = way();
    for wrong in [
        json!({"userId": {"id": 1}}),
        json!({"userId": true}),
        json!({"anonymousId": ["a"]}),
        json!({"event": {}}),
        json!({"messageId": false}),
        json!({"groupId": []}),
        json!({"previousId": {}}),
        json!({"context": "c"}),
        json!({"integrations": [1]}),
        json!({"properties": 1}),
        json!({"traits": true}),
    ] {
        refused_alone(&way, event(wrong), "wrong_type").await;
    }
}

#[tokio::test]
async fn a_number_as_user_id_becomes_a_text() {
    let way = way();
    way.post("/v1/track", event(json!({"userId": 42, "event": 7, "context": null, "properties": []})).to_string())
        .await
        .is_success();
    let event = &way.shelf.events()[0];
    assert_eq!((&event["userId"], &event["event"], &event["properties"]), (&json!("42"), &json!("7"), &json!({})));
}

#[tokio::test]
async fn an_oversized_event() {
    let way = way();
    let large = |bytes: usize| {
        let empty = event(json!({"x": ""})).to_string().len();
        event(json!({"x": "y".repeat(bytes - empty)}))
    };
    refused_alone(&way, large(32 * 1024 + 1), "too_large").await;
    way.post("/v1/track", large(32 * 1024).to_string()).await.is_success();
    way.post("/v1/track", large(32 * 1024 + 1).to_string()).await.is(400, "too_large");
    way.post("/v1/track?strict=1", large(32 * 1024 + 1).to_string()).await.is(413, "too_large");
}

#[tokio::test]
async fn an_oversized_batch() {
    let way = way();
    let one = event(json!({"x": "y".repeat(1000)}));
    let many = vec![one; 510];
    way.post("/v1/batch", batch(&many)).await.is(400, "too_large");
    way.post("/v1/batch?strict=1", batch(&many)).await.is(413, "too_large");
    // The length is not always told beforehand.
    let chunks = batch(&many).into_bytes().chunks(999).map(<[u8]>::to_vec).collect::<Vec<_>>();
    way.post("/v1/batch", Body::new(Chunks(chunks.into_iter()))).await.is(400, "too_large");
    assert_eq!(way.shelf.events().len(), 0);
    way.post("/v1/batch", batch(&many[..400])).await.is_success();
}

struct Chunks(std::vec::IntoIter<Vec<u8>>);

impl http_body::Body for Chunks {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        Poll::Ready(self.0.next().map(|chunk| Ok(http_body::Frame::data(chunk.into()))))
    }
}

#[tokio::test]
async fn more_events_than_a_batch_may_have() {
    let way = way();
    let many = vec![json!({"type": "page", "userId": "u"}); 2502];
    let answer = way.post("/v1/batch?strict=1", batch(&many)).await;
    assert_eq!(refused(&answer), [(2500, "too_many".to_owned())]);
    assert_eq!((&answer.json()["accepted"], &answer.json()["refused"][0]["events"]), (&json!(2500), &json!(2)));
    way.post("/v1/batch", batch(&many)).await.is_success();
    assert_eq!((way.shelf.events().len(), way.refused("too_many")), (5000, 4));
    let limits = Limits { batch_events: 1, event_bytes: 60, ..Limits::default() };
    let small = way_with(Config { limits, ..Config::default() }, Arc::default());
    let answer = small.post("/v1/batch?strict=1", batch(&[event(json!({"long": "x".repeat(60)})), json!(1)])).await;
    assert_eq!(refused(&answer), [(0, "too_large".to_owned()), (1, "too_many".to_owned())]);
}

#[tokio::test]
async fn malformed_bodies_are_named_with_their_place() {
    let way = way();
    for (body, place) in [
        ("", "line 1, column 1: expected a value"),
        ("{\"userId\":\"u\",\n \"event\": }", "line 2, column 11: expected a value"),
        ("{\"userId\":\"u\"}{}", "line 1, column 15: expected the end"),
        ("{\"userId\":\"a\u{1}b\"}", "line 1, column 13: expected no control character"),
    ] {
        let answer = way.post("/v1/track", body).await;
        answer.is(400, "invalid_json");
        assert_eq!(answer.json()["message"], format!("invalid JSON: {place}"), "{body}");
        way.post("/v1/batch", body).await.is(400, "invalid_json");
    }
    for body in
        ["[]", "{}", "{\"batch\":{}}", "{\"batch\":null}", "{\"batch\":[{}],\"batch\":1}", "\"x\"", "{\"batch\":[1,]}"]
    {
        way.post("/v1/batch", body).await.is(400, "invalid_json");
    }
    for body in ["[]", "\"x\"", "3", "null"] {
        way.post("/v1/track", body).await.is(400, "not_an_object");
    }
    way.post("/v1/batch", "{\"batch\":[]}").await.is_success();
    assert_eq!(way.shelf.events().len(), 0);
}

#[tokio::test]
async fn a_batch_that_breaks_off_is_not_half_accepted() {
    let way = way();
    let whole = batch(&[event(json!({})), event(json!({}))]);
    way.post("/v1/batch", whole[..whole.len() - 3].to_owned()).await.is(400, "invalid_json");
    assert_eq!(way.shelf.events().len(), 0);
}

#[tokio::test]
async fn what_a_batch_says_for_its_events_must_be_objects() {
    let way = way();
    let deep = "[".repeat(200) + &"]".repeat(200);
    for (field, value, code) in
        [("context", "1", "wrong_type"), ("integrations", "\"x\"", "wrong_type"), ("context", &deep, "wrong_type")]
    {
        let body = format!(r#"{{"batch":[{}],"{field}":{value}}}"#, event(json!({})));
        let answer = way.post("/v1/batch", body).await;
        assert_eq!(answer.status, 400);
        assert!([code, "too_deep"].contains(&answer.json()["code"].as_str().unwrap()), "{}", answer.text);
    }
    way.post("/v1/batch", format!(r#"{{"batch":[{}],"context":null,"integrations":[]}}"#, event(json!({}))))
        .await
        .is_success();
}

#[tokio::test]
async fn not_utf_8() {
    let way = way();
    let answer = way.post("/v1/track", b"{\"userId\":\"\xff\"}".to_vec()).await;
    answer.is(400, "not_utf8");
    assert_eq!(answer.json()["message"], "the body is not UTF-8 at byte 11: send JSON in UTF-8");
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    way.post("/v1/track", utf16).await.is(400, "invalid_json");
}

#[tokio::test]
async fn deep_nesting() {
    let way = way();
    // The event itself is one level, `properties` the second.
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 2), "]".repeat(depth - 2));
        format!(r#"{{"type":"track","userId":"u","event":"E","properties":{{"x":{open}{close}}}}}"#)
    };
    for path in ["/v1/track", "/v1/batch"] {
        let wrap = |event: String| if path == "/v1/batch" { format!("{{\"batch\":[{event}]}}") } else { event };
        let before = way.shelf.events().len();
        way.post(path, wrap(nested(MAX_DEPTH))).await.is_success();
        assert_eq!(way.shelf.events().len(), before + 1, "it is decoded as well");
        let strict = format!("{path}?strict=1");
        assert_eq!(refused(&way.post(&strict, wrap(nested(MAX_DEPTH + 1))).await), [(0, "too_deep".to_owned())]);
        assert_eq!(refused(&way.post(&strict, wrap(nested(15_000))).await), [(0, "too_deep".to_owned())]);
    }
    way.post("/v1/track", "[".repeat(400_000)).await.is(400, "invalid_json");
}

#[tokio::test]
async fn the_last_of_two_equal_names_counts() {
    let way = way();
    let twice = r#"{"type":"track","userId":{},"userId":"a","userId":"b","event":"","event":"E","messageId":"1","messageId":"2"}"#;
    way.post("/v1/track", twice).await.is_success();
    let event = &way.shelf.events()[0];
    assert_eq!((&event["userId"], &event["messageId"]), (&json!("b"), &json!("2")));
    let batch = format!(r#"{{"batch":[{twice},{twice}],"batch":[{}]}}"#, r#"{"type":"page","userId":"u"}"#);
    way.post("/v1/batch", batch).await.is_success();
    assert_eq!(way.shelf.events().len(), 2);
    let null = r#"{"type":"track","userId":"a","userId":null,"event":"E"}"#;
    way.post("/v1/track", null).await.is_success();
    assert_eq!((way.shelf.events().len(), way.refused("no_user_anon_id")), (2, 1));
}

#[tokio::test]
async fn names_may_be_escaped() {
    let way = way();
    let escaped = r#"{"\u0074ype":"track","user\u0049d":"u","event":"E","messageI\u0064":"caf\u00e9"}"#;
    way.post("/v1/track", escaped).await.is_success();
    way.post("/v1/track", r#"{"userId":"u","event":"E","messageId":"café"}"#).await.is_success();
    assert_eq!(way.shelf.events().len(), 1, "the same id in another spelling");
}

#[tokio::test]
async fn numbers_that_no_double_holds() {
    let way = way();
    let number = |text: &str| format!(r#"{{"userId":"u","event":"E","properties":{{"n":{text}}}}}"#);
    let answer = way.post("/v1/track?strict=1", number("1e999")).await;
    assert_eq!(refused(&answer), [(0, "number_out_of_range".to_owned())]);
    way.post("/v1/track", number("123456789012345678901234567890")).await.is_success();
    way.post("/v1/track", number("-1.5E-3000")).await.is_success();
    assert_eq!(way.shelf.events().len(), 2);
}

#[tokio::test]
async fn half_a_character_is_replaced() {
    let way = way();
    way.post("/v1/track", r#"{"userId":"u","event":"cut \ud83d","properties":{"\udc00":"\ud83d\ude00"}}"#)
        .await
        .is_success();
    let event = &way.shelf.events()[0];
    assert_eq!(event["event"], "cut \u{fffd}");
    assert_eq!(event["properties"], json!({"\u{fffd}": "\u{1f600}"}));
    let batch = r#"{"batch":[{"type":"page","userId":"u","messageId":"m\ud83d"}],"context":{"a":"\ud800"},"integrations":{"\udfff":1}}"#;
    way.post("/v1/batch", batch).await.is_success();
    let event = &way.shelf.events()[1];
    assert_eq!((&event["context"]["a"], &event["integrations"]), (&json!("\u{fffd}"), &json!({"\u{fffd}": 1})));
    let stored = way.shelf.stored.lock().unwrap();
    assert_eq!(stored[1].parcel.events[0].id, destination_router::log::fingerprint("m\u{fffd}"), "it can be found");
}

#[tokio::test]
async fn events_with_other_write_keys_than_the_first() {
    let way = way();
    let keyed = |key: &str| json!({"type": "page", "userId": "u", "writeKey": key});
    let body = batch(&[keyed("OTHER"), keyed("WK"), json!({"type": "page", "userId": "u"})]);
    let request = http::Request::post("/v1/batch?strict=1").body(Body::from(body)).unwrap();
    assert_eq!(refused(&way.send(request).await), [(1, "other_write_key".to_owned())]);
}
