//! `RECORD=check`: does the live service still answer like the tapes? Shapes are compared, not values: an id or a time may
//! change, a field that goes or a number that turns into text may not.

use std::collections::BTreeSet;
use std::fmt;

use super::recording::lock;
use super::shape::{Shape, shape};
use super::state::{Entry, Inner, State};
use super::{Error, ErrorKind};
use crate::tape::{Answer, Body, Outcome};

/// The live service answers differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct Drift {
    /// The test.
    pub test: String,
    /// What changed.
    pub changes: Vec<Change>,
    /// The command that records the new answers.
    pub command: String,
}

/// One difference between a tape and the live answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The request, as method and URL, secrets masked.
    pub request: String,
    /// Where: `status`, `header content-type`, `body $.items[*].price`.
    pub place: String,
    /// What the tape has.
    pub recorded: Option<String>,
    /// What the service answers now.
    pub live: Option<String>,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the live service no longer answers as on the tapes of {}:", self.test)?;
        let mut request = "";
        for change in &self.changes {
            if change.request != request {
                request = &change.request;
                writeln!(f, "  {request}")?;
            }
            let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "(nothing)".to_owned());
            writeln!(f, "    {}: recorded {}, live {}", change.place, side(&change.recorded), side(&change.live))?;
        }
        write!(f, "The tapes are untouched. To take over the new answers: {}", self.command)
    }
}

/// Compares every live answer with its take.
pub(super) fn judge(inner: &Inner, state: &mut State) -> Result<(), Error> {
    let mut changes = Vec::new();
    for entry in &state.entries {
        let Entry::Live(slot, Some(against)) = entry else { continue };
        let Some(raw) = lock(slot).take()? else { continue };
        let request = format!("{} {}", raw.request.method, state.redactor.text(&raw.request.url));
        let mut change = |place: &str, recorded: Option<String>, live: Option<String>| {
            changes.push(Change { request: request.clone(), place: place.to_owned(), recorded, live });
        };
        let Some((shelf, take)) = against else {
            change("request", None, Some("sent, and not on the tapes".to_owned()));
            continue;
        };
        match (&shelf.tape.takes[*take].outcome, &raw.take.outcome) {
            (Outcome::Answer(old), Outcome::Answer(new)) => compare(old, new, &mut change),
            (Outcome::Fault(old), Outcome::Fault(new)) if old.kind == new.kind => {}
            (old, new) => change("outcome", Some(describe(old)), Some(describe(new))),
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    let (test, command) = (inner.location.test().to_owned(), inner.location.command("1"));
    Err(ErrorKind::Drift(Drift { test, changes, command }).into())
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answer(answer) => format!("status {}", answer.status),
        Outcome::Fault(fault) => format!("{:?}", fault.kind),
    }
}

fn compare(old: &Answer, new: &Answer, change: &mut impl FnMut(&str, Option<String>, Option<String>)) {
    if old.status != new.status {
        change("status", Some(old.status.to_string()), Some(new.status.to_string()));
    }
    let media = |answer: &Answer| answer.headers.text("content-type").map(str::to_owned);
    if media(old) != media(new) {
        change("header content-type", media(old), media(new));
    }
    match (shape(old), shape(new)) {
        (Some(old), Some(new)) => {
            let places: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for place in places {
                let types =
                    |shape: &Shape| shape.get(place).map(|t| t.iter().copied().collect::<Vec<_>>().join(" or "));
                let (was, is) = (types(&old), types(&new));
                if was != is {
                    change(&format!("body {place}"), was, is);
                }
            }
        }
        (None, None) => {
            if old.body.is_empty() != new.body.is_empty() {
                let size = |body: &Body| Some(format!("{} bytes", body.len()));
                change("body", size(&old.body), size(&new.body));
            }
        }
        (was, _) => {
            let kind = |read: bool| Some(if read { "JSON" } else { "not JSON" }.to_owned());
            change("body", kind(was.is_some()), kind(was.is_none()));
        }
    }
}
