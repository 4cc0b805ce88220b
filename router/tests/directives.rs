//! What each directive gives, and what each refuses.

use destination_router::mapping::{ApplyError, MAX_DEPTH, Mapping, Problem};
use serde_json::{Value, json};

fn event() -> Value {
    json!({
        "type": "track", "event": "Tea Poured", "userId": "u-7", "anonymousId": null,
        "properties": {
            "cups": 2, "price": 3.0, "hot": false, "note": "", "shop": { "city": "Uji", "open": { "from": 9, "to": 17 } },
            "leaves": [{ "kind": "sencha", "grams": 5 }, { "kind": "hojicha" }], "tags": ["green", "roasted"],
        },
    })
}

/// `null` stands for "nothing", which these tests never expect as a value.
fn apply(mapping: Value) -> Value {
    try_apply(mapping).expect("an event that is not refused").unwrap_or(Value::Null)
}

fn try_apply(mapping: Value) -> Result<Option<Value>, ApplyError> {
    Mapping::compile(&mapping).expect("a mapping").apply(&event())
}

fn refusal(mapping: Value) -> String {
    Mapping::compile(&mapping).expect_err("a mistake").to_string()
}

#[test]
fn fields_that_find_nothing_are_left_out_and_nulls_stay() {
    let mapping =
        json!({ "a": { "@path": "$.nope" }, "b": { "@path": "$.anonymousId" }, "c": [{ "@path": "$.nope" }, 1] });
    assert_eq!(apply(mapping), json!({ "b": null, "c": [null, 1] }));
    assert_eq!(try_apply(json!({ "@path": "$.nope" })), Ok(None));
}

#[test]
fn path_finds_values_of_every_kind() {
    assert_eq!(apply(json!({ "@path": "$.properties.shop.city" })), "Uji");
    assert_eq!(apply(json!({ "@path": "properties.leaves[1].kind" })), "hojicha");
    assert_eq!(apply(json!({ "@path": "$.properties.leaves.length" })), 2);
    assert_eq!(apply(json!({ "@path": { "@template": "$.properties.{{properties.tags.length}}" } })), Value::Null);
    assert_eq!(apply(json!({ "@path": { "@literal": "$.event" } })), "Tea Poured");
}

#[test]
fn if_tells_what_is_there_from_what_is_not() {
    let test =
        |kind: &str, path: &str| apply(json!({ "@if": { kind: { "@path": path }, "then": "yes", "else": "no" } }));
    for path in ["$.event", "$.properties.note", "$.properties.hot"] {
        assert_eq!(test("exists", path), "yes", "{path}");
    }
    for path in ["$.nope", "$.anonymousId"] {
        assert_eq!(test("exists", path), "no", "{path}");
        assert_eq!(test("blank", path), "no", "{path}");
    }
    assert_eq!(test("blank", "$.event"), "yes");
    assert_eq!(test("blank", "$.properties.note"), "no");
    assert_eq!(test("blank", "$.properties.hot"), "no");
}

#[test]
fn if_without_the_branch_it_takes_gives_nothing() {
    assert_eq!(try_apply(json!({ "@if": { "exists": { "@path": "$.nope" }, "then": 1 } })), Ok(None));
    assert_eq!(try_apply(json!({ "@if": { "exists": { "@path": "$.event" }, "else": 1 } })), Ok(None));
    // As at Segment: an empty "else" is none.
    assert_eq!(try_apply(json!({ "@if": { "exists": { "@path": "$.nope" }, "then": 1, "else": "" } })), Ok(None));
}

#[test]
fn template_mixes_texts_and_values() {
    let template = "{{userId}}: {{{ properties.cups }}} x {{properties.price}} {{nope}}({{properties.tags}})";
    assert_eq!(apply(json!({ "@template": template })), "u-7: 2 x 3 (green,roasted)");
}

#[test]
fn array_path_maps_items_by_their_own_paths() {
    let shape = json!({ "name": { "@path": "$.kind" }, "weight": { "@path": "grams" }, "unit": "g" });
    assert_eq!(
        apply(json!({ "@arrayPath": ["$.properties.leaves", shape] })),
        json!([{ "name": "sencha", "weight": 5, "unit": "g" }, { "name": "hojicha", "unit": "g" }])
    );
    assert_eq!(
        apply(json!({ "@arrayPath": ["$.properties.shop", { "c": { "@path": "city" } }] })),
        json!([{ "c": "Uji" }])
    );
    assert_eq!(apply(json!({ "@arrayPath": ["$.properties.tags"] })), json!(["green", "roasted"]));
    assert_eq!(
        apply(json!({ "@arrayPath": ["$.properties.leaves", { "@path": "$.kind" }] })),
        json!(["sencha", "hojicha"])
    );
    assert_eq!(apply(json!({ "@arrayPath": ["$.userId", { "x": 1 }] })), "u-7");
    assert_eq!(try_apply(json!({ "@arrayPath": ["$.nope", { "x": 1 }] })), Ok(None));
}

