//! HubSpot's API, as documented at:
//!
//! * <https://developers.hubspot.com/docs/api-reference/error-handling> (`category`, `correlationId`; 207, 423, 429 with `policyName`)
//! * <https://developers.hubspot.com/docs/guides/api/crm/using-object-apis> (objects one by one and in batches of 100, search)
//! * <https://developers.hubspot.com/docs/guides/api/crm/properties>, `/associations/associations-v4`, `/lists/overview`
//! * <https://developers.hubspot.com/docs/guides/api/analytics-and-events/custom-events/custom-event-definitions>

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{Answer, Desk, Partner, Request};

/// Records in one request.
const BATCH: usize = 100;
/// Requests of an app in an account, and the seconds in which they may come.
const REQUESTS: (u64, u64) = (110, 10);
/// Properties that every account has.
const STANDARD: [&str; 22] = [
    "email",
    "firstname",
    "lastname",
    "phone",
    "company",
    "website",
    "address",
    "city",
    "state",
    "zip",
    "country",
    "lifecyclestage",
    "name",
    "domain",
    "industry",
    "numberofemployees",
    "description",
    "dealname",
    "amount",
    "subject",
    "hs_object_id",
    "hs_additional_emails",
];

/// Plays HubSpot.
#[derive(Debug)]
pub(crate) struct HubSpot;

impl Partner for HubSpot {
    fn name(&self) -> &'static str {
        "hubspot"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["api.hubapi.com"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        if path == ["oauth", "v1", "token"] {
            return token(request);
        }
        if request.bearer().is_none() {
            return self.failure(401);
        }
        if let Some(wait) = desk.over("requests", 1, REQUESTS.0, Duration::from_secs(REQUESTS.1)) {
            return self.failure(429).retry_after(wait.as_secs().max(1));
        }
        let get = request.method == http::Method::GET;
        let body = match request.json() {
            Ok(Value::Object(body)) => body,
            Ok(Value::Array(labels)) if path.get(1) == Some(&"v4") => {
                Map::from_iter([("labels".into(), labels.into())])
            }
            _ if get || request.body.is_empty() => Map::new(),
            _ => return error(400, "VALIDATION_ERROR", "Invalid input JSON on line 1, column 1"),
        };
        let id_property = request.query("idProperty");
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["crm", "v3", "objects", kind]) => create(kind, &body, desk),
            ("PATCH", ["crm", "v3", "objects", kind, id]) => update(kind, id, id_property, &body, desk),
            ("POST", ["crm", "v3", "objects", kind, "search"]) => search(kind, &body, desk),
            ("POST", ["crm", "v3", "objects", kind, "batch", action]) => batch(kind, action, &body, desk),
            ("GET", ["crm", "v3", "properties", kind]) => properties(kind, desk),
            ("POST", ["crm", "v3", "properties", kind]) => define(kind, &[Value::Object(body)], desk),
            ("POST", ["crm", "v3", "properties", kind, "batch", "create"]) => define(kind, list(&body, "inputs"), desk),
            ("PUT", ["crm", "v3", "objects", from, id, "associations", ..]) => {
                let there = desk.records().contains_key(&key(from, id));
                if there {
                    Answer::json(200, &json!({"id": id}))
                } else {
                    not_found(&format!("No {from} with id {id}"))
                }
            }
            ("PUT", ["crm", "v4", "objects", ..]) => label(list(&body, "labels")),
            ("POST", ["crm", "v4", "associations", _, _, "batch", "create"]) => associated(list(&body, "inputs"), 201),
            ("POST", ["crm", "v4", "associations", _, _, "batch", "labels", "archive"]) => {
                associated(list(&body, "inputs"), 204)
            }
            ("GET", ["events", "v3", "event-definitions", name]) => definition(name, desk),
            ("POST", ["events", "v3", "event-definitions"]) => define_event(&body, desk),
            ("POST", ["events", "v3", "event-definitions", name, "property"]) => {
                define_event_property(name, &body, desk)
            }
            ("POST", ["events", "v3", "send"]) => send(body, desk),
            _ => not_found("resource not found"),
        }
    }

    fn failure(&self, status: u16) -> Answer {
        match status {
            401 => error(
                401,
                "INVALID_AUTHENTICATION",
                "Authentication credentials not found. This API supports OAuth 2.0 authentication",
            ),
            403 => error(403, "MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call."),
            429 => Answer::json(
                429,
                &json!({
                    "status": "error", "message": "You have reached your ten_secondly_rolling limit.", "errorType": "RATE_LIMIT",
                    "correlationId": CORRELATION, "policyName": "TEN_SECONDLY_ROLLING",
                }),
            ),
            400 => error(400, "VALIDATION_ERROR", "Property values were not valid"),
            423 => error(423, "LOCKED", "This resource is locked for now"),
            _ => error(status, "INTERNAL_ERROR", "internal error"),
        }
    }
}

