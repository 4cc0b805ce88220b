//! What a scalar without quotes means: YAML 1.2's core schema, less what would be read as something else than was meant.

use serde_json::{Number, Value};

/// The value of a plain scalar.
///
/// # Errors
/// What is wrong with it, and how to write it.
pub(super) fn plain(text: &str) -> Result<Value, (String, &'static str)> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(Value::String(text.to_owned()));
    }
    if matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Err((format!("{text} is no number that JSON has"), "put it in quotes if a text is meant"));
    }
    let radix = digits.strip_prefix("0x").map(|d| (d, 16)).or_else(|| digits.strip_prefix("0o").map(|d| (d, 8)));
    if let Some((digits, radix)) = radix.filter(|(digits, radix)| all_digits(digits, *radix)) {
        return match u64::from_str_radix(digits, radix) {
            Ok(number) if !text.starts_with('-') => Ok(number.into()),
            _ => Err((format!("{text} does not fit into 64 bits"), QUOTE)),
        };
    }
    if !is_decimal(digits) {
        return Ok(Value::String(text.to_owned()));
    }
    if text.starts_with('+') {
        return Err((
            format!("{text} could be a number or a text"),
            "put it in quotes if a text is meant, drop the + if not",
        ));
    }
    if digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit() {
        let how = "put it in quotes if a text is meant, drop the zeros if not";
        return Err((format!("{text} could be a number or a text"), how));
    }
    decimal(text)
        .map(Value::Number)
        .ok_or_else(|| (format!("{text} is a number with more digits than can be kept"), QUOTE))
}

const QUOTE: &str = "put it in quotes to keep it as a text";

fn all_digits(text: &str, radix: u32) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_digit(radix))
}

/// `1`, `1.5`, `.5`, `1.`, `1e3`.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let only_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent = exponent.is_none_or(|e| all_digits(e.strip_prefix(['-', '+']).unwrap_or(e), 10));
    exponent && only_digits(whole) && only_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// Whole numbers keep all their digits or are none.
fn decimal(text: &str) -> Option<Number> {
    if text.contains(['.', 'e', 'E']) {
        return text.parse().ok().and_then(Number::from_f64);
    }
    text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_are_read_by_the_core_schema_of_yaml_1_2() {
        let cases = [
            ("~", json!(null)),
            ("True", json!(true)),
            ("yes", json!("yes")),
            ("on", json!("on")),
            ("12", json!(12)),
            ("-12", json!(-12)),
            ("-0", json!(0)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1.50", json!(1.5)),
            ("1e3", json!(1000.0)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("2MB", json!("2MB")),
            ("10/s", json!("10/s")),
            ("2024-01-02", json!("2024-01-02")),
            ("1.2.3", json!("1.2.3")),
            (".", json!(".")),
            ("...", json!("...")),
            ("-", json!("-")),
            ("0x", json!("0x")),
            ("$.a", json!("$.a")),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_number_that_would_change_is_refused() {
        for text in [
            "+15551234567",
            "007",
            "00",
            "18446744073709551616",
            "-9223372036854775809",
            "1e999",
            ".inf",
            "-.INF",
            ".nan",
        ] {
            assert!(plain(text).is_err(), "{text}");
        }
    }
}
