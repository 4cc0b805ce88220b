//! Chains of requests that a hook in Rust makes: see [`chain`](crate::destination::chain).

use std::any::Any;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use super::super::chain::{Answers, Draft, Next};
use super::super::code::{Code, Input};
use super::super::definition::Action;
use super::super::instance::{Instance, Subscription};
use super::super::mistake::Refusal;
use super::super::target::{Call, Env, Judged, Planned};
use super::super::verdict::{Blame, Verdict};
use super::{Item, Memory, body};
use crate::client::Answer;
use crate::mapping::Budget;

/// What a hook's chain knows so far.
pub(super) struct Script {
    /// The events and their payloads.
    inputs: Vec<(Value, Value)>,
    answers: Vec<Value>,
    /// What the last request called no failure.
    pub(super) ok: &'static [u16],
}

impl Instance {
    pub(super) fn by_script(
        &self,
        subscription: usize,
        chosen: &Subscription,
        action: &Action,
        items: Vec<Item<'_>>,
        env: Env,
        planned: &mut Planned,
    ) {
        let Some(code) = action.code else { return };
        let most = if action.batch { chosen.limits.events.max(1) } else { 1 };
        let mut groups: Vec<(Value, Vec<Item<'_>>)> = Vec::new();
        for item in items {
            let group = code.group(&self.input(item.event, &item.payload, env));
            match groups.iter_mut().find(|(other, items)| *other == group && items.len() < most) {
                Some((_, items)) => items.push(item),
                None => groups.push((group, vec![item])),
            }
        }
        for (_, items) in groups {
            let places: Vec<usize> = items.iter().map(|item| item.place).collect();
            let inputs = items.into_iter().map(|item| (item.event.clone(), item.payload.into_owned())).collect();
            let script = Box::new(Script { inputs, answers: Vec::new(), ok: &[] });
            match self.go_on(script, code, subscription, places.clone(), 0, env) {
                Judged::Next(call) => planned.calls.push(*call),
                Judged::Each(verdicts) => {
                    let refused = verdicts.into_iter().filter_map(|(place, verdict)| match verdict {
                        Verdict::Reject(why) => Some((place, why)),
                        _ => None,
                    });
                    planned.refused.extend(refused);
                }
                Judged::All(Verdict::Reject(why)) => {
                    planned.refused.extend(places.into_iter().map(|place| (place, why.clone())))
                }
                // Without an answer there is nothing else that could be known.
                _ => planned.refused.extend(places.into_iter().map(|place| (place, body::nothing().0))),
            }
        }
    }

    /// After an answer that is no failure.
    pub(super) fn script_goes_on(
        &self,
        mut script: Box<Script>,
        code: &dyn Code,
        call: (usize, Vec<usize>, usize),
        answer: &Answer,
        env: Env,
    ) -> Judged {
        let (subscription, places, step) = call;
        script.answers.truncate(step);
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        script.answers.push(super::answer(answer.status, &answer.headers, body));
        self.go_on(script, code, subscription, places, step + 1, env)
    }

    fn go_on(
        &self,
        mut script: Box<Script>,
        code: &dyn Code,
        subscription: usize,
        places: Vec<usize>,
        step: usize,
        env: Env,
    ) -> Judged {
        let inputs: Vec<Input<'_>> =
            script.inputs.iter().map(|(event, payload)| self.input(event, payload, env)).collect();
        let draft = match code.next(&inputs, Answers(&script.answers)) {
            Next::Done => return Judged::All(Verdict::Delivered),
            Next::Reject(why) => return Judged::All(Verdict::Reject(why)),
            Next::Retry(reason) => return Judged::All(Verdict::Retry { blame: Blame::Event, after: None, reason }),
            Next::Each(verdicts) => {
                let verdicts = verdicts.into_iter().filter_map(|(i, verdict)| Some((*places.get(i)?, verdict)));
                return Judged::Each(verdicts.collect());
            }
            Next::Send(draft) => *draft,
        };
        script.ok = draft.ok;
        match self.write_out(draft, env) {
            Ok(request) => {
                let memory: Box<dyn Any + Send + Sync> = Box::new(Memory::Script(script));
                Judged::Next(Box::new(Call { subscription, events: places, request, step, memory: Some(memory) }))
            }
            Err(refusal) => Judged::All(Verdict::Reject(refusal.0)),
        }
    }

    fn input<'a>(&'a self, event: &'a Value, payload: &'a Value, env: Env) -> Input<'a> {
        let base = self.base.as_deref().unwrap_or_default();
        Input { event, payload, settings: &self.settings, base, env, answers: &[] }
    }

    fn write_out(&self, draft: Draft, env: Env) -> Result<http::Request<Bytes>, Refusal> {
        let whole = draft.path.starts_with("https://") || draft.path.starts_with("http://");
        let base = if whole { "" } else { self.base.as_deref().unwrap_or_default() };
        let uri = super::head::parse(&format!("{base}{}", draft.path))?;
        let mut request = http::Request::new(Bytes::new());
        let budget = Budget::new();
        let scope = super::super::value::Scope::new(&self.settings, env, &budget);
        for (name, value) in &self.definition.headers {
            if let Some(value) = super::head::header(name, value, &scope)? {
                request.headers_mut().insert(name, value);
            }
        }
        if let Some(json) = &draft.json {
            *request.body_mut() = json.to_string().into();
            request.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(body::JSON));
        }
        *request.method_mut() = draft.method;
        *request.uri_mut() = uri;
        self.seal(request, env)
    }
}
