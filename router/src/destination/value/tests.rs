//! The value language, form by form: what stands in a file, and what it makes of an event.

use serde_json::{Value, json};

use super::{Expr, Known, Scope, Trouble, Uses};
use crate::destination::mistake::Mistake;
use crate::destination::{Env, Refusal};
use crate::mapping::Budget;

fn known() -> Known {
    Known {
        settings: Some(vec!["key".to_owned(), "region".to_owned()]),
        steps: vec!["found".to_owned(), "skipped".to_owned()],
        batch: true,
        ..Known::default()
    }
}

fn mistakes(value: Value) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    Expr::compile(&value, &known(), "", &mut mistakes);
    mistakes
}

fn run(value: Value, event: &Value) -> Result<Option<Value>, String> {
    let mut mistakes = Vec::new();
    let expr = Expr::compile(&value, &known(), "", &mut mistakes);
    assert_eq!(mistakes, [], "{value}");
    let (settings, budget) = (json!({ "key": "k", "region": "eu" }), Budget::new());
    let steps = [json!({ "status": 200, "headers": { "x-a": "b" }, "body": { "id": 7 } }), Value::Null];
    let batch = json!([1, 2]);
    let env = Env { now: "2026-01-02T03:04:05.678Z".parse().unwrap(), seed: 1 };
    let scope = Scope {
        here: Some(event),
        event: Some(event),
        payload: Some(event),
        steps: &steps,
        batch: Some(&batch),
        count: 2,
        ..Scope::new(&settings, env, &budget)
    };
    expr.value(&scope).map_err(|trouble: Trouble| Refusal::from(trouble).0)
}

/// Each value, and what it makes of the event; `null` inside a list of one is an absent value.
fn check(event: Value, cases: &[(Value, Value)]) {
    for (value, expected) in cases {
        let made = run(value.clone(), &event);
        assert_eq!(made, Ok(Some(expected.clone())), "{value}");
    }
}

fn absent(event: Value, values: &[Value]) {
    for value in values {
        assert_eq!(run(value.clone(), &event), Ok(None), "{value}");
    }
}

fn refused(event: Value, value: Value, reason: &str) {
    assert_eq!(run(value, &event), Err(reason.to_owned()));
}

#[test]
fn texts_are_paths_templates_or_themselves() {
    let event = json!({ "a": { "b": [10, 20] }, "name": "Shoes", "n": 1.0, "empty": "", "object": { "x": 1 } });
    check(
        event.clone(),
        &[
            (json!("$.a.b[1]"), json!(20)),
            (json!("$"), event.clone()),
            (json!("$event.name"), json!("Shoes")),
            (json!("$settings.region"), json!("eu")),
            (json!("$found.body.id"), json!(7)),
            (json!("$found.headers.x-a"), json!("b")),
            (json!("$now"), json!("2026-01-02T03:04:05.678Z")),
            (json!("plain"), json!("plain")),
            (json!("$5 off"), json!("$5 off")),
            (json!("Viewed {{$.name}} {{n}} {{ $settings.region }}"), json!("Viewed Shoes 1 eu")),
            (json!("{{name | upper}}"), json!("SHOES")),
            (json!("{{object}} {{a.b}}"), json!("{\"x\":1} 10,20")),
            (json!("{{gone}} of {{name}}"), json!(" of Shoes")),
            (json!(true), json!(true)),
            (json!(null), json!(null)),
        ],
    );
    absent(event, &[json!("$.gone"), json!("Viewed {{gone}}"), json!("{{empty}}"), json!("$skipped.body.id")]);
}

#[test]
fn a_uuid_is_the_same_for_one_event_and_another_for_the_next() {
    let uuid = run(json!(["$uuid"]), &json!({})).unwrap().unwrap();
    assert_eq!(run(json!("$uuid"), &json!({})).unwrap().unwrap(), uuid);
    assert!(uuid::Uuid::try_parse(uuid.as_str().unwrap()).is_ok_and(|uuid| uuid.get_version_num() == 4), "{uuid}");
    let budget = Budget::new();
    let env = Env { now: jiff::Timestamp::UNIX_EPOCH, seed: 1 };
    let scope = Scope { salt: 1, ..Scope::new(&Value::Null, env, &budget) };
    assert_ne!(scope.uuid(), uuid.as_str().unwrap());
}

#[test]
fn a_list_is_the_first_that_is_there() {
    check(
        json!({ "null": null, "empty": "", "zero": 0, "off": false, "list": [] }),
        &[
            (json!(["$.gone", "$.null", "$.empty", "last"]), json!("last")),
            (json!(["$.zero", 1]), json!(0)),
            (json!(["$.off", true]), json!(false)),
            (json!({ "$first": ["$.gone", "$.list"] }), json!([])),
            (json!([]), json!([])),
        ],
    );
    absent(json!({}), &[json!(["$.a", "$.b"])]);
}