#[test]
fn array_path_takes_a_list_that_a_directive_makes() {
    let made = json!({ "@json": { "mode": "decode", "value": { "@literal": "[{\"n\":1},{\"n\":2}]" } } });
    assert_eq!(apply(json!({ "@arrayPath": [made, { "@path": "n" }] })), json!([1, 2]));
    let merged = json!({ "@merge": { "direction": "right", "objects": [{ "n": { "@path": "$.userId" } }] } });
    assert_eq!(apply(json!({ "@arrayPath": [merged, { "m": { "@path": "n" } }] })), json!([{ "m": "u-7" }]));
}

#[test]
fn merge_lets_the_named_side_win_even_with_nothing() {
    let merge = |direction: &str| {
        let objects = json!([{ "city": "Kyoto", "cups": 9 }, { "@path": "$.properties.shop" }, { "cups": { "@path": "$.nope" } }]);
        apply(json!({ "@merge": { "direction": direction, "objects": objects } }))
    };
    let open = json!({ "from": 9, "to": 17 });
    assert_eq!(merge("right"), json!({ "city": "Uji", "open": open }));
    assert_eq!(merge("left"), json!({ "city": "Kyoto", "cups": 9, "open": open }));
}

#[test]
fn merge_passes_over_what_has_no_fields() {
    let objects = json!([{ "a": 1 }, null, 5, { "@path": "$.nope" }, "hi", ["x"]]);
    assert_eq!(
        apply(json!({ "@merge": { "direction": "right", "objects": objects } })),
        json!({ "a": 1, "0": "x", "1": "i" })
    );
}

#[test]
fn case_changes_texts_and_nothing_else() {
    let case =
        |operator: &str, path: &str| apply(json!({ "@case": { "operator": operator, "value": { "@path": path } } }));
    assert_eq!(case("upper", "$.event"), "TEA POURED");
    assert_eq!(case("lower", "$.properties.shop.city"), "uji");
    assert_eq!(case("lower", "$.properties.cups"), 2);
    assert_eq!(try_apply(json!({ "@case": { "operator": "upper", "value": "" } })), Ok(None));
}

#[test]
fn replace_takes_its_patterns_literally() {
    let replace = |options: Value| apply(json!({ "@replace": options }));
    let event = json!({ "@path": "$.event" });
    assert_eq!(replace(json!({ "pattern": "P", "replacement": "d", "value": event })), "Tea doured");
    assert_eq!(replace(json!({ "pattern": "e", "value": event, "global": false })), "Ta Poured");
    assert_eq!(replace(json!({ "pattern": "T", "value": event, "ignorecase": true })), "ea Poured");
    let twice = json!({ "pattern": "Tea", "replacement": "Cup", "pattern2": " ", "replacement2": "-", "value": event });
    assert_eq!(replace(twice), "Cup-Poured");
    assert_eq!(
        replace(json!({ "pattern": "2", "replacement": "two", "value": { "@path": "$.properties.cups" } })),
        "two"
    );
    assert_eq!(replace(json!({ "pattern": "x", "value": { "@path": "$.nope" } })), "");
}

