//! Latency and faults by rule, seeded: `10% status 503 on api.example.com/v1/*`. What happens to a request depends on the seed, on the
//! request and on how many of its kind there were before, not on the order among requests: threads do not change it.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::guard::UrlGlob;

/// One rule: `[N% | first N] delay TIME[..TIME] | status N | reset | timeout | cut BYTES`, then `on HOST/PATH` if it is not for all.
#[derive(Debug, Clone)]
pub struct FaultRule {
    text: String,
    when: When,
    what: What,
    place: Option<UrlGlob>,
}

#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    /// So often, of 100.
    Percent(f64),
    /// The first so many times that this request is made.
    First(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Delay(Duration, Duration),
    Fault(RuledFault),
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuledFault {
    /// An answer with this status and a line of text.
    Status(u16),
    /// The connection is reset before an answer.
    Reset,
    /// No answer ever comes.
    Timeout,
    /// The connection is reset after so many bytes of the body.
    Cut(usize),
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "fault rule `{rule}`: {why}. A rule is `delay TIME[..TIME] | status N | reset | timeout | cut BYTES`, before it `N%` or `first N` if it is \
     not for every time, behind it `on HOST/PATH` if it is not for all"
)]
pub struct FaultRuleError {
    rule: String,
    why: String,
}

impl FromStr for FaultRule {
    type Err = FaultRuleError;

    fn from_str(text: &str) -> Result<Self, FaultRuleError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        let refused = |why: String| FaultRuleError { rule: text.clone(), why };
        let (when, rest) = when(&words).map_err(refused)?;
        let (place, rest) = match rest {
            [others @ .., "on", place] => (Some(UrlGlob::parse(place).map_err(refused)?), others),
            _ => (None, rest),
        };
        let what = what(rest).map_err(refused)?;
        Ok(Self { when, what, place, text })
    }
}

fn when<'w>(words: &'w [&'w str]) -> Result<(When, &'w [&'w str]), String> {
    match words {
        ["first", number, rest @ ..] => {
            let number = number.parse().ok().filter(|&n| n > 0).ok_or_else(|| format!("`{number}` is no count"))?;
            Ok((When::First(number), rest))
        }
        [first, rest @ ..] if first.ends_with('%') => {
            let percent = first.trim_end_matches('%').parse().ok().filter(|p| (0.0..=100.0).contains(p));
            Ok((When::Percent(percent.ok_or_else(|| format!("`{first}` is no share of 100"))?), rest))
        }
        _ => Ok((When::Always, words)),
    }
}

fn what(words: &[&str]) -> Result<What, String> {
    let fault = match words {
        ["delay", time] => {
            let (least, most) = time.split_once("..").unwrap_or((time, time));
            let read = |time: &str| {
                humantime::parse_duration(time).map_err(|e| format!("`{time}` is no time such as `50ms`: {e}"))
            };
            let (least, most) = (read(least)?, read(most)?);
            if most < least {
                return Err(format!("`{time}` goes from more to less"));
            }
            return Ok(What::Delay(least, most));
        }
        ["status", number] => {
            let status = number.parse().ok().filter(|n| (200..=599).contains(n));
            RuledFault::Status(status.ok_or_else(|| format!("`{number}` is no status from 200 to 599"))?)
        }
        ["reset"] => RuledFault::Reset,
        ["timeout"] => RuledFault::Timeout,
        ["cut", bytes] => RuledFault::Cut(bytes.parse().map_err(|_| format!("`{bytes}` is no number of bytes"))?),
        [] => return Err("it does not say what happens".to_owned()),
        [first, ..] => return Err(format!("`{first}` and what follows is nothing that can happen")),
    };
    Ok(What::Fault(fault))
}

impl FaultRule {
    fn covers(&self, url: &str) -> bool {
        self.place.as_ref().is_none_or(|place| place.covers(url))
    }
}

impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// All rules, and how often each request was made.
#[derive(Debug)]
pub struct Faults {
    rules: Vec<FaultRule>,
    seed: u64,
    made: Mutex<HashMap<u64, u64>>,
}

/// What happens to one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Planned {
    /// How long the answer is kept back: all delays that apply.
    pub delay: Duration,
    /// What goes wrong: the first that applies.
    pub fault: Option<RuledFault>,
    /// The rule of the fault, or of the first delay.
    pub rule: Option<String>,
}

/// More kinds of requests than one run makes: then counting begins anew.
const KINDS: usize = 100_000;

