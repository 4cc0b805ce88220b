//! Finding what there is to tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Event, Explanation, Mask, Plan, Request, State, Step, Way};
use crate::control::status::time;
use crate::destination::{Env, Target};
use crate::log::{How, InstanceId, LaneId, Log, LogError, Outcome, Seq, SourceId, Stored, fingerprint};

/// More events with one id are not shown.
const EVENTS: usize = 20;

/// Where an explanation comes from.
#[derive(Debug)]
pub struct Gathering<'a> {
    /// What was accepted, and what became of it.
    pub log: &'a dyn Log,
    /// The sources of the configuration in force.
    pub places: &'a [Place],
    /// What the plans may know of the world.
    pub env: Env,
    /// What holds instances up, by their names.
    pub gates: BTreeMap<String, String>,
}

/// A source and its destinations.
#[derive(Debug)]
pub struct Place {
    /// Its name.
    pub source: String,
    /// Its number in the log.
    pub id: SourceId,
    /// Its destinations, in the order of the configuration.
    pub lanes: Vec<Lane>,
}

/// One destination of a source.
pub struct Lane {
    /// Its number in the log.
    pub instance: InstanceId,
    /// What plans its requests.
    pub target: Arc<dyn Target>,
    /// What must not be shown.
    pub mask: Arc<Mask>,
    /// Whether nothing is sent to it.
    pub disabled: bool,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane")
            .field("instance", &self.instance)
            .field("name", &self.target.name())
            .finish_non_exhaustive()
    }
}

impl Gathering<'_> {
    /// All there is about events with this id, newest first.
    ///
    /// # Errors
    /// Those of the log.
    pub fn explain(&self, message_id: &str) -> Result<Explanation, LogError> {
        let mut events = Vec::new();
        for (source, seq) in self.log.find(fingerprint(message_id), EVENTS)? {
            let Some((stored, index)) = self.stored(source, seq)? else { continue };
            let Ok(event) = crate::event::decode(&stored, index) else { continue };
            // Two ids may share a fingerprint.
            if event.get("messageId").and_then(Value::as_str) == Some(message_id) {
                events.push(self.event(&stored, seq, event)?);
            }
        }
        Ok(Explanation { message_id: message_id.to_owned(), events })
    }

    fn stored(&self, source: SourceId, seq: Seq) -> Result<Option<(Stored, usize)>, LogError> {
        let found = self.log.read(source, seq, 1)?.into_iter().find(|stored| stored.range().contains(&seq));
        // An event that expired between the index and here is none.
        Ok(found
            .and_then(|stored| Some((usize::try_from(seq - stored.first).ok()?, stored)))
            .map(|(i, stored)| (stored, i)))
    }

    fn event(&self, stored: &Stored, seq: Seq, event: Value) -> Result<Event, LogError> {
        let place = self.places.iter().find(|place| place.id == stored.parcel.source);
        let lanes = place.map(|place| place.lanes.as_slice()).unwrap_or_default();
        let destinations = lanes.iter().map(|lane| self.way(lane, stored.parcel.source, seq, &event));
        Ok(Event {
            source: place.map_or_else(|| "(no longer configured)".to_owned(), |place| place.source.clone()),
            seq,
            received_at: time(stored.parcel.received_at),
            sent_at: stored.parcel.sent_at.map(time),
            destinations: destinations.collect::<Result<_, _>>()?,
            event,
        })
    }

    fn way(&self, lane: &Lane, source: SourceId, seq: Seq, event: &Value) -> Result<Way, LogError> {
        let id = LaneId { source, instance: lane.instance };
        let history: Vec<Step> =
            self.log.history(id, seq)?.iter().filter_map(|outcome| step(outcome, seq, &lane.mask)).collect();
        let target = lane.target.as_ref();
        let wanted = target.route(event);
        let plans =
            (0..64).filter(|bit| wanted >> bit & 1 == 1).map(|subscription| self.plan(lane, subscription, event));
        let last = history.last();
        Ok(Way {
            destination: target.name().to_owned(),
            slug: target.slug().to_owned(),
            state: last.map_or(State::Waiting, |step| step.what),
            detail: last.and_then(detail),
            routed: wanted != 0,
            why_not: target.why_not(event),
            plans: plans.collect(),
            history,
            gate: self.gates.get(target.name()).cloned(),
        })
    }

    fn plan(&self, lane: &Lane, subscription: usize, event: &Value) -> Plan {
        let target = lane.target.as_ref();
        let planned =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target.plan(subscription, &[event], &self.env)));
        let action = target.action(subscription).to_owned();
        let Ok(planned) = planned else {
            let refused = Some("planning it panicked: this is a bug of the destination".to_owned());
            return Plan { action, requests: Vec::new(), refused };
        };
        let requests = planned.calls.iter().map(|call| request(&call.request, &lane.mask)).collect();
        Plan { action, requests, refused: planned.refused.first().map(|(_, reason)| lane.mask.text(reason)) }
    }
}

fn request(request: &http::Request<bytes::Bytes>, mask: &Mask) -> Request {
    let headers = request.headers().iter();
    let body = request.body();
    let body = match serde_json::from_slice::<Value>(body) {
        Ok(json) => mask.value(&json),
        Err(_) if body.is_empty() => Value::Null,
        Err(_) => Value::String(mask.text(&String::from_utf8_lossy(body))),
    };
    Request {
        method: request.method().to_string(),
        url: mask.text(&request.uri().to_string()),
        headers: headers.map(|(name, value)| (name.to_string(), mask.header(name.as_str(), value))).collect(),
        body,
    }
}

/// What a record says about one event.
fn step(outcome: &Outcome, seq: Seq, mask: &Mask) -> Option<Step> {
    let empty = Step {
        at: time(outcome.at),
        what: State::Skipped,
        status: None,
        elapsed_ms: None,
        attempts: None,
        next: None,
        reason: None,
    };
    if let Some((_, dead)) = outcome.dead.iter().find(|(at, _)| *at == seq) {
        let (attempts, reason) = (Some(dead.attempts), Some(mask.text(&dead.reason)));
        return Some(Step { what: State::Dead, attempts, reason, ..empty });
    }
    if let Some((_, retry)) = outcome.retry.iter().find(|(at, _)| *at == seq) {
        let (attempts, reason) = (Some(retry.attempts), Some(mask.text(&retry.reason)));
        return Some(Step { what: State::Retrying, attempts, next: Some(time(retry.at)), reason, ..empty });
    }
    let done = outcome.done.iter().find(|done| done.events.contains(&seq))?;
    Some(match done.how {
        How::Skipped => empty,
        How::Delivered { status, elapsed_ms } => {
            Step { what: State::Delivered, status: Some(status), elapsed_ms: Some(elapsed_ms), ..empty }
        }
    })
}

fn detail(step: &Step) -> Option<String> {
    match step.what {
        State::Delivered => Some(format!("answer {} at {}", step.status?, step.at)),
        State::Retrying => Some(format!("{}; next try {}", step.reason.as_deref()?, step.next.as_deref()?)),
        State::Dead => step.reason.clone(),
        State::Waiting | State::Skipped => None,
    }
}
