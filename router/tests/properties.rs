//! What holds for every mapping, every filter and every event.

use destination_router::filter::Filter;
use destination_router::mapping::{Mapping, flatten, render};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any JSON whose keys come from `keys`.
fn json_of(keys: &'static str) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        "[a-d.$\\[\\]0-2]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..5).prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

/// JSON with many directives in it, most of them right.
fn mapping() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        json_of("[a-d]"),
        "[a-d.$\\[\\]0-2]{0,6}".prop_map(|path| json!({ "@path": path })),
        "([{}a-d. ]|\\{\\{a\\}\\}){0,8}".prop_map(|text| json!({ "@template": text })),
        "(\\{\\{ (a|b\\.c) (\\| (upcase|plus: 1|times: 3|join: 'x'|replace: 'a', 'b'|slice: 1|first|default: b) )?\\}\\}|[a-c%{} ]){0,4}"
            .prop_map(|text| json!({ "@liquid": text })),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            prop::collection::vec(("[a-d]", inner.clone()), 0..4)
                .prop_map(|fields| Value::Object(Map::from_iter(fields))),
            two.clone().prop_map(|(a, b)| json!({ "@if": { "exists": a, "then": b, "else": "no" } })),
            two.clone().prop_map(|(a, b)| json!({ "@if": { "blank": a, "else": b, "then": true } })),
            two.clone().prop_map(|(a, b)| json!({ "@merge": { "direction": "left", "objects": [a, b] } })),
            two.clone().prop_map(|(a, b)| json!({ "@arrayPath": [a, b] })),
            two.clone().prop_map(|(a, b)| json!({ "@transform": { "apply": { "a": a }, "mapping": b } })),
            inner.clone().prop_map(|a| json!({ "@case": { "operator": "upper", "value": a } })),
            (inner.clone(), ".{1,3}", ".{0,3}", any::<bool>()).prop_map(
                |(a, p, r, i)| json!({ "@replace": { "value": a, "pattern": p, "replacement": r, "ignorecase": i } })
            ),
            inner.clone().prop_map(|a| json!({ "@json": { "mode": "encode", "value": a } })),
            inner.clone().prop_map(|a| json!({ "@json": { "mode": "decode", "value": a } })),
            inner.clone().prop_map(|a| json!({ "@flatten": { "value": a, "separator": "." } })),
            inner.clone().prop_map(|a| json!({ "@excludeWhenNull": a })),
            inner.prop_map(|a| json!({ "@path": a })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_has_no_directive_stands_for_itself(value in json_of("[^@]{0,4}"), event in json_of("[a-d]")) {
        prop_assume!(!value.to_string().contains("\"@"));
        prop_assert_eq!(Mapping::compile(&value).unwrap().apply(&event), Ok(Some(value)));
    }

    #[test]
    fn no_mapping_and_no_event_make_a_panic(mapping in mapping(), event in json_of("[a-d]")) {
        if let Ok(mapping) = Mapping::compile(&mapping) {
            let _ = mapping.apply(&event);
        }
    }

    #[test]
    fn a_mapping_refuses_or_gives_the_same_each_time(mapping in mapping(), event in json_of("[a-d]")) {
        if let Ok(mapping) = Mapping::compile(&mapping) {
            prop_assert_eq!(mapping.apply(&event), mapping.apply(&event));
        }
    }

    #[test]
    fn strange_keys_make_no_panic(value in json_of("(@[a-z]{0,4}|@if|@path|@replace|@merge|pattern|value|exists|mapping|apply)")) {
        if let Err(errors) = Mapping::compile_all(&value) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(value.pointer(error.pointer()).is_some(), "{} is no place", error.pointer());
            }
        }
    }

    #[test]
    fn templates_and_flattening_make_no_panic(template in ".{0,40}", event in json_of(".{0,3}")) {
        let _ = render(&template, &event);
        let _ = flatten(&event, ".", false);
    }

    #[test]
    fn no_text_makes_the_filter_reader_panic(text in "\\PC{0,60}") {
        let _ = Filter::parse(&text).map_err(|e| e.to_string());
        let _ = Filter::parse_as_segment(&text);
    }

    #[test]
    fn words_of_the_language_in_any_order_are_read_or_refused(
        words in prop::collection::vec(
            prop::sample::select(vec!["type", "event", "properties.a", "=", "!=", "<", "and", "or", "(", ")", "!", "contains", "match",
                "in", "[", "]", ",", "null", "true", "1", "-2.5", "\"x*\"", "traits", "evnt", "a\\.b"]), 0..14),
        event in json_of("[a-d]"),
    ) {
        let text = words.join(" ");
        if let Ok((filter, problems)) = Filter::parse_as_segment(&text) {
            let _ = filter.matches(&event);
            // The strict reader takes exactly what has no problems, and reads it the same way.
            match Filter::parse(&text) {
                Ok(strict) => { prop_assert!(problems.is_empty()); prop_assert_eq!(strict, filter); }
                Err(error) => prop_assert_eq!(problems.first(), Some(&error)),
            }
        }
    }

    #[test]
    fn trees_go_both_ways(event in json_of("[a-d]"), name in "[a-c]{1,3}(\\.[a-c]{1,2})?", value in "[a-z \"\\\\]{0,6}", n in any::<i32>()) {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let text = format!("(properties.{name} = \"{quoted}\" or traits.{name} > {n}) and {name} = 1");
        let text = text.replace(&format!("and {name} = 1"), "and type != page");
        let filter = Filter::parse(&text).unwrap();
        let again = Filter::from_tree(&filter.to_tree()).unwrap();
        prop_assert_eq!(filter.matches(&event), again.matches(&event));
        prop_assert_eq!(filter, again);
    }
}
