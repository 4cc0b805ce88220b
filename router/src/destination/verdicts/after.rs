//! How long a partner wants to be left alone.

use std::time::Duration;

use http::HeaderMap;
use http::header::{HeaderName, RETRY_AFTER};
use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use serde_json::Value;

use super::probe::{Probe, View};

/// Nobody waits longer: what says more is a slip of somebody's clock.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Where a file says that the time stands, and in what.
pub(super) struct After {
    pub(super) source: Source,
    pub(super) unit: Unit,
}

pub(super) enum Source {
    Fixed(Duration),
    Header(HeaderName),
    Value(Box<dyn Probe>),
}

/// What a number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// `Retry-After`'s own: seconds or an HTTP date.
    RetryAfter,
    Seconds,
    Milliseconds,
    /// A point in time, in seconds since 1970.
    Unix,
    UnixMs,
}

impl Unit {
    pub(super) const NAMES: [(&'static str, Self); 5] = [
        ("retry-after", Self::RetryAfter),
        ("seconds", Self::Seconds),
        ("ms", Self::Milliseconds),
        ("unix", Self::Unix),
        ("unix_ms", Self::UnixMs),
    ];

    fn read(self, text: &str, now: Timestamp) -> Option<Duration> {
        let text = text.trim();
        if self == Self::RetryAfter {
            return parse(text, now);
        }
        let number = text.parse::<f64>().ok().filter(|n| n.is_finite())?;
        let now = now.as_duration().as_secs_f64();
        let seconds = match self {
            Self::RetryAfter | Self::Seconds => number,
            Self::Milliseconds => number / 1000.0,
            Self::Unix => number - now,
            Self::UnixMs => number / 1000.0 - now,
        };
        Some(Duration::from_secs_f64(seconds.clamp(0.0, LONGEST.as_secs_f64())))
    }
}

impl After {
    pub(super) fn read(&self, view: &View<'_>, now: Timestamp) -> Option<Duration> {
        match &self.source {
            Source::Fixed(duration) => Some((*duration).min(LONGEST)),
            Source::Header(name) => self.unit.read(view.headers.get(name)?.to_str().ok()?, now),
            Source::Value(probe) => match probe.probe(view)? {
                Value::String(text) => self.unit.read(&text, now),
                Value::Number(number) => self.unit.read(&number.to_string(), now),
                _ => None,
            },
        }
    }
}

/// The header `Retry-After`, where it is there and can be read.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    parse(headers.get(RETRY_AFTER)?.to_str().ok()?.trim(), now)
}

/// RFC 9110, 10.2.3: seconds, or a date in one of three forms. Partners also send fractions.
fn parse(text: &str, now: Timestamp) -> Option<Duration> {
    if text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(' ') {
        return Unit::Seconds.read(text, now);
    }
    let until = http_date(text)?.duration_since(now);
    Some(Duration::try_from(until).unwrap_or_default().min(LONGEST))
}

/// RFC 9110, 5.6.7: today's form and the two obsolete ones, which a recipient must still read. The day of the week is not checked.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix(" GMT").unwrap_or(text);
    let (format, text) = match text.split_once(", ") {
        Some((_, date)) if date.contains('-') => ("%d-%b-%y %H:%M:%S", date),
        Some((_, date)) => ("%d %b %Y %H:%M:%S", date),
        None => ("%b %e %H:%M:%S %Y", text.split_once(' ')?.1),
    };
    let time = BrokenDownTime::parse(format, text).ok()?.to_datetime().ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "1994-11-06T08:49:00Z".parse().unwrap()
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_in_any_of_three_forms() {
        let cases = [
            ("120", Some(120_000)),
            ("0", Some(0)),
            ("1.5", Some(1500)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37_000)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(37_000)),
            ("Sun Nov  6 08:49:37 1994", Some(37_000)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Tue, 06 Nov 2094 08:00:00 GMT", Some(7 * 86_400_000)),
            ("99999999999999999999999", Some(7 * 86_400_000)),
            ("-1", None),
            ("soon", None),
            ("1e999", None),
            ("NaN", None),
            ("Sun, 66 Nov 1994 08:49:37 GMT", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(retry_after(&headers, now()), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn other_headers_are_read_in_the_unit_that_a_file_names() {
        let then = now().as_second() + 90;
        let cases = [
            (Unit::Seconds, "90".to_owned()),
            (Unit::Milliseconds, "90000".to_owned()),
            (Unit::Unix, then.to_string()),
            (Unit::UnixMs, format!("{then}000")),
        ];
        for (unit, text) in cases {
            assert_eq!(unit.read(&text, now()), Some(Duration::from_secs(90)), "{unit:?}");
        }
        assert_eq!(Unit::Unix.read("5", now()), Some(Duration::ZERO), "a time that is over");
    }

    proptest! {
        #[test]
        fn a_date_that_is_written_is_read_back(seconds in 0i64..604_800) {
            let then = now() + jiff::SignedDuration::from_secs(seconds);
            let text = then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            prop_assert_eq!(parse(&text, now()), Some(Duration::from_secs(seconds.unsigned_abs())));
        }

        #[test]
        fn no_text_makes_it_panic_or_wait_for_ever(text in "[ -~]{0,40}") {
            prop_assert!(parse(&text, now()).is_none_or(|after| after <= LONGEST));
        }
    }
}
