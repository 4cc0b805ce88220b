//! Amplitude's ingestion APIs, as documented at:
//!
//! * <https://amplitude.com/docs/apis/analytics/http-v2> and <https://amplitude.com/docs/apis/analytics/http-api-batching-retries>
//! * <https://amplitude.com/docs/apis/analytics/batch-event-upload>
//! * <https://amplitude.com/docs/apis/analytics/identify>, `/group-identify`, `/user-mapping`

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::partner::occurrences;
use crate::{Answer, Desk, Partner, Request};

/// Events in one request.
const BATCH: usize = 2_000;
/// Bytes in one request to `/2/httpapi`; `/batch` takes [`LARGE_BODY`].
const BODY: usize = 1 << 20;
const LARGE_BODY: usize = 20 << 20;
/// Events a second for one user or device; `/batch` takes [`LARGE_EPS`].
const EPS: u64 = 30;
const LARGE_EPS: u64 = 1_000;
/// Ids shorter than this are no ids, unless `options.min_id_length` says less.
const MIN_ID: usize = 5;
/// Texts that are no user and no device.
const NO_IDS: [&str; 17] = [
    "anonymous",
    "nil",
    "none",
    "null",
    "n/a",
    "na",
    "undefined",
    "unknown",
    "(null)",
    "not set",
    "lmy47d",
    "00000000-0000-0000-0000-000000000000",
    "{}",
    "[]",
    "-1",
    "0",
    "",
];

/// Plays Amplitude.
#[derive(Debug)]
pub(crate) struct Amplitude;

impl Partner for Amplitude {
    fn name(&self) -> &'static str {
        "amplitude"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["api2.amplitude.com", "api.amplitude.com", "api.eu.amplitude.com"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        if request.method != http::Method::POST {
            return error(405, "Method not allowed");
        }
        match request.path.trim_end_matches('/') {
            "/2/httpapi" => upload(request, desk, BODY, EPS),
            "/batch" => upload(request, desk, LARGE_BODY, LARGE_EPS),
            "/identify" => form(request, desk, "identification", identify),
            "/groupidentify" => form(request, desk, "identification", group_identify),
            "/usermap" => form(request, desk, "mapping", user_map),
            _ => error(404, "Not found"),
        }
    }

    fn at_a_glance(&self, request: &Request) -> Option<(u64, Answer)> {
        let events = occurrences(&request.body, "\"event_type\":");
        let body = json!({"code": 200, "events_ingested": events, "payload_size_bytes": request.body.len()});
        ["/2/httpapi", "/batch"].contains(&&*request.path).then(|| (events, Answer::json(200, &body)))
    }

    fn failure(&self, status: u16) -> Answer {
        let error = |text: &str| error(status, text);
        match status {
            400 => Answer::json(
                400,
                &json!({
                    "code": 400, "error": "Request missing required field", "missing_field": "events",
                }),
            ),
            413 => error("Payload too large"),
            429 => Answer::json(
                429,
                &json!({
                    "code": 429, "error": "Too many requests for some devices and users", "eps_threshold": EPS,
                    "throttled_devices": {}, "throttled_users": {}, "throttled_events": [],
                }),
            ),
            _ => error(crate::partner::reason(status)),
        }
    }
}

fn error(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({"code": status, "error": text}))
}

fn missing(field: &str) -> Answer {
    let text = "Request missing required field";
    Answer::json(400, &json!({"code": 400, "error": text, "missing_field": field}))
}

/// Indexes of events by the field that is wrong with them.
type Faults = BTreeMap<&'static str, Vec<usize>>;

