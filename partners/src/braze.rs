//! Braze's REST API, as documented at:
//!
//! * <https://www.braze.com/docs/api/endpoints/user_data/post_user_track/> (75 objects a request; the faults of each by place)
//! * <https://www.braze.com/docs/api/errors/> (fatal and minor errors), <https://www.braze.com/docs/api/api_limits/> (`X-RateLimit-*`)
//! * `/users/alias/new`, `/users/identify`, `/campaigns/trigger/send`, `/canvas/trigger/send`, `/catalogs/{name}/items` beside them

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{Answer, Desk, Partner, Request};

/// Objects in one request of `/users/track`, of all three arrays together.
const OBJECTS: usize = 75;
/// Aliases, e-mail addresses or recipients in one request.
const IDS: usize = 50;
/// Items in one request for a catalog.
const ITEMS: usize = 50;
/// Bytes in one request.
const BODY: usize = 4 << 20;
/// Requests of `/users/track`, and the seconds in which they may come.
const REQUESTS: (u64, u64) = (3_000, 3);

/// Plays Braze.
#[derive(Debug)]
pub(crate) struct Braze;

impl Partner for Braze {
    fn name(&self) -> &'static str {
        "braze"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["*.braze.com", "*.braze.eu"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        if request.bearer().is_none() {
            return self.failure(401);
        }
        if request.body.len() > BODY {
            return self.failure(413);
        }
        if let Some(wait) = desk.over(&request.path, 1, REQUESTS.0, Duration::from_secs(REQUESTS.1)) {
            let reset = desk.now_ms() / 1000 + i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).max(1);
            return self
                .failure(429)
                .header("x-ratelimit-remaining", "0")
                .header("x-ratelimit-reset", reset.to_string());
        }
        let Ok(Value::Object(body)) = request.json() else { return error(400, "Bad syntax") };
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["users", "track"]) => track(&body, desk),
            ("POST", ["users", "alias", "new"]) => aliases(&body, desk),
            ("POST", ["users", "identify"]) => identify(&body, desk),
            ("POST", ["campaigns", "trigger", "send"]) => trigger(&body, desk, "campaign_id", "Invalid Campaign ID"),
            ("POST", ["canvas", "trigger", "send"]) => trigger(&body, desk, "canvas_id", "Invalid Canvas ID"),
            (method @ ("PUT" | "DELETE"), ["catalogs", catalog, "items", item @ ..]) => {
                items(method, catalog, item.first().copied(), &body, desk)
            }
            _ => error(404, "Not Found"),
        }
    }

    fn failure(&self, status: u16) -> Answer {
        error(
            status,
            match status {
                400 => "Bad syntax",
                401 => "Invalid API Key",
                403 => "Your rate plan does not support this, or the account is inactive",
                413 => "Request Entity Too Large",
                429 => "The rate limit was exceeded",
                _ => "Internal Server Error",
            },
        )
    }
}

fn error(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "message": message }))
}

fn track(body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let mut arrays = Vec::new();
    for name in ["attributes", "events", "purchases"] {
        match body.get(name) {
            None => {}
            Some(Value::Array(objects)) => arrays.push((name, objects)),
            Some(_) => return error(400, &format!("'{name}' must be an array of objects")),
        }
    }
    if arrays.iter().map(|(_, objects)| objects.len()).sum::<usize>() > OBJECTS {
        return error(400, "Max Input Length Exceeded");
    }
    let mut errors = Vec::new();
    let mut answer = Map::new();
    for (array, objects) in arrays {
        let before = errors.len();
        for (index, object) in objects.iter().enumerate() {
            let fault = fault(array, object).or_else(|| desk.spoils(index).then(|| "spoilt on purpose".to_owned()));
            match fault {
                Some(fault) => errors.push(json!({"type": fault, "input_array": array, "index": index})),
                None => {
                    desk.take(None, object);
                }
            }
        }
        let taken = objects.len() - (errors.len() - before);
        if taken > 0 {
            answer.insert(format!("{array}_processed"), json!(taken));
        }
    }
    let none = answer.is_empty();
    let message = if none {
        "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."
    } else {
        "success"
    };
    answer.insert("message".into(), json!(message));
    if !errors.is_empty() {
        answer.insert("errors".into(), Value::Array(errors));
    }
    Answer::json(if none { 400 } else { 201 }, &Value::Object(answer))
}

