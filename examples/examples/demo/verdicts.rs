//! What became of the events, and of the requests that were made of them.

use destination_router::control::explain::{State, Step, Way};
use traffic_recorder::Exchange;

use crate::run::Run;
use crate::shop;

/// A line of the log: state, status, tries, reason.
type Noted<'a> = (State, Option<u16>, Option<u32>, Option<&'a str>);

/// All of a verdict but its times.
#[derive(Debug, PartialEq)]
pub(crate) struct Verdict<'a> {
    id: &'a str,
    state: State,
    history: Vec<Noted<'a>>,
}

pub(crate) fn verdict<'a>(id: &'a str, way: &'a Way) -> Verdict<'a> {
    let step = |step: &'a Step| (step.what, step.status, step.attempts, step.reason.as_deref());
    Verdict { id, state: way.state, history: way.history.iter().map(step).collect() }
}

/// `4 delivered, 1 skipped`.
pub(crate) fn counts(verdicts: &[Verdict<'_>]) -> String {
    let kinds = [(State::Delivered, "delivered"), (State::Skipped, "not meant for it"), (State::Dead, "dead letter")];
    let count = |state| verdicts.iter().filter(|verdict| verdict.state == state).count();
    let counts = kinds.map(|(state, word)| (count(state), word)).into_iter().filter(|(count, _)| *count > 0);
    counts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

pub(crate) fn dead_letters(run: &Run) -> Vec<(&str, &str, Option<&str>)> {
    let mut dead = Vec::new();
    for (name, _) in shop::DESTINATIONS {
        let letters = ways(run, name).filter(|(_, way)| way.state == State::Dead);
        dead.extend(letters.map(|(id, way)| (id, name, way.detail.as_deref())));
    }
    dead
}

/// The ways of all events to one destination.
pub(crate) fn ways<'a>(run: &'a Run, destination: &'a str) -> impl Iterator<Item = (&'a str, &'a Way)> {
    run.events.iter().flat_map(move |event| {
        let id = event.event["messageId"].as_str().unwrap_or_default();
        event.destinations.iter().filter(move |way| way.destination == destination).map(move |way| (id, way))
    })
}

/// What a host was asked, and its answers, each once.
pub(crate) fn lines(exchanges: &[Exchange], host: &str) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String, usize)> = Vec::new();
    for exchange in exchanges {
        let Some(path) = exchange.request.url.strip_prefix("https://").and_then(|url| url.strip_prefix(host)) else {
            continue;
        };
        let path = path.split('?').next().unwrap_or_default();
        let asked = format!("{} {path}", exchange.request.method);
        let answer = exchange.status().map_or_else(|| "none".to_owned(), |status| status.to_string());
        match lines.iter_mut().find(|line| (&line.0, &line.1) == (&asked, &answer)) {
            Some(line) => line.2 += 1,
            None => lines.push((asked, answer, 1)),
        }
    }
    let times = |count| if count > 1 { format!(", {count} times") } else { String::new() };
    lines.into_iter().map(|(asked, answer, count)| (asked + &times(count), answer)).collect()
}
