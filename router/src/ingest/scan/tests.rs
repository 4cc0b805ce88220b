use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

fn whole(text: &str) -> Result<Notes, Syntax> {
    let mut scanner = Scanner::new(text);
    let value = scanner.value()?;
    scanner.end()?;
    assert_eq!(value, text.trim_matches([' ', '\n', '\r', '\t']));
    Ok(scanner.take_notes())
}

#[test]
fn json_is_told_from_what_is_not() {
    for good in [
        "{}",
        "[]",
        "0",
        "-0",
        "1.5e-7",
        "\"\"",
        "true",
        "false",
        "null",
        " [ 1 , { \"a\" : [ ] } ] ",
        r#"{"a":"\"\\\/\b\f\n\r\té"}"#,
        "\"ü☃ long enough for two words\"",
        "[[[]],[{}]]",
    ] {
        assert!(whole(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        " ",
        "{",
        "[",
        "]",
        "[1",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "01",
        "1.",
        ".5",
        "+1",
        "-",
        "1e",
        "1e+",
        "tru",
        "nul",
        "NaN",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"\\\"",
        "{}{}",
        "[1}",
        "{\"a\":1]",
        "// c\n1",
        "[1 2]",
        "\u{feff}{}",
        "trueish",
    ] {
        assert!(whole(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_mistake_has_its_place() {
    assert_eq!(whole(r#"{"a":1,"b":}"#), Err(Syntax { at: 11, expected: "a value" }));
}

#[test]
fn what_serde_json_would_refuse_later_is_noted() {
    assert!(whole("1e999").is_ok_and(|n| n.infinite));
    assert!(whole(&"9".repeat(400)).is_ok_and(|n| n.infinite));
    assert!(whole("[1e308, 1e-999]").is_ok_and(|n| !n.infinite));
    assert!(whole(r#"{"a":"\uD83d"}"#).is_ok_and(|n| n.surrogate));
    assert!(whole(r#""\ud7ff\ue000""#).is_ok_and(|n| !n.surrogate));
    assert!(whole(r#"[{"a":[[]]},[]]"#).is_ok_and(|n| n.depth == 4));
}

#[test]
fn any_depth_is_passed_over() {
    for depth in [1, 63, 64, 65, 128, 129, 200_000] {
        let text = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(whole(&text).map(|n| n.depth), Ok(depth));
        let text = "[{\"a\":".repeat(depth) + "1" + &"}]".repeat(depth);
        assert_eq!(whole(&text).map(|n| n.depth), Ok(depth * 2));
        assert!(whole(&text[..text.len() - 1]).is_err());
        assert!(whole(&(text + "]")).is_err());
    }
}

#[test]
fn fields_and_items_are_given_one_by_one() {
    let mut seen = Vec::new();
    let mut scanner = Scanner::new(r#" {"a" : [1, {"b":2}] , "\u0062":"x", "":null}"#);
    let whole = scanner.object(|s, name| {
        if name == "a" {
            return s.array(|s| {
                seen.push(("item".to_owned(), s.value()?));
                Ok(())
            });
        }
        seen.push((name.to_owned(), s.value()?));
        Ok(())
    });
    assert_eq!(whole.map(str::len), Ok(44));
    let expected = [("item", "1"), ("item", r#"{"b":2}"#), ("b", r#""x""#), ("", "null")];
    assert_eq!(seen, expected.map(|(name, value)| (name.to_owned(), value)));
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..6).prop_map(|fields| fields.into_iter().collect()),
        ]
    });
    (tree, any::<bool>()).prop_map(|(value, pretty)| match pretty {
        true => serde_json::to_string_pretty(&value).unwrap_or_default(),
        false => value.to_string(),
    })
}

proptest! {
    #[test]
    fn it_agrees_with_serde_json(text in json(), at in any::<prop::sample::Index>(), with in r#"[\\"\[\]{}:, 0-9eE.+tnu\x01d-]{0,3}"#) {
        prop_assert!(whole(&text).is_ok());
        let mut broken = text.clone();
        let place = at.index(text.len() + 1);
        if text.is_char_boundary(place) {
            let end = if text.is_char_boundary(place + 1) { (place + 1).min(text.len()) } else { place };
            broken.replace_range(place..end, &with);
        }
        let ours = whole(&broken);
        prop_assert_eq!(ours.is_ok(), serde_json::from_str::<IgnoredAny>(&broken).is_ok(), "{}", broken);
        if let Ok(notes) = ours && !notes.infinite && !notes.surrogate {
            prop_assert!(serde_json::from_str::<Value>(&broken).is_ok(), "{}", broken);
        }
    }
}