fn upload(request: &Request, desk: &Desk<'_>, body: usize, eps: u64) -> Answer {
    if request.body.len() > body {
        return Amplitude.failure(413);
    }
    let upload = match request.json() {
        Ok(Value::Object(upload)) => upload,
        _ => return error(400, "Invalid JSON request body"),
    };
    match upload.get("api_key").and_then(Value::as_str) {
        None | Some("") => return missing("api_key"),
        Some(key) if key.contains(char::is_whitespace) => return error(400, &format!("Invalid API key: {key}")),
        Some(_) => {}
    }
    let Some(events) = upload.get("events").and_then(Value::as_array).filter(|events| !events.is_empty()) else {
        return missing("events");
    };
    if events.len() > BATCH {
        return error(413, "Payload too large");
    }
    let min_id = upload.get("options").and_then(|options| options.get("min_id_length")).and_then(Value::as_u64);
    let min_id = min_id.map_or(MIN_ID, |least| usize::try_from(least).unwrap_or(MIN_ID));
    let (mut lacking, mut invalid, mut short) = (Faults::new(), Faults::new(), Faults::new());
    for (index, event) in events.iter().enumerate() {
        check(event, index, min_id, &mut lacking, &mut invalid, &mut short);
        if desk.spoils(index) {
            invalid.entry("time").or_default().push(index);
        }
    }
    if !(lacking.is_empty() && invalid.is_empty() && short.is_empty()) {
        // Nothing of such a request is taken.
        return Answer::json(
            400,
            &json!({
                "code": 400, "error": "Request had some invalid or missing fields", "events_with_missing_fields": lacking,
                "events_with_invalid_fields": invalid, "events_with_invalid_id_lengths": short, "silenced_events": [],
            }),
        );
    }
    if let Some(answer) = throttled(events, desk, eps) {
        return answer;
    }
    for event in events {
        take(event, desk);
    }
    Answer::json(
        200,
        &json!({
            "code": 200, "events_ingested": events.len(), "payload_size_bytes": request.body.len(),
            "server_upload_time": desk.now_ms(),
        }),
    )
}

fn check(event: &Value, index: usize, min_id: usize, lacking: &mut Faults, invalid: &mut Faults, short: &mut Faults) {
    match event.get("event_type") {
        None | Some(Value::Null) => lacking.entry("event_type").or_default().push(index),
        Some(Value::String(name)) if !name.is_empty() => {}
        Some(_) => invalid.entry("event_type").or_default().push(index),
    }
    let mut named = false;
    for field in ["user_id", "device_id"] {
        match event.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::String(id)) if id.len() < min_id => short.entry(field).or_default().push(index),
            Some(Value::String(id)) if !NO_IDS.contains(&id.to_ascii_lowercase().as_str()) => named = true,
            Some(_) => invalid.entry(field).or_default().push(index),
        }
        named |= short.get(field).is_some_and(|indexes| indexes.contains(&index));
    }
    if !named {
        lacking.entry("user_id").or_default().push(index);
    }
    let mut wrong = |field: &'static str, right: fn(&Value) -> bool| {
        if event.get(field).is_some_and(|value| !value.is_null() && !right(value)) {
            invalid.entry(field).or_default().push(index);
        }
    };
    wrong("time", Value::is_i64);
    wrong("session_id", Value::is_i64);
    wrong("event_properties", Value::is_object);
    wrong("user_properties", Value::is_object);
    wrong("groups", Value::is_object);
    wrong("price", Value::is_number);
    wrong("revenue", Value::is_number);
    wrong("quantity", Value::is_i64);
}

fn throttled(events: &[Value], desk: &Desk<'_>, eps: u64) -> Option<Answer> {
    let mut counts = BTreeMap::<(&str, &str), u64>::new();
    for event in events {
        for field in ["user_id", "device_id"] {
            if let Some(id) = event.get(field).and_then(Value::as_str) {
                *counts.entry((field, id)).or_default() += 1;
            }
        }
    }
    let mut over = [Map::new(), Map::new()];
    for ((field, id), count) in counts {
        if desk.over(&format!("{field} {id}"), count, eps, Duration::from_secs(1)).is_some() {
            over[usize::from(field == "device_id")].insert(id.to_owned(), json!(count));
        }
    }
    let [users, devices] = over;
    if users.is_empty() && devices.is_empty() {
        return None;
    }
    let of = |event: &Value, field: &str, over: &Map<String, Value>| {
        event.get(field).and_then(Value::as_str).is_some_and(|id| over.contains_key(id))
    };
    let is_over = |(_, event): &(usize, &Value)| of(event, "user_id", &users) || of(event, "device_id", &devices);
    let indexes: Vec<usize> = events.iter().enumerate().filter(is_over).map(|(index, _)| index).collect();
    let error = "Too many requests for some devices and users";
    Some(Answer::json(
        429,
        &json!({
            "code": 429, "error": error, "eps_threshold": eps, "throttled_users": users, "throttled_devices": devices,
            "throttled_events": indexes,
        }),
    ))
}

