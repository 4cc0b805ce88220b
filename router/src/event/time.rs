//! Times as clients write them: ISO 8601 with what libraries make of it, or a number.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Reads a time from JSON text.
pub(crate) fn read_json(json: &str) -> Option<Timestamp> {
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        // No time has anything that is escaped.
        Some(text) => read_text(text),
        None => json.parse().ok().and_then(read_number),
    }
}

/// Reads a time from a JSON value.
pub(crate) fn read(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => read_text(text),
        Value::Number(number) => number.as_f64().and_then(read_number),
        _ => None,
    }
}

/// Writes a time as Segment does: UTC, milliseconds.
pub(crate) fn write(time: Timestamp) -> String {
    let ms = time.as_nanosecond().div_euclid(1_000_000);
    let whole = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", whole.unwrap_or(time))
}

/// The time at which something happened that the client's clock says was at `original`, when its clock said `sent` as ours said
/// `received`: Segment's formula, to the letter. `None` where there is no such time, or none with a year of four digits.
pub(crate) fn corrected(received: Timestamp, sent: Timestamp, original: Timestamp) -> Option<Timestamp> {
    received.checked_sub(sent.duration_since(original)).ok().filter(|time| writable(*time))
}

/// Unix time: seconds, or milliseconds where that would be after the year 5138.
fn read_number(number: f64) -> Option<Timestamp> {
    let ms = if number.abs() < 1e11 { number * 1e3 } else { number };
    (ms.abs() < 1e15)
        .then(|| Timestamp::from_millisecond(ms.round() as i64).ok())
        .flatten()
        .filter(|time| writable(*time))
}

fn writable(time: Timestamp) -> bool {
    // 0000-01-01 to 9999-12-30: jiff itself ends in 9999.
    time.as_second() >= -62_167_219_200
}

/// `2026-01-02T03:04:05.678Z`, also with a space, an offset (`+01:00`, `+0100`), any fraction, one digit where two belong, or the
/// date alone. Without an offset it is UTC.
fn read_text(text: &str) -> Option<Timestamp> {
    let mut rest = text.trim().as_bytes();
    let year = digits(&mut rest, 4, 4)?;
    one_of(&mut rest, b"-")?;
    let month = digits(&mut rest, 1, 2)?;
    one_of(&mut rest, b"-")?;
    let day = digits(&mut rest, 1, 2)?;
    let (mut clock, mut nanosecond, mut offset) = ([0; 3], 0, 0);
    if !rest.is_empty() {
        one_of(&mut rest, b"Tt ")?;
        clock[0] = digits(&mut rest, 1, 2)?;
        one_of(&mut rest, b":")?;
        clock[1] = digits(&mut rest, 2, 2)?;
        if one_of(&mut rest, b":").is_some() {
            clock[2] = digits(&mut rest, 2, 2)?;
            if one_of(&mut rest, b".,").is_some() {
                nanosecond = fraction(&mut rest)?;
            }
        }
        if rest.first() == Some(&b' ') {
            rest = rest.trim_ascii_start();
        }
        offset = zone(&mut rest)?;
    }
    // A leap second is the second before it.
    let [hour, minute, second] = clock.map(|part| part as i8);
    let civil = DateTime::new(year as i16, month as i8, day as i8, hour, minute, second.min(59), nanosecond).ok()?;
    let utc = Offset::UTC.to_timestamp(civil).ok()?;
    let time = utc.checked_sub(SignedDuration::from_mins(offset)).ok()?;
    (clock[2] <= 60 && rest.is_empty() && writable(time)).then_some(time)
}

