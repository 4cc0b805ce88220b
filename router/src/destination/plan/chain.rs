//! Chains of requests for one event, each planned from the answers before; and what answers mean.

use std::any::Any;

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::super::code::{Code, Input};
use super::super::definition::Action;
use super::super::instance::{Instance, Subscription};
use super::super::mistake::Refusal;
use super::super::target::{Call, Env, Judged};
use super::super::value::Scope;
use super::super::verdict::Verdict;
use super::super::verdicts::{Context, Outcome, Table};
use super::{Item, Memory, salt};
use crate::client::{Answer, Failure};
use crate::mapping::Budget;

/// What a chain knows so far.
pub(super) struct Chain {
    event: Value,
    payload: Value,
    /// By the place of the step; null for one that was skipped.
    answers: Vec<Value>,
    salt: u64,
    place: usize,
    /// Whether the steps are those for one event alone.
    pub(super) alone: bool,
}

impl Chain {
    /// The first request.
    pub(super) fn begin(
        instance: &Instance,
        subscription: usize,
        way: (&Subscription, &Action),
        item: Item<'_>,
        alone: bool,
        env: Env,
    ) -> Result<Call, Refusal> {
        let chain = Self {
            event: item.event.clone(),
            payload: item.payload.into_owned(),
            answers: Vec::new(),
            salt: salt(item.place),
            place: item.place,
            alone,
        };
        let first = Box::new(chain).next(instance, subscription, way, env)?;
        first.ok_or_else(|| Refusal("there is nothing to do for this event: no step applies".to_owned()))
    }

    /// The next request, `None` where no further step applies.
    fn next(
        mut self: Box<Self>,
        instance: &Instance,
        subscription: usize,
        (chosen, action): (&Subscription, &Action),
        env: Env,
    ) -> Result<Option<Call>, Refusal> {
        let (steps, heads) = super::steps(chosen, action, self.alone);
        loop {
            let place = self.answers.len();
            let Some(step) = steps.get(place) else { return Ok(None) };
            let budget = Budget::new();
            let scope = self.scope(instance, env, &budget);
            let applies = match &step.only {
                Some(only) => only.holds(&scope)?,
                None => true,
            };
            if !applies {
                self.answers.push(Value::Null);
                continue;
            }
            if let Some(code) = step.code {
                self.payload = self.shape(instance, code, env)?;
            }
            let scope = self.scope(instance, env, &budget);
            let request = instance.build(heads.get(place), step, &scope)?;
            let events = vec![self.place];
            let memory: Box<dyn Any + Send + Sync> = Box::new(Memory::Chain(self));
            return Ok(Some(Call { subscription, events, request, step: place, memory: Some(memory) }));
        }
    }

    fn shape(&self, instance: &Instance, code: &dyn Code, env: Env) -> Result<Value, Refusal> {
        let (event, payload, answers) = (&self.event, &self.payload, self.answers.as_slice());
        let base = instance.base.as_deref().unwrap_or_default();
        let input = Input { event, payload, settings: &instance.settings, base, env, answers };
        let mut payloads = code.shape(&input)?;
        match (payloads.pop(), payloads.is_empty()) {
            (Some(payload), true) => Ok(payload),
            _ => Err(Refusal("a step of a chain is made of one payload".to_owned())),
        }
    }

    fn scope<'a>(&'a self, instance: &'a Instance, env: Env, budget: &'a Budget) -> Scope<'a> {
        Scope {
            here: Some(&self.payload),
            event: Some(&self.event),
            payload: Some(&self.payload),
            steps: &self.answers,
            salt: self.salt,
            ..Scope::new(&instance.settings, env, budget)
        }
    }
}

