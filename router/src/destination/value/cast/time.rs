//! Times as events hold them, and as partners want them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;
use serde_json::Value;

/// A number from here up is in milliseconds, below it in seconds: as seconds it would be the year 5138.
const MILLISECONDS_FROM: f64 = 1e11;

/// A time in any of the forms that events hold: ISO 8601 with or without zone (UTC then) and fractions, a date alone (midnight UTC), Unix
/// seconds or milliseconds as a number or as digits, RFC 2822, and `2026/01/02 03:04`.
pub(crate) fn parse(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => from_number(number.as_f64()?),
        Value::String(text) => from_text(text.trim()),
        _ => None,
    }
}

/// Whether Segment takes a text for a time: digits, what [`parse`] reads, and dates whose parts are out of range (a 31st of February is
/// the 3rd of March there).
pub(crate) fn is_date_like(text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    if utc(text.as_bytes()).is_some() || crate::js::to_number(text).is_some_and(f64::is_finite) {
        return true;
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"-/Tt:. ".contains(&b));
    (plain && digits == 4) || from_text(text.trim()).is_some()
}

/// `2026-01-02T03:04:05.678Z`
pub(crate) fn iso8601(time: Timestamp) -> String {
    // Written by hand: this is done for every event.
    let civil = TimeZone::UTC.to_datetime(time);
    let (date, clock) = (civil.date(), civil.time());
    if !(0..=9999).contains(&date.year()) {
        return format!("{time:.3}");
    }
    let mut out = String::with_capacity(24);
    let year = u32::try_from(date.year()).unwrap_or_default();
    push(&mut out, year, 4);
    for (sign, part) in
        [('-', date.month()), ('-', date.day()), ('T', clock.hour()), (':', clock.minute()), (':', clock.second())]
    {
        out.push(sign);
        push(&mut out, u32::try_from(part).unwrap_or_default(), 2);
    }
    out.push('.');
    push(&mut out, u32::try_from(clock.millisecond()).unwrap_or_default(), 3);
    out.push('Z');
    out
}

/// `2026-01-02`, in UTC.
pub(super) fn date(time: Timestamp) -> String {
    TimeZone::UTC.to_datetime(time).date().to_string()
}

