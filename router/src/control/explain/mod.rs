//! The way of one event: when it was accepted, what each destination does with it, what became of it there.
//!
//! * this file has the types, which are also the JSON of `GET /v1/explain/{id}` and `router explain --json`;
//! * `gather` finds them in a log and plans again what would be sent now, secrets masked;
//! * `show` writes them for people.

mod gather;
mod mask;
mod show;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use gather::{Gathering, Lane, Place};
pub use mask::Mask;

/// All events that have a `messageId`: most often one, more where two sources use the same or a duplicate came late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The `messageId` asked for.
    pub message_id: String,
    /// The events, newest first; none where the id is unknown or the event was expired.
    pub events: Vec<Event>,
}

/// One accepted event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its source.
    pub source: String,
    /// Its place among the source's events.
    pub seq: u64,
    /// When it was accepted (RFC 3339).
    pub received_at: String,
    /// When the client says that it sent it.
    pub sent_at: Option<String>,
    /// The event as destinations see it.
    pub event: Value,
    /// What each of the source's destinations does with it.
    pub destinations: Vec<Way>,
}

/// One event on its way to one instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Way {
    /// The instance.
    pub destination: String,
    /// The definition it is an instance of.
    #[serde(rename = "type")]
    pub slug: String,
    /// Where the event is.
    pub state: State,
    /// What is said about that: the status of the answer, the reason, the next try.
    pub detail: Option<String>,
    /// Whether the instance's filter and the event's `integrations` let it through, by today's configuration.
    pub routed: bool,
    /// Why not.
    pub why_not: Option<String>,
    /// What would be sent today: one entry for each subscription that wants the event.
    pub plans: Vec<Plan>,
    /// What became of it, oldest first.
    pub history: Vec<Step>,
    /// What the instance's gate says, where a router runs and it is not open.
    pub gate: Option<String>,
}

/// Where an event is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not looked at yet, or being sent.
    Waiting,
    /// Tried, and to be tried again.
    Retrying,
    /// The partner has it.
    Delivered,
    /// It was not meant for this instance.
    Skipped,
    /// It will not be delivered.
    Dead,
}

impl State {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Skipped => "skipped",
            Self::Dead => "dead letter",
        }
    }
}

/// What a subscription makes of the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The action.
    pub action: String,
    /// The requests; a batch holds this event alone here. Of a chain the first alone: the others depend on its answer.
    pub requests: Vec<Request>,
    /// Why there is none.
    pub refused: Option<String>,
}

/// A request as it would be sent, secrets masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its address.
    pub url: String,
    /// Its headers; those that may hold credentials have `***` for a value.
    pub headers: Vec<(String, String)>,
    /// Its body: as JSON where it is, else as a text.
    pub body: Value,
}

/// One record of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When (RFC 3339).
    pub at: String,
    /// What happened.
    pub what: State,
    /// The status of the answer, for what was delivered.
    pub status: Option<u16>,
    /// How long the answer took, in milliseconds.
    pub elapsed_ms: Option<u32>,
    /// How often it had been tried.
    pub attempts: Option<u32>,
    /// When it is tried next (RFC 3339).
    pub next: Option<String>,
    /// What went wrong.
    pub reason: Option<String>,
}
