//! Two of Optimizely's, as documented at:
//!
//! * <https://docs.developers.optimizely.com/optimizely-data/reference/log_endpoint> (the Event API: 204, 3.5 MB; `X-Optimizely-Strict`)
//!   and <https://docs.developers.optimizely.com/feature-experimentation/docs/manage-config-datafile> (the datafile)
//! * <https://docs.developers.optimizely.com/optimizely-data-platform/reference/upload-events> (the Data Platform's error bodies: `detail.invalids`)

use serde_json::{Value, json};

use crate::{Answer, Desk, Partner, Request};

/// Bytes in one request of the Event API.
const EVENT_BODY: usize = 3_500_000;
/// Events or contacts in one request of the Data Platform.
const BATCH: usize = 500;
/// Bytes in one request of the Data Platform.
const BATCH_BODY: usize = 10 << 20;

/// Plays the Event API of Feature Experimentation and the server of its datafiles.
#[derive(Debug)]
pub(crate) struct FeatureExperimentation;

impl Partner for FeatureExperimentation {
    fn name(&self) -> &'static str {
        "optimizely-feature-experimentation-actions"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["logx.optimizely.com", "eu.logx.optimizely.com", "cdn.optimizely.com"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        match (request.host.as_str(), request.method.as_str()) {
            ("cdn.optimizely.com", "GET") => datafile(request),
            ("cdn.optimizely.com", _) => Answer::text(405, "Method Not Allowed"),
            (_, "POST") if request.path == "/v1/events" => events(request, desk),
            _ => Answer::json(404, &json!({"message": "Not Found"})),
        }
    }

    fn failure(&self, status: u16) -> Answer {
        match status {
            403 => Answer::of(
                403,
                "application/xml",
                "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>".into(),
            ),
            _ => Answer::json(status, &json!({"message": crate::partner::reason(status)})),
        }
    }
}

/// `/json/KEY.json` and `/datafiles/KEY.json`. `gone.json` is of a project that was deactivated.
fn datafile(request: &Request) -> Answer {
    match request.segments().last().map(String::as_str) {
        Some("gone.json") => Answer::text(200, "This project has been deactivated."),
        Some(name) if name.ends_with(".json") => Answer::json(
            200,
            &json!({
                "version": "4", "revision": "7", "projectId": "100", "accountId": "200", "anonymizeIP": true, "botFiltering": false,
                "sdkKey": "sdk-1", "environmentKey": "production",
                "events": [
                    {"id": "301", "key": "Order Completed", "experimentIds": ["501"]}, {"id": "302", "key": "Signed Up", "experimentIds": []},
                    {"id": "303", "key": "Größe gewählt", "experimentIds": []}, {"id": "304", "key": "Order Completed", "experimentIds": []},
                ],
                "attributes": [{"id": "401", "key": "plan"}, {"id": "402", "key": "age"}, {"id": "403", "key": "vip"}, {"id": "404", "key": "address"}],
                "experiments": [], "featureFlags": [], "rollouts": [], "audiences": [], "groups": [], "variables": [],
            }),
        ),
        _ => FeatureExperimentation.failure(403),
    }
}

/// Takes what is right and answers 204 to everything, unless the caller asks to be told.
fn events(request: &Request, desk: &Desk<'_>) -> Answer {
    if request.body.len() > EVENT_BODY {
        return Answer::json(413, &json!({"message": "Payload Too Large"}));
    }
    let body = request.json().unwrap_or_default();
    let fault = event_fault(&body);
    if let (Some(why), Some("true")) = (&fault, request.header("x-optimizely-strict")) {
        return Answer::json(400, &json!({ "message": why }));
    }
    if fault.is_none() {
        for event in body.pointer("/visitors/0/snapshots/0/events").and_then(Value::as_array).into_iter().flatten() {
            desk.take(event.get("uuid").and_then(Value::as_str), event);
        }
    }
    Answer::empty(204)
}

