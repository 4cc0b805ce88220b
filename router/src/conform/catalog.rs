//! The destinations that there are, as a [`Planner`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use serde_json::{Map, Value, json};

use super::Listed;
use super::planner::{CannotPlan, Exchange, Planner};
use crate::client::Answer;
use crate::destination::{Call, Catalog, Definition, Env, Instance, Judged, Target, Verdict};

/// No chain is longer.
const MAX_REQUESTS: usize = 64;

impl Planner for Catalog {
    fn destination(&self, slug: &str) -> Option<Vec<Listed>> {
        self.get(slug).map(|definition| definition.differs().to_vec())
    }

    fn case(
        &self,
        slug: &str,
        action: &str,
        settings: &Map<String, Value>,
        event: &Value,
    ) -> Result<Exchange, CannotPlan> {
        let definition = self.get(slug).filter(|definition| definition.actions().any(|known| known == action));
        let definition = definition.ok_or_else(|| CannotPlan::NoAction(action.to_owned()))?;
        let instance = match instance(definition, action, settings, event) {
            Ok(instance) => instance,
            // Segment's code learns from the event that a required field is not mapped.
            Err(mistakes) if mistakes.iter().all(|mistake| mistake.at.starts_with("/actions/0/mapping")) => {
                let refused = mistakes.into_iter().next().map(|mistake| mistake.message);
                return Ok(Exchange { requests: Vec::new(), refused });
            }
            Err(mistakes) => {
                let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                return Err(CannotPlan::Settings(mistakes.join("; ")));
            }
        };
        let received = event.get("receivedAt").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let env = Env { now: received.unwrap_or_default(), seed: 0 };
        let token = settings.get("oauth").and_then(|oauth| oauth.get("access_token")).and_then(Value::as_str);
        let mut exchange = Exchange::default();
        let planned = instance.plan(0, &[event], &env);
        exchange.refused = planned.refused.into_iter().next().map(|(_, why)| why);
        for call in planned.calls {
            follow(&instance, call, token, &env, &mut exchange);
        }
        Ok(exchange)
    }
}

fn instance(
    definition: &Arc<Definition>,
    action: &str,
    settings: &Map<String, Value>,
    event: &Value,
) -> Result<Instance, Vec<crate::destination::Mistake>> {
    let when = format!("type = {:?}", event.get("type").and_then(Value::as_str).unwrap_or("track"));
    let config = json!({ "settings": settings, "actions": [{ "action": action, "when": when }] });
    Instance::new(Arc::clone(definition), "conform", &config)
}

/// Follows a call to the end of its chain.
fn follow(instance: &Instance, call: Call, token: Option<&str>, env: &Env, exchange: &mut Exchange) {
    let answer = Answer {
        status: StatusCode::OK,
        headers: HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]),
        body: Bytes::from_static(b"{}"),
        elapsed: Duration::ZERO,
    };
    let mut next = Some(call);
    while let Some(call) = next.take().filter(|_| exchange.requests.len() < MAX_REQUESTS) {
        let mut request: Request<Bytes> = call.request.clone();
        if let (Some(source), Some(token)) = (instance.oauth(), token) {
            source.authorize(&mut request, token);
        }
        exchange.requests.push(request);
        match instance.judge(call, Ok(&answer), env) {
            Judged::Next(call) => next = Some(*call),
            Judged::All(verdict) => exchange.refused = exchange.refused.take().or_else(|| reason(verdict)),
            Judged::Each(verdicts) => {
                let reason = verdicts.into_iter().find_map(|(_, verdict)| reason(verdict));
                exchange.refused = exchange.refused.take().or(reason);
            }
            Judged::Split(reason) => exchange.refused = Some(reason),
        }
    }
}

fn reason(verdict: Verdict) -> Option<String> {
    match verdict {
        Verdict::Delivered => None,
        Verdict::Reject(reason)
        | Verdict::Retry { reason, .. }
        | Verdict::Reauthenticate(reason)
        | Verdict::Pause(reason) => Some(reason),
    }
}
