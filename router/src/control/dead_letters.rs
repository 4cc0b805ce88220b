//! What could not be delivered, and why: the JSON of `GET /v1/dead-letters` and `router dead-letters list --json`.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::explain::{Mask, Place};
use crate::log::{DeadLetter, LaneId, Log, LogError, Seq};

/// As many are listed where nobody says how many.
pub const LIMIT: usize = 100;

/// More at once are not listed; `next` goes on.
pub const MOST: usize = 10_000;

/// Which dead letters are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Of this instance alone.
    pub destination: Option<String>,
    /// Of this source alone.
    pub source: Option<String>,
    /// At most so many; [`LIMIT`] where nothing is said.
    pub limit: Option<usize>,
    /// Those behind the ones that were listed before: their `next`.
    pub after: Option<String>,
}

/// Some dead letters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DeadLetters {
    /// The letters, lane by lane, oldest first.
    pub letters: Vec<Letter>,
    /// What to give as `after` for those that follow; nothing where these are the last.
    pub next: Option<String>,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// The source of the event.
    pub source: String,
    /// The instance that did not get it.
    pub destination: String,
    /// The place among the source's events.
    pub seq: u64,
    /// The event's id.
    pub message_id: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The name of what was tracked.
    pub event: Option<String>,
    /// When it died (RFC 3339).
    pub at: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it will not be delivered.
    pub reason: String,
}

/// What a query could not find.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// A name that the configuration does not have.
    #[error("there is no {what} `{name}`{}", nearest.as_ref().map_or_else(String::new, |word| format!("; did you mean `{word}`?")))]
    Unknown {
        /// `source` or `destination`.
        what: &'static str,
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// `after` is none of our own.
    #[error("{0:?} is no `next` of an answer: leave `after` out to begin with the oldest")]
    After(String),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The lanes that a query is about, in order.
///
/// # Errors
/// A source or a destination that is not configured.
pub fn lanes(query: &Query, places: &[Place]) -> Result<Vec<LaneId>, ListError> {
    let sources: Vec<&str> = places.iter().map(|place| place.source.as_str()).collect();
    known("source", query.source.as_deref(), &sources)?;
    let names: Vec<&str> = places.iter().flat_map(|place| &place.lanes).map(|lane| lane.target.name()).collect();
    known("destination", query.destination.as_deref(), &names)?;
    let wanted = |filter: &Option<String>, name: &str| filter.as_ref().is_none_or(|filter| filter == name);
    let mut lanes: Vec<LaneId> = places
        .iter()
        .filter(|place| wanted(&query.source, &place.source))
        .flat_map(|place| place.lanes.iter().map(move |lane| (place.id, lane)))
        .filter(|(_, lane)| wanted(&query.destination, lane.target.name()))
        .map(|(source, lane)| LaneId { source, instance: lane.instance })
        .collect();
    lanes.sort_unstable();
    Ok(lanes)
}

/// A name that is none of these.
pub(crate) fn unknown(what: &'static str, name: &str, names: &[&str]) -> ListError {
    let nearest = crate::nearest::nearest(name, names).map(str::to_owned);
    ListError::Unknown { what, name: name.to_owned(), nearest }
}

fn known(what: &'static str, name: Option<&str>, names: &[&str]) -> Result<(), ListError> {
    match name {
        Some(name) if !names.contains(&name) => Err(unknown(what, name, names)),
        _ => Ok(()),
    }
}

/// Lists dead letters of the lanes that are configured.
///
/// # Errors
/// A name or an `after` that makes no sense, and those of the log.
pub fn list(log: &dyn Log, query: &Query, places: &[Place]) -> Result<DeadLetters, ListError> {
    let limit = query.limit.unwrap_or(LIMIT).clamp(1, MOST);
    let after = query.after.as_deref().map(cursor).transpose()?;
    let mut found: Vec<DeadLetter> = Vec::new();
    for lane in lanes(query, places)? {
        if after.is_some_and(|(past, _)| lane < past) {
            continue;
        }
        // One more than asked for tells whether others follow.
        let room = limit + 1 - found.len();
        found.extend(log.dead(Some(lane), after.filter(|(past, _)| *past == lane), room)?);
        if found.len() > limit {
            break;
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| show_cursor(last.lane, last.seq));
    let letters = found.iter().map(|letter| view(log, letter, places)).collect::<Result<_, _>>()?;
    Ok(DeadLetters { letters, next })
}

fn view(log: &dyn Log, letter: &DeadLetter, places: &[Place]) -> Result<Letter, LogError> {
    let place = places.iter().find(|place| place.id == letter.lane.source);
    let lane = place.and_then(|place| place.lanes.iter().find(|lane| lane.instance == letter.lane.instance));
    let stored = log.read(letter.lane.source, letter.seq, 1)?;
    let event = stored.iter().find(|stored| stored.range().contains(&letter.seq)).and_then(|stored| {
        let index = usize::try_from(letter.seq - stored.first).ok()?;
        serde_json::from_slice::<Value>(&stored.parcel.events.get(index)?.json).ok()
    });
    let text = |key: &str| Some(event.as_ref()?.get(key)?.as_str()?.to_owned());
    let mask = lane.map_or_else(Default::default, |lane| Mask::clone(&lane.mask));
    Ok(Letter {
        source: place.map(|place| place.source.clone()).unwrap_or_default(),
        destination: lane.map(|lane| lane.target.name().to_owned()).unwrap_or_default(),
        seq: letter.seq,
        message_id: text("messageId"),
        kind: text("type"),
        event: text("event").or_else(|| text("name")),
        at: super::status::time(letter.at),
        attempts: letter.dead.attempts,
        reason: mask.text(&letter.dead.reason),
    })
}

fn show_cursor(lane: LaneId, seq: Seq) -> String {
    format!("{}-{}-{seq}", lane.source.0, lane.instance.0)
}

fn cursor(text: &str) -> Result<(LaneId, Seq), ListError> {
    let mut parts = text.split('-').map(str::parse::<u64>);
    let mut number = || parts.next().and_then(Result::ok);
    let read = (|| {
        let source = crate::log::SourceId(number()?.try_into().ok()?);
        let instance = crate::log::InstanceId(number()?.try_into().ok()?);
        Some((LaneId { source, instance }, number()?))
    })();
    read.filter(|(lane, seq)| show_cursor(*lane, *seq) == text).ok_or_else(|| ListError::After(text.to_owned()))
}

impl Display for DeadLetters {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.letters.is_empty() {
            return writeln!(f, "no dead letters");
        }
        self.letters.iter().try_for_each(|letter| letter.fmt(f))?;
        match &self.next {
            Some(next) => writeln!(f, "… and more: --after {next}"),
            None => Ok(()),
        }
    }
}

impl Display for Letter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_deref().unwrap_or("event");
        let id = self.message_id.as_deref().unwrap_or("without messageId");
        write!(f, "{}  {} → {}  {kind}", self.at, self.source, self.destination)?;
        if let Some(event) = &self.event {
            write!(f, " {event:?}")?;
        }
        let tries = if self.attempts == 1 { "try" } else { "tries" };
        writeln!(f, "  {id}\n    {} ({} {tries})", self.reason, self.attempts)
    }
}
