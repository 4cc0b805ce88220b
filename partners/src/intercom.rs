//! Intercom's REST API, as documented at:
//!
//! * <https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts> (`/contacts`, `/contacts/search`)
//! * <https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies>, `/data-events`
//! * <https://developers.intercom.com/docs/references/rest-api/errors/error-codes> and `/rate-limiting` (`X-RateLimit-*`)

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{Answer, Desk, Partner, Request};

/// Requests of an app in ten seconds: a sixth of what it has for a minute.
const REQUESTS: (u64, u64) = (1_666, 10);
/// The contact that is there from the beginning.
const KNOWN: (&str, &str, &str) = ("c0", "known-1", "known@example.com");

/// Plays Intercom.
#[derive(Debug)]
pub(crate) struct Intercom;

impl Partner for Intercom {
    fn name(&self) -> &'static str {
        "intercom"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["api.intercom.io", "api.eu.intercom.io", "api.au.intercom.io"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        if request.bearer().is_none() {
            return self.failure(401);
        }
        if let Some(wait) = desk.over("requests", 1, REQUESTS.0, Duration::from_secs(REQUESTS.1)) {
            let reset = desk.now_ms() / 1000 + i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).max(1);
            return self
                .failure(429)
                .header("x-ratelimit-remaining", "0")
                .header("x-ratelimit-reset", reset.to_string());
        }
        let (id, external_id, email) = KNOWN;
        let known = || json!({"type": "contact", "id": id, "role": "user", "external_id": external_id, "email": email});
        desk.records().entry(format!("contact:{id}")).or_insert_with(known);
        let Ok(Value::Object(body)) = request.json() else {
            return error(400, "bad_request", "bad 'body': not a JSON object");
        };
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["contacts", "search"]) => search(&body, desk),
            ("POST", ["contacts"]) => create(body, desk),
            ("PUT", ["contacts", id]) => update(id, body, desk),
            ("POST", ["contacts", id, "companies"]) => attach(id, &body, desk),
            ("POST", ["companies"]) => company(body, desk),
            ("POST", ["events"]) => event(&body, desk),
            _ => error(404, "not_found", "The requested resource was not found"),
        }
    }

    fn failure(&self, status: u16) -> Answer {
        let (code, message) = match status {
            400 => ("bad_request", "The request could not be processed"),
            401 => ("unauthorized", "Access Token Invalid"),
            403 => ("api_plan_restricted", "Active subscription needed."),
            409 => ("conflict", "A contact matching those details already exists"),
            429 => ("rate_limit_exceeded", "The rate limit for the App has been exceeded"),
            503 => ("service_unavailable", "Sorry, the API service is temporarily unavailable"),
            _ => ("server_error", "Generic server error"),
        };
        error(status, code, message)
    }
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let fault = json!({"code": code, "message": message});
    Answer::json(status, &json!({"type": "error.list", "request_id": "r-1", "errors": [fault]}))
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Contacts whose field is this: `query` is one condition.
fn search(body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let query = body.get("query").and_then(Value::as_object);
    let condition =
        query.and_then(|query| Some((text(query, "field")?, text(query, "operator")?, query.get("value")?)));
    let Some((field, "=", value)) = condition else {
        return error(400, "parameter_invalid", "query needs field, operator and value");
    };
    let records = desk.records();
    let found = records.range("contact:".to_owned()..).take_while(|(key, _)| key.starts_with("contact:"));
    let found: Vec<&Value> =
        found.filter(|(_, contact)| contact.get(field) == Some(value)).map(|(_, contact)| contact).collect();
    Answer::json(
        200,
        &json!({"type": "list", "data": found, "total_count": found.len(), "pages": {"type": "pages", "page": 1}}),
    )
}

/// What is wrong with a contact.
fn contact_fault(contact: &Map<String, Value>) -> Option<Answer> {
    for name in ["signed_up_at", "last_seen_at"] {
        if contact.get(name).is_some_and(|time| !time.is_null() && !time.is_i64()) {
            return Some(error(400, "parameter_invalid", &format!("{name} must be a Unix timestamp")));
        }
    }
    match text(contact, "role") {
        Some("lead") if text(contact, "external_id").is_some() => {
            Some(error(400, "parameter_invalid", "Cannot set external_id for lead"))
        }
        None | Some("user" | "lead") => None,
        Some(_) => Some(error(400, "parameter_invalid", "role must be user or lead")),
    }
}

