//! What is to become of a case's events, and whether it did.

use std::fmt;
use std::time::Duration;

use destination_router::destination::{Blame, Verdict};
use serde_json::{Map, Value};

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The action is not for such events.
    Ignored,
    /// The destination made no request of it, for this reason.
    Refused(String),
    /// What the partner's answer meant.
    Judged(Verdict),
}

/// For all events, or for each.
#[derive(Debug)]
pub(crate) struct Expectation(Vec<Expected>);

#[derive(Debug)]
struct Expected {
    kind: Kind,
    /// What the reason says, among others.
    says: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Ignored,
    Refused,
    Delivered,
    Reject,
    Retry(Blame, Option<Duration>),
    Reauthenticate,
    Pause,
}

impl Expectation {
    /// Reads `delivered`, `ignored`, `{refuse: words}`, `{reject: words}`, `{pause: words}`, `{reauthenticate: words}`,
    /// `{retry: event | instance | host, after: seconds, because: words}`, or a list of these, one for each event.
    pub(crate) fn of(expect: &Value) -> Result<Self, String> {
        match expect {
            Value::Array(each) => each.iter().map(expected).collect::<Result<_, _>>().map(Self),
            one => expected(one).map(|expected| Self(vec![expected])),
        }
    }

    /// Whether all events are expected to arrive.
    pub(crate) fn is_delivered(&self) -> bool {
        self.0.iter().all(|expected| expected.kind == Kind::Delivered)
    }

    pub(crate) fn check(&self, outcomes: &[Outcome]) -> Result<(), String> {
        if self.0.len() != 1 && self.0.len() != outcomes.len() {
            return Err(format!("{} outcomes are expected for {} events", self.0.len(), outcomes.len()));
        }
        for (index, outcome) in outcomes.iter().enumerate() {
            let Some(expected) = self.0.get(index).or(self.0.first()) else { continue };
            if !expected.is(outcome) {
                return Err(format!("event {index}: expected {expected}, got {outcome:?}"));
            }
        }
        Ok(())
    }
}

impl Expected {
    fn is(&self, outcome: &Outcome) -> bool {
        let (kind, reason) = match outcome {
            Outcome::Ignored => (Kind::Ignored, ""),
            Outcome::Refused(reason) => (Kind::Refused, reason.as_str()),
            Outcome::Judged(Verdict::Delivered) => (Kind::Delivered, ""),
            Outcome::Judged(Verdict::Reject(reason)) => (Kind::Reject, reason.as_str()),
            Outcome::Judged(Verdict::Retry { blame, after, reason }) => (Kind::Retry(*blame, *after), reason.as_str()),
            Outcome::Judged(Verdict::Reauthenticate(reason)) => (Kind::Reauthenticate, reason.as_str()),
            Outcome::Judged(Verdict::Pause(reason)) => (Kind::Pause, reason.as_str()),
        };
        kind == self.kind && reason.contains(&self.says)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)?;
        if self.says.is_empty() { Ok(()) } else { write!(f, " that says `{}`", self.says) }
    }
}

fn expected(value: &Value) -> Result<Expected, String> {
    let wrong =
        || format!("`expect: {value}` is none of delivered, ignored, refuse, reject, retry, pause, reauthenticate");
    let (kind, says) = match value {
        Value::String(word) if word == "delivered" => (Kind::Delivered, ""),
        Value::String(word) if word == "ignored" => (Kind::Ignored, ""),
        Value::Object(fields) => described(fields).ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    Ok(Expected { kind, says: says.to_owned() })
}

fn described(fields: &Map<String, Value>) -> Option<(Kind, &str)> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    if let Some(blame) = text("retry") {
        let blame = match blame {
            "event" => Blame::Event,
            "instance" => Blame::Instance,
            "host" => Blame::Host,
            _ => return None,
        };
        let after = fields.get("after").map(|after| after.as_u64().map(Duration::from_secs));
        let known = fields.keys().all(|name| ["retry", "after", "because"].contains(&name.as_str()));
        return known.then_some((Kind::Retry(blame, after.unwrap_or_default()), text("because").unwrap_or_default()));
    }
    let kinds = [
        ("refuse", Kind::Refused),
        ("reject", Kind::Reject),
        ("pause", Kind::Pause),
        ("reauthenticate", Kind::Reauthenticate),
    ];
    let (name, kind) = kinds.into_iter().find(|(name, _)| fields.contains_key(*name))?;
    (fields.len() == 1).then_some((kind, text(name)?))
}