fn event_fault(body: &Value) -> Option<String> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    if !text(body, "account_id") {
        return Some("account_id is required".into());
    }
    let visitors = list(body, "visitors");
    if visitors.is_empty() {
        return Some("visitors is required".into());
    }
    for visitor in &visitors {
        if !text(visitor, "visitor_id") {
            return Some("visitor_id is required".into());
        }
        for event in list(visitor, "snapshots").iter().flat_map(|snapshot| list(snapshot, "events")) {
            if !text(&event, "entity_id") || !text(&event, "uuid") || !event.get("timestamp").is_some_and(Value::is_i64)
            {
                return Some("an event needs entity_id, uuid and timestamp".into());
            }
            if event.get("revenue").is_some_and(|revenue| !revenue.is_i64()) {
                return Some("revenue must be an integer".into());
            }
        }
    }
    None
}

/// Plays the app inside the Data Platform that takes what Segment sends.
#[derive(Debug)]
pub(crate) struct DataPlatform;

impl Partner for DataPlatform {
    fn name(&self) -> &'static str {
        "optimizely-data-platform"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["function.zaius.app", "function.eu1.ocp.optimizely.com", "function.au1.ocp.optimizely.com"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        if request.bearer().is_none() {
            return self.failure(401);
        }
        if request.body.len() > BATCH_BODY {
            return self.failure(413);
        }
        let check: fn(&Value) -> Option<&'static str> = match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/twilio_segment/batch_custom_event") => event,
            ("POST", "/twilio_segment/batch_email_event") => email,
            ("POST", "/twilio_segment/batch_upsert_contact") => contact,
            _ => return self.failure(404),
        };
        let Ok(Value::Array(items)) = request.json() else {
            return problem(400, "Bad Request", json!({"message": "a JSON array is expected"}));
        };
        if items.len() > BATCH {
            return self.failure(413);
        }
        let fault = |(index, item): (usize, &Value)| {
            let why = check(item).or_else(|| desk.spoils(index).then_some("spoilt on purpose"))?;
            Some(json!({"event": index, "message": why}))
        };
        let invalids: Vec<Value> = items.iter().enumerate().filter_map(fault).collect();
        let wrong = |index: usize| invalids.iter().any(|invalid| invalid["event"] == index);
        items.iter().enumerate().filter(|(index, _)| !wrong(*index)).for_each(|(_, item)| {
            desk.take(None, item);
        });
        match invalids.len() {
            0 => {
                Answer::json(202, &json!({"title": "Accepted", "status": 202, "timestamp": "2026-01-02T03:04:06.000Z"}))
            }
            _ => problem(400, "Bad Request", json!({ "invalids": invalids })),
        }
    }

    fn failure(&self, status: u16) -> Answer {
        problem(status, crate::partner::reason(status), json!({"message": crate::partner::reason(status)}))
    }
}

fn problem(status: u16, title: &str, detail: Value) -> Answer {
    Answer::json(
        status,
        &json!({"title": title, "status": status, "timestamp": "2026-01-02T03:04:06.000Z", "detail": detail}),
    )
}

fn identified(item: &Value) -> bool {
    let ids = item.get("user_identifiers").and_then(Value::as_object);
    ids.is_some_and(|ids| ids.values().any(|id| id.as_str().is_some_and(|id| !id.is_empty())))
}

fn has(item: &Value, name: &str) -> bool {
    item.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

fn event(item: &Value) -> Option<&'static str> {
    let products = item.get("products").and_then(Value::as_array);
    match () {
        () if !identified(item) => Some("at least one identifier is required"),
        () if !has(item, "type") => Some("type is required"),
        () if !has(item, "timestamp") => Some("timestamp is required"),
        () if products.is_some_and(|products| !products.iter().all(|product| has(product, "product_id"))) => {
            Some("product_id is required")
        }
        () => None,
    }
}

fn email(item: &Value) -> Option<&'static str> {
    match () {
        () if !item.pointer("/user_identifiers/email").is_some_and(Value::is_string) => Some("email is required"),
        () if !has(item, "action") || !has(item, "campaign") => Some("action and campaign are required"),
        () => None,
    }
}

fn contact(item: &Value) -> Option<&'static str> {
    match () {
        () if !identified(item) => Some("at least one identifier is required"),
        () if item.get("age").is_some_and(|age| !age.is_number()) => Some("age must be a number"),
        () => None,
    }
}
