//! `as:` what a value is turned into before it is sent.

mod contact;
mod shape;
pub(crate) mod time;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Number, Value};

use super::run::Trouble;
use super::text::to_text;
use crate::js;
use crate::mapping::{Budget, Out};

/// What a value is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cast {
    Plain(Kind),
    /// At most so many characters.
    Truncate(usize),
    /// So many digits after the point.
    Round(u8),
}

macro_rules! kinds {
    ($($name:literal => $kind:ident,)*) => {
        /// A cast without a number.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Kind { $($kind,)* }
        const KINDS: &[(&str, Kind)] = &[$(($name, Kind::$kind),)*];
    };
}

kinds! {
    "string" => String,
    "number" => Number,
    "integer" => Integer,
    "boolean" => Boolean,
    "array" => Array,
    "object" => Object,
    "json" => Json,
    "parse_json" => ParseJson,
    "unix" => Unix,
    "unix_ms" => UnixMs,
    "iso8601" => Iso8601,
    "date" => Date,
    "lower" => Lower,
    "upper" => Upper,
    "trim" => Trim,
    "snake" => Snake,
    "digits" => Digits,
    "e164" => E164,
    "sha256" => Sha256,
    "sha256_email" => Sha256Email,
    "sha256_phone" => Sha256Phone,
    "base64" => Base64,
    "cents" => Cents,
    "currency" => Currency,
    "compact" => Compact,
    "omit_null" => OmitNull,
    "nonempty" => NonEmpty,
    "flatten" => Flatten,
    "keys" => Keys,
    "values" => Values,
    "first" => First,
    "last" => Last,
    "unique" => Unique,
    "url_host" => UrlHost,
    "url_path" => UrlPath,
}

/// The names of all casts.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(name, _)| *name).chain(["truncate(N)", "round(N)"])
}

impl Cast {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let argument =
            |of: &str| name.strip_prefix(of)?.strip_prefix('(')?.strip_suffix(')')?.trim().parse::<usize>().ok();
        if let Some(length) = argument("truncate") {
            return Some(Self::Truncate(length));
        }
        if let Some(digits) = argument("round").filter(|digits| *digits <= 9) {
            return u8::try_from(digits).ok().map(Self::Round);
        }
        KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| Self::Plain(*kind))
    }

    /// Absent and null stay what they are, except for the casts that say otherwise.
    pub(super) fn apply<'a>(self, value: Out<'a>, budget: &Budget) -> Result<Out<'a>, Trouble> {
        if value.is_nothing() {
            let gone = matches!(self, Self::Plain(Kind::Compact | Kind::OmitNull | Kind::NonEmpty));
            return Ok(if gone { Out::Undefined } else { value });
        }
        // The commonest casts on what they already fit copy nothing.
        match (self, &value) {
            (Self::Plain(Kind::String), Out::Value(v)) if v.is_string() => return Ok(value),
            (Self::Plain(Kind::Number), Out::Value(v)) if v.is_number() => return Ok(value),
            (Self::Plain(Kind::Boolean), Out::Value(v)) if v.is_boolean() => return Ok(value),
            (Self::Plain(Kind::Array), Out::Value(v)) if v.is_array() => return Ok(value),
            (Self::Plain(Kind::Array | Kind::NonEmpty), Out::Array(items)) if !items.is_empty() => return Ok(value),
            (Self::Plain(Kind::NonEmpty), Out::Value(v)) => {
                return Ok(if shape::is_empty(v) { Out::Undefined } else { value });
            }
            (Self::Plain(Kind::Object), Out::Value(v)) if v.is_object() => return Ok(value),
            (Self::Plain(Kind::Unix | Kind::UnixMs | Kind::Iso8601 | Kind::Date), Out::Value(v)) => {
                return self.time(v).map(Out::owned);
            }
            _ => {}
        }
        let Some(value) = value.finish(budget)? else { return Ok(Out::Undefined) };
        let made = match self {
            Self::Plain(kind) => plain(kind, value)?,
            Self::Truncate(length) => Some(match to_text_of(value, "a text")? {
                text if text.len() <= length => text.into(),
                text => text.chars().take(length).collect::<String>().into(),
            }),
            Self::Round(digits) => Some(round(&number(&value)?, digits)),
        };
        Ok(made.map_or(Out::Undefined, Out::owned))
    }

    fn time(self, value: &Value) -> Result<Value, Trouble> {
        let time = time::parse(value).ok_or_else(|| cannot(value, "a time"))?;
        Ok(match self {
            Self::Plain(Kind::Unix) => time.as_second().into(),
            Self::Plain(Kind::UnixMs) => time.as_millisecond().into(),
            Self::Plain(Kind::Date) => time::date(time).into(),
            _ => time::iso8601(time).into(),
        })
    }
}