const CORRELATION: &str = "00000000-0000-4000-8000-000000000001";

fn error(status: u16, category: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"status": "error", "message": message, "correlationId": CORRELATION, "category": category}),
    )
}

fn not_found(message: &str) -> Answer {
    error(404, "OBJECT_NOT_FOUND", message)
}

/// A new access token for the refresh token `RT`-anything; `revoked` was revoked.
fn token(request: &Request) -> Answer {
    let form: BTreeMap<String, String> = request.form().into_iter().collect();
    let has = |name: &str| form.get(name).is_some_and(|value| !value.is_empty());
    if !["grant_type", "client_id", "client_secret", "refresh_token"].into_iter().all(has) {
        return Answer::json(400, &json!({"status": "BAD_CLIENT_ID", "message": "missing or unknown client id"}));
    }
    if form.get("refresh_token").is_some_and(|token| token == "revoked") {
        return Answer::json(
            400,
            &json!({"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token"}),
        );
    }
    Answer::json(
        200,
        &json!({"token_type": "bearer", "access_token": "AT2", "refresh_token": form["refresh_token"], "expires_in": 1800}),
    )
}

/// `contacts` and `contact` are one.
fn singular(kind: &str) -> &str {
    match kind {
        "companies" => "company",
        other => other.strip_suffix('s').unwrap_or(other),
    }
}

fn key(kind: &str, id: &str) -> String {
    format!("{}/{id}", singular(kind))
}

fn list<'a>(body: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    body.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The id of the record that has this property; without a property it is the id.
fn find(kind: &str, property: Option<&str>, value: &str, desk: &Desk<'_>) -> Option<String> {
    let records = desk.records();
    let prefix = key(kind, "");
    let Some(property) = property else { return records.contains_key(&key(kind, value)).then(|| value.to_owned()) };
    let same = |record: &Value| match record.get("properties").and_then(|all| all.get(property)) {
        Some(Value::String(text)) => text.eq_ignore_ascii_case(value),
        Some(other) => value.parse::<Value>().is_ok_and(|value| value == *other),
        None => false,
    };
    let mut some = records.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
    some.find(|(_, record)| same(record)).map(|(key, _)| key[prefix.len()..].to_owned())
}

/// What is wrong with the properties of a record.
fn fault(kind: &str, properties: Option<&Value>, desk: &Desk<'_>) -> Option<Answer> {
    let Some(properties) = properties.and_then(Value::as_object) else {
        return Some(error(400, "VALIDATION_ERROR", "Invalid input JSON: properties must be an object"));
    };
    let records = desk.records();
    let unknown = |name: &&String| {
        !STANDARD.contains(&name.as_str()) && !records.contains_key(&format!("property/{}/{name}", singular(kind)))
    };
    let reason = |name: &str, code: &str| {
        let text = format!("Property \"{name}\" does not exist or has no such value");
        json!({"isValid": false, "message": text, "error": code, "name": name, "localizedErrorMessage": text})
    };
    let mut wrong: Vec<Value> =
        properties.keys().filter(unknown).map(|name| reason(name, "PROPERTY_DOESNT_EXIST")).collect();
    let email = properties.get("email").and_then(Value::as_str);
    if email.is_some_and(|email| !email.contains('@')) {
        wrong.push(reason("email", "INVALID_EMAIL"));
    }
    if properties.values().any(|value| value.is_array() || value.is_object()) {
        return Some(error(
            400,
            "VALIDATION_ERROR",
            "Cannot deserialize value of type `java.lang.String` from Array value",
        ));
    }
    let all = Value::Array(wrong.clone());
    (!wrong.is_empty()).then(|| error(400, "VALIDATION_ERROR", &format!("Property values were not valid: {all}")))
}

fn record(id: &str, properties: &Value) -> Value {
    json!({"id": id, "properties": properties, "createdAt": "2026-01-02T03:04:06.000Z", "updatedAt": "2026-01-02T03:04:06.000Z", "archived": false})
}

