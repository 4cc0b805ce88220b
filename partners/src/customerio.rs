//! Customer.io's Track API, as documented at:
//!
//! * <https://docs.customer.io/integrations/api/track/> (`/api/v2/entity` and `/api/v2/batch`: 32 KB an entity, 500 KB a batch, 207
//!   with `errors[].batch_index`; `/api/v1/metrics`)
//! * <https://docs.customer.io/journeys/invalid-api-requests/> (`meta.error`)

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Answer, Desk, Partner, Request};

/// Bytes in one entity.
const ENTITY: usize = 32 << 10;
/// Bytes in one request.
const BODY: usize = 500 << 10;
/// Requests, and the seconds in which they may come.
const REQUESTS: (u64, u64) = (3_000, 3);

/// Plays Customer.io.
#[derive(Debug)]
pub(crate) struct CustomerIo;

impl Partner for CustomerIo {
    fn name(&self) -> &'static str {
        "customerio"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["track.customer.io", "track-eu.customer.io"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        if !request.basic().is_some_and(|(site, key)| !site.is_empty() && !key.is_empty()) {
            return self.failure(401);
        }
        if let Some(wait) = desk.over("requests", 1, REQUESTS.0, Duration::from_secs(REQUESTS.1)) {
            return self.failure(429).retry_after(wait.as_secs().max(1));
        }
        if request.body.len() > BODY {
            return self.failure(413);
        }
        if request.method != http::Method::POST {
            return meta(405, "method not allowed");
        }
        let body = match request.json() {
            Ok(body) => body,
            Err(why) => return meta(400, &format!("malformed JSON: {why}")),
        };
        match request.path.as_str() {
            "/api/v2/entity" => match fault(&body) {
                Some(fault) => Answer::json(400, &json!({ "errors": [fault] })),
                None => {
                    take(&body, desk);
                    Answer::json(200, &json!({}))
                }
            },
            "/api/v2/batch" => batch(&body, desk),
            "/api/v1/metrics" => metrics(&body, desk),
            _ => meta(404, "not found"),
        }
    }

    fn failure(&self, status: u16) -> Answer {
        meta(
            status,
            match status {
                400 => "malformed JSON",
                401 => "unauthorized",
                403 => "forbidden",
                413 => "request body too large: at most 500 KB",
                429 => "too many requests",
                _ => "internal server error",
            },
        )
    }
}

fn meta(status: u16, error: &str) -> Answer {
    Answer::json(status, &json!({"meta": {"error": error}}))
}

fn batch(body: &Value, desk: &Desk<'_>) -> Answer {
    let Some(entities) = body.get("batch").and_then(Value::as_array) else {
        return Answer::json(400, &json!({"errors": [wrong("required", "batch", "must be a list")]}));
    };
    let mut errors = Vec::new();
    for (index, entity) in entities.iter().enumerate() {
        let spoilt = || desk.spoils(index).then(|| wrong("invalid", "attributes", "spoilt on purpose"));
        match fault(entity).or_else(spoilt) {
            Some(mut fault) => {
                fault["batch_index"] = json!(index);
                errors.push(fault);
            }
            None => take(entity, desk),
        }
    }
    match errors.len() {
        0 => Answer::json(200, &json!({})),
        _ => Answer::json(207, &json!({ "errors": errors })),
    }
}

/// An event with an `id` that was there before is dropped.
fn take(entity: &Value, desk: &Desk<'_>) {
    let id = entity.get("id").and_then(Value::as_str);
    desk.take(id, entity);
}

fn wrong(reason: &str, field: &str, message: &str) -> Value {
    json!({"reason": reason, "field": field, "message": message})
}

