//! From events to requests, and from answers to verdicts.

mod batch;
mod body;
mod chain;
mod head;
mod route;
mod script;

pub(super) use chain::answer;
pub(super) use head::Head;

use std::any::Any;
use std::borrow::Cow;

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use super::code::{Answered, Input};
use super::definition::{Action, Body, Step};
use super::instance::{Instance, Subscription};
use super::mistake::Refusal;
use super::target::{Call, Env, Judged, Limits, Planned, Target, TokenSource};
use super::value::Scope;
use super::verdict::Verdict;
use crate::client::{Answer, Failure};
use crate::mapping::Budget;

/// What an event has become before it is put into a request.
struct Item<'e> {
    /// The event's place in the events given.
    place: usize,
    event: &'e Value,
    payload: Cow<'e, Value>,
}

/// What a call remembers to read its answer.
enum Memory {
    /// A chain of requests for one event.
    Chain(Box<chain::Chain>),
    /// A chain that a hook makes.
    Script(Box<script::Script>),
    /// For each item of the request its event's place, and what it was made of.
    Items(Vec<usize>, Vec<Value>),
}

impl Target for Instance {
    fn name(&self) -> &str {
        &self.name
    }

    fn slug(&self) -> &str {
        self.definition.slug()
    }

    fn route(&self, event: &Value) -> u64 {
        route::route(self, event)
    }

    fn why_not(&self, event: &Value) -> Option<String> {
        route::why_not(self, event)
    }

    fn action(&self, subscription: usize) -> &str {
        self.subscriptions.get(subscription).map_or("", |subscription| subscription.name.as_str())
    }

    fn limits(&self, subscription: usize) -> &Limits {
        static NONE: std::sync::LazyLock<Limits> = std::sync::LazyLock::new(Limits::default);
        self.subscriptions.get(subscription).map_or(&*NONE, |subscription| &subscription.limits)
    }

    fn plan(&self, subscription: usize, events: &[&Value], env: &Env) -> Planned {
        let mut planned = Planned::default();
        let Some((chosen, action)) = self.action_of(subscription) else {
            planned.refused =
                (0..events.len()).map(|place| (place, "there is no such action any more".to_owned())).collect();
            return planned;
        };
        let Some(first) = action.steps.first() else { return planned };
        if let (Body::Each(each), true) = (&first.request.body, action.alone.is_empty()) {
            // One event after the other: what one needed is at hand for the next.
            let mut batch = batch::Batch::new(self, subscription, chosen, first, each, *env);
            for (place, event) in events.iter().enumerate() {
                match self.shape(chosen, action, place, event, *env) {
                    Ok(items) => batch.add_all(items, &mut planned),
                    Err(refusal) => planned.refused.push((place, refusal.0)),
                }
            }
            batch.finish(&mut planned);
            return planned;
        }
        let mut items = Vec::with_capacity(events.len());
        for (place, event) in events.iter().enumerate() {
            match self.shape(chosen, action, place, event, *env) {
                Ok(more) => items.extend(more),
                Err(refusal) => planned.refused.push((place, refusal.0)),
            }
        }
        if let (false, [_]) = (action.alone.is_empty(), items.as_slice()) {
            for item in items {
                let place = item.place;
                match self.single(subscription, chosen, action, item, true, *env) {
                    Ok(call) => planned.calls.push(call),
                    Err(refusal) => planned.refused.push((place, refusal.0)),
                }
            }
            return planned;
        }
        match &first.request.body {
            Body::Code => self.by_code(subscription, action, &items, *env, &mut planned),
            Body::Chain => self.by_script(subscription, chosen, action, items, *env, &mut planned),
            Body::Each(each) => {
                let mut batch = batch::Batch::new(self, subscription, chosen, first, each, *env);
                batch.add_all(items, &mut planned);
                batch.finish(&mut planned);
            }
            _ => {
                for item in items {
                    let place = item.place;
                    match self.single(subscription, chosen, action, item, false, *env) {
                        Ok(call) => planned.calls.push(call),
                        Err(refusal) => planned.refused.push((place, refusal.0)),
                    }
                }
            }
        }
        planned
    }

    fn judge(&self, call: Call, outcome: Result<&Answer, &Failure>, env: &Env) -> Judged {
        let Some((_, action)) = self.action_of(call.subscription) else {
            return Judged::All(Verdict::Reject("there is no such action any more".to_owned()));
        };
        let answered = Answered { events: &call.events, step: call.step, outcome };
        match action.code.and_then(|code| code.judge(&answered)) {
            Some(judged) => judged,
            None => self.read_answer(action, call, outcome, *env),
        }
    }

    fn oauth(&self) -> Option<&dyn TokenSource> {
        self.credentials.source()
    }
}

impl Instance {
    fn scope<'a>(&'a self, item: &'a Item<'_>, env: Env, budget: &'a Budget) -> Scope<'a> {
        Scope {
            here: Some(&item.payload),
            event: Some(item.event),
            payload: Some(&item.payload),
            salt: salt(item.place),
            ..Scope::new(&self.settings, env, budget)
        }
    }

