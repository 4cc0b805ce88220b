//! `docs/destinations.md`: every block in it is what it says it is.

mod kit;

use destination_router::destination::document::Document;
use destination_router::destination::{Instance, Target};
use kit::{definition, env, plan, request};
use serde_json::{Value, json};
use std::sync::Arc;

const PAGE: &str = include_str!("../../docs/destinations.md");

/// The blocks of a kind: what stands between the fences, in order.
fn blocks(kind: &str) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), None::<(String, String)>);
    for line in PAGE.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((info.to_owned(), String::new())),
            (Some(_), Some(_)) => found.extend(open.take().filter(|(info, _)| info == kind).map(|(_, text)| text)),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(!found.is_empty(), "there is no block of the kind {kind:?}");
    found
}

fn quill() -> Arc<destination_router::destination::Definition> {
    definition(&blocks("yaml destination")[0])
}

/// A destination of which a part is to be looked at.
fn with(part: &str, action: &str) -> String {
    let lines: Vec<String> = action.lines().map(|line| format!("    {line}")).collect();
    let settings = ["apiKey", "secret", "user", "password", "clientId", "clientSecret", "region"];
    let settings: Vec<String> = settings.iter().map(|name| format!("{name}: {{type: string}}")).collect();
    format!(
        "name: Test\nsettings: {{{}, oauth: {{type: object}}}}\nbase: https://partner.example\n{part}\nactions:\n  act:\n{}\n",
        settings.join(", "),
        lines.join("\n")
    )
}

const ANY: &str = "when: type = \"track\"\nrequest: POST /x\njson: $";

#[test]
fn every_block_is_of_a_kind_that_is_checked() {
    let kinds = PAGE.lines().filter_map(|line| line.strip_prefix("```")).step_by(2);
    let checked = [
        "yaml destination",
        "yaml values",
        "yaml action",
        "yaml verdict",
        "yaml top",
        "yaml instance",
        "yaml case",
        "json event",
        "json request",
        "console",
    ];
    for kind in kinds {
        assert!(checked.contains(&kind), "nobody checks blocks of the kind {kind:?}");
    }
}

#[test]
fn the_tutorials_destination_sends_what_the_tutorial_says() {
    let instance =
        Instance::new(quill(), "quill", &json!({ "settings": { "apiKey": "fake-key" } })).expect("an instance");
    let event: Value = serde_json::from_str(&blocks("json event")[0]).expect("an event");
    let expected: Value = serde_json::from_str(&blocks("json request")[0]).expect("a request");
    assert_eq!(instance.route(&event), 1);
    let planned = plan(&instance, &[event]);
    assert_eq!(request(&planned.calls[0]), expected);
    assert!(blocks("yaml destination")[0].lines().count() < 50, "the tutorial promises less than 50 lines");
}

#[test]
fn the_instance_is_taken_and_does_what_it_says() {
    let document = Document::parse("instance", blocks("yaml instance")[0].as_bytes()).expect("a document");
    let instance = Instance::new(quill(), "quill", &document.value).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let order =
        json!({ "type": "track", "event": "Order Completed", "userId": "u", "properties": { "currency": "EUR" } });
    assert_eq!(instance.route(&order), 0b01);
    assert_eq!(instance.route(&json!({ "type": "page", "userId": "u" })), 0b10);
    assert_eq!(instance.route(&json!({ "type": "page" })), 0);
    let off = json!({ "type": "page", "userId": "u", "integrations": { "Quill Legacy": false } });
    assert_eq!((instance.route(&off), instance.action(1)), (0, "pages"));
    let made = request(&instance.plan(0, &[&order], &env()).calls[0]);
    assert_eq!(
        (&made["body"]["events"][0]["name"], &made["url"]),
        (&json!("Order Completed (EUR)"), &json!("http://127.0.0.1:9000/v1/events"))
    );
}

#[test]
fn every_value_is_one_and_finds_something_in_an_order() {
    let values = blocks("yaml values").concat();
    let lines: Vec<String> = values.lines().map(|line| format!("  {line}")).collect();
    let action = format!("when: type = \"track\"\nrequest: POST /x\njson:\n{}", lines.join("\n"));
    let instance = Instance::new(definition(&with("", &action)), "x", &json!({ "settings": { "region": "eu" } }))
        .expect("an instance");
    let order = json!({
        "type": "track", "event": "Order Completed", "userId": "u", "timestamp": "2026-01-02T03:04:05Z", "traits": { "plan": "pro" },
        "properties": {
            "total": 120, "currency": "EUR", "order_id": "o", "tags": ["a", "b"],
            "products": [{ "product_id": "p", "sku": "s", "price": 10, "quantity": 2 }, { "sku": "t", "price": 1.5, "quantity": 4 }],
        },
    });
    let made = request(&plan(&instance, &[order]).calls[0])["body"].clone();
    let expected = json!({
        "time": 1_767_323_045_000_i64, "email": "none", "tags": ["router", "track"], "all": ["a", "b", "Order Completed"], "ids": ["p"],
        "items": [{ "id": "p", "n": 0, "order": "o" }, { "n": 1, "order": "o" }], "first": "s", "text": "a; b", "kind": "paid", "host": "eu1", "vip": true, "named": true,
        "some": { "total": 120, "currency": "EUR" }, "rest": { "total": 120, "currency": "EUR", "order_id": "o", "tags": ["a", "b"] },
        "other": {
            "amount": 120, "currency": "EUR", "order_id": "o", "tags": ["a", "b"],
            "products": [{ "product_id": "p", "sku": "s", "price": 10, "quantity": 2 }, { "sku": "t", "price": 1.5, "quantity": 4 }],
        },
        "pairs": [{ "property": "plan", "value": "pro" }], "object": { "s": 10, "t": 1.5 }, "count": 2, "sum": 26,
    });
    assert_eq!(made, expected);
}

#[test]
fn every_action_table_and_part_compiles() {
    for action in blocks("yaml action") {
        definition(&with("", &action));
    }
    for table in blocks("yaml verdict") {
        let lines: Vec<String> = table.lines().map(|line| format!("  {line}")).collect();
        definition(&with(&format!("verdict:\n{}", lines.join("\n")), ANY));
    }
    for part in blocks("yaml top").iter().flat_map(|block| block.split("---\n")) {
        definition(&with(part, ANY));
    }
}

#[test]
fn the_case_has_the_keys_that_cases_have() {
    let document = Document::parse("case", blocks("yaml case")[0].as_bytes()).expect("a document");
    let keys: Vec<&str> = document.value.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["what", "action", "events", "expect"]);
}

#[test]
fn every_operator_and_every_cast_is_described() {
    let known = destination_router::destination::words();
    for word in known {
        let name = word.split('(').next().unwrap_or_default();
        assert!(
            PAGE.contains(&format!("{name}:"))
                || PAGE.contains(&format!("`{name}"))
                || PAGE.contains(&format!("{name}(")),
            "{word} is not described"
        );
    }
}