impl Faults {
    /// These rules, whose random numbers begin at `seed`.
    #[must_use]
    pub fn new(rules: Vec<FaultRule>, seed: u64) -> Self {
        Self { rules, seed, made: Mutex::default() }
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What happens to the next request of this kind, which goes to this URL. Requests that are the same have the same kind: the name of
    /// their tape, say.
    pub fn plan(&self, kind: &str, url: &str) -> Planned {
        let mut planned = Planned::default();
        if !self.rules.iter().any(|rule| rule.covers(url)) {
            return planned;
        }
        let kind = xxh3_64(kind.as_bytes());
        let time = self.count(kind);
        for (at, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.covers(url)) {
            let mut draw = Draw::new([self.seed, kind, time, at as u64]);
            let hit = match rule.when {
                When::Always => true,
                When::Percent(percent) => draw.share() * 100.0 < percent,
                When::First(times) => time < times,
            };
            if !hit {
                continue;
            }
            match rule.what {
                What::Delay(least, most) => {
                    planned.delay += least + (most - least).mul_f64(draw.share());
                    planned.rule.get_or_insert_with(|| rule.text.clone());
                }
                What::Fault(fault) if planned.fault.is_none() => {
                    planned.fault = Some(fault);
                    planned.rule = Some(rule.text.clone());
                }
                What::Fault(_) => {}
            }
        }
        planned
    }

    /// How many requests of this kind there were before.
    fn count(&self, kind: u64) -> u64 {
        let mut made = self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if made.len() >= KINDS && !made.contains_key(&kind) {
            made.clear();
        }
        let times = made.entry(kind).or_default();
        *times += 1;
        *times - 1
    }
}

/// Numbers that depend on what is given alone: SplitMix64.
struct Draw(u64);

impl Draw {
    fn new(parts: [u64; 4]) -> Self {
        let mut draw = Self(0);
        for part in parts {
            draw.0 ^= part;
            draw.0 = draw.next();
        }
        draw
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to just below 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(texts: &[&str], seed: u64) -> Faults {
        Faults::new(texts.iter().map(|text| text.parse().unwrap()).collect(), seed)
    }

    #[test]
    fn the_same_seed_gives_the_same_faults_in_any_order_and_a_share_is_kept() {
        let run = |seed, backwards| {
            let faults = faults(&["10% status 503", "delay 1ms..9ms"], seed);
            let mut kinds: Vec<String> = (0..2000).map(|kind| format!("get-{kind}")).collect();
            if backwards {
                kinds.reverse();
            }
            let mut planned: Vec<_> =
                kinds.iter().map(|kind| (kind.clone(), faults.plan(kind, "http://a.test/"))).collect();
            planned.sort_by(|a, b| a.0.cmp(&b.0));
            planned
        };
        assert_eq!(run(7, false), run(7, true));
        assert_ne!(run(7, false), run(8, false));
        let failed = run(7, false).iter().filter(|(_, planned)| planned.fault.is_some()).count();
        assert!((120..280).contains(&failed), "{failed}");
        assert!(run(7, false).iter().all(|(_, planned)| (1..=9).contains(&planned.delay.as_millis())));
    }

    #[test]
    fn a_retry_draws_again() {
        let faults = faults(&["50% reset"], 1);
        let failed = (0..200).filter(|_| faults.plan("one", "http://a.test/").fault.is_some()).count();
        assert!((60..140).contains(&failed), "{failed}");
    }

    #[test]
    fn the_first_times_are_counted_for_each_request() {
        let faults = faults(&["first 2 timeout on a.test"], 0);
        let plan = |kind: &str| faults.plan(kind, "http://a.test/x").fault.is_some();
        let seen = [plan("x"), plan("y"), plan("x"), plan("x"), plan("y"), plan("y")];
        assert_eq!(seen, [true, true, true, false, true, false]);
    }

    #[test]
    fn rules_hold_where_they_say_and_the_first_fault_counts() {
        let faults = faults(&["reset on a.test/x*", "status 500 on a.test", "delay 5ms", "delay 2ms"], 0);
        let planned = faults.plan("k", "https://a.test/xy?q");
        assert_eq!((planned.fault, planned.delay.as_millis()), (Some(RuledFault::Reset), 7));
        assert_eq!(planned.rule.as_deref(), Some("reset on a.test/x*"));
        assert_eq!(faults.plan("k", "https://a.test/").fault, Some(RuledFault::Status(500)));
        assert_eq!(faults.plan("k", "https://b.test/").fault, None);
    }

    #[test]
    fn what_is_no_rule_is_refused_with_a_reason() {
        for (text, says) in [
            ("explode", "`explode`"),
            ("", "does not say"),
            ("101% reset", "no share"),
            ("first none reset", "no count"),
            ("status 42", "200 to 599"),
            ("delay soon", "no time"),
            ("delay 9ms..1ms", "from more to less"),
            ("cut all", "number of bytes"),
            ("reset on https://a.test", "scheme"),
        ] {
            let error = text.parse::<FaultRule>().unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("A rule is"), "{text}: {error}");
        }
    }
}