    /// The payloads of an event: one, unless a hook makes several.
    fn shape<'e>(
        &self,
        chosen: &Subscription,
        action: &Action,
        place: usize,
        event: &'e Value,
        env: Env,
    ) -> Result<Vec<Item<'e>>, Refusal> {
        let budget = Budget::new();
        let payload = match &action.fields {
            None => Cow::Borrowed(event),
            Some(stage) => {
                let scope = Scope {
                    here: Some(event),
                    event: Some(event),
                    salt: salt(place),
                    ..Scope::new(&self.settings, env, &budget)
                };
                Cow::Owned(stage.payload(chosen.overrides.as_ref(), &scope)?)
            }
        };
        let item = Item { place, event, payload };
        for require in &action.require {
            require.check(&self.scope(&item, env, &budget))?;
        }
        let Some(code) = action.code else { return Ok(vec![item]) };
        let base = self.base.as_deref().unwrap_or_default();
        let input = Input { event, payload: &item.payload, settings: &self.settings, base, env, answers: &[] };
        let payloads = code.shape(&input)?;
        if payloads.is_empty() {
            return Err(Refusal("there is nothing to send of this event".to_owned()));
        }
        if payloads.len() > 1 && !action.batch {
            return Err(Refusal("this event makes several requests, and the action sends one".to_owned()));
        }
        Ok(payloads.into_iter().map(|payload| Item { place, event, payload: Cow::Owned(payload) }).collect())
    }

    fn by_code(&self, subscription: usize, action: &Action, items: &[Item<'_>], env: Env, planned: &mut Planned) {
        let Some(code) = action.code.filter(|_| !items.is_empty()) else { return };
        let base = self.base.as_deref().unwrap_or_default();
        let settings = &self.settings;
        let inputs = items.iter().map(|item| Input {
            event: item.event,
            payload: &item.payload,
            settings,
            base,
            env,
            answers: &[],
        });
        let inputs: Vec<Input<'_>> = inputs.collect();
        let made = match code.requests(&inputs) {
            Ok(made) => made,
            Err(refusal) => {
                planned.refused.extend(items.iter().map(|item| (item.place, refusal.0.clone())));
                return;
            }
        };
        for made in made {
            let places: Vec<usize> = made.events.iter().filter_map(|i| items.get(*i)).map(|item| item.place).collect();
            let payloads =
                made.events.iter().filter_map(|i| items.get(*i)).map(|item| item.payload.clone().into_owned());
            let payloads = if self.definition.remembers_payloads { payloads.collect() } else { Vec::new() };
            match self.seal(made.request, env) {
                Ok(request) => planned.calls.push(call(subscription, places, payloads, request)),
                Err(refusal) => planned.refused.extend(places.into_iter().map(|place| (place, refusal.0.clone()))),
            }
        }
    }

    fn single(
        &self,
        subscription: usize,
        chosen: &Subscription,
        action: &Action,
        item: Item<'_>,
        alone: bool,
        env: Env,
    ) -> Result<Call, Refusal> {
        let (steps, heads) = steps(chosen, action, alone);
        if let [step] = steps
            && step.only.is_none()
            && step.code.is_none()
        {
            let budget = Budget::new();
            let scope = self.scope(&item, env, &budget);
            let request = self.build(heads.first(), step, &scope)?;
            let remember = self.definition.remembers_payloads;
            let payloads = if remember { vec![item.payload.into_owned()] } else { Vec::new() };
            return Ok(call(subscription, vec![item.place], payloads, request));
        }
        chain::Chain::begin(self, subscription, (chosen, action), item, alone, env)
    }

    /// A step's request for one event, credentials included.
    fn build(&self, head: Option<&Option<Head>>, step: &Step, scope: &Scope<'_>) -> Result<Request<Bytes>, Refusal> {
        let head = match head {
            Some(Some(head)) => head.clone(),
            _ => self.head(&step.request, scope)?,
        };
        let (body, media) = body::body(&step.request.body, scope)?;
        self.seal(head.request(body, media), env_of(scope))
    }
}

/// The steps for one event alone or for any, and what is the same in them for all events.
fn steps<'a>(chosen: &'a Subscription, action: &'a Action, alone: bool) -> (&'a [Step], &'a [Option<Head>]) {
    if alone { (&action.alone, &[]) } else { (&action.steps, &chosen.heads) }
}

fn env_of(scope: &Scope<'_>) -> Env {
    scope.env
}

fn salt(place: usize) -> u64 {
    u64::try_from(place).unwrap_or(u64::MAX)
}

/// A call that is not part of a chain. `places` has one for each item of the request.
fn call(subscription: usize, places: Vec<usize>, payloads: Vec<Value>, request: Request<Bytes>) -> Call {
    let mut events = places.clone();
    events.dedup();
    // Where each item is an event by itself, `events` says it all.
    let memory = (events.len() < places.len() || !payloads.is_empty())
        .then(|| Box::new(Memory::Items(places, payloads)) as Box<dyn Any + Send + Sync>);
    Call { subscription, events, request, step: 0, memory }
}
