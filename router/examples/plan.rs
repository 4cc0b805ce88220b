//! Plans the events of a file of cases and prints where the requests differ from those in the file.
//!
//! ```text
//! cargo run -p destination-router --example plan -- destinations/mixpanel.yaml cases/mixpanel.json [ACTION or CASE]
//! ```
//!
//! A case holds an `event`, the `action` that it is for, and the `requests` (or the `error`) that are expected of it. Only the first request of
//! a chain is made: there is nobody to answer it. A second argument picks cases and prints their whole requests.

use destination_router::destination::document::{Document, Report};
use destination_router::destination::{Definition, Env, Instance, Target};
use serde_json::{Value, json};
use std::sync::Arc;

fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(cases)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: plan DEFINITION.yaml CASES.json [ACTION or CASE]");
        return 2.into();
    };
    let wanted = arguments.next();
    let slug = std::path::Path::new(&file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let document = match Document::read(std::path::Path::new(&file)) {
        Ok(document) => document,
        Err(report) => {
            eprint!("{report}");
            return 1.into();
        }
    };
    let definition = match Definition::compile(&slug, &document.value) {
        Ok(definition) => Arc::new(definition),
        Err(mistakes) => {
            let mut report = Report::default();
            report.add_all(&document, mistakes);
            eprint!("{report}");
            return 1.into();
        }
    };
    let text = std::fs::read_to_string(&cases).unwrap_or_else(|error| panic!("{cases}: {error}"));
    let oracle: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{cases}: {error}"));
    let (mut same, mut different) = (0, 0);
    for case in oracle["cases"].as_array().into_iter().flatten() {
        let (action, name) = (case["action"].as_str().unwrap_or_default(), case["case"].as_str().unwrap_or_default());
        if wanted.as_deref().is_some_and(|wanted| wanted != action && wanted != name) {
            continue;
        }
        let differences = match run(&definition, &oracle, case, wanted.is_some()) {
            Ok(differences) => differences,
            Err(problem) => vec![problem],
        };
        if differences.is_empty() {
            same += 1;
            continue;
        }
        different += 1;
        println!("{action} / {name}");
        differences.iter().for_each(|difference| println!("    {difference}"));
    }
    println!("{same} the same, {different} different");
    u8::from(different > 0).into()
}

fn run(definition: &Arc<Definition>, oracle: &Value, case: &Value, show: bool) -> Result<Vec<String>, String> {
    let mut settings = oracle["settings"].clone();
    if oracle["auth"].as_str().is_some_and(|auth| auth.starts_with("oauth")) && settings.get("oauth").is_none() {
        settings["oauth"] = json!({ "access_token": "AT", "refresh_token": "RT" });
    }
    let known: Vec<&str> = definition.settings().iter().map(|setting| setting.name.as_str()).collect();
    if let Some(settings) = settings.as_object_mut() {
        settings.retain(|name, _| name != "oauth" || known.contains(&"oauth"));
    }
    let when = case["subscribe"].as_str().unwrap_or("type != \"none\"");
    let config = json!({ "settings": settings, "actions": [{ "action": case["action"], "when": when }] });
    let instance = Instance::new(Arc::clone(definition), "case", &config)
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n    "))?;
    let time = case["event"]["receivedAt"].as_str().and_then(|time| time.parse().ok());
    let env = Env { now: time.unwrap_or(jiff::Timestamp::UNIX_EPOCH), seed: 1 };
    let planned = instance.plan(0, &[&case["event"]], &env);
    let expected = case["requests"].as_array().map_or(&[][..], Vec::as_slice);
    let mut differences = Vec::new();
    if let (Some((_, reason)), true) = (planned.refused.first(), case["error"].is_null()) {
        return Ok(vec![format!("refused: {reason}")]);
    }
    if planned.refused.is_empty() && !case["error"].is_null() && expected.is_empty() {
        return Ok(vec![format!("not refused, as it should be: {}", case["error"]["message"])]);
    }
    if planned.calls.len() != expected.len() && case["error"].is_null() {
        differences.push(format!(
            "{} requests and not {} (a chain shows its first alone)",
            planned.calls.len(),
            expected.len()
        ));
    }
    let volatile: Vec<&str> = case["volatile"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let requests = planned.calls.iter().map(|call| {
        let request = &call.request;
        json!({
            "method": request.method().as_str(),
            "url": url(&request.uri().to_string()),
            "headers": headers(request.headers()),
            "body": body(request.body()),
        })
    });
    let requests: Vec<Value> = requests.collect();
    if show {
        requests.iter().for_each(|made| println!("{}", serde_json::to_string_pretty(made).unwrap_or_default()));
    }
    for (i, (made, expected)) in requests.iter().zip(expected).enumerate() {
        let wanted = json!({
            "method": expected["method"],
            "url": url(expected["url"].as_str().unwrap_or_default()),
            "headers": expected["headers"],
            "body": expected.get("json").or(expected.get("text")).cloned().unwrap_or(Value::Null),
        });
        compare(&format!("/{i}"), made, &wanted, &volatile, &mut differences);
    }
    Ok(differences)
}

/// A URL whose query's order does not count.
fn url(url: &str) -> Value {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut query: Vec<String> =
        query.split('&').filter(|part| !part.is_empty()).map(|part| part.replace('+', "%20")).collect();
    query.sort_unstable();
    json!({ "path": path, "query": query })
}

fn headers(headers: &http::HeaderMap) -> Value {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes()))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn body(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
}

fn compare(at: &str, made: &Value, wanted: &Value, volatile: &[&str], differences: &mut Vec<String>) {
    let place = at.replacen("/body", "/json", 1);
    if volatile.iter().any(|pointer| *pointer == place || *pointer == at) {
        return;
    }
    match (made, wanted) {
        (Value::Object(made), Value::Object(wanted)) => {
            let headers = at.ends_with("/headers");
            for (key, value) in wanted {
                if headers
                    && !matches!(&**key, "authorization" | "content-type")
                    && !key.starts_with("x-")
                    && !key.contains("key")
                {
                    continue;
                }
                match made.get(key) {
                    Some(own) => compare(&format!("{at}/{key}"), own, value, volatile, differences),
                    None => differences.push(format!("{at}/{key} is missing: {value}")),
                }
            }
            for (key, value) in made.iter().filter(|(key, _)| !headers && !wanted.contains_key(*key)) {
                differences.push(format!("{at}/{key} is too much: {value}"));
            }
        }
        (Value::Array(made), Value::Array(wanted)) if made.len() == wanted.len() => {
            for (i, (made, wanted)) in made.iter().zip(wanted).enumerate() {
                compare(&format!("{at}/{i}"), made, wanted, volatile, differences);
            }
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        (Value::String(a), Value::String(b))
            if at.ends_with("content-type") && a.split(';').next() == b.split(';').next() => {}
        (a, b) if a == b => {}
        (a, b) => differences.push(format!("{at}: {a} and not {b}")),
    }
}