#[test]
fn objects_leave_out_what_is_absent_and_spread_others() {
    let event = json!({ "null": null, "p": { "a": 1, "b": 2 }, "q": { "b": 3 }, "text": "t" });
    check(
        event,
        &[
            (json!({ "x": "$.gone", "y": "$.null", "z": {} }), json!({ "y": null, "z": {} })),
            (json!({ "...": "$.p", "b": 9, "c": "$.gone" }), json!({ "a": 1, "b": 9 })),
            (json!({ "b": 9, "...": "$.p" }), json!({ "b": 2, "a": 1 })),
            (json!({ "...": ["$.p", "$.q"] }), json!({ "a": 1, "b": 3 })),
            (json!({ "...": "$.gone", "x": 1 }), json!({ "x": 1 })),
            (json!({ "...": "$.text" }), json!({})),
            (json!({ "...": "$.p", "a": "$.gone" }), json!({ "a": 1, "b": 2 })),
            (json!({ "{{text}}_id": 1, "{{gone}}": 2 }), json!({ "t_id": 1 })),
            (json!({ "$set": { "$lib": "$.text" } }), json!({ "$set": { "$lib": "t" } })),
            (json!({ "$object": { "$eq": "$.text" } }), json!({ "$eq": "t" })),
            (json!({ "$literal": { "$each": "$.x", "...": 1 } }), json!({ "$each": "$.x", "...": 1 })),
        ],
    );
}

#[test]
fn spread_objects_of_any_size_keep_the_last_of_each_key() {
    let many: Value = (0..200).map(|i| (format!("k{i}"), Value::from(i))).collect::<serde_json::Map<_, _>>().into();
    let made =
        run(json!({ "...": ["$.many", "$.more"] }), &json!({ "many": many, "more": { "k7": "x" } })).unwrap().unwrap();
    assert_eq!(made.as_object().unwrap().len(), 200);
    assert_eq!(made["k7"], "x");
}

#[test]
fn casts_have_defaults_and_demands() {
    let event = json!({ "t": "2026-01-02T03:04:05.678Z", "bad": "yesterday", "n": "12.5", "empty": "" });
    check(
        event.clone(),
        &[
            (json!({ "$": "$.t", "as": "unix_ms" }), json!(1_767_323_045_678_i64)),
            (json!({ "$": "$.t", "as": "unix" }), json!(1_767_323_045)),
            (json!({ "$": "$.t", "as": "date" }), json!("2026-01-02")),
            (json!({ "$": "$.n", "as": ["number", "round(0)", "string"] }), json!("13")),
            (json!({ "$": "$.bad", "as": "unix", "default": 0 }), json!(0)),
            (json!({ "$": "$.empty", "default": "none" }), json!("none")),
            (json!({ "$": ["$.gone", "$.n"], "as": "number" }), json!(12.5)),
        ],
    );
    refused(
        event.clone(),
        json!({ "a": { "time": { "$": "$.bad", "as": "unix" } } }),
        "a.time: \"yesterday\" is not a time",
    );
    refused(event.clone(), json!({ "id": { "$": "$.gone", "required": true } }), "id is missing");
    refused(event, json!({ "$": "$.gone", "required": "an order has an id" }), "an order has an id");
}