/// What is wrong with an entity.
fn fault(entity: &Value) -> Option<Value> {
    if !entity.is_object() {
        return Some(wrong("invalid", "", "must be an object"));
    }
    if entity.to_string().len() > ENTITY {
        return Some(wrong("invalid", "", "must be smaller than 32 KB"));
    }
    let text = |pointer: &str| entity.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let action = text("/action").unwrap_or_default();
    let actions: &[&str] = match text("/type") {
        Some("person") => &[
            "identify",
            "delete",
            "event",
            "page",
            "screen",
            "merge",
            "suppress",
            "unsuppress",
            "add_device",
            "delete_device",
            "add_relationships",
            "delete_relationships",
            "viewed_content",
            "clicked_content",
        ],
        Some("object") => &["identify", "identify_anonymous", "delete", "add_relationships", "delete_relationships"],
        Some(_) => return Some(wrong("invalid", "type", "must be person or object")),
        None => return Some(wrong("required", "type", "is required")),
    };
    if !actions.contains(&action) {
        return Some(wrong("invalid", "action", "is not an action of this type"));
    }
    let identified = |at: &str| {
        let ids = entity.pointer(at).and_then(Value::as_object);
        ids.is_some_and(|ids| !ids.is_empty() && ids.values().all(|id| id.as_str().is_some_and(|id| !id.is_empty())))
    };
    let needed: &[&str] = if action == "merge" { &["/primary", "/secondary"] } else { &["/identifiers"] };
    if let Some(at) = needed.iter().find(|at| !identified(at)) {
        return Some(wrong("required", at.trim_start_matches('/'), "must name who or what this is about"));
    }
    if text("/type") == Some("object")
        && (text("/identifiers/object_id").is_none() || text("/identifiers/object_type_id").is_none())
    {
        return Some(wrong("required", "identifiers", "must have object_type_id and object_id"));
    }
    match action {
        "event" | "page" | "screen" if text("/name").is_none() => {
            return Some(wrong("required", "name", "cannot be blank"));
        }
        "add_device" if !matches!(text("/device/platform"), Some("ios" | "android")) => {
            return Some(wrong("invalid", "device.platform", "must be ios or android"));
        }
        "add_device" | "delete_device" if text("/device/token").is_none() => {
            return Some(wrong("required", "device.token", "cannot be blank"));
        }
        "add_relationships" | "delete_relationships"
            if !entity.get("cio_relationships").is_some_and(Value::is_array) =>
        {
            return Some(wrong("required", "cio_relationships", "must be a list"));
        }
        _ => {}
    }
    if entity.get("attributes").is_some_and(|attributes| !attributes.is_object()) {
        return Some(wrong("invalid", "attributes", "must be an object"));
    }
    let attributes = entity.get("attributes").and_then(Value::as_object);
    if attributes.is_some_and(|attributes| attributes.len() > 300) {
        return Some(wrong("invalid", "attributes", "cannot have more than 300 attributes in one request"));
    }
    if attributes.is_some_and(|attributes| attributes.keys().any(|name| name.len() > 150)) {
        return Some(wrong("invalid", "attributes", "attribute name cannot be longer than 150 bytes"));
    }
    let time = entity.get("timestamp");
    time.is_some_and(|time| !time.is_i64() && !time.is_u64())
        .then(|| wrong("invalid", "timestamp", "must be Unix seconds"))
}

fn metrics(body: &Value, desk: &Desk<'_>) -> Answer {
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let known = ["delivered", "opened", "clicked", "converted", "spammed", "bounced", "dropped", "deferred"];
    if text("delivery_id").is_none() {
        return meta(400, "delivery_id is required");
    }
    if !text("metric").is_some_and(|metric| known.contains(&metric)) {
        return meta(400, "metric is not known");
    }
    if !body.get("timestamp").is_some_and(Value::is_i64) {
        return meta(400, "timestamp must be Unix seconds");
    }
    desk.take(None, body);
    Answer::json(200, &json!({}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_refused_by_the_field_that_is_wrong() {
        let event = |more: Value| {
            let mut event = json!({"type": "person", "action": "event", "name": "Paid", "identifiers": {"id": "u-1"}});
            for (name, value) in more.as_object().expect("an object") {
                event[name] = value.clone();
            }
            event
        };
        assert_eq!(fault(&event(json!({}))), None);
        for (more, field) in [
            (json!({"type": "persona"}), "type"),
            (json!({"action": "sing"}), "action"),
            (json!({"identifiers": {}}), "identifiers"),
            (json!({"name": ""}), "name"),
            (json!({"timestamp": "yesterday"}), "timestamp"),
            (json!({"attributes": []}), "attributes"),
        ] {
            assert_eq!(fault(&event(more)).expect("a fault")["field"], field);
        }
    }
}
