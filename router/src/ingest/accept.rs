//! From a request to events on disk.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{Request, header};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;
use uuid::Uuid;

use super::finish::ToTheEnd;
use super::read::{Reading, Shape};
use super::refusal::{Problem, Refusal};
use super::sources::Entry;
use super::surrogates::whole_characters;
use super::window::{Id, without};
use super::{Config, Ingest, body, key, mend, read};
use crate::event;
use crate::log::{Accepted, LogError, Parcel};

/// When to come back after the disk was full.
const FULL_DISK: std::time::Duration = std::time::Duration::from_secs(30);

/// What became of a request that was understood.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) accepted: usize,
    pub(super) duplicates: usize,
    pub(super) refused: Vec<Refused>,
    /// Events behind the last that a batch may have: the place of the first, and how many.
    pub(super) beyond: Option<(usize, usize)>,
}

/// An event that was refused.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) index: usize,
    pub(super) message_id: Option<String>,
    pub(super) reason: Refusal,
}

/// A request that was read, before anything is done with it.
struct Prepared {
    entry: Arc<Entry>,
    parcel: Parcel,
    ids: Vec<Id>,
    done: Done,
}

/// Takes a request; says with the outcome whether its client wants the strict contract.
pub(super) async fn accept(ingest: &Ingest, shape: Shape, request: Request<Body>) -> (bool, Result<Done, Problem>) {
    let received_at = ingest.0.clock.now();
    let (parts, body) = request.into_parts();
    let asked = key::strict(parts.uri.query());
    let strict = asked.unwrap_or(ingest.0.config.strict);
    let prepared = match body::read(&parts.headers, body, &ingest.0.config.limits).await {
        Ok(body) => prepare(ingest, shape, &parts, &body, received_at),
        Err(problem) => Err(problem),
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(problem) => return (strict, Err(problem)),
    };
    let strict = asked.unwrap_or(ingest.0.config.strict || prepared.entry.source.strict);
    if prepared.ids.is_empty() {
        return (strict, Ok(prepared.done));
    }
    (strict, ToTheEnd::new(store(ingest.clone(), prepared)).await)
}

fn prepare(
    ingest: &Ingest,
    shape: Shape,
    parts: &Parts,
    body: &Bytes,
    received_at: Timestamp,
) -> Result<Prepared, Problem> {
    let Config { limits, forwarded, .. } = &ingest.0.config;
    let counters = &ingest.0.counters;
    counters.bytes.fetch_add(body.len() as u64, Relaxed);
    let text = std::str::from_utf8(body).map_err(|error| Problem::Utf8 { at: error.valid_up_to() })?;
    let mut reading = read::read(text, shape, limits)?;

    let of_event = || reading.events.iter().find_map(|event| event.write_key.as_deref());
    let key = key::write_key(&parts.headers);
    let batch_key = key.as_deref().or(reading.write_key.as_deref());
    let key = batch_key.or_else(of_event).ok_or(Problem::NoKey)?;
    let entry = ingest.0.sources.load().find(key).cloned().ok_or(Problem::UnknownKey)?;
    if !entry.source.enabled {
        return Err(Problem::Disabled);
    }
    // Where the key is the events' own, all of them must have it.
    let shared_key = batch_key.is_none().then(|| key.to_owned());
    if shape == Shape::Batch {
        counters.batches.fetch_add(1, Relaxed);
    }

    let events = std::mem::take(&mut reading.events);
    let mut accepted = Vec::with_capacity(events.len());
    let mut ids = Vec::with_capacity(events.len());
    let mut done = Done { beyond: (reading.beyond > 0).then_some((events.len(), reading.beyond)), ..Done::default() };
    let mut direct = false;
    for (index, event) in events.into_iter().enumerate() {
        let other_key =
            shared_key.as_deref().is_some_and(|key| event.write_key.as_deref().is_some_and(|own| own != key));
        let verdict = event.verdict.and(if other_key { Err(Refusal::OtherWriteKey) } else { Ok(()) });
        if let Err(reason) = verdict {
            counters.refuse(reason, 1);
            if shape != Shape::Batch && matches!(reason, Refusal::TooLarge | Refusal::NotAnObject) {
                return Err(Problem::Event(reason));
            }
            done.refused.push(Refused { index, message_id: event.id.map(Into::into), reason });
            continue;
        }
        direct |= event.direct;
        let made = match (&event.id, event.mend.number) {
            (Some(_), _) => None,
            (None, Some(number)) => Some(number.to_owned()),
            (None, None) => Some(Uuid::new_v4().to_string()),
        };
        let id = Id::of(made.as_deref().or(event.id.as_deref()).unwrap_or_default());
        let json = match mend::mended(event.json, event.mend, made.as_deref()) {
            std::borrow::Cow::Borrowed(same) => body.slice_ref(same.as_bytes()),
            std::borrow::Cow::Owned(mended) => mended.into(),
        };
        accepted.push(Accepted { json, id: id.fingerprint });
        ids.push(id);
    }
    if let Some((_, more)) = done.beyond {
        counters.refuse(Refusal::TooMany, more);
    }
    let browser = parts.headers.contains_key(header::ORIGIN);
    let address = if browser || direct { key::address(parts, *forwarded) } else { None };
    let parcel = Parcel {
        source: entry.source.id,
        received_at,
        sent_at: reading.sent_at.and_then(event::time::read_json),
        shared: shared(&reading, browser, address),
        events: accepted,
    };
    Ok(Prepared { entry, parcel, ids, done })
}

