//! Mixpanel's ingestion API, as documented at:
//!
//! * <https://developer.mixpanel.com/reference/import-events> (batches with validation, answers record by record)
//! * <https://docs.mixpanel.com/troubleshooting/errors/400-bad-request> and its neighbours for 401, 403, 413, 429
//! * <https://developer.mixpanel.com/reference/track-event>, `/reference/profile-set`, `/reference/group-set-property` (forms; `1` or `0`)

use std::time::Duration;

use serde_json::{Value, json};

use crate::partner::occurrences;
use crate::{Answer, Desk, Partner, Request, Taken};

/// Events in one request of `/import`.
const BATCH: usize = 2_000;
/// Bytes in one request of `/import`, uncompressed.
const BODY: usize = 10 << 20;
/// Bytes in one event.
const EVENT: usize = 1 << 20;
/// Profile updates and plain events in one request.
const FORM_BATCH: usize = 2_000;
/// Bytes that a project may import within a minute, uncompressed.
const BYTES_A_MINUTE: u64 = 2 << 30;
const HOUR_MS: i64 = 3_600_000;
/// 1971-01-01 in milliseconds.
const EARLIEST_MS: i64 = 31_536_000_000;
/// Ids that mean that somebody has forgotten to set one.
const PLACEHOLDERS: [&str; 19] = [
    "00000000-0000-0000-0000-000000000000",
    "anon",
    "anonymous",
    "nil",
    "none",
    "null",
    "n/a",
    "na",
    "undefined",
    "unknown",
    "true",
    "false",
    "[]",
    "{}",
    "-1",
    "0",
    "lmy47d",
    "<nil>",
    "0000-0000",
];

/// Plays Mixpanel.
#[derive(Debug)]
pub(crate) struct Mixpanel;

impl Partner for Mixpanel {
    fn name(&self) -> &'static str {
        "mixpanel"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["api.mixpanel.com", "api-eu.mixpanel.com", "api-in.mixpanel.com"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        if request.method != http::Method::POST {
            return error(405, "method not allowed");
        }
        match request.path.trim_end_matches('/') {
            "/import" => import(request, desk),
            "/track" => form(request, desk, track),
            "/engage" => form(request, desk, |update, desk| profile(update, desk, "$distinct_id")),
            "/groups" => form(request, desk, group),
            _ => error(404, "not found"),
        }
    }

    fn at_a_glance(&self, request: &Request) -> Option<(u64, Answer)> {
        let records = occurrences(&request.body, "\"$insert_id\":");
        let body = json!({"code": 200, "num_records_imported": records, "status": "OK"});
        (request.path == "/import").then(|| (records, Answer::json(200, &body)))
    }

    fn failure(&self, status: u16) -> Answer {
        error(
            status,
            match status {
                400 => "some data points in the request failed validation",
                401 => "Invalid credentials",
                403 => "Forbidden",
                413 => "request exceeds max limit of 10485760 bytes",
                429 => "Project exceeded rate limits. Please retry the request with exponential backoff.",
                _ => "internal error",
            },
        )
    }
}

fn error(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({"code": status, "error": text, "status": status_text(status)}))
}

fn status_text(status: u16) -> &'static str {
    match status {
        413 => "Request Entity Too Large",
        _ => crate::partner::reason(status),
    }
}

fn import(request: &Request, desk: &Desk<'_>) -> Answer {
    // A token or secret as user without a password, or a service account with the project in the query.
    let known = request.basic().is_some_and(|(user, password)| match request.query("project_id") {
        Some(_) => !user.is_empty() && !password.is_empty(),
        None => !user.is_empty() && password.is_empty(),
    });
    if !known {
        return Mixpanel.failure(401);
    }
    if request.body.len() > BODY {
        return Mixpanel.failure(413);
    }
    if let Some(wait) = desk.over("bytes", request.body.len() as u64, BYTES_A_MINUTE, Duration::from_secs(60)) {
        return Mixpanel.failure(429).retry_after(wait.as_secs().max(1));
    }
    let events = match records(request) {
        Ok(events) if events.len() <= BATCH => events,
        Ok(_) => return error(413, &format!("request exceeds max limit of {BATCH} events")),
        Err(why) => return error(400, &why),
    };
    let mut failed = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let fault = match fault(event, request.body.len() >= EVENT, desk.now_ms()) {
            None if desk.spoils(index) => {
                Some(("properties", "'properties' is invalid: this record was spoilt on purpose".to_owned()))
            }
            other => other,
        };
        let insert_id = event.pointer("/properties/$insert_id").cloned().unwrap_or_else(|| json!(""));
        match fault {
            Some((field, message)) => {
                failed.push(json!({"index": index, "insert_id": insert_id, "field": field, "message": message}));
            }
            None => {
                take(event, desk);
            }
        }
    }
    let imported = events.len() - failed.len();
    // Without strict=1 what is wrong is dropped silently.
    if failed.is_empty() || request.query("strict") != Some("1") {
        return Answer::json(200, &json!({"code": 200, "num_records_imported": imported, "status": "OK"}));
    }
    let text = "some data points in the request failed validation";
    Answer::json(
        400,
        &json!({
            "code": 400, "error": text, "failed_records": failed, "num_records_imported": imported, "status": "Bad Request",
        }),
    )
}

