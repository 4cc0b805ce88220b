//! The Measurement Protocol of Google Analytics 4, as documented at:
//!
//! * <https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference>
//! * <https://developers.google.com/analytics/devguides/collection/protocol/ga4/sending-events> (limits)
//! * <https://developers.google.com/analytics/devguides/collection/protocol/ga4/validating-events>
//!
//! `/mp/collect` answers 204 whatever it is sent and drops what is wrong; `/debug/mp/collect` says what would be dropped. What is
//! dropped here is not counted as taken.

use serde_json::{Map, Value, json};

use crate::{Answer, Desk, Partner, Request};

/// Events in one request.
const EVENTS: usize = 25;
/// Parameters of one event.
const PARAMS: usize = 25;
const USER_PROPERTIES: usize = 25;
/// Items of one event.
const ITEMS: usize = 200;
/// Bytes in one request.
const BODY: usize = 130_000;
/// How old an event may be.
const AGE_MS: i64 = 72 * 3_600_000;
/// Names that only Google's own SDKs may use.
const RESERVED: [&str; 12] = [
    "ad_activeview",
    "ad_click",
    "ad_exposure",
    "ad_query",
    "ad_reward",
    "adunit_exposure",
    "app_clear_data",
    "app_remove",
    "first_open",
    "first_visit",
    "session_start",
    "user_engagement",
];

/// Plays Google Analytics 4.
#[derive(Debug)]
pub(crate) struct GoogleAnalytics4;

impl Partner for GoogleAnalytics4 {
    fn name(&self) -> &'static str {
        "google-analytics-4"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["www.google-analytics.com", "region1.google-analytics.com"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        let debug = match request.path.as_str() {
            "/mp/collect" => false,
            "/debug/mp/collect" => true,
            _ => return Answer::empty(404),
        };
        if request.method != http::Method::POST {
            return Answer::empty(405);
        }
        if request.body.len() > BODY {
            return Answer::empty(413);
        }
        let faults = faults(request, desk.now_ms());
        if debug {
            return Answer::json(200, &json!({ "validationMessages": faults }));
        }
        if faults.is_empty() {
            let body = request.json().unwrap_or_default();
            for event in body.get("events").and_then(Value::as_array).into_iter().flatten() {
                desk.take(transaction(event).as_deref(), event);
            }
        }
        Answer::empty(204)
    }

    fn at_a_glance(&self, _: &Request) -> Option<(u64, Answer)> {
        Some((1, Answer::empty(204)))
    }

    fn failure(&self, status: u16) -> Answer {
        Answer::empty(status)
    }
}

/// Purchases are counted once for each transaction; nothing else has a key.
fn transaction(event: &Value) -> Option<String> {
    let purchase = event.get("name").and_then(Value::as_str) == Some("purchase");
    let id = event.pointer("/params/transaction_id").and_then(Value::as_str).filter(|id| !id.is_empty());
    id.filter(|_| purchase).map(str::to_owned)
}

/// What the validation server would say.
fn faults(request: &Request, now_ms: i64) -> Vec<Value> {
    let mut faults = Vec::new();
    let mut fault = |path: &str, code: &str, text: &str| {
        faults.push(json!({"fieldPath": path, "description": text, "validationCode": code}));
    };
    let given = |name: &str| request.query(name).is_some_and(|value| !value.is_empty());
    if !given("api_secret") {
        fault("api_secret", "VALUE_REQUIRED", "the api_secret is missing");
    }
    let (web, app) = (given("measurement_id"), given("firebase_app_id"));
    if !web && !app {
        fault("measurement_id", "VALUE_REQUIRED", "one of measurement_id and firebase_app_id is needed");
    }
    let body = match request.json() {
        Ok(Value::Object(body)) => body,
        _ => {
            fault("", "VALUE_INVALID", "the body is no JSON object");
            return faults;
        }
    };
    let id = if app { "app_instance_id" } else { "client_id" };
    if body.get(id).and_then(Value::as_str).is_none_or(str::is_empty) {
        fault(id, "VALUE_REQUIRED", "the id of the client is missing");
    }
    if let Some(micros) = body.get("timestamp_micros") {
        match micros.as_i64().or_else(|| micros.as_str()?.parse().ok()) {
            None => fault("timestamp_micros", "VALUE_INVALID", "this is no time in microseconds"),
            Some(micros) if micros / 1000 < now_ms - AGE_MS => {
                fault("timestamp_micros", "VALUE_OUT_OF_BOUNDS", "this is more than 72 hours ago");
            }
            Some(_) => {}
        }
    }
    if let Some(properties) = body.get("user_properties").and_then(Value::as_object) {
        if properties.len() > USER_PROPERTIES {
            fault("user_properties", "EXCEEDED_MAX_ENTITIES", "there may be 25 user properties");
        }
        for (name, value) in properties {
            let value = value.get("value").and_then(Value::as_str).unwrap_or_default();
            if name.chars().count() > 24 || !is_name(name) || value.chars().count() > 36 {
                fault(
                    "user_properties",
                    "NAME_INVALID",
                    "a user property has a name of 24 and a value of 36 characters",
                );
            }
        }
    }
    let events = body.get("events").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if events.is_empty() || events.len() > EVENTS {
        fault("events", "EXCEEDED_MAX_ENTITIES", "there must be 1 to 25 events");
    }
    for event in events {
        match event.get("name").and_then(Value::as_str) {
            None | Some("") => fault("events.name", "VALUE_REQUIRED", "the event has no name"),
            Some(name) if RESERVED.contains(&name) => fault("events.name", "NAME_RESERVED", "this name is reserved"),
            Some(name) if name.chars().count() > 40 || !is_name(name) => {
                fault(
                    "events.name",
                    "NAME_INVALID",
                    "a name has up to 40 letters, digits and underscores, a letter first",
                );
            }
            Some(_) => {}
        }
        if let Some(params) = event.get("params").and_then(Value::as_object) {
            check_params(params, &mut fault);
        }
    }
    faults
}