fn store(kind: &str, id: Option<String>, properties: &Value, desk: &Desk<'_>) -> Value {
    let mut records = desk.records();
    let id = id.unwrap_or_else(|| (101 + records.len()).to_string());
    let stored = records.entry(key(kind, &id)).or_insert_with(|| record(&id, &json!({})));
    if let (Some(old), Some(new)) = (stored["properties"].as_object_mut(), properties.as_object()) {
        old.extend(new.clone());
    }
    let stored = stored.clone();
    drop(records);
    desk.take(None, &stored);
    stored
}

fn create(kind: &str, body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    if let Some(fault) = fault(kind, body.get("properties"), desk) {
        return fault;
    }
    let properties = &body["properties"];
    let email = text(properties, "email").filter(|_| singular(kind) == "contact");
    if let Some(id) = email.and_then(|email| find(kind, Some("email"), email, desk)) {
        return error(409, "CONFLICT", &format!("Contact already exists. Existing ID: {id}"));
    }
    Answer::json(201, &store(kind, None, properties, desk))
}

fn update(kind: &str, id: &str, id_property: Option<&str>, body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    // The property by which it is looked up must exist before anything else is looked at.
    let probe = json!({id_property.unwrap_or("email"): "a@b.c"});
    if let Some(fault) = fault(kind, Some(&probe), desk).or_else(|| fault(kind, body.get("properties"), desk)) {
        return fault;
    }
    match find(kind, id_property, id, desk) {
        Some(id) => Answer::json(200, &store(kind, Some(id), &body["properties"], desk)),
        None => not_found("resource not found"),
    }
}

fn search(kind: &str, body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let groups = list(body, "filterGroups");
    if groups.is_empty() || groups.len() > 5 {
        return error(400, "VALIDATION_ERROR", "between 1 and 5 filterGroups are needed");
    }
    let filters = groups.iter().filter_map(|group| group.pointer("/filters/0"));
    let hits = filters.filter_map(|filter| {
        let value = filter.get("value")?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        find(kind, text(filter, "propertyName"), &value, desk)
    });
    let mut ids: Vec<String> = hits.collect();
    ids.sort();
    ids.dedup();
    let records = desk.records();
    let results: Vec<&Value> = ids.iter().filter_map(|id| records.get(&key(kind, id))).collect();
    Answer::json(200, &json!({"total": results.len(), "results": results}))
}

fn batch(kind: &str, action: &str, body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let inputs = list(body, "inputs");
    if inputs.is_empty() || inputs.len() > BATCH {
        return error(
            400,
            "VALIDATION_ERROR",
            "The maximum number of inputs supported in a batch request for property histories is 100",
        );
    }
    let property = |input: &Value| {
        text(input, "idProperty").or_else(|| body.get("idProperty").and_then(Value::as_str)).map(str::to_owned)
    };
    let (mut results, mut missing) = (Vec::new(), Vec::new());
    for (index, input) in inputs.iter().enumerate() {
        let id = text(input, "id").unwrap_or_default();
        let there = find(kind, property(input).as_deref(), id, desk);
        if action != "read"
            && let Some(fault) = fault(kind, input.get("properties"), desk)
        {
            return fault;
        }
        match (action, there) {
            _ if desk.spoils(index) => missing.push(id.to_owned()),
            ("read", Some(id)) => results.extend(desk.records().get(&key(kind, &id)).cloned()),
            ("update", Some(id)) => results.push(store(kind, Some(id), &input["properties"], desk)),
            ("read" | "update", None) => missing.push(id.to_owned()),
            ("create", _) => results.push(store(kind, None, &input["properties"], desk)),
            ("upsert", there) => results.push(store(kind, there, &input["properties"], desk)),
            _ => return not_found("resource not found"),
        }
    }
    let created = matches!(action, "create");
    if missing.is_empty() {
        return Answer::json(if created { 201 } else { 200 }, &json!({"status": "COMPLETE", "results": results}));
    }
    let fault = json!({
        "status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some objects, they may be deleted or not exist. Check that ids are valid.",
        "context": {"ids": missing},
    });
    Answer::json(207, &json!({"status": "COMPLETE", "results": results, "numErrors": 1, "errors": [fault]}))
}

fn properties(kind: &str, desk: &Desk<'_>) -> Answer {
    let standard = STANDARD.iter().map(|name| match *name {
        "numberofemployees" | "amount" => json!({"name": name, "type": "number", "fieldType": "number"}),
        _ => json!({"name": name, "type": "string", "fieldType": "text"}),
    });
    let records = desk.records();
    let prefix = format!("property/{}/", singular(kind));
    let own = records
        .range(prefix.clone()..)
        .take_while(|(key, _)| key.starts_with(&prefix))
        .map(|(_, property)| property.clone());
    let results: Vec<Value> = standard.chain(own).collect();
    Answer::json(200, &json!({ "results": results }))
}

