//! The table asked.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::after::{self, After};
use super::common;
use super::probe::View;
use super::reason::{reason, text, tidy, with_status};
use super::rule::{Kind, Rule, Table};
use crate::client::{Answer, Failure};
use crate::destination::target::Judged;
use crate::destination::verdict::Verdict;
use crate::js;

/// What a judgement needs besides the answer.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// How many events the request carried.
    pub(crate) events: usize,
    /// What was made of an event, by its place in the request: where answers name events by ids, they are looked up there.
    pub(crate) payload: &'a dyn Fn(usize) -> Option<&'a Value>,
    /// Whether the instance can fetch new access tokens.
    pub(crate) oauth: bool,
    /// What must not stand in a reason.
    pub(crate) secrets: &'a [&'a str],
    /// The time, for answers that name one.
    pub(crate) now: Timestamp,
}

/// What an answer means; events are named by their place in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// One verdict for every event.
    All(Verdict),
    /// A verdict for each event that is named; the others were delivered.
    Each(Vec<(usize, Verdict)>),
    /// Too large, or wrong in a part that the answer does not name: halve it.
    Split(String),
}

impl Outcome {
    /// The outcome with events named by their place in what was planned: `places` has it for each event of the request.
    #[must_use]
    pub(crate) fn judged(self, places: &[usize]) -> Judged {
        match self {
            Self::All(verdict) => Judged::All(verdict),
            Self::Split(reason) => Judged::Split(reason),
            Self::Each(verdicts) => {
                let place = |(index, verdict)| places.get(index).map(|place| (*place, verdict));
                Judged::Each(verdicts.into_iter().filter_map(place).collect())
            }
        }
    }
}

/// JSON, or the text itself: some partners answer with one word.
fn body(bytes: &[u8]) -> Value {
    let text = || std::str::from_utf8(bytes).ok().map(str::trim).filter(|text| !text.is_empty());
    serde_json::from_slice(bytes).ok().or_else(|| text().map(Value::from)).unwrap_or_default()
}

impl Table {
    /// Says what an answer means, or that there is none.
    #[must_use]
    pub(crate) fn judge(&self, outcome: Result<&Answer, &Failure>, context: &Context<'_>) -> Outcome {
        match outcome {
            Ok(answer) => self.answer(answer, context),
            Err(failure) => self.failure(failure, context),
        }
    }

    fn answer(&self, answer: &Answer, context: &Context<'_>) -> Outcome {
        let mut rules =
            self.entries.iter().filter(|(on, _)| on.answers(answer.status)).flat_map(|(_, rules)| rules).peekable();
        // Most answers are read by nobody.
        let body = match rules.peek() {
            Some(_) => body(&answer.body),
            None => Value::Null,
        };
        let view = View { root: &body, status: answer.status, headers: &answer.headers, body: &body };
        let asked = Asked { answer, view, context };
        let mut named = super::each::Named::default();
        for rule in rules {
            if rule.when.as_ref().is_some_and(|when| !when.probe(&view).is_some_and(|value| js::is_truthy(&value))) {
                continue;
            }
            match &rule.each {
                Some(each) => named.take(each, rule, &asked),
                // The events that were named are not judged a second time by what follows.
                None if named.is_empty() => return asked.outcome(rule.kind, Some(rule), &view),
                None => break,
            }
        }
        if named.is_empty() {
            return asked.outcome(common::on_status(answer.status, context.oauth), None, &view);
        }
        named.outcome(&asked)
    }

    fn failure(&self, failure: &Failure, context: &Context<'_>) -> Outcome {
        let (body, headers) = (Value::Null, http::HeaderMap::new());
        let view = View { root: &body, status: StatusCode::OK, headers: &headers, body: &body };
        let said = tidy(&failure.to_string(), context.secrets);
        let rule = self.entries.iter().filter(|(on, _)| on.fails(failure)).find_map(|(_, rules)| rules.first());
        let kind = rule.map_or_else(|| common::on_failure(failure), |rule| rule.kind);
        let after = rule.and_then(|rule| rule.after.as_ref()).and_then(|after| after.read(&view, context.now));
        verdict(kind, said, after, context)
    }
}

/// An answer on the table.
pub(super) struct Asked<'a, 'c> {
    pub(super) answer: &'a Answer,
    pub(super) view: View<'a>,
    pub(super) context: &'a Context<'c>,
}

impl Asked<'_, '_> {
    /// What a rule says of what stands at `view`.
    pub(super) fn outcome(&self, kind: Kind, rule: Option<&Rule>, view: &View<'_>) -> Outcome {
        if kind == Kind::Delivered {
            return Outcome::All(Verdict::Delivered);
        }
        let after = rule.and_then(|rule| rule.after.as_ref());
        verdict(kind, self.words(rule, view), self.wait(after, view), self.context)
    }

    fn wait(&self, after: Option<&After>, view: &View<'_>) -> Option<std::time::Duration> {
        let named = after.and_then(|after| after.read(view, self.context.now));
        named.or_else(|| after::retry_after(&self.answer.headers, self.context.now))
    }

    fn words(&self, rule: Option<&Rule>, view: &View<'_>) -> String {
        let secrets = self.context.secrets;
        let own = rule.and_then(|rule| rule.reason.as_ref()).and_then(|reason| reason.probe(view));
        match own.map(|value| text(&value)).filter(|words| !words.trim().is_empty()) {
            Some(words) => with_status(self.answer, &words, secrets),
            None if self.answer.status.is_redirection() => {
                let to = self.answer.headers.get(http::header::LOCATION).and_then(|to| to.to_str().ok());
                let to = to.unwrap_or("nowhere");
                with_status(self.answer, &format!("redirects to {to}, and redirects are not followed"), secrets)
            }
            None => reason(self.answer, secrets),
        }
    }
}

fn verdict(kind: Kind, reason: String, after: Option<std::time::Duration>, context: &Context<'_>) -> Outcome {
    Outcome::All(match kind {
        Kind::Delivered => Verdict::Delivered,
        Kind::Reject => Verdict::Reject(reason),
        Kind::Retry(blame) => Verdict::Retry { blame, after, reason },
        Kind::Reauthenticate if context.oauth => Verdict::Reauthenticate(reason),
        Kind::Reauthenticate | Kind::Pause => Verdict::Pause(reason),
        Kind::Split => return Outcome::Split(reason),
    })
}