fn create(mut contact: Map<String, Value>, desk: &Desk<'_>) -> Answer {
    if let Some(fault) = contact_fault(&contact) {
        return fault;
    }
    if text(&contact, "role") != Some("lead")
        && text(&contact, "email").is_none()
        && text(&contact, "external_id").is_none()
    {
        return error(400, "parameter_not_found", "email or external_id is required");
    }
    let mut records = desk.records();
    let same = |name: &str| {
        let value = text(&contact, name).filter(|_| text(&contact, "role") != Some("lead"));
        records.values().find(|other| value.is_some() && other.get(name).and_then(Value::as_str) == value)
    };
    if let Some(other) = same("external_id").or_else(|| same("email")) {
        let id = other.get("id").and_then(Value::as_str).unwrap_or_default();
        return error(409, "conflict", &format!("A contact matching those details already exists with id={id}"));
    }
    let id = format!("c{}", records.len() + 1);
    contact.insert("id".into(), json!(id));
    contact.insert("type".into(), json!("contact"));
    let contact = Value::Object(contact);
    records.insert(format!("contact:{id}"), contact.clone());
    drop(records);
    desk.take(None, &contact);
    Answer::json(200, &contact)
}

fn update(id: &str, changes: Map<String, Value>, desk: &Desk<'_>) -> Answer {
    if let Some(fault) = contact_fault(&changes) {
        return fault;
    }
    let mut records = desk.records();
    let Some(Value::Object(contact)) = records.get_mut(&format!("contact:{id}")) else {
        return error(404, "not_found", "User Not Found");
    };
    contact.extend(changes);
    let contact = Value::Object(contact.clone());
    drop(records);
    desk.take(None, &contact);
    Answer::json(200, &contact)
}

/// A company is known by the id that its owner gives it.
fn company(mut company: Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let Some(id) = text(&company, "company_id").map(|id| format!("company-{id}")) else {
        return error(400, "parameter_not_found", "company_id is required");
    };
    if company.get("remote_created_at").is_some_and(|time| !time.is_i64()) {
        return error(400, "parameter_invalid", "remote_created_at must be a Unix timestamp");
    }
    company.insert("id".into(), json!(id));
    company.insert("type".into(), json!("company"));
    let company = Value::Object(company);
    desk.records().insert(format!("company:{id}"), company.clone());
    desk.take(None, &company);
    Answer::json(200, &company)
}

fn attach(contact: &str, body: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    let Some(company) = text(body, "id") else { return error(400, "parameter_not_found", "company not specified") };
    let records = desk.records();
    if !records.contains_key(&format!("contact:{contact}")) {
        return error(404, "not_found", "User Not Found");
    }
    match records.get(&format!("company:{company}")).cloned() {
        Some(company) => Answer::json(200, &company),
        None => error(404, "company_not_found", "Company Not Found"),
    }
}

fn event(event: &Map<String, Value>, desk: &Desk<'_>) -> Answer {
    if text(event, "event_name").is_none() {
        return error(400, "parameter_not_found", "Event name was not specified");
    }
    if !event.get("created_at").is_some_and(Value::is_i64) {
        return error(400, "parameter_invalid", "created_at must be a Unix timestamp");
    }
    let who = [("id", "id"), ("user_id", "external_id"), ("email", "email")];
    let Some((value, field)) = who.iter().find_map(|(name, field)| Some((text(event, name)?, *field))) else {
        return error(400, "parameter_not_found", "user_id, email or id is required");
    };
    let price = event.get("metadata").and_then(|metadata| metadata.get("price"));
    if price.is_some_and(|price| price.is_object() && !price.get("amount").is_some_and(|amount| amount.is_i64())) {
        return error(400, "parameter_invalid", "price.amount must be a whole number of cents");
    }
    let known = desk
        .records()
        .iter()
        .any(|(key, other)| key.starts_with("contact:") && other.get(field).and_then(Value::as_str) == Some(value));
    if !known {
        return error(404, "not_found", "User Not Found");
    }
    desk.take(None, &Value::Object(event.clone()));
    Answer::empty(202)
}
