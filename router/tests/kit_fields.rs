//! The first stage: fields validated and coerced as Segment's framework does it.

mod kit;

use kit::{instance, one_action, plan, request};
use serde_json::{Value, json};

/// What a field of an action makes of a value; absent is null.
fn field(definition: &str, value: &Value) -> Result<Value, String> {
    let action = format!("fields:\n  f: {definition}\nrequest: POST /x\njson: {{f: $.f}}");
    let instance = instance(&one_action(&action), &Value::Null);
    let planned = plan(&instance, &[json!({ "v": value })]);
    match planned.refused.first() {
        Some((_, why)) => Err(why.clone()),
        None => Ok(request(&planned.calls[0])["body"]["f"].clone()),
    }
}

fn check(definition: &str, cases: &[(Value, Value)]) {
    for (value, expected) in cases {
        assert_eq!(field(definition, value), Ok(expected.clone()), "{definition} {value}");
    }
}

fn refused(definition: &str, values: &[Value]) {
    for value in values {
        assert!(field(definition, value).is_err(), "{definition} {value} gives {:?}", field(definition, value));
    }
}

#[test]
fn texts_take_numbers_booleans_and_lists_of_one() {
    let text = "{type: string, default: $.v}";
    check(
        text,
        &[
            (json!("a"), json!("a")),
            (json!(1.50), json!("1.5")),
            (json!(true), json!("true")),
            (json!(["a"]), json!("a")),
            (json!([7]), json!("7")),
        ],
    );
    refused(text, &[json!(["a", "b"]), json!({}), json!([])]);
    // What cannot be there is dropped before it is looked at.
    check(text, &[(json!(null), json!(null)), (json!(""), json!(null))]);
}

#[test]
fn numbers_take_what_javascript_takes_for_one() {
    let number = "{type: number, default: $.v}";
    check(
        number,
        &[
            (json!("12.5"), json!(12.5)),
            (json!(" 7 "), json!(7)),
            (json!(true), json!(1)),
            (json!("1e3"), json!(1000)),
            (json!(["3"]), json!(3)),
            (json!("0x10"), json!(16)),
        ],
    );
    refused(number, &[json!("twelve"), json!("1,5"), json!([1, 2]), json!({})]);
    let integer = "{type: integer, default: $.v}";
    check(integer, &[(json!(7.0), json!(7)), (json!("7"), json!(7))]);
    refused(integer, &[json!(7.5), json!("7.5")]);
    refused("{type: number, minimum: 1, maximum: 5, default: $.v}", &[json!(0), json!(6)]);
}

#[test]
fn booleans_take_their_names_and_numbers() {
    let boolean = "{type: boolean, default: $.v}";
    check(
        boolean,
        &[
            (json!("true"), json!(true)),
            (json!("false"), json!(false)),
            (json!(1), json!(true)),
            (json!(0), json!(false)),
            (json!(false), json!(false)),
        ],
    );
    refused(boolean, &[json!("yes"), json!(2), json!({})]);
}

#[test]
fn times_are_checked_and_stay_as_they_are() {
    let time = "{type: datetime, default: $.v}";
    for value in [
        json!("2026-01-02T03:04:05Z"),
        json!("2026-02-31"),
        json!("1767323045"),
        json!(1_767_323_045),
        json!("Jan 2, 2026"),
    ] {
        check(time, &[(value.clone(), value)]);
    }
    refused(time, &[json!("yesterday"), json!(true), json!({})]);
}

#[test]
fn null_stays_where_it_is_allowed() {
    check("{type: string, allow_null: true, default: $.v}", &[(json!(null), json!(null)), (json!("a"), json!("a"))]);
    let kept = |allow: bool| {
        let action = format!(
            "fields:\n  f: {{type: string, allow_null: {allow}, default: $.v}}\nrequest: POST /x\njson: $payload"
        );
        let planned = plan(&instance(&one_action(&action), &Value::Null), &[json!({ "v": null })]);
        request(&planned.calls[0])["body"].clone()
    };
    assert_eq!((kept(true), kept(false)), (json!({ "f": null }), json!({})));
}

#[test]
fn lists_are_made_of_what_is_none_and_lose_what_cannot_be_in_them() {
    let list = "{type: string, multiple: true, default: $.v}";
    check(
        list,
        &[
            (json!("a"), json!(["a"])),
            (json!([1, null, "b", ""]), json!(["1", "b", ""])),
            (json!([]), json!([])),
            (json!(null), json!(null)),
        ],
    );
    refused(list, &[json!([{}]), json!([["a", "b"]])]);
    check("{type: object, multiple: true, default: $.v}", &[(json!({ "a": 1 }), json!([{ "a": 1 }]))]);
    refused("{type: number, multiple: true, default: $.v}", &[json!(["x"])]);
}

#[test]
fn choices_are_checked_after_the_value_is_coerced() {
    let choice = "{type: string, enum: [a, \"1\"], default: $.v}";
    check(choice, &[(json!("a"), json!("a")), (json!(1), json!("1"))]);
    assert_eq!(field(choice, &json!("b")).unwrap_err(), "f must be one of \"a\", \"1\" and is \"b\"");
    check("{type: string, multiple: true, enum: [a], default: $.v}", &[(json!("a"), json!(["a"]))]);
}

