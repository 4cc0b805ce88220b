//! JavaScript's conversions. Mappings were written against a JavaScript engine, and its text for a number or its idea of
//! "empty" is what partners have been receiving.

use serde_json::{Number, Value};
use std::fmt::Write as _;

/// Neither `null`, `false`, `0` nor `""`.
pub(crate) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64().is_none_or(|n| n != 0.0),
        Value::String(s) => !s.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// `value == ''`: the empty text and all that turns into it or into zero.
pub(crate) fn is_loosely_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => match items.as_slice() {
            [] | [Value::Null] => true,
            // One item's text is the array's text, and texts are compared as they are.
            [Value::String(s)] => s.is_empty(),
            [inner @ Value::Array(_)] => is_loosely_empty(inner),
            _ => false,
        },
        Value::Null => false,
        other => !is_truthy(other),
    }
}

/// `String(value)`, added to `out`.
pub(crate) fn push_text(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => push_number(out, n),
        Value::String(s) => out.push_str(s),
        Value::Object(_) => out.push_str("[object Object]"),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                if !item.is_null() {
                    push_text(out, item);
                }
            }
        }
    }
}

/// `Number(text)`, for texts that are decimal numbers.
pub(crate) fn to_number(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0.0);
    }
    // Rust also reads "inf" and "nan", JavaScript only "Infinity".
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    if plain { text.parse().ok() } else { None }
}

/// A number as JavaScript writes it: `1`, not `1.0`; exponents from 1e21 up and below 1e-6. Whole numbers keep all their digits.
pub(crate) fn push_number(out: &mut String, number: &Number) {
    let Some(n) = number.as_f64().filter(|_| number.is_f64()) else {
        let _ = write!(out, "{number}");
        return;
    };
    push_f64(out, n);
}

/// See [`push_number`].
pub(crate) fn push_f64(out: &mut String, n: f64) {
    let size = n.abs();
    // Writing to a String cannot fail.
    let _ = match () {
        () if n == 0.0 => write!(out, "0"),
        () if (1e-6..1e21).contains(&size) => write!(out, "{n}"),
        () => {
            let text = format!("{n:e}");
            match text.split_once('e') {
                Some((digits, exponent)) if !exponent.starts_with('-') => write!(out, "{digits}e+{exponent}"),
                _ => write!(out, "{text}"),
            }
        }
    };
}

/// `JSON.stringify(value)`: serde's compact text with JavaScript's numbers.
pub(crate) fn to_json(value: &Value) -> String {
    let mut bytes = Vec::with_capacity(128);
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, JavaScript);
    let written = serde::Serialize::serialize(value, &mut writer);
    debug_assert!(written.is_ok(), "a JSON value has text keys, and a vector takes all that is written");
    String::from_utf8(bytes).unwrap_or_default()
}

/// The same, into something that may refuse to take more.
pub(crate) fn write_json<T: serde::Serialize>(into: impl std::io::Write, value: &T) -> serde_json::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(into, JavaScript))
}

struct JavaScript;

impl serde_json::ser::Formatter for JavaScript {
    fn write_f64<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, value: f64) -> std::io::Result<()> {
        let mut text = String::new();
        push_f64(&mut text, value);
        writer.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(value: Value) -> String {
        let mut out = String::new();
        push_text(&mut out, &value);
        out
    }

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        let cases = [
            (json!(1.0), "1"),
            (json!(-0.0), "0"),
            (json!(12.50), "12.5"),
            (json!(1e21), "1e+21"),
            (json!(1.5e300), "1.5e+300"),
            (json!(123456789012345680000.0), "123456789012345680000"),
            (json!(0.000001), "0.000001"),
            (json!(0.0000001), "1e-7"),
            (json!(u64::MAX), "18446744073709551615"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value), expected);
        }
    }

    #[test]
    fn other_values_have_javascripts_texts() {
        assert_eq!(text(json!([1, null, ["a", "b"], {}])), "1,,a,b,[object Object]");
        assert_eq!(text(json!(true)), "true");
        assert_eq!(to_json(&json!({ "a": [1.0, "x\n"] })), r#"{"a":[1,"x\n"]}"#);
    }

    #[test]
    fn what_is_loosely_empty() {
        for value in [json!(""), json!(0), json!(false), json!([]), json!([null]), json!([[]]), json!([""])] {
            assert!(is_loosely_empty(&value), "{value}");
        }
        for value in [json!(" "), json!(null), json!({}), json!([0]), json!([1, 2]), json!("0")] {
            assert!(!is_loosely_empty(&value), "{value}");
        }
    }
}
