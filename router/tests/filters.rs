//! What each part of the filter language means, and what is refused.

use destination_router::filter::{Filter, FilterProblem, MAX_DEPTH};
use serde_json::{Value, json};

fn event() -> Value {
    json!({
        "type": "track", "event": "Tea Poured", "userId": "u-7", "messageId": "m",
        "properties": { "cups": 2, "hot": false, "shop": { "city": "Uji", "a.b": "dotted" }, "leaves": [{ "kind": "sencha" }], "none": null, "n": "5" },
        "traits": { "plan": "free" }, "context": { "page": { "path": "/tea" } }, "integrations": { "All": true },
    })
}

fn matches(filter: &str) -> bool {
    Filter::parse(filter).unwrap_or_else(|e| panic!("{e}")).matches(&event())
}

fn refusal(filter: &str) -> String {
    Filter::parse(filter).expect_err(filter).to_string()
}

#[test]
fn conditions_that_hold() {
    for filter in [
        r#"type = "track""#,
        "type=track",
        r#"event == "Tea Poured""#,
        "type != page",
        r#"userId = "u-7" and messageId = m"#,
        "properties.cups = 2",
        "properties.cups != 3",
        "properties.cups >= 2 and properties.cups <= 2.0 and properties.cups > -1 and properties.cups < +2.5",
        r#"properties.cups < "10""#,
        "properties.hot = false",
        "properties.hot != null",
        "properties.none = null and properties.absent = null and properties.absent.deeper = null",
        r#"properties.shop.city = "Uji""#,
        r#"properties.shop.a\.b = dotted"#,
        r#"properties.leaves[0].kind = "sencha" and properties.leaves.0.kind = sencha"#,
        r#"traits.plan = "free" and context.page.path = "/tea""#,
        "integrations.All = true",
        r#"contains(event, "Pour") and !contains(event, "Coffee")"#,
        r#"match(event, "Tea *") and match(event, "*Poured") and !match(event, "*Spilt") and !match(event, "Sake*")"#,
        "type in [page, track]",
        r#"event in ["Tea Poured"]"#,
        r#"type = "page" or type = "track""#,
        r#"type = "track" and (event = "x" or (event = "Tea Poured" and properties.cups = 2))"#,
        "\n  type = \"track\"\n  and event != \"x\"\n",
        "properties != null",
    ] {
        assert!(matches(filter), "{filter}");
    }
}

#[test]
fn conditions_that_do_not_hold() {
    for filter in [
        r#"type = "Track""#,
        "properties.cups != 2",
        r#"properties.cups = "2""#,
        "properties.n = 5",
        "properties.n >= 5",
        "properties.absent < 1",
        "properties.hot = true",
        r#"properties.hot = "false""#,
        "properties.cups = null",
        r#"contains(properties.cups, "2")"#,
        r#"!contains(properties.absent, "x")"#,
        r#"!match(event, "Tea*")"#,
        "type in [page, screen]",
        "properties.absent.deeper != null",
    ] {
        assert!(!matches(filter), "{filter}");
    }
}

#[test]
fn nothing_but_an_object_is_ever_meant() {
    let filter = Filter::parse("properties.x = null").expect("a filter");
    for event in [json!(null), json!(""), json!([]), json!(5)] {
        assert!(!filter.matches(&event), "{event}");
    }
    assert!(filter.matches(&json!({})));
}