#[test]
fn every_cast_does_what_its_name_says() {
    let cases = [
        ("string", json!(1.0), json!("1")),
        ("string", json!([1, "a"]), json!("1,a")),
        ("number", json!(" 7 "), json!(7)),
        ("number", json!(true), json!(1)),
        ("integer", json!("7.9"), json!(7)),
        ("boolean", json!("yes"), json!(true)),
        ("boolean", json!(0), json!(false)),
        ("array", json!("a"), json!(["a"])),
        ("array", json!(["a"]), json!(["a"])),
        ("object", json!("{\"a\":1}"), json!({ "a": 1 })),
        ("json", json!({ "a": [1.0] }), json!("{\"a\":[1]}")),
        ("parse_json", json!("[1]"), json!([1])),
        ("iso8601", json!(1_767_323_045), json!("2026-01-02T03:04:05.000Z")),
        ("lower", json!("ÄB"), json!("äb")),
        ("upper", json!("äb"), json!("ÄB")),
        ("trim", json!(" a "), json!("a")),
        ("snake", json!("Order Completed"), json!("order_completed")),
        ("digits", json!("+1 (555) 0"), json!("15550")),
        ("e164", json!("+1 555 123 4567"), json!("+15551234567")),
        ("base64", json!("user:"), json!("dXNlcjo=")),
        ("cents", json!(12.5), json!(1250)),
        ("cents", json!(0.29), json!(29)),
        ("currency", json!("eur"), json!("EUR")),
        ("compact", json!({ "a": null, "b": { "c": null }, "d": [1, null] }), json!({ "b": {}, "d": [1] })),
        ("omit_null", json!({ "a": null, "b": { "c": null } }), json!({ "b": { "c": null } })),
        ("nonempty", json!([0]), json!([0])),
        ("flatten", json!({ "a": { "b": 1 }, "c": [2] }), json!({ "a.b": 1, "c": [2] })),
        ("keys", json!({ "a": 1, "b": 2 }), json!(["a", "b"])),
        ("values", json!({ "a": 1, "b": 2 }), json!([1, 2])),
        ("first", json!([1, 2]), json!(1)),
        ("last", json!([1, 2]), json!(2)),
        ("unique", json!([1, 2, 1]), json!([1, 2])),
        ("truncate(2)", json!("äöü"), json!("äö")),
        ("round(1)", json!(1.25), json!(1.3)),
        ("url_host", json!("https://a.example/b"), json!("a.example")),
        ("sha256", json!("a"), json!("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb")),
    ];
    for (cast, value, expected) in cases {
        let made = run(json!({ "$": "$.v", "as": cast }), &json!({ "v": value }));
        assert_eq!(made, Ok(Some(expected)), "{cast} {value}");
    }
    absent(
        json!({ "v": {}, "n": null }),
        &[json!({ "$": "$.v", "as": "nonempty" }), json!({ "$": "$.n", "as": "compact" })],
    );
    check(json!({ "n": null }), &[(json!({ "$": "$.n", "as": "string" }), json!(null))]);
}

#[test]
fn lists_are_made_mapped_and_filtered() {
    let event = json!({ "items": [{ "id": 1, "on": true }, { "id": 2 }, { "id": 3, "on": true }], "one": { "id": 9 }, "tags": ["a", null, "b"] });
    check(
        event.clone(),
        &[
            (json!({ "$list": ["$.items[0].id", "$.gone", "x"] }), json!([1, "x"])),
            (
                json!({ "$each": "$.items", "do": { "id": "$.id", "at": "$index" } }),
                json!([{ "id": 1, "at": 0 }, { "id": 2, "at": 1 }, { "id": 3, "at": 2 }]),
            ),
            (json!({ "$each": "$.items", "if": "$.on", "do": "$.id" }), json!([1, 3])),
            (json!({ "$each": "$.one", "do": "$.id" }), json!([9])),
            (json!({ "$each": "$.items", "do": "$event.one.id" }), json!([9, 9, 9])),
            (json!({ "$each": { "$list": ["x", "y"] }, "do": "{{$}}!" }), json!(["x!", "y!"])),
            (json!({ "$concat": ["$.tags", "$.gone", ["$.one"]] }), json!(["a", null, "b", { "id": 9 }])),
            (json!({ "$join": "$.tags", "by": "-" }), json!("a-b")),
            (json!({ "$join": ["$.one.id", "$.gone", "x"] }), json!("9,x")),
            (json!({ "$size": "$.items" }), json!(3)),
            (json!({ "$size": "$batch" }), json!(2)),
            (json!({ "$entries": "$.one" }), json!([{ "key": "id", "value": 9 }])),
            (
                json!({ "$from_entries": { "$each": "$.items", "do": { "key": "k{{id}}", "value": "$.id" } } }),
                json!({ "k1": 1, "k2": 2, "k3": 3 }),
            ),
            (json!({ "$sum": { "$each": "$.items", "do": "$.id" } }), json!(6)),
            (json!({ "$sum": ["$.one.id", 0.5, "$.gone"] }), json!(9.5)),
            (json!({ "$multiply": ["$.one.id", "2"] }), json!(18.0)),
        ],
    );
    absent(event, &[json!({ "$each": "$.gone", "do": "$.id" }), json!({ "$multiply": ["$.one.id", "$.gone"] })]);
}