/// The events of `/import`: a JSON array, or JSON line by line.
fn records(request: &Request) -> Result<Vec<Value>, String> {
    if request.header("content-type").is_some_and(|kind| kind.contains("ndjson")) {
        let lines = request.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        return lines.map(|line| serde_json::from_slice(line).map_err(|error| error.to_string())).collect();
    }
    match request.json() {
        Ok(Value::Array(events)) => Ok(events),
        Ok(_) => Err("request body must be an array of events".to_owned()),
        Err(why) => Err(format!("unable to parse request body: {why}")),
    }
}

/// What `/import` has against an event: the field, and the words.
fn fault(event: &Value, large: bool, now_ms: i64) -> Option<(&'static str, String)> {
    let wrong = |field: &'static str, why: &str| Some((field, format!("'{field}' is invalid: {why}")));
    match event.get("event").and_then(Value::as_str) {
        Some("") => return wrong("event", "must not be empty"),
        None => return wrong("event", "must be a string"),
        Some(_) => {}
    }
    let Some(properties) = event.get("properties").and_then(Value::as_object) else {
        return wrong("properties", "must be an object");
    };
    // Few bodies are so large that one of their events can be.
    if large && event.to_string().len() >= EVENT {
        return wrong("event", "must be smaller than 1048576 bytes");
    }
    if properties.len() > 255 {
        return wrong("properties", "must have no more than 255 properties");
    }
    // The event itself and its properties are two more.
    if depth(event) > 3 + 2 {
        return wrong("properties", "must not be nested more than 3 levels");
    }
    let time = properties.get("time").and_then(|time| time.as_f64().or_else(|| time.as_str()?.parse().ok()));
    let Some(time) = time else { return wrong("properties.time", "must be specified as seconds since epoch") };
    // Ten digits are seconds, more are milliseconds.
    #[expect(clippy::cast_possible_truncation, reason = "a time so far away is refused either way")]
    let time_ms = if time.abs() < 1e11 { (time * 1000.0) as i64 } else { time as i64 };
    if time_ms < EARLIEST_MS {
        return wrong("properties.time", "must be after 1971-01-01");
    }
    if time_ms > now_ms + HOUR_MS {
        return wrong("properties.time", "must not be more than one hour in the future");
    }
    match properties.get("distinct_id") {
        None => return wrong("properties.distinct_id", "must not be missing"),
        Some(Value::Null | Value::Array(_) | Value::Object(_) | Value::Bool(_)) => {
            return wrong("properties.distinct_id", "must be a string");
        }
        Some(id) => {
            let id = id.as_str().map_or_else(|| id.to_string(), str::to_ascii_lowercase);
            if id.len() > 255 {
                return wrong("properties.distinct_id", "must be no longer than 255 bytes");
            }
            if PLACEHOLDERS.contains(&id.trim()) {
                return wrong("properties.distinct_id", "is not an allowed value");
            }
        }
    }
    match properties.get("$insert_id").and_then(Value::as_str) {
        None => wrong("properties.$insert_id", "must not be missing"),
        Some(id) if id.is_empty() || id.len() > 36 => {
            wrong("properties.$insert_id", "must have between 1 and 36 bytes")
        }
        Some(id) if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            wrong("properties.$insert_id", "must contain only alphanumeric characters and -")
        }
        Some(_) => None,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Mixpanel drops a second event with the same name, user, time and insert id.
fn take(event: &Value, desk: &Desk<'_>) -> Taken {
    let part = |pointer: &str| event.pointer(pointer).map(Value::to_string).unwrap_or_default();
    let key = ["/event", "/properties/distinct_id", "/properties/time", "/properties/$insert_id"].map(part).join(" ");
    desk.take(event.pointer("/properties/$insert_id").map(|_| key.as_str()), event)
}

/// The endpoints that take `data=` with one record or a list of them, and answer 1 or 0, or with `verbose=1` words.
fn form(request: &Request, desk: &Desk<'_>, each: impl Fn(&Value, &Desk<'_>) -> Result<(), String>) -> Answer {
    let data = if request.says_json() {
        request.json()
    } else {
        let data = request.form().into_iter().find(|(name, _)| name == "data").map(|(_, data)| data);
        data.map_or_else(
            || Err("data, missing or empty".to_owned()),
            |data| serde_json::from_str(&data).map_err(|error| error.to_string()),
        )
    };
    let outcome = data.and_then(|data| {
        let records = match data {
            Value::Array(records) => records,
            one => vec![one],
        };
        if records.len() > FORM_BATCH {
            return Err(format!("more than {FORM_BATCH} records"));
        }
        records.iter().try_for_each(|record| each(record, desk))
    });
    let verbose = request.query("verbose") == Some("1");
    match (outcome, verbose) {
        (Ok(()), false) => Answer::json(200, &json!(1)),
        (Ok(()), true) => Answer::json(200, &json!({"error": null, "status": 1})),
        (Err(_), false) => Answer::json(200, &json!(0)),
        (Err(why), true) => Answer::json(200, &json!({"error": why, "status": 0})),
    }
}

