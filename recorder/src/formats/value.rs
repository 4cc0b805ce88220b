//! A cassette as a tree: what JSON, JSON5 and YAML have in common. Other people's files are read for their data and for nothing else:
//! a tag makes no object, an expression stays a text.

use std::borrow::Cow;

use base64::Engine as _;

/// One value of a cassette.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A scalar without quotes, as it is spelt: a number, `true`, `null`, or, in YAML, a text.
    Plain(String),
    /// A scalar that is certainly a text.
    Text(String),
    /// What a file says is binary.
    Bytes(Vec<u8>),
    /// Values in a row.
    List(Vec<Self>),
    /// Values with names, in the order of the file. A name may occur twice.
    Map(Vec<(String, Self)>),
}

/// What stands for a value that is not there.
const NOTHING: &Value = &Value::Plain(String::new());

impl Value {
    /// `null`, or nothing at all.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Plain(text) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The value under a name; a null where there is none, so that look-ups can follow one another. The last of several.
    pub(super) fn at(&self, name: &str) -> &Self {
        match self {
            Self::Map(entries) => entries.iter().rev().find(|(key, _)| key == name).map_or(NOTHING, |(_, value)| value),
            _ => NOTHING,
        }
    }

    /// As [`at`](Self::at), for files whose writers disagree about capitals.
    pub(super) fn at_any_case(&self, name: &str) -> &Self {
        match self {
            Self::Map(entries) => {
                entries.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or(NOTHING, |(_, value)| value)
            }
            _ => NOTHING,
        }
    }

    /// Whether a name is there, whatever its value.
    pub(super) fn has(&self, name: &str) -> bool {
        matches!(self, Self::Map(entries) if entries.iter().any(|(key, _)| key == name))
    }

    /// The items of a list; none for anything else.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a map; none for anything else.
    pub(super) fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The entries of a map, which is used up.
    pub(super) fn into_entries(self) -> Vec<(String, Self)> {
        match self {
            Self::Map(entries) => entries,
            _ => Vec::new(),
        }
    }

    /// A scalar as it is spelt; `None` for null, bytes that are no UTF-8, lists and maps.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Plain(text) => (!self.is_null()).then_some(text),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// A scalar's bytes; `None` for null, lists and maps.
    pub(super) fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
            _ => self.text().map(|text| Cow::Borrowed(text.as_bytes())),
        }
    }

    /// A whole number, also where it stands in quotes or as `200.0`.
    pub(super) fn number(&self) -> Option<i64> {
        let text = self.text()?.trim();
        text.parse().ok().or_else(|| {
            let float: f64 = text.parse().ok()?;
            #[expect(clippy::cast_possible_truncation, reason = "whole, and checked to be small")]
            (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
        })
    }

    /// A number.
    pub(super) fn float(&self) -> Option<f64> {
        self.text()?.trim().parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Option<bool> {
        match self.text()? {
            "true" | "True" => Some(true),
            "false" | "False" => Some(false),
            _ => None,
        }
    }

    /// What it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Plain(_) if self.is_null() => "nothing",
            Self::Plain(_) | Self::Text(_) => "a single value",
            Self::Bytes(_) => "binary data",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// The value as compact JSON: for bodies that a cassette holds as data. Numbers keep their spelling.
    pub(super) fn to_json(&self) -> String {
        self.to_json_as(Spelling::Compact)
    }

    /// The value as JSON in another of the usual spellings.
    pub(super) fn to_json_as(&self, spelling: Spelling) -> String {
        let mut out = String::new();
        self.push_json(&mut out, spelling, 0);
        out
    }

    fn push_json(&self, out: &mut String, spelling: Spelling, depth: usize) {
        match self {
            Self::Plain(_) if self.is_null() => out.push_str("null"),
            Self::Plain(text) if is_json_scalar(text) => out.push_str(text),
            Self::Plain(text) | Self::Text(text) => push_string(out, text, spelling),
            Self::Bytes(bytes) => {
                push_string(out, &base64::engine::general_purpose::STANDARD.encode(bytes), spelling);
            }
            Self::List(items) if items.is_empty() => out.push_str("[]"),
            Self::Map(entries) if entries.is_empty() => out.push_str("{}"),
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    spelling.next(out, i, depth + 1);
                    item.push_json(out, spelling, depth + 1);
                }
                spelling.end(out, depth);
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                for (i, (name, value)) in entries.iter().enumerate() {
                    spelling.next(out, i, depth + 1);
                    push_string(out, name, spelling);
                    out.push_str(if spelling == Spelling::Compact { ":" } else { ": " });
                    value.push_json(out, spelling, depth + 1);
                }
                spelling.end(out, depth);
                out.push('}');
            }
        }
    }
}

/// The ways in which the libraries of the world write JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// No white space.
    Compact,
    /// A blank after commas and colons.
    Spaced,
    /// So, and no character beyond ASCII: Python.
    Ascii,
    /// A line for each item, so many blanks deeper at each level.
    Indented(usize),
}

impl Spelling {
    fn next(self, out: &mut String, index: usize, depth: usize) {
        match self {
            Self::Compact if index > 0 => out.push(','),
            Self::Spaced | Self::Ascii if index > 0 => out.push_str(", "),
            Self::Indented(_) => {
                if index > 0 {
                    out.push(',');
                }
                self.end(out, depth);
            }
            _ => {}
        }
    }

    fn end(self, out: &mut String, depth: usize) {
        if let Self::Indented(width) = self {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', depth * width));
        }
    }
}

/// A map.
pub(super) fn map<'n>(entries: impl IntoIterator<Item = (&'n str, Value)>) -> Value {
    Value::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A list.
pub(super) fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(items.into_iter().collect())
}

/// A text.
pub(super) fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

/// A number.
pub(super) fn number(number: impl std::fmt::Display) -> Value {
    Value::Plain(number.to_string())
}

/// Whether a text can stand in JSON without quotes.
fn is_json_scalar(text: &str) -> bool {
    matches!(text, "true" | "false")
        || (text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
            && crate::codec::json::parse(text.as_bytes()).is_ok())
}

fn push_string(out: &mut String, text: &str, spelling: Spelling) {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c if spelling == Spelling::Ascii && !c.is_ascii() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    #[test]
    fn look_ups_follow_one_another_past_what_is_absent() {
        let value = map(&[("a", map(&[("b", Value::Plain("7".into()))]))]);
        assert_eq!(value.at("a").at("b").number(), Some(7));
        assert!(value.at("x").at("y").is_null());
        assert_eq!(value.at("x").items().len(), 0);
    }

    #[test]
    fn data_becomes_json_with_its_numbers_as_spelt() {
        let value = map(&[
            ("n", Value::Plain("1.0".into())),
            ("word", Value::Plain("yes".into())),
            ("none", Value::Plain("~".into())),
            ("list", Value::List(vec![Value::Plain("true".into()), Value::Text("true\n\u{1}".into())])),
        ]);
        assert_eq!(value.to_json(), r#"{"n":1.0,"word":"yes","none":null,"list":[true,"true\n\u0001"]}"#);
    }
}