#[test]
fn texts_may_hold_quotes_and_letters_of_all_kinds() {
    let filter = Filter::parse(r#"event = "say \"茶\" \\ \d""#).expect("a filter");
    assert!(filter.matches(&json!({ "event": r#"say "茶" \ \d"# })));
}

#[test]
fn mistakes_are_shown_with_a_caret() {
    assert_eq!(
        refusal("type = track and evnt = \"x\""),
        "line 1, column 18: events have no field \"evnt\"; did you mean \"event\"?\n  type = track and evnt = \"x\"\n                   ^^^^"
    );
    assert_eq!(
        refusal("type = track\n\tand event = 'x'"),
        "line 2, column 14: '\\'' begins nothing here: texts stand in \"double quotes\"\n  \tand event = 'x'\n  \t            ^"
    );
    assert_eq!(
        refusal("type = "),
        "line 1, column 7: expected a value, found the end of the filter\n  type = \n        ^"
    );
    assert_eq!(refusal("茶 = 1").lines().last(), Some("  ^"));
}

#[test]
fn what_segment_would_read_as_something_else_is_refused() {
    let problem = |filter: &str| Filter::parse(filter).expect_err(filter).problem().clone();
    assert_eq!(problem("type = a and event = b or event = c"), FilterProblem::Mixed);
    assert_eq!(problem("properties.x != true"), FilterProblem::NotBoolean { opposite: false });
    assert_eq!(problem("event != null"), FilterProblem::NeverNull { field: "event" });
    assert_eq!(problem(r#"match(event, "x")"#), FilterProblem::Pattern);
    assert_eq!(problem(r#"match(event, "*x*")"#), FilterProblem::Pattern);
    assert_eq!(problem("!(type = track)"), FilterProblem::Negation);
    assert_eq!(problem("  "), FilterProblem::Empty);
    assert_eq!(problem(r#"type = "x"#), FilterProblem::Unclosed);
    assert_eq!(problem("properties.x > 1.2.3"), FilterProblem::Number { text: "1.2.3".into() });
    for (filter, expected) in [
        ("type = a event = b", "\"and\" or \"or\""),
        ("and type = a", "a condition"),
        ("type = a or", "a condition"),
        ("(type = a", "a closing parenthesis"),
        ("type = a)", "\"and\" or \"or\""),
        ("()", "a condition"),
        ("properties.x", "a comparison like = or !="),
        ("contains(event)", "a comma and a text"),
        ("type in track", "a list like [track, page]"),
        ("type in []", "a value"),
    ] {
        match problem(filter) {
            FilterProblem::Expected { expected: found, .. } => assert_eq!(found, expected, "{filter}"),
            other => panic!("{filter}: {other}"),
        }
    }
}

#[test]
fn segments_own_reading_is_kept_for_exported_filters() {
    let read = |text: &str| Filter::parse_as_segment(text).expect(text);
    let (mixed, problems) = read("type = a and event = b or event = c");
    assert_eq!(problems.len(), 1);
    assert!(mixed.matches(&json!({ "event": "c" })), "the last joint counts for all");
    let (filter, problems) = read("nonsense type = track");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(filter.matches(&event()));
    assert!(Filter::parse_as_segment("").is_err());
}

#[test]
fn trees_go_both_ways() {
    for text in [
        r#"type = "track""#,
        r#"(event = "a" and properties.x.y >= 1.5) or (traits.z = true and context.q != null) or !contains(name, "n")"#,
        "properties.n != 4 or userId = null or anonymousId = x",
    ] {
        let filter = Filter::parse(text).expect(text);
        assert_eq!(Filter::from_tree(&filter.to_tree()), Ok(filter), "{text}");
    }
    assert!(Filter::from_tree(&json!({ "type": "group", "operator": "xor", "children": [] })).is_err());
    assert!(Filter::from_tree(&json!({ "type": "event", "operator": "=", "value": "x" })).is_err());
    let unknown =
        json!({ "type": "group", "operator": "and", "children": [{ "type": "event", "operator": "~", "value": "x" }] });
    assert_eq!(Filter::from_tree(&unknown), Err(r#""~" is no operator"#.into()));
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |n: usize| format!("{}type = a{}", "(".repeat(n), ")".repeat(n));
    assert!(Filter::parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(Filter::parse(&nested(MAX_DEPTH + 1)).expect_err("deep").problem(), &FilterProblem::TooDeep);
    let long = "type = a or ".repeat(2000);
    assert_eq!(Filter::parse(&long).expect_err("long").problem(), &FilterProblem::TooLong);
}
