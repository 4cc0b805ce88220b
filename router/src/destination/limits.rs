//! `limits:` how much a partner takes at once, and how often.

use std::time::Duration;

use serde_json::{Map, Value};

use super::mistake::{Mistake, pointer};
use super::target::Limits;

/// Limits as they are written: each may be absent.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    events: Option<usize>,
    bytes: Option<usize>,
    linger: Option<Duration>,
    timeout: Option<Duration>,
    rate: Option<f64>,
    concurrency: Option<usize>,
    answer: Option<usize>,
}

const KEYS: [&str; 5] = ["batch", "timeout", "rate", "concurrency", "answer"];
const BATCH: [&str; 3] = ["events", "bytes", "linger"];

impl Given {
    pub(super) fn compile(value: &Value, at: &str, mistakes: &mut Vec<Mistake>) -> Self {
        let mut given = Self::default();
        for (key, value) in object(value, at, "{batch: {events: 100, bytes: 1MB, linger: 1s}, timeout: 30s}", mistakes)
        {
            let at = pointer(at, key);
            match key.as_str() {
                "batch" => {
                    for (key, value) in object(value, &at, "{events: 100, bytes: 1MB, linger: 1s}", mistakes) {
                        let at = pointer(&at, key);
                        match key.as_str() {
                            "events" => given.events = keep(count(value), &at, "a whole number from 1", mistakes),
                            "bytes" => given.bytes = keep(bytes(value), &at, "a size like 500KB or 2MB", mistakes),
                            "linger" => given.linger = keep(time(value), &at, "a time like 500ms or 2s", mistakes),
                            _ => mistakes.push(Mistake::unknown(at, "limit of batches", key, &BATCH)),
                        }
                    }
                }
                "timeout" => {
                    given.timeout = keep(time(value).filter(|t| !t.is_zero()), &at, "a time like 30s", mistakes)
                }
                "rate" => {
                    given.rate =
                        keep(rate(value), &at, "a number of requests in a time: 10/s, 600/m, 100/10s", mistakes)
                }
                "concurrency" => given.concurrency = keep(count(value), &at, "a whole number from 1", mistakes),
                "answer" => given.answer = keep(bytes(value), &at, "a size like 500KB or 2MB", mistakes),
                _ => mistakes.push(Mistake::unknown(at, "limit", key, &KEYS)),
            }
        }
        given
    }

    /// These, and for the rest the `others`.
    pub(super) fn or(&self, others: &Self) -> Self {
        Self {
            events: self.events.or(others.events),
            bytes: self.bytes.or(others.bytes),
            linger: self.linger.or(others.linger),
            timeout: self.timeout.or(others.timeout),
            rate: self.rate.or(others.rate),
            concurrency: self.concurrency.or(others.concurrency),
            answer: self.answer.or(others.answer),
        }
    }

    /// The limits of an action, for one event at a time unless it `batches`.
    pub(super) fn limits(&self, batches: bool) -> Limits {
        /// Where a file says nothing, a batch is this large.
        const EVENTS: usize = 100;
        let usual = Limits::default();
        Limits {
            events: if batches { self.events.unwrap_or(EVENTS) } else { 1 },
            bytes: self.bytes.unwrap_or(usual.bytes),
            linger: if batches { self.linger.unwrap_or(usual.linger) } else { Duration::ZERO },
            timeout: self.timeout.unwrap_or(usual.timeout),
            rate: self.rate.or(usual.rate),
            concurrency: self.concurrency.unwrap_or(usual.concurrency),
            answer: self.answer.unwrap_or(usual.answer),
        }
    }
}

fn object<'v>(value: &'v Value, at: &str, form: &str, mistakes: &mut Vec<Mistake>) -> Vec<(&'v String, &'v Value)> {
    if value.as_object().is_none() {
        mistakes.push(Mistake::new(at, format!("this is an object: {form}")));
    }
    value.as_object().into_iter().flat_map(Map::iter).collect()
}

fn keep<T>(read: Option<T>, at: &str, form: &str, mistakes: &mut Vec<Mistake>) -> Option<T> {
    if read.is_none() {
        mistakes.push(Mistake::new(at, format!("this is {form}")));
    }
    read
}

fn count(value: &Value) -> Option<usize> {
    value.as_u64().filter(|n| *n > 0).and_then(|n| usize::try_from(n).ok())
}

/// `2MB`, `512KiB`, `1000`
fn bytes(value: &Value) -> Option<usize> {
    if value.is_number() {
        return count(value);
    }
    let text = value.as_str()?.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale: usize = match unit.trim() {
        "" | "B" => 1,
        "KB" | "kB" => 1000,
        "MB" => 1_000_000,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(scale).filter(|n| *n > 0)
}

fn time(value: &Value) -> Option<Duration> {
    humantime::parse_duration(value.as_str()?).ok()
}

/// `10/s`, `600/m`, `100/10s`, or a number of requests a second.
fn rate(value: &Value) -> Option<f64> {
    if let Some(n) = value.as_f64() {
        return Some(n).filter(|n| *n > 0.0);
    }
    let (count, each) = value.as_str()?.split_once('/')?;
    let each = each.trim();
    let each = if each.starts_with(|c: char| c.is_ascii_digit()) { each.to_owned() } else { format!("1{each}") };
    let seconds = humantime::parse_duration(&each).ok()?.as_secs_f64();
    count.trim().parse::<f64>().ok().map(|count| count / seconds).filter(|n| n.is_finite() && *n > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn limits_are_read_with_their_units() {
        let mut mistakes = Vec::new();
        let value =
            json!({ "batch": { "events": 50, "bytes": "2MB", "linger": "500ms" }, "rate": "600/m", "answer": "64KiB" });
        let limits = Given::compile(&value, "", &mut mistakes).limits(true);
        assert_eq!(mistakes, []);
        assert_eq!((limits.events, limits.bytes, limits.answer), (50, 2_000_000, 65_536));
        assert_eq!((limits.linger, limits.rate), (Duration::from_millis(500), Some(10.0)));
        assert_eq!(rate(&json!("100/10s")), Some(10.0));
    }

    #[test]
    fn every_limit_that_makes_no_sense_is_a_mistake() {
        let mut mistakes = Vec::new();
        let value = json!({ "batch": { "events": 0, "byte": 1 }, "timeout": "0s", "rate": "fast", "concurrency": -1, "answer": "1 TB" });
        Given::compile(&value, "/limits", &mut mistakes);
        let places: Vec<&str> = mistakes.iter().map(|mistake| mistake.at.as_str()).collect();
        let expected = [
            "/limits/batch/events",
            "/limits/batch/byte",
            "/limits/timeout",
            "/limits/rate",
            "/limits/concurrency",
            "/limits/answer",
        ];
        assert_eq!(places, expected);
        assert_eq!(mistakes[1].suggestion.as_deref(), Some("bytes"));
    }
}