/// Amplitude drops a second event with the same insert id and device.
fn take(event: &Value, desk: &Desk<'_>) {
    let insert_id = event.get("insert_id").and_then(Value::as_str);
    let device = event.get("device_id").and_then(Value::as_str).unwrap_or_default();
    desk.take(insert_id.map(|id| format!("{device} {id}")).as_deref(), event);
}

/// The endpoints that take a form with `api_key` and one record or a list of them as JSON.
fn form(request: &Request, desk: &Desk<'_>, name: &str, check: fn(&Value) -> Result<(), String>) -> Answer {
    let form = request.form();
    let field = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    if field("api_key").is_none_or(str::is_empty) {
        return Answer::text(400, "missing_api_key");
    }
    if request.body.len() > BODY {
        return Answer::text(413, "payload_too_large");
    }
    let Some(records) = field(name).and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return Answer::text(400, format!("missing_or_invalid_{name}"));
    };
    let records = match records {
        Value::Array(records) => records,
        one => vec![one],
    };
    match records.iter().try_for_each(check) {
        Ok(()) => {
            records.iter().for_each(|record| take(record, desk));
            Answer::text(200, "success")
        }
        Err(why) => Answer::text(400, why),
    }
}

fn text<'a>(record: &'a Value, field: &str) -> Option<&'a str> {
    record.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn identify(record: &Value) -> Result<(), String> {
    let named = text(record, "user_id").or_else(|| text(record, "device_id"));
    named.map(drop).ok_or_else(|| "missing_user_id_and_device_id".to_owned())
}

fn group_identify(record: &Value) -> Result<(), String> {
    text(record, "group_type").ok_or("missing_group_type")?;
    text(record, "group_value").map(drop).ok_or_else(|| "missing_group_value".to_owned())
}

fn user_map(record: &Value) -> Result<(), String> {
    text(record, "user_id").ok_or("missing_user_id")?;
    let unmaps = record.get("unmap") == Some(&Value::Bool(true));
    (unmaps || text(record, "global_user_id").is_some())
        .then_some(())
        .ok_or_else(|| "missing_global_user_id".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_refused_by_the_field_that_is_wrong() {
        for (event, at) in [
            (json!({"event_type": "a", "user_id": "user-1", "time": 1}), ""),
            (json!({"event_type": "a", "device_id": "device-1", "user_id": null}), ""),
            (json!({"user_id": "user-1"}), "lacking event_type"),
            (json!({"event_type": "a"}), "lacking user_id"),
            (json!({"event_type": "a", "user_id": "u-1"}), "short user_id"),
            (json!({"event_type": "a", "user_id": "unknown"}), "invalid user_id, lacking user_id"),
            (json!({"event_type": "a", "user_id": "user-1", "time": "now"}), "invalid time"),
            (json!({"event_type": "a", "user_id": "user-1", "quantity": 1.5}), "invalid quantity"),
        ] {
            let (mut lacking, mut invalid, mut short) = (Faults::new(), Faults::new(), Faults::new());
            check(&event, 0, MIN_ID, &mut lacking, &mut invalid, &mut short);
            let said = [("invalid", invalid), ("lacking", lacking), ("short", short)].into_iter();
            let said = said.flat_map(|(kind, faults)| faults.into_keys().map(move |field| format!("{kind} {field}")));
            assert_eq!(said.collect::<Vec<_>>().join(", "), at, "{event}");
        }
    }
}