/// What is wrong with an object of one of the three arrays.
fn fault(array: &str, object: &Value) -> Option<String> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let alias = object.get("user_alias").is_some_and(is_alias);
    if !alias && ["external_id", "braze_id", "email", "phone"].iter().all(|id| text(id).is_none()) {
        return Some("'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required".to_owned());
    }
    if text("external_id").is_some_and(|id| id.len() > 997) {
        return Some("'external_id' is longer than 997 bytes".to_owned());
    }
    let required: &[&str] = match array {
        "events" => &["name", "time"],
        "purchases" => &["product_id", "currency", "time"],
        _ => &[],
    };
    if let Some(name) = required.iter().find(|name| text(name).is_none()) {
        return Some(format!("'{name}' is required"));
    }
    if text("time").is_some_and(|time| required.contains(&"time") && !is_time(time)) {
        return Some("'time' is not a valid ISO 8601 date".to_owned());
    }
    if object.get("properties").is_some_and(|properties| !properties.is_object()) {
        return Some("'properties' must be a hash".to_owned());
    }
    if array == "purchases" {
        let currency = text("currency").unwrap_or_default();
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Some("'currency' is not a valid ISO 4217 currency code".to_owned());
        }
        if !object.get("price").is_some_and(Value::is_number) {
            return Some("'price' must be a number".to_owned());
        }
        if object
            .get("quantity")
            .is_some_and(|quantity| !quantity.as_u64().is_some_and(|count| (1..=100).contains(&count)))
        {
            return Some("'quantity' must be between 1 and 100".to_owned());
        }
    }
    None
}

fn is_alias(alias: &Value) -> bool {
    ["alias_name", "alias_label"]
        .iter()
        .all(|name| alias.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty()))
}

/// `2026-01-02T03:04:05…`: enough of ISO 8601 to tell a time from a word.
fn is_time(text: &str) -> bool {
    let shape = "0000-00-00T00:00:00";
    text.len() >= shape.len()
        && shape
            .bytes()
            .zip(text.bytes())
            .all(|(want, byte)| if want == b'0' { byte.is_ascii_digit() } else { byte == want })
}

fn aliases(body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let Some(aliases) = body.get("user_aliases").and_then(Value::as_array) else {
        return error(400, "user_aliases is required");
    };
    if aliases.len() > IDS {
        return error(400, "The max number of external_ids and aliases per request was exceeded");
    }
    if !aliases.iter().all(is_alias) {
        return error(400, "alias_name and alias_label are required for each alias");
    }
    aliases.iter().for_each(|alias| {
        desk.take(None, alias);
    });
    Answer::json(201, &json!({"aliases_processed": aliases.len(), "message": "success"}))
}

fn identify(body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let list = |name: &str| body.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (aliases, emails) = (list("aliases_to_identify"), list("emails_to_identify"));
    let text =
        |object: &Value, name: &str| object.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if aliases.is_empty() && emails.is_empty() {
        return error(400, "aliases_to_identify or emails_to_identify is required");
    }
    if aliases.len() > IDS || emails.len() > IDS {
        return error(400, "The max number of ids per request was exceeded");
    }
    if !aliases.iter().all(|alias| text(alias, "external_id") && alias.get("user_alias").is_some_and(is_alias)) {
        return error(400, "external_id and user_alias are required for each alias");
    }
    let prioritized =
        |email: &Value| email.get("prioritization").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if !emails.iter().all(|email| text(email, "external_id") && text(email, "email") && prioritized(email)) {
        return error(400, "external_id, email and prioritization are required for each email");
    }
    if body.get("merge_behavior").is_some_and(|merge| merge != "none" && merge != "merge") {
        return error(400, "merge_behavior must be 'none' or 'merge'");
    }
    aliases.iter().chain(&emails).for_each(|id| {
        desk.take(None, id);
    });
    Answer::json(201, &json!({"aliases_processed": aliases.len() + emails.len(), "message": "success"}))
}

