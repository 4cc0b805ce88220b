//! Latency and faults by rule, seeded: `10% status 503 on api.example.com/v1/*`.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use traffic_recorder::tools::Places;

/// One rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    text: String,
    /// How often, of 100.
    percent: f64,
    what: What,
    places: Option<Places>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Delay(Duration, Duration),
    Fault(Fault),
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Another status, without asking the tapes.
    Status(http::StatusCode),
    /// The connection is closed before an answer.
    Reset,
    /// No answer ever comes.
    Timeout,
    /// The body breaks off after so many bytes.
    Cut(usize),
}

const KNOWN: &str = "a rule is [N%] delay TIME[..TIME] | status N | reset | timeout | cut BYTES, then `on HOST/PATH` if it is not for all";

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut rest = words.as_slice();
        let mut percent = 100.0;
        if let [first, others @ ..] = rest
            && let Some(number) = first.strip_suffix('%')
        {
            percent = number
                .parse()
                .ok()
                .filter(|p| (0.0..=100.0).contains(p))
                .ok_or_else(|| format!("`{first}` is no share of 100"))?;
            rest = others;
        }
        let mut places = None;
        if let [others @ .., "on", place] = rest {
            places = Some(place.parse()?);
            rest = others;
        }
        let what = match rest {
            ["delay", time] => {
                let (least, most) = time.split_once("..").unwrap_or((time, time));
                let read = |time: &str| {
                    humantime::parse_duration(time).map_err(|e| format!("`{time}` is no time such as `50ms`: {e}"))
                };
                let (least, most) = (read(least)?, read(most)?);
                if most < least {
                    return Err(format!("`{time}` goes from more to less"));
                }
                What::Delay(least, most)
            }
            ["status", number] => {
                let status = number
                    .parse::<u16>()
                    .ok()
                    .filter(|n| (200..=599).contains(n))
                    .and_then(|n| http::StatusCode::from_u16(n).ok());
                What::Fault(Fault::Status(status.ok_or_else(|| format!("`{number}` is no status from 200 to 599"))?))
            }
            ["reset"] => What::Fault(Fault::Reset),
            ["timeout"] => What::Fault(Fault::Timeout),
            ["cut", bytes] => {
                What::Fault(Fault::Cut(bytes.parse().map_err(|_| format!("`{bytes}` is no number of bytes"))?))
            }
            _ => return Err(KNOWN.to_owned()),
        };
        Ok(Self { text: words.join(" "), percent, what, places })
    }
}

/// All rules, and how many requests there were.
#[derive(Debug)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    seed: u64,
    requests: AtomicU64,
}

/// What happens to one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) delay: Duration,
    pub(super) fault: Option<Fault>,
    /// The rule of the fault, or of the last delay, for the log.
    pub(super) rule: Option<String>,
}

impl Rules {
    pub(super) fn new(rules: Vec<Rule>, seed: u64) -> Self {
        Self { rules, seed, requests: AtomicU64::new(0) }
    }

    /// What happens to the next request, which goes to this URL.
    pub(super) fn plan(&self, url: &str) -> Planned {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut planned = Planned::default();
        for (at, rule) in self.rules.iter().enumerate() {
            let mut draw = Draw::new(self.seed, number, at as u64);
            let hit = draw.share() * 100.0 < rule.percent;
            if !hit || rule.places.as_ref().is_some_and(|places| !places.cover(url)) {
                continue;
            }
            match &rule.what {
                What::Delay(least, most) => {
                    planned.delay += *least + (*most - *least).mul_f64(draw.share());
                    planned.rule.get_or_insert_with(|| rule.text.clone());
                }
                What::Fault(fault) if planned.fault.is_none() => {
                    planned.fault = Some(fault.clone());
                    planned.rule = Some(rule.text.clone());
                }
                What::Fault(_) => {}
            }
        }
        planned
    }
}

/// Numbers that depend on seed, request and rule alone: SplitMix64.
struct Draw(u64);

impl Draw {
    fn new(seed: u64, request: u64, rule: u64) -> Self {
        let mut draw =
            Self(seed ^ request.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ rule.wrapping_mul(0xd1b5_4a32_d192_ed03));
        draw.next();
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
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str], seed: u64) -> Rules {
        Rules::new(texts.iter().map(|text| text.parse().expect("a rule")).collect(), seed)
    }

    #[test]
    fn the_same_seed_gives_the_same_faults_and_a_share_is_kept() {
        let run = |seed| {
            let rules = rules(&["10% status 503", "delay 1ms..9ms"], seed);
            (0..2000).map(|_| rules.plan("http://a.test/")).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let faults = run(7).iter().filter(|planned| planned.fault.is_some()).count();
        assert!((120..280).contains(&faults), "{faults}");
        assert!(run(7).iter().all(|planned| (1..=9).contains(&planned.delay.as_millis())));
    }

    #[test]
    fn rules_hold_where_they_say_and_the_first_fault_counts() {
        let rules = rules(&["reset on a.test/x*", "status 500 on a.test", "delay 5ms", "delay 2ms"], 0);
        let planned = rules.plan("https://a.test/xy?q");
        assert_eq!((planned.fault, planned.delay.as_millis()), (Some(Fault::Reset), 7));
        assert_eq!(rules.plan("https://a.test/").fault, Some(Fault::Status(http::StatusCode::INTERNAL_SERVER_ERROR)));
        assert_eq!(rules.plan("https://b.test/").fault, None);
    }

    #[test]
    fn what_is_no_rule_is_refused_with_a_reason() {
        for (text, says) in [
            ("explode", "a rule is"),
            ("101% reset", "no share"),
            ("status 42", "200 to 599"),
            ("delay soon", "no time"),
            ("delay 9ms..1ms", "from more to less"),
            ("cut all", "number of bytes"),
            ("reset on https://a.test", "scheme"),
        ] {
            let error = text.parse::<Rule>().unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