#[test]
fn json_goes_both_ways() {
    let encode = |path: &str| try_apply(json!({ "@json": { "mode": "encode", "value": { "@path": path } } }));
    assert_eq!(encode("$.properties.shop.open"), Ok(Some(json!(r#"{"from":9,"to":17}"#))));
    assert_eq!(encode("$.properties.price"), Ok(Some(json!("3"))));
    assert_eq!(encode("$.nope"), Ok(None));
    let decode = |text: &str| apply(json!({ "@json": { "mode": "decode", "value": { "@literal": text } } }));
    assert_eq!(decode(r#"{"a":[1,null]}"#), json!({ "a": [1, null] }));
    assert_eq!(decode("{not json"), "{not json");
}

#[test]
fn flatten_joins_keys_by_the_separator() {
    let flatten = |options: Value| try_apply(json!({ "@flatten": options }));
    let shop = json!({ "@path": "$.properties.shop" });
    let flat = json!({ "city": "Uji", "open__from": 9, "open__to": 17 });
    assert_eq!(flatten(json!({ "value": shop, "separator": "__" })), Ok(Some(flat)));
    let lists = json!({ "value": { "t": { "@path": "$.properties.tags" } }, "separator": "." });
    assert_eq!(flatten(lists), Ok(Some(json!({ "t.0": "green", "t.1": "roasted" }))));
    let kept = json!({ "value": { "t": { "@path": "$.properties.tags" } }, "separator": ".", "omitArrays": true });
    assert_eq!(flatten(kept), Ok(Some(json!({ "t": ["green", "roasted"] }))));
    let nothing = flatten(json!({ "value": { "@path": "$.nope" }, "separator": "." }));
    assert_eq!(
        nothing.map_err(|e| e.to_string()),
        Err("@flatten needs an object, and this event gives it nothing".into())
    );
}

#[test]
fn transform_makes_the_event_that_its_mapping_sees() {
    let apply_ = json!({ "shop": { "@flatten": { "value": { "@path": "$.properties.shop" }, "separator": "_" } } });
    let mapping = json!({ "opens": { "@path": "$.shop.open_from" }, "user": { "@path": "$.userId" } });
    assert_eq!(apply(json!({ "@transform": { "apply": apply_, "mapping": mapping } })), json!({ "opens": 9 }));
    let nothing = json!({ "@transform": { "apply": { "@path": "$.nope" }, "mapping": { "a": { "@path": "$.b" } } } });
    assert_eq!(apply(nothing), json!({}));
}

#[test]
fn a_root_directive_runs_the_fields_beside_it() {
    let root = json!({ "@transform": { "apply": { "who": { "@path": "$.userId" } } } });
    let mapping =
        json!({ "__segment_internal_directive": root, "id": { "@path": "$.who" }, "gone": { "@path": "$.event" } });
    assert_eq!(apply(mapping), json!({ "id": "u-7" }));
}

#[test]
fn exclude_when_null_cleans_objects_and_keeps_lists() {
    let clean = |value: Value| try_apply(json!({ "x": { "@excludeWhenNull": value } }));
    assert_eq!(clean(json!({ "@path": "$.anonymousId" })), Ok(Some(json!({}))));
    let mixed = json!({ "a": { "@path": "$.anonymousId" }, "b": { "c": null, "d": 0 }, "e": [null] });
    assert_eq!(clean(mixed), Ok(Some(json!({ "x": { "b": { "d": 0 }, "e": [null] } }))));
}

#[test]
fn liquid_reads_fields_filters_and_conditions() {
    let liquid = |template: &str| apply(json!({ "@liquid": template }));
    assert_eq!(liquid("{{ userId | upcase }}/{{ properties.cups | plus: 1 }}"), "U-7/3");
    assert_eq!(liquid("{% if properties.hot %}hot{% else %}cold{% endif %}"), "cold");
    assert_eq!(liquid("{% assign c = properties.shop.city %}{{ c | append: '!' }}"), "Uji!");
    assert_eq!(liquid("[{{ nope.deeper }}{{ properties.nope | default: 'none' }}]"), "[none]");
    assert_eq!(
        liquid("{{ properties.tags | join: '+' }} {{ event | replace: 'Tea', 'Sake' }}"),
        "green+roasted Sake Poured"
    );
    assert_eq!(liquid("{% assign s = properties.shop %}{{ s.city }}: {{ s }}"), "Uji: [object Object]");
    assert_eq!(liquid("{{ properties.leaves[0].kind }}{{ properties.leaves.size }}"), "sencha2");
}

#[test]
fn liquid_cannot_loop_grow_or_panic() {
    for refused in
        ["{% for t in properties.tags %}{% endfor %}", "{{ a | map: 'b' }}", "{{ a | date: '%999999Y' }}", "{% if"]
    {
        let error = Mapping::compile(&json!({ "@liquid": refused })).expect_err(refused);
        assert!(matches!(error.problem(), Problem::Liquid { .. }), "{refused}: {error}");
    }
    let grow = "{% assign a = userId %}".to_owned() + &"{% assign a = a | append: a %}".repeat(30);
    assert_eq!(try_apply(json!({ "@liquid": grow })), Err(ApplyError::TooLarge));
    let overflow = try_apply(json!({ "@liquid": "{{ 9223372036854775807 | times: 9 }}{{ 1 | divided_by: 0 }}" }));
    assert!(matches!(overflow, Err(ApplyError::Liquid { .. })), "{overflow:?}");
    let clock = try_apply(json!({ "@liquid": "{{ 'now' | date: '%Y' }}" }));
    assert!(clock.is_err_and(|error| error.to_string().contains("there is no clock here")));
    assert!(Mapping::compile(&json!({ "@liquid": "{{ 99999999999999999999999 }}" })).is_err());
}

#[test]
fn liquid_reads_the_dates_that_events_have() {
    let date = |text: &str| apply(json!({ "@liquid": format!("{{{{ '{text}' | date: '%d.%m.%Y %H:%M:%S' }}}}") }));
    for text in ["2026-03-04T05:06:07.089Z", "2026-03-04T05:06:07Z", "2026-03-04T05:06:07+00:00", "2026-03-04 05:06:07"]
    {
        assert_eq!(date(text), "04.03.2026 05:06:07", "{text}");
    }
    assert_eq!(date("2026-03-04"), "04.03.2026 00:00:00");
    assert_eq!(date("2026-03-04T05:06"), "04.03.2026 05:06:00");
    for other in ["", "2026-03-0é", "2026-03-04T", "tomorrow"] {
        assert_eq!(date(other), other);
    }
}

#[test]
fn literal_is_its_value() {
    assert_eq!(apply(json!({ "@literal": "{{userId}}" })), "{{userId}}");
    assert_eq!(apply(json!({ "@literal": { "a": [null] } })), json!({ "a": [null] }));
}

#[test]
fn notes_beside_a_directive_are_passed_over() {
    assert_eq!(apply(json!({ "@path": "$.event", "_metadata": { "label": "Event" } })), "Tea Poured");
}

#[test]
fn mistakes_are_told_with_their_place_and_a_remedy() {
    let cases = [
        (
            json!({ "a": [{ "b/c": { "@pth": "x" } }] }),
            r#"/a/0/b~1c: there is no directive "@pth"; did you mean "@path"?"#,
        ),
        (
            json!({ "@if": { "exist": { "@path": "x" }, "exists": 1 } }),
            r#"/@if/exist: @if has no option "exist"; did you mean "exists"?; it has exists, blank, then, else"#,
        ),
        (json!({ "@if": { "then": 1 } }), r#"/@if: @if needs "exists" or "blank""#),
        (json!({ "@path": 5 }), "/@path: expected a text or a directive, found a number"),
        (
            json!({ "x": { "@path": "[]" } }),
            r#"/x/@path: "[]" holds no name: write a path like $.properties.total, or "" for the whole event"#,
        ),
        (
            json!({ "@path": "a", "b": 1 }),
            r#"the mapping itself: a directive stands alone in its object, but "@path" shares it with "b": move one of them a level down"#,
        ),
        (
            json!({ "@case": { "operator": "title", "value": "x" } }),
            r#"/@case/operator: expected "lower" or "upper", found "title""#,
        ),
        (
            json!({ "@replace": { "pattern": "elevenchars", "value": "x" } }),
            "/@replace/pattern: the text has 11 characters, and 10 is the most allowed here",
        ),
        (
            json!({ "@merge": { "objects": [], "direction": "up" } }),
            r#"/@merge/direction: expected "left" or "right", found "up""#,
        ),
        (json!({ "@flatten": { "value": {} } }), r#"/@flatten: @flatten needs a "separator" of one character or more"#),
        (json!({ "@transform": { "apply": {} } }), r#"/@transform: @transform needs a "mapping""#),
        (json!({ "@arrayPath": "$.a" }), "/@arrayPath: expected a list of a path and, perhaps, a shape, found a text"),
        (json!({ "@liquid": 1 }), "/@liquid: expected a text, found a number"),
    ];
    for (mapping, expected) in cases {
        assert_eq!(refusal(mapping.clone()), expected, "{mapping}");
    }
}

#[test]
fn all_mistakes_are_found_at_once() {
    let errors = Mapping::compile_all(&json!({ "a": { "@pat": "" }, "b": { "@json": {} }, "c": { "@path": "$.ok" } }));
    let places: Vec<String> = errors.expect_err("two").iter().map(|error| error.pointer().to_owned()).collect();
    assert_eq!(places, ["/a", "/b/@json"]);
}

#[test]
fn depth_and_output_are_bounded() {
    let mut deep = json!("$.a");
    for _ in 0..=MAX_DEPTH {
        deep = json!({ "@literal": deep });
    }
    assert_eq!(Mapping::compile(&deep).expect_err("too deep").problem(), &Problem::TooDeep);
    let mut doubling = json!({ "@path": "" });
    for _ in 0..28 {
        doubling =
            json!({ "@transform": { "apply": { "a": { "@path": "" }, "b": { "@path": "" } }, "mapping": doubling } });
    }
    assert_eq!(try_apply(doubling), Err(ApplyError::TooLarge));
}

#[test]
fn debug_output_shows_no_constants() {
    let mapping =
        Mapping::compile(&json!({ "token": "fake-secret", "id": { "@path": "$.userId" } })).expect("a mapping");
    assert!(!format!("{mapping:?}").contains("fake"));
}
