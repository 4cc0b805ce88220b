//! Events become calls. Whatever a destination's code does here harms its own events alone.

use std::sync::Arc;

use serde_json::Value;

use super::batch::{Batch, Unrouted};
use super::tally::{Fate, Mark, Report, Tally};
use crate::delivery::acting::{Acting, Shared};
use crate::delivery::backoff::mix;
use crate::delivery::scheduler::{Pull, What};
use crate::delivery::shield::catch;
use crate::destination::{Call, Env, Planned};

/// Events of one subscription that were planned together. Places in a [`Call`] are places in here.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) subscription: usize,
    /// The events, by their place in the pull.
    pub(super) items: Vec<u32>,
}

impl Chunk {
    /// The places in the pull of some places in the chunk.
    pub(super) fn items(&self, places: &[usize]) -> Vec<u32> {
        places.iter().filter_map(|place| self.items.get(*place).copied()).collect()
    }
}

/// A call and where its events are from.
pub(super) type Ready = (Arc<Chunk>, Call);

/// Asks for each event who wants it.
pub(super) fn route(shared: &Shared, acting: &Acting, batch: &Batch, tally: &mut Tally) {
    tally.marks = (0..batch.items.len()).map(|item| routed(shared, acting, batch.route(acting, item))).collect();
}

/// What is known of an event before anything is sent.
pub(super) fn routed(shared: &Shared, acting: &Acting, wanted: Result<u64, Unrouted>) -> Mark {
    let mut mark = Mark::default();
    match wanted {
        Ok(wanted) => mark.wanted = wanted,
        Err(Unrouted::Unreadable(problem)) => {
            mark.reject(acting.all().max(1), format!("the event cannot be read: {problem}").into());
        }
        Err(Unrouted::Panicked(said)) => {
            acting.panicked("route", &said, shared.now());
            mark.reject(acting.all().max(1), format!("the destination's code panicked: {said}").into());
        }
    }
    mark
}

/// Groups events by the subscriptions that want them, at most so many to a chunk as the subscription takes at once.
pub(super) fn chunks(acting: &Acting, tally: &Tally, items: impl Iterator<Item = u32> + Clone) -> Vec<Chunk> {
    let wanted = |item: u32| tally.marks.get(item as usize).map_or(0, |mark| mark.open());
    let all = items.clone().fold(0, |all, item| all | wanted(item));
    let mut chunks = Vec::new();
    for subscription in (0..acting.subscriptions).filter(|n| all & (1 << n) != 0) {
        let most = acting.target.limits(subscription).events.max(1);
        let mut some = items.clone().filter(|item| wanted(*item) & (1 << subscription) != 0).peekable();
        while some.peek().is_some() {
            let items: Vec<u32> = some.by_ref().take(most).collect();
            chunks.push(Chunk { subscription, items });
        }
    }
    chunks
}

/// Plans a chunk: calls, and reports of the events that make none.
pub(super) fn plan(
    shared: &Shared,
    acting: &Acting,
    pull: &Pull,
    batch: &Batch,
    chunk: Chunk,
) -> (Vec<Ready>, Vec<Report>) {
    let events = batch.events(&chunk.items);
    let env = env(shared, pull, batch, &chunk);
    let planned = match catch(|| acting.target.plan(chunk.subscription, &events, &env)) {
        Ok(planned) => planned,
        Err(said) => plan_apart(shared, acting, &chunk, &events, &env, &said),
    };
    let chunk = Arc::new(chunk);
    let reports = refusals(&chunk, &planned);
    (planned.calls.into_iter().map(|call| (Arc::clone(&chunk), call)).collect(), reports)
}

/// The surroundings of a plan: the same events get the same ids and random values when they are planned again.
pub(super) fn env(shared: &Shared, pull: &Pull, batch: &Batch, chunk: &Chunk) -> Env {
    let first = chunk.items.first().and_then(|item| batch.items.get(*item as usize)).map_or(0, |item| item.seq);
    let lane = (u64::from(pull.lane.source.0) << 32) | u64::from(pull.lane.instance.0);
    Env { now: shared.now(), seed: mix(&[shared.parts.seed, lane, first, chunk.subscription as u64]) }
}

/// Whether a pull carries events that were tried before.
pub(super) fn again(pull: &Pull) -> bool {
    matches!(pull.what, What::Again(_))
}

/// The plan of a chunk panicked: each event is planned alone, so that only the guilty ones are rejected; the others go together.
fn plan_apart(shared: &Shared, acting: &Acting, chunk: &Chunk, events: &[&Value], env: &Env, said: &str) -> Planned {
    acting.panicked("plan", said, shared.now());
    let refusal = |said: &str| format!("the destination's code panicked: {said}");
    let mut good = Vec::new();
    let mut refused = Vec::new();
    for (place, event) in events.iter().enumerate() {
        match catch(|| acting.target.plan(chunk.subscription, &[event], env)) {
            Ok(_) => good.push(place),
            Err(said) => refused.push((place, refusal(&said))),
        }
    }
    let some: Vec<&Value> = good.iter().filter_map(|place| events.get(*place).copied()).collect();
    let mut planned = match catch(|| acting.target.plan(chunk.subscription, &some, env)) {
        Ok(mut planned) => {
            planned.renumber(&good);
            planned
        }
        // It is not one event that it cannot bear, but these together.
        Err(said) => {
            refused.extend(good.iter().map(|place| (*place, refusal(&said))));
            Planned::default()
        }
    };
    planned.refused.extend(refused);
    planned
}

/// Reports of events without a call: those refused, and those that were forgotten.
fn refusals(chunk: &Arc<Chunk>, planned: &Planned) -> Vec<Report> {
    let report = |place: usize, reason: &str| Report {
        items: chunk.items(&[place]),
        subscription: chunk.subscription,
        fate: Fate::Rejected(reason.into()),
    };
    let mut named = vec![false; chunk.items.len()];
    let places = planned.calls.iter().flat_map(|call| call.events.iter()).chain(planned.refused.iter().map(|(n, _)| n));
    for place in places {
        if let Some(named) = named.get_mut(*place) {
            *named = true;
        }
    }
    let forgotten = named.iter().enumerate().filter(|(_, named)| !**named);
    let forgotten = forgotten.map(|(place, _)| report(place, "the destination made no request for this event"));
    planned.refused.iter().map(|(place, reason)| report(*place, reason)).chain(forgotten).collect()
}
