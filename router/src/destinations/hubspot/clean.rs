//! Names and values as HubSpot takes them.

use serde_json::{Map, Value};

use crate::js;

/// Blanks and dots, one or several, become `_`; all in lower case.
pub(super) fn full_name(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        let here = c.is_whitespace() || c == '.';
        match (here, gap) {
            (true, true) => {}
            (true, false) => out.push('_'),
            (false, _) => out.extend(c.to_lowercase()),
        }
        gap = here;
    }
    out
}

/// Lists as texts with `;` between the items, objects as JSON, texts trimmed; what is null is left out.
pub(super) fn flat(properties: &Map<String, Value>) -> Map<String, Value> {
    let made = properties.iter().filter_map(|(name, value)| {
        let value = match value {
            Value::Null => return None,
            Value::Array(items) => {
                let texts = items.iter().map(|item| match item {
                    // JSON.stringify(null), which is an object in JavaScript.
                    Value::Null => "null".to_owned(),
                    Value::Array(_) | Value::Object(_) => js::to_json(item),
                    plain => {
                        let mut text = String::new();
                        js::push_text(&mut text, plain);
                        text
                    }
                });
                texts.collect::<Vec<_>>().join(";").into()
            }
            Value::Object(_) => js::to_json(value).into(),
            Value::String(text) => text.trim().into(),
            plain => plain.clone(),
        };
        Some((name.clone(), value))
    });
    made.collect()
}

/// The name of a property: lower case, digits and `_`.
///
/// # Errors
/// It does not begin with a letter then.
pub(super) fn property_name(text: &str) -> Result<String, String> {
    let name: String = text
        .to_lowercase()
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte @ (b'a'..=b'z' | b'0'..=b'9' | b'_')) => char::from(byte),
            _ => '_',
        })
        .collect();
    if name.starts_with(|c: char| c.is_ascii_lowercase()) {
        Ok(name)
    } else {
        Err(format!("property {name} begins with no letter"))
    }
}

/// How values of properties are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As they are; what is null is left out.
    Plain,
    /// Texts that are numbers become numbers, and null becomes 0.
    Numbers,
}

/// Properties with names and values that HubSpot takes: objects as JSON, `"true"` as true.
///
/// # Errors
/// See [`property_name`].
pub(super) fn properties(properties: &Map<String, Value>, reading: Reading) -> Result<Map<String, Value>, String> {
    let mut clean = Map::new();
    for (name, value) in properties {
        let name = property_name(name)?;
        let value = match value {
            Value::Bool(_) | Value::Number(_) => value.clone(),
            Value::String(text) => match (text.to_lowercase().trim(), reading) {
                ("true", _) => true.into(),
                ("false", _) => false.into(),
                (_, Reading::Numbers) => number(text).unwrap_or_else(|| text.trim().into()),
                _ => text.trim().into(),
            },
            Value::Null if reading == Reading::Plain => {
                clean.remove(&name);
                continue;
            }
            Value::Null => 0.into(),
            // An empty list, and a list of one number, are numbers in JavaScript.
            Value::Array(items) if reading == Reading::Numbers => match items.as_slice() {
                [] => 0.into(),
                [Value::Number(one)] => one.clone().into(),
                _ => js::to_json(value).into(),
            },
            Value::Array(_) | Value::Object(_) => js::to_json(value).into(),
        };
        clean.insert(name, value);
    }
    Ok(clean)
}

fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.trim().parse::<i64>() {
        return Some(whole.into());
    }
    let number = js::to_number(text)?;
    #[expect(clippy::cast_possible_truncation, reason = "it is a whole number that fits")]
    let whole = (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
    Some(whole.map_or_else(|| number.into(), Value::from))
}

/// What HubSpot stores a value as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
    Date,
    Time,
}