fn check_params(params: &Map<String, Value>, fault: &mut impl FnMut(&str, &str, &str)) {
    if params.len() > PARAMS {
        fault("events.params", "EXCEEDED_MAX_ENTITIES", "there may be 25 parameters");
    }
    for (name, value) in params {
        let path = format!("events.params.{name}");
        if name.chars().count() > 40 || !is_name(name) {
            fault(&path, "NAME_INVALID", "a parameter has up to 40 letters, digits and underscores, a letter first");
        }
        match value {
            Value::Array(items) if name == "items" && items.len() <= ITEMS => {}
            Value::Array(_) if name == "items" => fault(&path, "EXCEEDED_MAX_ENTITIES", "there may be 200 items"),
            // Page addresses, referrers and titles have limits of their own.
            Value::String(text) if !name.starts_with("page_") && text.chars().count() > 100 => {
                fault(&path, "VALUE_INVALID", "a value has up to 100 characters");
            }
            Value::Array(_) | Value::Object(_) => fault(&path, "VALUE_INVALID", "a value is a text or a number"),
            _ => {}
        }
    }
    let text = |name: &str| params.get(name).and_then(Value::as_str);
    if params.contains_key("value") && text("currency").is_none_or(|currency| currency.len() != 3) {
        fault("events.params.currency", "VALUE_REQUIRED", "a value needs a currency of three letters");
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic()) && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StandIn;
    use tower::ServiceExt;

    async fn send(stand_in: &StandIn, path: &str, body: &Value) -> (u16, Value) {
        let uri = format!("https://www.google-analytics.com{path}?api_secret=fake&measurement_id=G-FAKE");
        let request = http::Request::post(uri).body(body.to_string()).expect("a request");
        let response = stand_in.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let body = http_body_util::BodyExt::collect(response.into_body()).await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn what_is_wrong_is_dropped_and_answered_like_what_is_right() {
        let stand_in = StandIn::new().at(1_767_323_046_000);
        let good = json!({"client_id": "a.1", "events": [{"name": "purchase", "params": {"transaction_id": "o-1"}}]});
        let bad = json!({"client_id": "a.1", "events": [{"name": "two words"}]});
        for body in [&good, &bad, &good] {
            assert_eq!(send(&stand_in, "/mp/collect", body).await.0, 204);
        }
        let count = stand_in.count("google-analytics-4");
        assert_eq!((count.requests, count.events, count.duplicates), (3, 1, 1));
        let (status, said) = send(&stand_in, "/debug/mp/collect", &bad).await;
        assert_eq!((status, &said["validationMessages"][0]["validationCode"]), (200, &json!("NAME_INVALID")));
        let old = json!({"client_id": "a.1", "timestamp_micros": 1_767_000_000_000_000_i64, "events": [{"name": "a"}]});
        let (_, said) = send(&stand_in, "/debug/mp/collect", &old).await;
        assert_eq!(said["validationMessages"][0]["fieldPath"], "timestamp_micros");
    }
}