/// Minutes east of UTC.
fn zone(rest: &mut &[u8]) -> Option<i64> {
    let sign = match one_of(rest, b"Zz+-") {
        None if rest.is_empty() => return Some(0),
        None => return None,
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return Some(0),
    };
    let hours = i64::from(digits(rest, 2, 2)?);
    one_of(rest, b":");
    let minutes = if rest.is_empty() { 0 } else { i64::from(digits(rest, 2, 2)?) };
    (hours <= 25 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn digits(rest: &mut &[u8], least: usize, most: usize) -> Option<u16> {
    let count = rest.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
    let (digits, after) = rest.split_at_checked(count)?;
    *rest = after;
    (count >= least).then(|| digits.iter().fold(0, |n, digit| n * 10 + u16::from(digit - b'0')))
}

/// Nanoseconds; what is finer is cut off.
fn fraction(rest: &mut &[u8]) -> Option<i32> {
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, after) = rest.split_at_checked(count)?;
    *rest = after;
    let padded = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
    (count > 0).then(|| padded.fold(0, |n, digit| n * 10 + i32::from(digit - b'0')))
}

fn one_of(rest: &mut &[u8], bytes: &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    bytes.contains(first).then(|| {
        *rest = after;
        *first
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Option<String> {
        read_text(text).map(write)
    }

    #[test]
    fn times_are_read_as_libraries_write_them() {
        for (text, time) in [
            ("2026-11-21T23:47:42.443Z", "2026-11-21T23:47:42.443Z"),
            ("2026-11-21T23:47:39.022+00:00", "2026-11-21T23:47:39.022Z"),
            ("2026-11-21T23:47:33.445488+00:00", "2026-11-21T23:47:33.445Z"),
            ("2026-11-21T23:47:33.999999999Z", "2026-11-21T23:47:33.999Z"),
            ("2026-11-21T23:47:33Z", "2026-11-21T23:47:33.000Z"),
            ("2026-11-21 23:47", "2026-11-21T23:47:00.000Z"),
            ("2026-11-21T23:47:33+0130", "2026-11-21T22:17:33.000Z"),
            ("2026-11-21T23:47:33-08", "2026-11-22T07:47:33.000Z"),
            ("2026-11-21T23:47:33 +01:00", "2026-11-21T22:47:33.000Z"),
            ("2015-2-02T00:30:08.276Z", "2015-02-02T00:30:08.276Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000Z"),
            ("2026-11-21", "2026-11-21T00:00:00.000Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(time), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "yesterday",
            "2026",
            "2026-11",
            "2026-13-01",
            "2026-02-30",
            "2026-11-21T",
            "2026-11-21T25:00:00Z",
            "2026-11-21T23:47:61Z",
            "2026-11-21T23:47:33.Z",
            "2026-11-21T23:47:33Zulu",
            "2026-11-21T23:47:33+1",
            "+292277026596-12-04T15:30:07.999Z",
            "12/31/2026",
            "2026-11-21T23:47:33+99:00",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_unix_time() {
        let shown = |json: &str| read_json(json).map(write);
        assert_eq!(shown("1767323045").as_deref(), Some("2026-01-02T03:04:05.000Z"));
        assert_eq!(shown("1767323045.678").as_deref(), Some("2026-01-02T03:04:05.678Z"));
        assert_eq!(shown("1767323045678").as_deref(), Some("2026-01-02T03:04:05.678Z"));
        for none in ["1e300", "true", "null", "{}", "-1e14"] {
            assert_eq!(shown(none), None, "{none}");
        }
    }

    #[test]
    fn the_clock_of_a_client_is_corrected_by_the_formula() {
        let time = |text| read_text(text).unwrap();
        let corrected = |received, sent, original| corrected(time(received), time(sent), time(original)).map(write);
        // The example of the specification.
        let spec = corrected("2015-12-10T04:08:31.909Z", "2015-12-10T04:08:31.581Z", "2015-12-10T04:08:31.577Z");
        assert_eq!(spec.as_deref(), Some("2015-12-10T04:08:31.905Z"));
        // A clock that was never set.
        let unset = corrected("2026-01-02T03:04:05.000Z", "1970-01-01T00:10:00Z", "1970-01-01T00:00:00Z");
        assert_eq!(unset.as_deref(), Some("2026-01-02T02:54:05.000Z"));
        // One that is decades ahead.
        let ahead = corrected("2026-01-02T03:04:05.000Z", "2087-01-01T00:00:01Z", "2087-01-01T00:00:00Z");
        assert_eq!(ahead.as_deref(), Some("2026-01-02T03:04:04.000Z"));
        assert_eq!(corrected("2026-01-02T03:04:05Z", "9999-01-01T00:00:00Z", "0001-01-01T00:00:00Z"), None);
        assert_eq!(corrected("2026-01-02T03:04:05Z", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"), None);
    }

    proptest! {
        #[test]
        fn reading_agrees_with_jiff(second in -62_000_000_000i64..250_000_000_000, nano in 0i32..1_000_000_000) {
            let time = Timestamp::new(second, nano).unwrap();
            prop_assert_eq!(read_text(&time.to_string()), Some(time));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9TZ:+., -]{0,40}") {
            let _ = read_text(&text);
        }
    }
}