#[test]
fn conditions_choose() {
    let event = json!({ "n": 5, "text": "Order Completed", "zero": 0, "null": null });
    let yes = |value: Value| (value, json!(true));
    let no = |value: Value| (value, json!(false));
    check(
        event,
        &[
            (json!({ "$if": "$.n", "then": "$.text", "else": 1 }), json!("Order Completed")),
            (json!({ "$if": "$.zero", "then": 1, "else": "$.n" }), json!(5)),
            (json!({ "$switch": "$.n", "cases": { "5": "five" }, "else": 0 }), json!("five")),
            (json!({ "$switch": "$.gone", "cases": { "5": "five" }, "else": 0 }), json!(0)),
            yes(json!({ "$eq": ["$.n", 5.0] })),
            yes(json!({ "$eq": ["$.gone", null] })),
            no(json!({ "$eq": ["$.n", "5"] })),
            yes(json!({ "$ne": ["$.n", 6] })),
            yes(json!({ "$in": ["$.n", [4, 5]] })),
            no(json!({ "$in": ["$.gone", [4, 5]] })),
            yes(json!({ "$match": ["$.text", "Order *"] })),
            yes(json!({ "$match": ["$.text", "*der*pleted"] })),
            no(json!({ "$match": ["$.text", "Order"] })),
            yes(json!({ "$gt": ["$.n", 4] })),
            yes(json!({ "$lte": ["$.n", 5] })),
            no(json!({ "$lt": ["$.text", 5] })),
            yes(json!({ "$not": "$.zero" })),
            yes(json!({ "$all": ["$.n", { "$present": "$.zero" }] })),
            yes(json!({ "$any": ["$.null", "$.n"] })),
            yes(json!({ "$absent": "$.null" })),
        ],
    );
    absent(json!({}), &[json!({ "$if": "$.x", "then": 1 }), json!({ "$switch": "$.x", "cases": { "a": 1 } })]);
}

#[test]
fn fields_are_picked_left_out_and_renamed() {
    let event = json!({ "o": { "a": 1, "b": 2, "c": 3 } });
    check(
        event.clone(),
        &[
            (json!({ "$pick": ["a", "c", "z"], "of": "$.o" }), json!({ "a": 1, "c": 3 })),
            (json!({ "$omit": ["a"], "of": "$.o" }), json!({ "b": 2, "c": 3 })),
            (json!({ "$rename": { "a": "b" }, "of": { "$omit": ["c"], "of": "$.o" } }), json!({ "b": 2 })),
        ],
    );
    absent(event, &[json!({ "$omit": ["a"], "of": "$.gone" })]);
}

#[test]
fn a_segment_directive_has_segments_rules_all_the_way_down() {
    let event = json!({ "userId": "u", "list": [{ "a": "$.b" }] });
    check(
        event,
        &[
            (json!({ "@path": "$.userId" }), json!("u")),
            (json!({ "x": { "@template": "{{userId}}-{{gone}}" } }), json!({ "x": "u-" })),
            // What would be a path in a short form is a text here.
            (
                json!({ "@arrayPath": ["$.list", { "a": "$.a", "b": { "@path": "$.a" } }] }),
                json!([{ "a": "$.a", "b": "$.b" }]),
            ),
        ],
    );
}

#[test]
fn mistakes_are_all_found_with_their_places_and_what_was_meant() {
    let found = mistakes(json!({
        "a": "$setings.key",
        "b": "$settings.kye",
        "c": { "$": "$.x", "as": ["unixx", "string"] },
        "d": { "$eech": "$.x", "do": "$.y" },
        "e": { "$if": "$.x", "than": 1 },
        "f": { "@pth": "$.x" },
        "g": "{{$.x",
        "h": { "$eq": ["$.x"] },
        "i": { "$pick": ["a"] },
        "j": { "$switch": "$.x" },
        "k": "$identify",
    }));
    let found: Vec<(&str, Option<&str>)> = found.iter().map(|m| (m.at.as_str(), m.suggestion.as_deref())).collect();
    let expected = [
        ("/a", Some("$settings")),
        ("/b", Some("key")),
        ("/c/as", Some("unix")),
        ("/d/$eech", Some("$each")),
        ("/e/than", Some("then")),
        ("/e", None),
        ("/f", Some("@path")),
        ("/g", None),
        ("/h/$eq", None),
        ("/i", None),
        ("/j", None),
        ("/k", None),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_value_knows_what_it_asks_for() {
    let uses = |value: Value| Expr::compile(&value, &known(), "", &mut Vec::new());
    assert!(uses(json!({ "a": "$settings.key", "b": 1 })).uses().settings_alone());
    assert!(!uses(json!("$now")).uses().settings_alone());
    assert!(uses(json!("{{$.a}}")).uses().has(Uses::EVENT));
    assert!(uses(json!({ "@path": "$.a" })).uses().has(Uses::EVENT));
    assert_eq!(uses(json!({ "x": ["$settings.key", "$settings.region"] })).settings().len(), 2);
    assert!(uses(json!({ "x": ["$batch"] })).constant().is_none());
    assert_eq!(uses(json!({ "a": { "b": "$batch" } })).plain_batches(), Some(1));
    assert_eq!(uses(json!({ "a": { "$size": "$batch" } })).plain_batches(), None);
    assert_eq!(uses(json!({ "a": "$batch[0]" })).plain_batches(), None);
}

#[test]
fn what_one_event_becomes_is_bounded() {
    let event = json!({ "list": vec![1; 2000], "text": "x".repeat(10_000) });
    let made = run(json!({ "$each": "$.list", "do": "$event.text" }), &event);
    assert!(made.unwrap_err().contains("bytes"), "it is not refused");
}