fn push(out: &mut String, number: u32, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10u32.pow(place) % 10;
        out.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a number too large becomes the largest, which is no time")]
fn from_number(n: f64) -> Option<Timestamp> {
    if !n.is_finite() {
        return None;
    }
    let milliseconds = if n.abs() >= MILLISECONDS_FROM { n } else { n * 1000.0 };
    Timestamp::from_millisecond(milliseconds.round() as i64).ok()
}

fn from_text(text: &str) -> Option<Timestamp> {
    if text.len() > 64 || text.is_empty() {
        return None;
    }
    if let Some(time) = utc(text.as_bytes()) {
        return Some(time);
    }
    let plain = text.strip_prefix('-').unwrap_or(text);
    // Eight digits are a date; years alone are left to the last reader.
    if plain.bytes().all(|b| b.is_ascii_digit() || b == b'.') && plain.len() >= 9 {
        return from_number(text.parse().ok()?);
    }
    static PARSER: DateTimeParser = DateTimeParser::new();
    if let Ok(time) = PARSER.parse_timestamp(text) {
        return Some(time);
    }
    if let Ok(civil) = PARSER.parse_datetime(text) {
        return at_utc(civil);
    }
    if let Ok(zoned) = jiff::fmt::rfc2822::parse(text) {
        return Some(zoned.timestamp());
    }
    loose(text)
}

/// The form that nearly every event has, `2026-01-02T03:04:05.678Z`, read without ceremony.
fn utc(text: &[u8]) -> Option<Timestamp> {
    let (fixed, rest) = text.split_at_checked(19)?;
    let fraction = rest.strip_suffix(b"Z")?;
    let number = |from: usize, to: usize| -> Option<i16> {
        fixed[from..to].iter().try_fold(0i16, |n, b| b.is_ascii_digit().then(|| n * 10 + i16::from(b - b'0')))
    };
    let signs = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if signs.iter().any(|(at, sign)| fixed[*at] != *sign) {
        return None;
    }
    let nanosecond = match fraction {
        [] => 0,
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => {
            let mut nanosecond = 0i32;
            for at in 0..9 {
                let digit = digits.get(at).copied().unwrap_or(b'0');
                nanosecond = nanosecond * 10 + i32::from(digit.is_ascii_digit().then(|| digit - b'0')?);
            }
            nanosecond
        }
        _ => return None,
    };
    let small = |from, to| number(from, to).and_then(|n| i8::try_from(n).ok());
    let civil = DateTime::new(
        number(0, 4)?,
        small(5, 7)?,
        small(8, 10)?,
        small(11, 13)?,
        small(14, 16)?,
        small(17, 19)?,
        nanosecond,
    );
    at_utc(civil.ok()?)
}

fn at_utc(civil: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// `2026/01/02 03:04:05`, `1/2/2026`, `Jan 2, 2026 3:04 pm`, `2 January 2026`: dates as people write them, in UTC. The month comes first where
/// nothing tells it from the day, as in JavaScript.
fn loose(text: &str) -> Option<Timestamp> {
    let (mut numbers, mut month, mut clock) = (Vec::new(), None, (0i8, 0i8, 0i8));
    for word in text.split([' ', ',', '/', 'T', '-']).filter(|word| !word.is_empty()) {
        if word.contains(':') {
            let mut parts = word.split([':', '.']).map(str::parse::<i8>);
            clock = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next().map_or(Some(0), Result::ok)?);
        } else if let Ok(number) = word.parse::<i16>() {
            numbers.push(number);
        } else {
            let lower = word.to_ascii_lowercase();
            match &*lower {
                "am" if clock.0 == 12 => clock.0 = 0,
                "pm" if clock.0 < 12 => clock.0 += 12,
                "am" | "pm" | "utc" | "gmt" | "z" => {}
                _ => match named(&lower, &MONTHS) {
                    Some(place) => month = Some(i8::try_from(place).ok()? + 1),
                    None => {
                        named(&lower, &WEEKDAYS)?;
                    }
                },
            }
        }
    }
    let small = |n: i16| i8::try_from(n).ok();
    let (year, month, day) = match (month, numbers.as_slice()) {
        (Some(month), [day, year]) if *year > 31 => (*year, month, small(*day)?),
        (Some(month), [year, day]) if *year > 31 => (*year, month, small(*day)?),
        (None, [year, month, day]) if *year > 31 => (*year, small(*month)?, small(*day)?),
        (None, [month, day, year]) if *year > 31 => (*year, small(*month)?, small(*day)?),
        (None, [year]) if (1000..=9999).contains(year) && clock == (0, 0, 0) => (*year, 1, 1),
        (None, [year, month]) if *year > 31 => (*year, small(*month)?, 1),
        _ => return None,
    };
    let date = Date::new(year, month, day).ok()?;
    let time = jiff::civil::Time::new(clock.0, clock.1, clock.2, 0).ok()?;
    at_utc(date.to_datetime(time))
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The place of a name of which at least three letters are written.
fn named(word: &str, names: &[&str]) -> Option<usize> {
    let word = word.trim_end_matches('.');
    (word.len() >= 3).then(|| names.iter().position(|name| name.starts_with(word)))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Option<String> {
        parse(&value).map(iso8601)
    }

    #[test]
    fn every_form_that_events_hold_is_a_time() {
        let cases = [
            (json!("2026-01-02T03:04:05.678Z"), "2026-01-02T03:04:05.678Z"),
            (json!("2026-01-02T03:04:05Z"), "2026-01-02T03:04:05.000Z"),
            (json!("2026-01-02T03:04:05.123456789Z"), "2026-01-02T03:04:05.123Z"),
            (json!("2026-01-02T05:04:05.678+02:00"), "2026-01-02T03:04:05.678Z"),
            (json!("2026-01-02T05:04:05+0200"), "2026-01-02T03:04:05.000Z"),
            (json!("2026-01-02 03:04:05"), "2026-01-02T03:04:05.000Z"),
            (json!("2026-01-02T03:04"), "2026-01-02T03:04:00.000Z"),
            (json!("2026-01-02"), "2026-01-02T00:00:00.000Z"),
            (json!("20260102"), "2026-01-02T00:00:00.000Z"),
            (json!(1_767_323_045), "2026-01-02T03:04:05.000Z"),
            (json!(1_767_323_045.678), "2026-01-02T03:04:05.678Z"),
            (json!(1_767_323_045_678_i64), "2026-01-02T03:04:05.678Z"),
            (json!("1767323045"), "2026-01-02T03:04:05.000Z"),
            (json!("1767323045678"), "2026-01-02T03:04:05.678Z"),
            (json!("Fri, 02 Jan 2026 03:04:05 GMT"), "2026-01-02T03:04:05.000Z"),
            (json!("Jan 2, 2026 3:04 pm"), "2026-01-02T15:04:00.000Z"),
            (json!("1/2/2026"), "2026-01-02T00:00:00.000Z"),
            (json!("2026/01/02 03:04:05"), "2026-01-02T03:04:05.000Z"),
            (json!("2026"), "2026-01-01T00:00:00.000Z"),
        ];
        for (value, expected) in cases {
            assert_eq!(read(value.clone()).as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn everything_else_is_none() {
        for value in [
            json!("yesterday"),
            json!(""),
            json!("2026-13-01"),
            json!("2026-02-30T00:00:00Z"),
            json!(true),
            json!({}),
            json!([]),
            json!("2026-01-02T25:00:00Z"),
            json!(1e300),
            json!("é"),
            json!("Tuesday"),
        ] {
            assert_eq!(read(value.clone()), None, "{value}");
        }
    }
}