impl Instance {
    /// What an answer means: the chain goes on, or the table of verdicts says.
    pub(super) fn read_answer(
        &self,
        action: &Action,
        call: Call,
        outcome: Result<&Answer, &Failure>,
        env: Env,
    ) -> Judged {
        let Call { subscription, events, step, memory, .. } = call;
        let memory = memory.and_then(|memory| memory.downcast::<Memory>().ok()).map(|memory| *memory);
        let asked = match &memory {
            Some(Memory::Chain(chain)) if chain.alone => action.alone.get(step),
            _ => action.steps.get(step),
        };
        let ok = match &memory {
            Some(Memory::Script(script)) => script.ok,
            _ => asked.map_or(&[][..], |step| step.ok.as_slice()),
        };
        if !outcome.is_ok_and(|answer| ok.contains(&answer.status.as_u16())) {
            let own = asked.and_then(|step| step.verdict.as_ref()).or(action.verdict.as_ref());
            let table = own.unwrap_or(&self.definition.verdict);
            match self.ask_table(table, &events, memory.as_ref(), outcome, env) {
                Judged::All(Verdict::Delivered) => {}
                other => return other,
            }
        }
        let (mut chain, answer) = match (memory, outcome) {
            (Some(Memory::Chain(chain)), Ok(answer)) => (chain, answer),
            (Some(Memory::Script(script)), Ok(answer)) => {
                return match action.code {
                    Some(code) => self.script_goes_on(script, code, (subscription, events, step), answer, env),
                    None => Judged::All(Verdict::Delivered),
                };
            }
            _ => return Judged::All(Verdict::Delivered),
        };
        let Some((chosen, _)) = self.action_of(subscription) else { return Judged::All(Verdict::Delivered) };
        // The engine may have given the event another place since.
        chain.place = events.first().copied().unwrap_or(chain.place);
        chain.answers.truncate(step);
        let body = match serde_json::from_slice(&answer.body) {
            Ok(body) => body,
            Err(_) => Value::from(String::from_utf8_lossy(&answer.body)),
        };
        chain.answers.push(self::answer(answer.status, &answer.headers, body));
        match chain.next(self, subscription, (chosen, action), env) {
            Ok(Some(next)) => Judged::Next(Box::new(next)),
            Ok(None) => Judged::All(Verdict::Delivered),
            Err(refusal) => Judged::All(Verdict::Reject(refusal.0)),
        }
    }

    fn ask_table(
        &self,
        table: &Table,
        events: &[usize],
        memory: Option<&Memory>,
        outcome: Result<&Answer, &Failure>,
        env: Env,
    ) -> Judged {
        let (places, payloads) = match memory {
            Some(Memory::Items(places, payloads)) => (places.as_slice(), payloads.as_slice()),
            _ => (events, &[][..]),
        };
        let payload = |place: usize| match memory {
            Some(Memory::Chain(chain)) => Some(&chain.payload),
            _ => payloads.get(place),
        };
        let secrets: Vec<&str> = self.credentials.secrets().chain(self.secrets.iter().map(String::as_str)).collect();
        let context = Context {
            events: places.len(),
            payload: &payload,
            oauth: self.credentials.source().is_some(),
            secrets: &secrets,
            now: env.now,
        };
        let outcome: Outcome = table.judge(outcome, &context);
        match outcome.judged(places) {
            Judged::Each(mut verdicts) => {
                // An event that became several items has the first verdict that is none of success.
                let mut seen = std::collections::HashSet::new();
                verdicts.retain(|(place, verdict)| *verdict != Verdict::Delivered && seen.insert(*place));
                Judged::Each(verdicts)
            }
            other => other,
        }
    }
}

/// An answer as values see it: `{status, headers, body}`.
pub(in crate::destination) fn answer(status: StatusCode, headers: &HeaderMap, body: Value) -> Value {
    let texts =
        headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), Value::from(value.to_str().ok()?))));
    let mut answer = Map::new();
    answer.insert("status".to_owned(), status.as_u16().into());
    answer.insert("headers".to_owned(), Value::Object(texts.collect()));
    answer.insert("body".to_owned(), body);
    Value::Object(answer)
}