fn track(event: &Value, desk: &Desk<'_>) -> Result<(), String> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("/event").ok_or("data, missing event name")?;
    text("/properties/token").ok_or("token, missing or empty")?;
    take(event, desk);
    Ok(())
}

/// An update of a profile: whose, and at least one operation.
fn profile(update: &Value, desk: &Desk<'_>, id: &str) -> Result<(), String> {
    update.get("$token").and_then(Value::as_str).filter(|token| !token.is_empty()).ok_or("token, missing or empty")?;
    if update.get(id).is_none_or(|id| id.is_null() || id == "") {
        return Err(format!("{id}, missing or empty"));
    }
    let operations = ["$set", "$set_once", "$add", "$append", "$remove", "$union", "$unset", "$delete"];
    if !operations.iter().any(|operation| update.get(operation).is_some()) {
        return Err("no update operation".to_owned());
    }
    if update.get("$add").is_some_and(|add| !add.as_object().is_some_and(|add| add.values().all(Value::is_number))) {
        return Err("$add, values must be numbers".to_owned());
    }
    desk.take(None, update);
    Ok(())
}

fn group(update: &Value, desk: &Desk<'_>) -> Result<(), String> {
    update
        .get("$group_key")
        .and_then(Value::as_str)
        .filter(|key| !key.is_empty())
        .ok_or("$group_key, missing or empty")?;
    profile(update, desk, "$group_id")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_323_046_000;

    fn event(properties: &Value) -> Value {
        let mut event = json!({"event": "Paid", "properties": {
            "time": NOW, "distinct_id": "u-1", "$insert_id": "m-1", "total": 1,
        }});
        for (name, value) in properties.as_object().expect("an object") {
            event["properties"][name] = value.clone();
        }
        event
    }

    #[test]
    fn an_event_is_refused_by_the_field_that_is_wrong() {
        assert_eq!(fault(&event(&json!({})), true, NOW), None);
        assert_eq!(fault(&event(&json!({"time": NOW / 1000, "distinct_id": ""})), true, NOW), None);
        for (properties, field) in [
            (json!({"time": "yesterday"}), "properties.time"),
            (json!({"time": 1_000}), "properties.time"),
            (json!({"time": NOW + 2 * HOUR_MS}), "properties.time"),
            (json!({"distinct_id": null}), "properties.distinct_id"),
            (json!({"distinct_id": "Anonymous"}), "properties.distinct_id"),
            (json!({"$insert_id": "a b"}), "properties.$insert_id"),
            (json!({"$insert_id": "a".repeat(37)}), "properties.$insert_id"),
            (json!({"deep": {"a": {"b": {"c": {"d": 1}}}}}), "properties"),
            (json!({"long": "a".repeat(EVENT)}), "event"),
        ] {
            assert_eq!(fault(&event(&properties), true, NOW).map(|(field, _)| field), Some(field), "{field}");
        }
    }
}
