//! What holds for every body: nothing is lost without a word in strict mode, and what is accepted can be decoded.

mod ingest_support;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use ingest_support::way;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "(|u|é|[a-z]{1,5}|\\PC{0,8})".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c]|ip|direct|é", inner), 0..4).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

const NAMES: [&str; 13] = [
    "messageId",
    "userId",
    "anonymousId",
    "event",
    "context",
    "integrations",
    "properties",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "writeKey",
    "traits",
    "x",
];

/// An event whose fields are right more often than not.
fn event() -> impl Strategy<Value = Value> {
    let odd = prop::collection::vec((prop::sample::select(&NAMES[..]), value()), 0..3);
    let kind = prop::sample::select(&["track", "page", "identify", "nothing"][..]);
    prop_oneof![
        9 => (odd, kind, "[a-d]").prop_map(|(odd, kind, id)| {
            let mut event = Map::from_iter([("type".to_owned(), kind.into()), ("userId".to_owned(), "u".into()),
                ("event".to_owned(), "E".into()), ("messageId".to_owned(), id.into())]);
            event.extend(odd.into_iter().map(|(name, value)| (name.to_owned(), value)));
            event.into()
        }),
        1 => value(),
    ]
}

fn sent(path: &str, body: &str) -> (u16, Value, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let way = way();
        let answer = way.post(path, body.to_owned()).await;
        // Decoding is part of it: an event that cannot be decoded is a panic here.
        (answer.status.as_u16(), answer.json(), way.shelf.events().len())
    })
}

proptest! {
    #[test]
    fn every_event_of_a_batch_is_accounted_for(events in prop::collection::vec(event(), 0..8)) {
        let body = json!({ "batch": events }).to_string();
        let (status, answer, stored) = sent("/v1/batch?strict=1", &body);
        let count = |field: &str| answer[field].as_u64().unwrap_or(99) as usize;
        let refused = answer["refused"].as_array().map_or(99, Vec::len);
        prop_assert_eq!(count("accepted") + count("duplicates") + refused, events.len(), "{}", answer);
        prop_assert_eq!(count("accepted"), stored);
        prop_assert_eq!(status, if refused == 0 { 200 } else { 400 });
        prop_assert_eq!(&sent("/v1/batch", &body).1, &json!({"success": true}));
    }

    #[test]
    fn a_body_with_a_mistake_is_answered_and_what_is_stored_can_be_decoded(
        events in prop::collection::vec(event(), 1..4),
        at in any::<prop::sample::Index>(),
        with in "(\\\\u[dD]8[0-9a-f]{2}|1e999|[\\[{\"\\\\,:}\\]]|[0-9]{1,3}|\\PC)",
    ) {
        let mut body = json!({ "batch": events, "context": {"a": 1} }).to_string();
        let place = at.index(body.len());
        if body.is_char_boundary(place) {
            body.insert_str(place, &with);
        }
        let parsed = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
        let (status, _, stored) = sent("/v1/batch", &body);
        prop_assert!(status == 200 || status == 400 || status == 401, "{}", status);
        prop_assert!(parsed || (status == 400 && stored == 0), "{}", body);
    }
}
