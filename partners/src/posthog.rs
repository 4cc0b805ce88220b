//! PostHog's capture API, as documented at:
//!
//! * <https://posthog.com/docs/api/capture> (single events, batches, responses)
//! * <https://posthog.com/docs/data/ingestion-warnings> (what is dropped later)

use serde_json::{Value, json};

use crate::partner::occurrences;
use crate::{Answer, Desk, Partner, Request};

/// Bytes in one request.
const BODY: usize = 20 << 20;
/// Ids that PostHog refuses.
const NO_IDS: [&str; 9] =
    ["anonymous", "guest", "distinctid", "distinct_id", "id", "not_authenticated", "email", "undefined", "none"];

/// Plays PostHog.
#[derive(Debug)]
pub(crate) struct PostHog;

impl Partner for PostHog {
    fn name(&self) -> &'static str {
        "posthog"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["us.i.posthog.com", "eu.i.posthog.com", "app.posthog.com"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        if request.method != http::Method::POST {
            return error(405, "validation_error", "method_not_allowed", "Method not allowed.");
        }
        if request.body.len() > BODY {
            return self.failure(413);
        }
        let body = match request.json() {
            Ok(Value::Object(body)) => body,
            _ => return error(400, "validation_error", "invalid_payload", "Malformed request data: invalid JSON."),
        };
        let key =
            body.get("api_key").or_else(|| body.get("token")).and_then(Value::as_str).filter(|key| !key.is_empty());
        if key.is_none() {
            return self.failure(401);
        }
        let events = match request.path.trim_end_matches('/') {
            "/batch" => match body.get("batch").and_then(Value::as_array) {
                Some(events) => events.clone(),
                None => return error(400, "validation_error", "invalid_payload", "The batch is missing."),
            },
            "/i/v0/e" | "/capture" | "/e" => vec![Value::Object(body.clone())],
            _ => return error(404, "invalid_request", "not_found", "Endpoint not found."),
        };
        // One event without a name or an id fails the whole batch.
        if let Some(why) = events.iter().find_map(fault) {
            return error(400, "validation_error", "invalid_payload", why);
        }
        for event in &events {
            let key = event.get("uuid").and_then(Value::as_str);
            desk.take(key, event);
        }
        Answer::json(200, &json!({"status": "Ok"}))
    }

    fn at_a_glance(&self, request: &Request) -> Option<(u64, Answer)> {
        let events = occurrences(&request.body, "\"distinct_id\":");
        Some((events, Answer::json(200, &json!({"status": "Ok"}))))
    }

    fn failure(&self, status: u16) -> Answer {
        match status {
            400 => error(400, "validation_error", "invalid_project", "Invalid Project ID."),
            401 => {
                let detail = "Project API key invalid. You can find your project API key in PostHog project settings.";
                error(401, "authentication_error", "invalid_api_key", detail)
            }
            403 => error(403, "authentication_error", "permission_denied", "You don't have access to the project."),
            413 => error(413, "validation_error", "payload_too_large", "The request is larger than 20 MB."),
            429 => error(429, "throttled_error", "rate_limit_exceeded", "Request was throttled."),
            503 => error(503, "server_error", "fetch_team_fail", "Unable to fetch team from database."),
            _ => error(status, "server_error", "error", crate::partner::reason(status)),
        }
    }
}

fn error(status: u16, kind: &str, code: &str, detail: &str) -> Answer {
    Answer::json(status, &json!({"type": kind, "code": code, "detail": detail, "attr": null}))
}

fn fault(event: &Value) -> Option<&'static str> {
    match event.get("event").and_then(Value::as_str) {
        None | Some("") => return Some("Event submitted without an event name."),
        Some(name) if name.len() > 200 => return Some("The event name has more than 200 bytes."),
        Some(_) => {}
    }
    let id = event
        .get("distinct_id")
        .or_else(|| event.pointer("/properties/distinct_id"))
        .or_else(|| event.get("$distinct_id"));
    match id.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)) {
        None => return Some("Event submitted without a distinct_id."),
        Some(id) if id.trim().is_empty() || id == "null" => return Some("Event submitted with an empty distinct_id."),
        Some(id) if NO_IDS.contains(&id.to_ascii_lowercase().as_str()) => {
            return Some("The distinct_id is not allowed.");
        }
        Some(_) => {}
    }
    if event.get("properties").is_some_and(|properties| !properties.is_object()) {
        return Some("The properties are no object.");
    }
    if event.get("timestamp").is_some_and(|time| !time.is_null() && !time.is_string()) {
        return Some("The timestamp is no ISO 8601.");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_needs_a_name_and_an_id() {
        let id = json!({"distinct_id": "u-1"});
        assert_eq!(fault(&json!({"event": "a", "properties": id, "timestamp": "2026-01-02T03:04:05Z"})), None);
        assert_eq!(fault(&json!({"event": "a", "distinct_id": "u-1"})), None);
        for wrong in [
            json!({"properties": id}),
            json!({"event": "", "properties": id}),
            json!({"event": "a"}),
            json!({"event": "a", "distinct_id": " "}),
            json!({"event": "a", "distinct_id": "Anonymous"}),
            json!({"event": "a", "distinct_id": "u-1", "properties": []}),
            json!({"event": "a", "distinct_id": "u-1", "timestamp": 17}),
        ] {
            assert!(fault(&wrong).is_some(), "{wrong}");
        }
    }
}
