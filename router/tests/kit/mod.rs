//! What the tests of the kit share: destinations from texts, and requests as values.

#![expect(dead_code, reason = "each test uses a part of it")]

use bytes::Bytes;
use destination_router::client::Answer;
use destination_router::destination::document::Document;
use destination_router::destination::{Call, Definition, Env, Instance, Judged, Mistake, Planned, Target};
use serde_json::{Value, json};
use std::sync::Arc;

/// A small destination with a batch and a chain.
pub(crate) const EXAMPLE: &str = include_str!("example.yaml");

pub(crate) fn compile(text: &str) -> Result<Arc<Definition>, Vec<Mistake>> {
    let document = Document::parse("test.yaml", text.as_bytes()).unwrap_or_else(|report| panic!("{report}"));
    Definition::compile("test", &document.value).map(Arc::new)
}

pub(crate) fn definition(text: &str) -> Arc<Definition> {
    compile(text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// A destination with one action, of which `action` are the lines.
pub(crate) fn one_action(action: &str) -> String {
    let lines: Vec<String> = action.lines().map(|line| format!("    {line}")).collect();
    format!(
        "name: Test\nsettings: {{key: {{type: secret}}, region: {{type: string, default: eu}}, list: {{type: list}}}}\nbase: https://partner.example/v1\nactions:\n  act:\n    when: type != \"none\"\n{}\n",
        lines.join("\n")
    )
}

pub(crate) fn instance(text: &str, config: &Value) -> Instance {
    Instance::new(definition(text), "test", config).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// The place and the suggestion of every mistake.
pub(crate) fn places(mistakes: &[Mistake]) -> Vec<(&str, Option<&str>)> {
    mistakes.iter().map(|mistake| (mistake.at.as_str(), mistake.suggestion.as_deref())).collect()
}

pub(crate) fn env() -> Env {
    Env { now: "2026-01-02T03:04:05.678Z".parse().expect("a time"), seed: 7 }
}

pub(crate) fn plan(instance: &Instance, events: &[Value]) -> Planned {
    let events: Vec<&Value> = events.iter().collect();
    instance.plan(0, &events, &env())
}

/// The one request of one event for an action of which these are the lines.
pub(crate) fn request_of(action: &str, event: &Value) -> Result<Value, String> {
    let instance = instance(&one_action(action), &Value::Null);
    let mut planned = plan(&instance, std::slice::from_ref(event));
    match (planned.refused.pop(), planned.calls.pop()) {
        (Some((_, why)), _) => Err(why),
        (None, Some(call)) => Ok(request(&call)),
        (None, None) => Err("nothing was planned".to_owned()),
    }
}

/// A call's request: `{method, url, headers, body}`.
pub(crate) fn request(call: &Call) -> Value {
    let request = &call.request;
    let headers = request.headers().iter();
    let headers: serde_json::Map<String, Value> =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into())).collect();
    let body = request.body();
    let body: Value = serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into());
    json!({ "method": request.method().as_str(), "url": request.uri().to_string(), "headers": headers, "body": body })
}

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status: http::StatusCode::from_u16(status).expect("a status"),
        headers: http::HeaderMap::new(),
        body: Bytes::from(body.to_owned()),
        elapsed: std::time::Duration::ZERO,
    }
}

/// What comes after an answer, where it is another request.
pub(crate) fn next(judged: Judged) -> Call {
    match judged {
        Judged::Next(call) => *call,
        other => panic!("the chain does not go on: {other:?}"),
    }
}