/// What holds for every event of the request, as [`event`] reads it.
fn shared(reading: &Reading<'_>, browser: bool, address: Option<std::net::IpAddr>) -> Bytes {
    let mut out = String::new();
    let mut field = |name: &str, value: &dyn std::fmt::Display| {
        let before = if out.is_empty() { '{' } else { ',' };
        // Writing to a string does not fail.
        let _ = write!(out, "{before}\"{name}\":{value}");
    };
    if let Some(context) = reading.context {
        field("context", &whole_characters(context));
    }
    if let Some(integrations) = reading.integrations {
        field("integrations", &whole_characters(integrations));
    }
    if let Some(address) = address {
        field("ip", &format_args!("\"{address}\""));
        field("browser", &browser);
    }
    if !out.is_empty() {
        out.push('}');
    }
    out.into()
}

/// Stores what is new, waits for what is not, and only then says so.
async fn store(ingest: Ingest, prepared: Prepared) -> Result<Done, Problem> {
    let Prepared { entry, mut parcel, ids, mut done } = prepared;
    let inner = &*ingest.0;
    let bytes = parcel.shared.len() + parcel.events.iter().map(|event| event.json.len()).sum::<usize>();
    inner
        .intake
        .admit(parcel.source, parcel.events.len(), bytes)
        .map_err(|full| Problem::Full { retry_after: full.retry_after })?;

    let (ticket, known) = entry.window.admit(ids.clone(), parcel.received_at, &inner.config.limits);
    let number = ticket.number();
    parcel.events = without(parcel.events, &known);
    done.duplicates = known.len();
    done.accepted = parcel.events.len();
    if done.accepted > 0 {
        let source = parcel.source;
        let first = inner.log.append(parcel).await.map_err(|error| unstored(inner, &entry, &error))?;
        ticket.stored();
        inner.counters.accepted.fetch_add(done.accepted as u64, Relaxed);
        inner.intake.appended(source, first..first + done.accepted as u64);
    } else {
        ticket.stored();
    }
    if !known.is_empty() {
        let known: Vec<Id> = known.iter().filter_map(|place| ids.get(*place).copied()).collect();
        if !entry.window.settled(number, &known).await {
            return Err(Problem::Log);
        }
        inner.counters.duplicates.fetch_add(known.len() as u64, Relaxed);
    }
    Ok(done)
}

fn unstored(inner: &super::Inner, entry: &Entry, error: &LogError) -> Problem {
    inner.intake.unstored(error);
    // A full disk is met by each request: the intake tells it once.
    tracing::debug!(source = entry.source.name, %error, "events could not be stored, their client is told to try again");
    match error {
        LogError::Full { .. } => Problem::Full { retry_after: FULL_DISK },
        _ => Problem::Log,
    }
}