fn plain(kind: Kind, value: Value) -> Result<Option<Value>, Trouble> {
    Ok(Some(match kind {
        Kind::String => match value {
            text @ Value::String(_) => text,
            other => to_text(&other).into(),
        },
        Kind::Number => Value::Number(number(&value)?),
        Kind::Integer => match number(&value)? {
            n if n.is_f64() => integer(n.as_f64().unwrap_or_default().trunc()),
            n => Value::Number(n),
        },
        Kind::Boolean => Value::Bool(boolean(&value)?),
        Kind::Array => match value {
            list @ Value::Array(_) => list,
            one => Value::Array(vec![one]),
        },
        Kind::Object => match &value {
            Value::Object(_) => value,
            Value::String(text) => match serde_json::from_str(text) {
                Ok(object @ Value::Object(_)) => object,
                _ => return Err(cannot(&value, "an object")),
            },
            _ => return Err(cannot(&value, "an object")),
        },
        Kind::Json => js::to_json(&value).into(),
        Kind::ParseJson => match &value {
            Value::String(text) => serde_json::from_str(text).map_err(|_| cannot(&value, "JSON"))?,
            _ => value,
        },
        Kind::Unix | Kind::UnixMs | Kind::Iso8601 | Kind::Date => Cast::Plain(kind).time(&value)?,
        Kind::Lower => to_text_of(value, "a text")?.to_lowercase().into(),
        Kind::Upper => to_text_of(value, "a text")?.to_uppercase().into(),
        Kind::Trim => to_text_of(value, "a text")?.trim().into(),
        Kind::Snake => contact::snake(&to_text_of(value, "a text")?).into(),
        Kind::Digits => to_text_of(value, "a text")?.chars().filter(char::is_ascii_digit).collect::<String>().into(),
        Kind::E164 => match contact::e164(&to_text(&value)) {
            Some(phone) => phone.into(),
            None => return Err(cannot(&value, "a phone number with its country code")),
        },
        Kind::Sha256 => contact::sha256(&to_text_of(value, "a text")?).into(),
        Kind::Sha256Email => contact::sha256_email(&to_text_of(value, "an e-mail address")?).into(),
        Kind::Sha256Phone => match contact::sha256_phone(&to_text(&value)) {
            Some(hash) => hash.into(),
            None => return Err(cannot(&value, "a phone number with its country code")),
        },
        Kind::Base64 => BASE64.encode(to_text_of(value, "a text")?).into(),
        Kind::Cents => integer((number(&value)?.as_f64().unwrap_or_default() * 100.0).round()),
        Kind::Currency => match contact::currency(&to_text(&value)) {
            Some(code) => code.into(),
            None => return Err(cannot(&value, "a currency of three letters")),
        },
        Kind::Compact => return Ok(shape::compact(value)),
        Kind::OmitNull => return Ok(shape::omit_null(value)),
        Kind::NonEmpty => return Ok(Some(value).filter(|value| !shape::is_empty(value))),
        Kind::Flatten => match value {
            Value::Object(_) => crate::mapping::flatten(&value, ".", true)?,
            _ => return Err(cannot(&value, "an object")),
        },
        Kind::Keys => match value {
            Value::Object(fields) => fields.into_iter().map(|(key, _)| Value::String(key)).collect(),
            other => return Err(cannot(&other, "an object")),
        },
        Kind::Values => match value {
            Value::Object(fields) => fields.into_iter().map(|(_, value)| value).collect(),
            other => return Err(cannot(&other, "an object")),
        },
        Kind::First => match value {
            Value::Array(items) => return Ok(items.into_iter().next()),
            one => one,
        },
        Kind::Last => match value {
            Value::Array(items) => return Ok(items.into_iter().next_back()),
            one => one,
        },
        Kind::Unique => shape::unique(value),
        Kind::UrlHost => return Ok(contact::url_host(&to_text_of(value, "a URL")?).map(Value::from)),
        Kind::UrlPath => return Ok(contact::url_path(&to_text_of(value, "a URL")?).map(Value::from)),
    }))
}

/// What cannot be turned into `what`, told without showing more of the event than the reason needs.
fn cannot(value: &Value, what: &str) -> Trouble {
    let text = match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
        plain => plain.to_string(),
    };
    Trouble::new(format!("{text} is not {what}"))
}

fn to_text_of(value: Value, what: &str) -> Result<String, Trouble> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Ok(to_text(&value)),
        other => Err(cannot(&other, what)),
    }
}

fn number(value: &Value) -> Result<Number, Trouble> {
    let made = match value {
        Value::Number(number) => return Ok(number.clone()),
        Value::Bool(flag) => return Ok(u8::from(*flag).into()),
        Value::String(text) if !text.trim().is_empty() => {
            let text = text.trim();
            match text.parse::<i64>() {
                Ok(whole) => return Ok(whole.into()),
                Err(_) => js::to_number(text).and_then(Number::from_f64),
            }
        }
        _ => None,
    };
    made.ok_or_else(|| cannot(value, "a number"))
}

fn boolean(value: &Value) -> Result<bool, Trouble> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::Number(number) => Ok(number.as_f64() != Some(0.0)),
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(true),
            "false" | "no" | "0" => Ok(false),
            _ => Err(cannot(value, "true or false")),
        },
        other => Err(cannot(other, "true or false")),
    }
}

/// A whole number, as an integer where it fits into one.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn integer(n: f64) -> Value {
    const SAFE: f64 = 9_007_199_254_740_992.0;
    if n.abs() <= SAFE { (n as i64).into() } else { n.into() }
}

fn round(number: &Number, digits: u8) -> Value {
    let scale = 10f64.powi(i32::from(digits));
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(n) => {
            let rounded = (n * scale).round() / scale;
            if digits == 0 { integer(rounded) } else { rounded.into() }
        }
        None => Value::Number(number.clone()),
    }
}

/// For values that are not worth borrowing.
#[cfg(test)]
pub(super) fn apply_to(name: &str, value: Value) -> Result<Option<Value>, String> {
    let budget = Budget::new();
    let cast = Cast::parse(name).expect("a cast");
    let made =
        cast.apply(Out::owned(value), &budget).map_err(|trouble| crate::destination::Refusal::from(trouble).0)?;
    Ok(made.finish(&budget).expect("small"))
}