/// A campaign or a canvas, sent to some or to all.
fn trigger(body: &Map<String, Value>, desk: &Desk<'_>, id: &str, unknown: &str) -> Answer {
    if body.get(id).and_then(Value::as_str).is_none_or(str::is_empty) {
        return error(400, unknown);
    }
    let none = Vec::new();
    let recipients = body.get("recipients").and_then(Value::as_array).unwrap_or(&none);
    if recipients.len() > IDS {
        return error(400, "The max number of external_ids and aliases per request was exceeded");
    }
    let one = |recipient: &Value| {
        let ids = ["external_user_id", "user_alias", "email"];
        ids.iter().filter(|id| recipient.get(id).is_some_and(|id| !id.is_null())).count() == 1
    };
    let broadcast = body.get("broadcast") == Some(&Value::Bool(true));
    if recipients.is_empty() && !broadcast && body.get("audience").is_none() || !recipients.iter().all(one) {
        return error(400, "No Recipients");
    }
    desk.take(None, &Value::Object(body.clone()));
    Answer::json(201, &json!({"dispatch_id": "d1d2d3", "message": "success"}))
}

/// Writes or deletes items of a catalog: one by its id in the path, or up to 50.
fn items(method: &str, catalog: &str, item: Option<&str>, body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let wrong = |status: u16, id: &str, message: &str, values: Vec<Value>| {
        let fault = json!({"id": id, "message": message, "parameters": ["id"], "parameter_values": values});
        Answer::json(status, &json!({"errors": [fault], "message": "Invalid Request"}))
    };
    if catalog == "missing" {
        return wrong(404, "catalog-not-found", "Could not find catalog", vec![json!(catalog)]);
    }
    let Some(items) = body.get("items").and_then(Value::as_array) else {
        return wrong(400, "items-missing", "There are no items in the request body", vec![]);
    };
    if items.len() > ITEMS {
        return wrong(400, "item-array-invalid", "items must be an array of at most 50 objects", vec![]);
    }
    let ids: Vec<Value> = match item {
        Some(id) => vec![json!(id)],
        None => items.iter().map(|item| item.get("id").cloned().unwrap_or_default()).collect(),
    };
    let sound = |id: &Value| {
        let plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        id.as_str().is_some_and(|id| (1..=250).contains(&id.len()) && plain(id))
    };
    let spoilt = ids.iter().enumerate().filter(|(index, id)| !sound(id) || item.is_none() && desk.spoils(*index));
    let spoilt: Vec<Value> = spoilt.map(|(_, id)| id.clone()).collect();
    if !spoilt.is_empty() {
        return wrong(
            400,
            "invalid-ids",
            "Item IDs can only include letters, numbers, hyphens, and underscores",
            spoilt,
        );
    }
    let mut records = desk.records();
    for (id, value) in ids.iter().zip(items) {
        let key = format!("{catalog}/{}", id.as_str().unwrap_or_default());
        if method == "DELETE" && records.remove(&key).is_none() && item.is_some() {
            return wrong(404, "item-not-found", "Could not find item", vec![id.clone()]);
        }
        if method == "PUT" {
            records.insert(key, value.clone());
        }
    }
    drop(records);
    items.iter().for_each(|item| {
        desk.take(None, item);
    });
    Answer::json(if item.is_some() { 200 } else { 202 }, &json!({"message": "success"}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_refused_for_what_is_wrong_with_it() {
        let event = json!({"external_id": "u-1", "name": "Paid", "time": "2026-01-02T03:04:05Z"});
        assert_eq!(fault("events", &event), None);
        let purchase = json!({"email": "a@b.c", "product_id": "p", "currency": "USD", "price": 1.5, "time": "2026-01-02T03:04:05Z"});
        assert_eq!(fault("purchases", &purchase), None);
        for (array, object, word) in [
            ("events", json!({"name": "Paid", "time": "2026-01-02T03:04:05Z"}), "external_id"),
            ("events", json!({"external_id": "u-1", "time": "2026-01-02T03:04:05Z"}), "name"),
            ("events", json!({"external_id": "u-1", "name": "Paid", "time": "yesterday"}), "time"),
            (
                "purchases",
                json!({"external_id": "u", "product_id": "p", "currency": "usd", "price": 1, "time": "2026-01-02T03:04:05Z"}),
                "currency",
            ),
            ("attributes", json!({"user_alias": {"alias_name": "n"}}), "user_alias"),
        ] {
            assert!(fault(array, &object).is_some_and(|fault| fault.contains(word)), "{object}");
        }
    }
}