fn define(kind: &str, inputs: &[Value], desk: &Desk<'_>) -> Answer {
    let mut records = desk.records();
    for input in inputs {
        let Some(name) = text(input, "name") else { return error(400, "VALIDATION_ERROR", "name is required") };
        if ["groupName", "type", "fieldType"].iter().any(|field| text(input, field).is_none()) {
            return error(400, "VALIDATION_ERROR", "groupName, type and fieldType are required");
        }
        if records.insert(format!("property/{}/{name}", singular(kind)), input.clone()).is_some() {
            return error(409, "OBJECT_ALREADY_EXISTS", &format!("A property named '{name}' already exists."));
        }
    }
    Answer::json(201, &json!({"status": "COMPLETE", "results": inputs}))
}

/// Ties two records: a list of at least one kind of tie.
fn label(labels: &[Value]) -> Answer {
    let whole = |label: &Value| {
        text(label, "associationCategory").is_some() && label.get("associationTypeId").is_some_and(Value::is_u64)
    };
    if labels.is_empty() || !labels.iter().all(whole) {
        return error(400, "VALIDATION_ERROR", "associationCategory and associationTypeId are required");
    }
    Answer::json(201, &json!({ "labels": labels }))
}

fn associated(inputs: &[Value], status: u16) -> Answer {
    let whole = |input: &Value| {
        ["/from/id", "/to/id", "/types/0"].iter().all(|at| input.pointer(at).is_some_and(|part| !part.is_null()))
    };
    if inputs.is_empty() || inputs.len() > 2_000 || !inputs.iter().all(whole) {
        return error(400, "VALIDATION_ERROR", "from, to and types are required for each of at most 2000 inputs");
    }
    if status == 204 {
        Answer::empty(204)
    } else {
        Answer::json(status, &json!({"status": "COMPLETE", "results": inputs}))
    }
}

/// An event's definition, by its short name or by `pe1_` and its short name.
fn definition(name: &str, desk: &Desk<'_>) -> Answer {
    let short = name.strip_prefix("pe1_").unwrap_or(name);
    match desk.records().get(&format!("event/{short}")) {
        Some(event) => Answer::json(200, event),
        None => not_found("The event definition does not exist"),
    }
}

fn define_event(body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let Some(name) = body.get("name").and_then(Value::as_str) else {
        return error(400, "VALIDATION_ERROR", "name is required");
    };
    let event = json!({
        "name": name, "fullyQualifiedName": format!("pe1_{name}"), "primaryObject": body.get("primaryObject"), "archived": false,
        "properties": list(body, "propertyDefinitions"),
    });
    match desk.records().insert(format!("event/{name}"), event.clone()) {
        Some(_) => error(409, "OBJECT_ALREADY_EXISTS", &format!("Event definition {name} already exists")),
        None => Answer::json(200, &event),
    }
}

fn define_event_property(name: &str, body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let short = name.strip_prefix("pe1_").unwrap_or(name);
    let mut records = desk.records();
    let Some(properties) =
        records.get_mut(&format!("event/{short}")).and_then(|event| event["properties"].as_array_mut())
    else {
        return not_found("The event definition does not exist");
    };
    if properties.iter().any(|property| property.get("name") == body.get("name")) {
        return error(409, "OBJECT_ALREADY_EXISTS", "Property already exists");
    }
    properties.push(Value::Object(body.clone()));
    Answer::json(201, &Value::Object(body.clone()))
}

fn send(body: Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let event = Value::Object(body);
    let named = text(&event, "eventName")
        .and_then(|name| name.strip_prefix("pe"))
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if !named {
        return error(400, "VALIDATION_ERROR", "eventName must be the fully qualified name of an event");
    }
    let id = event.get("objectId").is_some_and(|id| !id.is_null());
    if !id && text(&event, "email").is_none() && text(&event, "utk").is_none() {
        return error(400, "VALIDATION_ERROR", "one of email, utk and objectId is required");
    }
    if event.get("properties").is_some_and(|properties| !properties.is_object()) {
        return error(400, "VALIDATION_ERROR", "properties must be an object");
    }
    desk.take(None, &event);
    Answer::empty(204)
}