#[test]
fn objects_keep_their_own_properties_alone() {
    let object = "{type: object, default: $.v, properties: {id: {type: string, required: true}, n: {type: number}}}";
    check(
        object,
        &[
            (json!({ "id": 1, "n": "2", "other": true }), json!({ "id": "1", "n": 2 })),
            (json!({ "id": "a", "n": null }), json!({ "id": "a" })),
        ],
    );
    assert_eq!(field(object, &json!({ "n": 1 })).unwrap_err(), "f.id is missing");
    assert_eq!(field(object, &json!({ "id": "" })), Ok(json!({ "id": "" })));
    refused(object, &[json!("text"), json!([{ "id": 1 }])]);
    check(
        "{type: object, default: $.v}",
        &[(json!({ "any": null, "list": [null] }), json!({ "any": null, "list": [null] }))],
    );
    check(
        "{type: object, additional_properties: true, default: $.v, properties: {id: {type: string}}}",
        &[(json!({ "id": 1, "more": null }), json!({ "id": "1", "more": null }))],
    );
    let items = "{type: object, multiple: true, default: $.v, properties: {id: {type: string, required: true}}}";
    check(items, &[(json!([{ "id": 1, "x": 2 }]), json!([{ "id": "1" }]))]);
    assert_eq!(field(items, &json!([{ "id": 1 }, {}])).unwrap_err(), "f[1].id is missing");
}

#[test]
fn every_violation_of_an_event_is_named() {
    let action = "fields:\n  a: {type: string, required: true, default: $.a}\n  b: {type: number, default: $.b}\n  c: {type: string, format: email, default: $.c}\nrequest: POST /x\njson: $payload";
    let planned = plan(&instance(&one_action(action), &Value::Null), &[json!({ "b": "x", "c": "y" })]);
    assert_eq!(
        planned.refused[0].1,
        "a is missing; b must be a number and is \"x\"; c must be an e-mail address and is \"y\""
    );
}

#[test]
fn a_field_may_be_required_where_another_has_a_value() {
    let action = |required: &str| {
        format!(
            "fields:\n  kind: {{type: string, default: $.kind}}\n  name: {{type: string, default: $.name, required: {required}}}\nrequest: POST /x\njson: $payload"
        )
    };
    let refuses = |required: &str, event: Value| {
        !plan(&instance(&one_action(&action(required)), &Value::Null), &[event]).refused.is_empty()
    };
    let is = "{conditions: [{fieldKey: kind, operator: is, value: track}]}";
    assert!(refuses(is, json!({ "kind": "track" })));
    assert!(
        !refuses(is, json!({ "kind": "page" }))
            && !refuses(is, json!({}))
            && !refuses(is, json!({ "kind": "track", "name": "n" }))
    );
    let is_not = "{conditions: [{fieldKey: kind, operator: is_not, value: track}]}";
    assert!(refuses(is_not, json!({ "kind": "page" })) && !refuses(is_not, json!({})));
    let absent = "{conditions: [{fieldKey: kind, operator: is}]}";
    assert!(refuses(absent, json!({})) && !refuses(absent, json!({ "kind": "x" })));
    let any = "{match: any, conditions: [{fieldKey: kind, operator: is, value: a}, {fieldKey: kind, operator: is, value: b}]}";
    assert!(refuses(any, json!({ "kind": "b" })) && !refuses(any, json!({ "kind": "c" })));
    let all = "{conditions: [{fieldKey: kind, operator: is, value: a}, {fieldKey: kind, operator: is, value: b}]}";
    assert!(!refuses(all, json!({ "kind": "b" })));
}

#[test]
fn a_customers_mapping_replaces_the_defaults_that_it_names() {
    let action = "fields:\n  a: {type: string, default: $.a}\n  b: {type: string, default: $.b}\n  c: {type: string, default: $.c}\nrequest: POST /x\njson: $payload";
    let mapping = json!({
        "a": { "@if": { "exists": { "@path": "$.x" }, "then": { "@path": "$.x" }, "else": "none" } }, "b": null, "enable_batching": true,
        "__segment_internal_sync_mode": "add",
    });
    let config = json!({ "actions": [{ "action": "act", "mapping": mapping }] });
    let planned = plan(&instance(&one_action(action), &config), &[json!({ "a": "A", "b": "B", "c": "$.a" })]);
    assert_eq!(request(&planned.calls[0])["body"], json!({ "a": "none", "c": "$.a" }));
}

#[test]
fn a_field_may_be_written_short() {
    let action =
        "fields:\n  id: [$.userId, $.anonymousId]\n  whole: {...: $.p, n: 1}\nrequest: POST /x\njson: $payload";
    let planned =
        plan(&instance(&one_action(action), &Value::Null), &[json!({ "anonymousId": "a", "p": { "x": null } })]);
    assert_eq!(request(&planned.calls[0])["body"], json!({ "id": "a", "whole": { "x": null, "n": 1 } }));
}