pub(super) fn kind(value: &Value) -> Kind {
    match value {
        Value::Number(_) => Kind::Number,
        Value::Bool(_) => Kind::Flag,
        Value::String(text) if is_iso(text) => match text.len() {
            10 => Kind::Date,
            _ => Kind::Time,
        },
        _ => Kind::Text,
    }
}

/// `2026-01-02`, or that with `T` or a blank, `03:04`, and seconds, fraction and zone where there are any; colons may be missing.
fn is_iso(text: &str) -> bool {
    let bytes = text.as_bytes();
    let two = |at: usize| {
        bytes
            .get(at..at + 2)
            .filter(|pair| pair.iter().all(u8::is_ascii_digit))
            .map(|pair| (pair[0] - b'0') * 10 + pair[1] - b'0')
    };
    let day = bytes.len() >= 10
        && two(0).is_some()
        && two(2).is_some()
        && bytes[4] == b'-'
        && two(5).is_some_and(|month| (1..=12).contains(&month))
        && bytes[7] == b'-'
        && two(8).is_some_and(|day| (1..=31).contains(&day));
    if !day || bytes.len() == 10 {
        return day;
    }
    if !matches!(bytes[10], b'T' | b' ') || two(11).is_none() {
        return false;
    }
    let mut at = 13 + usize::from(bytes.get(13) == Some(&b':'));
    if two(at).is_none() {
        return false;
    }
    at += 2;
    let second = at + usize::from(bytes.get(at) == Some(&b':'));
    if two(second).is_some() {
        at = second + 2;
        if matches!(bytes.get(at), Some(b'.' | b',')) {
            let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            at += 1 + digits;
        }
    }
    match &bytes[at..] {
        [] | [b'Z'] => true,
        [b'+' | b'-', rest @ ..] => {
            let digits = |pair: &[u8]| pair.iter().all(u8::is_ascii_digit);
            match rest {
                [_, _] => digits(rest),
                [_, _, _, _] => digits(rest),
                [hour @ .., b':', a, b] if hour.len() == 2 => digits(hour) && digits(&[*a, *b]),
                _ => false,
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn names_of_events_lose_blanks_and_dots() {
        assert_eq!(full_name("PE1_Order  Completed. Now"), "pe1_order_completed_now");
    }

    #[test]
    fn lists_and_objects_become_texts() {
        let given = json!({"a": [1, "x", {"y": null}, null], "b": {"c": 1}, "d": null, "e": " f ", "g": true});
        assert_eq!(
            flat(&map(given)),
            map(json!({"a": "1;x;{\"y\":null};null", "b": "{\"c\":1}", "e": "f", "g": true}))
        );
    }

    #[test]
    fn names_of_properties_begin_with_a_letter() {
        assert_eq!(property_name("Größe-1").as_deref(), Ok("gr__e_1"));
        assert!(property_name("1st").is_err());
    }

    #[test]
    fn texts_that_are_numbers_become_numbers_where_events_want_it() {
        let given = map(json!({"A": "12.5", "b": "True ", "c": null, "d": " x ", "e": {"f": 1}, "g": ""}));
        let events = properties(&given, Reading::Numbers).expect("names");
        assert_eq!(events, map(json!({"a": 12.5, "b": true, "c": 0, "d": "x", "e": "{\"f\":1}", "g": 0})));
        let objects = properties(&given, Reading::Plain).expect("names");
        assert_eq!(objects, map(json!({"a": "12.5", "b": true, "d": "x", "e": "{\"f\":1}", "g": ""})));
    }

    #[test]
    fn dates_are_told_from_times_and_words() {
        for (text, expected) in [
            ("2026-01-02", Kind::Date),
            ("2026-01-02T03:04:05.678Z", Kind::Time),
            ("2026-01-02 03:04", Kind::Time),
            ("2026-01-02T0304+0200", Kind::Time),
            ("2026-13-02", Kind::Text),
            ("2026-01-02T", Kind::Text),
            ("yesterday", Kind::Text),
        ] {
            assert_eq!(kind(&text.into()), expected, "{text}");
        }
    }
}
