//! Klaviyo's API (revision 2025-01-15), as documented at:
//!
//! * <https://developers.klaviyo.com/en/docs/rate_limits_and_error_handling> (`errors[]` of JSON:API, 429 with `Retry-After`)
//! * <https://developers.klaviyo.com/en/reference/create_profile> (409 with `duplicate_profile_id`), `/update_profile`, `/get_profiles`
//! * <https://developers.klaviyo.com/en/reference/create_event>, `/bulk_create_events`, `/bulk_import_profiles`
//! * <https://developers.klaviyo.com/en/reference/bulk_subscribe_profiles>, `/bulk_unsubscribe_profiles`, `/add_profiles_to_list`

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Answer, Desk, Partner, Request};

/// Profiles in one import, events in one bulk request, profiles in one relationship request.
const IMPORT: usize = 10_000;
const BULK_EVENTS: usize = 1_000;
const RELATED: usize = 1_000;
/// Profiles in one request that subscribes, and in one that unsubscribes.
const SUBSCRIBED: usize = 1_000;
const UNSUBSCRIBED: usize = 100;
/// Bytes in one request.
const BODY: usize = 5 << 20;

/// Plays Klaviyo.
#[derive(Debug)]
pub(crate) struct Klaviyo;

impl Partner for Klaviyo {
    fn name(&self) -> &'static str {
        "klaviyo"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["a.klaviyo.com"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        let key = request.header("authorization").and_then(|value| value.strip_prefix("Klaviyo-API-Key "));
        if key.is_none_or(|key| key.trim().is_empty()) {
            return self.failure(401);
        }
        if request.header("revision").is_none_or(|revision| revision.len() != "2025-01-15".len()) {
            return error(400, "invalid", "The revision header must be a date of the form YYYY-MM-DD.", "/data");
        }
        if request.body.len() > BODY {
            return self.failure(413);
        }
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let Some(("api", path)) = path.split_first().map(|(first, rest)| (*first, rest)) else {
            return self.failure(404);
        };
        // Requests a second: XL for events, M for bulk jobs, L for the rest.
        let most = match path.first() {
            Some(&"events") => 350,
            Some(name) if name.ends_with("-jobs") => 10,
            _ => 75,
        };
        if let Some(wait) = desk.over(path.first().unwrap_or(&""), 1, most, Duration::from_secs(1)) {
            return self.failure(429).retry_after(wait.as_secs().max(1));
        }
        if request.method == http::Method::GET {
            return if path == ["profiles"] { find(request, desk) } else { self.failure(404) };
        }
        let Ok(body) = request.json() else { return error(400, "parse_error", "JSON parse error.", "/data") };
        let Some(data) = body.get("data") else { return error(400, "required", "'data' is required.", "/data") };
        match (request.method.as_str(), path) {
            ("POST", ["profiles"]) => create(data, desk),
            ("PATCH", ["profiles", id]) => update(id, data, desk),
            ("POST" | "DELETE", ["lists", list, "relationships", "profiles"]) => relate(list, data, desk),
            ("POST", ["events"]) => event(data, desk),
            ("POST", ["event-bulk-create-jobs"]) => events(data, desk),
            ("POST", ["profile-bulk-import-jobs"]) => import(data, desk),
            ("POST", ["profile-subscription-bulk-create-jobs"]) => subscribe(data, desk, SUBSCRIBED),
            ("POST", ["profile-subscription-bulk-delete-jobs"]) => subscribe(data, desk, UNSUBSCRIBED),
            _ => self.failure(404),
        }
    }

    fn failure(&self, status: u16) -> Answer {
        let (code, detail) = match status {
            400 => ("invalid", "Invalid input."),
            401 => ("not_authenticated", "Authentication credentials were not provided."),
            403 => ("permission_denied", "You do not have permission to perform this action."),
            404 => ("not_found", "The requested resource was not found."),
            413 => ("payload_too_large", "The request body is larger than 5 MB."),
            429 => ("throttled", "Request was throttled. Expected available in 1 second."),
            503 => ("service_unavailable", "The service is temporarily unavailable."),
            _ => ("error", "A server error occurred."),
        };
        error(status, code, detail, "/data/")
    }
}

fn error(status: u16, code: &str, detail: &str, pointer: &str) -> Answer {
    errors(status, vec![fault(status, code, detail, pointer)])
}

fn errors(status: u16, errors: Vec<Value>) -> Answer {
    answer(status, &json!({ "errors": errors }))
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer::json(status, body).header("content-type", "application/vnd.api+json")
}

fn fault(status: u16, code: &str, detail: &str, pointer: &str) -> Value {
    json!({
        "id": "e-1", "status": status, "code": code, "title": "Invalid input.", "detail": detail, "source": {"pointer": pointer},
        "links": {}, "meta": {},
    })
}

fn invalid(detail: &str, pointer: String) -> Value {
    fault(400, "invalid", detail, &pointer)
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// What is wrong with a profile that stands at `at`.
fn profile_fault(profile: &Value, at: &str) -> Option<Value> {
    let attribute = |name: &str| text(profile, &format!("/attributes/{name}"));
    if text(profile, "/type") != Some("profile") {
        return Some(invalid("'type' must be 'profile'.", format!("{at}/type")));
    }
    let ids = ["email", "phone_number", "external_id", "anonymous_id"];
    if text(profile, "/id").is_none() && ids.iter().all(|id| attribute(id).is_none()) {
        return Some(invalid("One of email, phone_number, external_id or id is required.", format!("{at}/attributes")));
    }
    if attribute("email")
        .is_some_and(|email| !email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.')))
    {
        return Some(invalid("Invalid email address", format!("{at}/attributes/email")));
    }
    let phone = |phone: &str| {
        phone
            .strip_prefix('+')
            .is_some_and(|rest| (7..=15).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    if attribute("phone_number").is_some_and(|number| !phone(number)) {
        return Some(invalid(
            "Invalid phone number format (Example of a valid format: +12345678901)",
            format!("{at}/attributes/phone_number"),
        ));
    }
    let properties = profile.pointer("/attributes/properties");
    properties
        .filter(|p| !p.is_object())
        .map(|_| invalid("'properties' must be an object.", format!("{at}/attributes/properties")))
}

/// The profile that has one of these ids.
fn known(desk: &Desk<'_>, profile: &Value) -> Option<String> {
    let records = desk.records();
    let same = |other: &Value| {
        ["email", "phone_number", "external_id"].iter().any(|id| {
            let pointer = format!("/attributes/{id}");
            text(profile, &pointer).is_some() && text(profile, &pointer) == text(other, &pointer)
        })
    };
    records.iter().find(|(_, other)| same(other)).map(|(id, _)| id.clone())
}

fn create(data: &Value, desk: &Desk<'_>) -> Answer {
    if let Some(fault) = profile_fault(data, "/data") {
        return errors(400, vec![fault]);
    }
    if let Some(id) = known(desk, data) {
        let mut fault = fault(
            409,
            "duplicate_profile",
            "A profile already exists with one of these identifiers.",
            "/data/attributes",
        );
        fault["meta"] = json!({ "duplicate_profile_id": id });
        return errors(409, vec![fault]);
    }
    let mut records = desk.records();
    let id = format!("P{:03}", records.len() + 1);
    records.insert(id.clone(), data.clone());
    drop(records);
    desk.take(None, data);
    answer(201, &json!({"data": {"type": "profile", "id": id, "attributes": data["attributes"]}}))
}

fn update(id: &str, data: &Value, desk: &Desk<'_>) -> Answer {
    if text(data, "/id") != Some(id) {
        return error(409, "conflict", "The id in the body must be the one in the path.", "/data/id");
    }
    if let Some(fault) = profile_fault(data, "/data") {
        return errors(400, vec![fault]);
    }
    match desk.records().get_mut(id) {
        Some(profile) => *profile = data.clone(),
        None => return error(404, "not_found", "A profile with this id does not exist.", "/data/id"),
    }
    desk.take(None, data);
    answer(200, &json!({"data": {"type": "profile", "id": id, "attributes": data["attributes"]}}))
}

/// `filter=any(email,["a@b.c"])`.
fn find(request: &Request, desk: &Desk<'_>) -> Answer {
    let filter =
        request.query("filter").and_then(|filter| filter.strip_prefix("any(")?.strip_suffix(')')?.split_once(','));
    let wanted = filter.and_then(|(field, list)| Some((field, serde_json::from_str::<Vec<String>>(list).ok()?)));
    let Some((field @ ("email" | "phone_number" | "external_id"), wanted)) = wanted else {
        return error(400, "invalid", "Invalid filter provided.", "/data");
    };
    let records = desk.records();
    let pointer = format!("/attributes/{field}");
    let found = records
        .iter()
        .filter(|(_, profile)| text(profile, &pointer).is_some_and(|id| wanted.iter().any(|other| other == id)));
    let found: Vec<Value> =
        found.map(|(id, profile)| json!({"type": "profile", "id": id, "attributes": profile["attributes"]})).collect();
    answer(200, &json!({"data": found, "links": {"next": null}}))
}

fn relate(list: &str, data: &Value, desk: &Desk<'_>) -> Answer {
    if list.len() != 6 {
        return error(404, "not_found", "A list with this id does not exist.", "/data/");
    }
    let Some(profiles) = data.as_array() else { return error(400, "invalid", "'data' must be a list.", "/data") };
    if profiles.len() > RELATED {
        return error(400, "invalid", "At most 1000 profiles can be named in one request.", "/data");
    }
    if !profiles.iter().all(|profile| text(profile, "/type") == Some("profile") && text(profile, "/id").is_some()) {
        return error(400, "invalid", "'id' is a required field for the resource 'profile'.", "/data/0/id");
    }
    profiles.iter().for_each(|profile| {
        desk.take(None, profile);
    });
    Answer::empty(204)
}

/// What is wrong with an event's attributes that stand at `at`, its profile and metric aside.
fn event_fault(event: &Value, at: &str) -> Option<Value> {
    if text(event, "/metric/data/attributes/name").is_none_or(|name| name.len() > 128) {
        return Some(invalid(
            "'name' is a required field for the resource 'metric'.",
            format!("{at}/metric/data/attributes/name"),
        ));
    }
    let Some(properties) = event.get("properties").and_then(Value::as_object) else {
        return Some(invalid("'properties' is a required field for the resource 'event'.", format!("{at}/properties")));
    };
    if properties.len() > 400 {
        return Some(invalid("An event may have at most 400 properties.", format!("{at}/properties")));
    }
    let time = |time: &Value| {
        time.as_str().is_some_and(|time| time.len() > 18 && time.as_bytes()[4] == b'-' && &time[..4] >= "2000")
    };
    if event.get("time").is_some_and(|value| !time(value)) {
        return Some(invalid("The time must be an ISO 8601 date after the year 2000.", format!("{at}/time")));
    }
    event
        .get("value")
        .filter(|value| !value.is_number())
        .map(|_| invalid("'value' must be a number.", format!("{at}/value")))
}

/// A profile has an event of a metric once for each `unique_id`.
fn take_event(profile: &Value, event: &Value, desk: &Desk<'_>) {
    let metric = text(event, "/metric/data/attributes/name").unwrap_or_default();
    let key = text(event, "/unique_id").map(|id| format!("{} {metric} {id}", profile["attributes"]));
    desk.take(key.as_deref(), event);
}

fn event(data: &Value, desk: &Desk<'_>) -> Answer {
    if text(data, "/type") != Some("event") {
        return error(400, "invalid", "'type' must be 'event'.", "/data/type");
    }
    let profile = data.pointer("/attributes/profile/data").unwrap_or(&Value::Null);
    let fault = profile_fault(profile, "/data/attributes/profile/data")
        .or_else(|| event_fault(&data["attributes"], "/data/attributes"));
    if let Some(fault) = fault {
        return errors(400, vec![fault]);
    }
    take_event(profile, &data["attributes"], desk);
    Answer::empty(202)
}

/// Several events: one that is wrong, and none is taken.
fn events(data: &Value, desk: &Desk<'_>) -> Answer {
    let Some(list) = data.pointer("/attributes/events-bulk-create/data").and_then(Value::as_array) else {
        return error(400, "required", "'events-bulk-create' is required.", "/data/attributes/events-bulk-create");
    };
    if list.len() > BULK_EVENTS {
        return error(
            400,
            "invalid",
            "At most 1000 events can be created in one request.",
            "/data/attributes/events-bulk-create",
        );
    }
    let none = Vec::new();
    let profile = |item: &Value| item.pointer("/attributes/profile/data").cloned().unwrap_or_default();
    let inner = |item: &'_ Value| {
        item.pointer("/attributes/events/data").and_then(Value::as_array).cloned().unwrap_or_else(|| none.clone())
    };
    let mut faults = Vec::new();
    for (index, item) in list.iter().enumerate() {
        let at = format!("/data/attributes/events-bulk-create/data/{index}/attributes");
        let own = || {
            inner(item)
                .iter()
                .enumerate()
                .find_map(|(i, event)| event_fault(&event["attributes"], &format!("{at}/events/data/{i}/attributes")))
        };
        let spoilt =
            || desk.spoils(index).then(|| invalid("This event was spoilt on purpose.", format!("{at}/events")));
        faults.extend(profile_fault(&profile(item), &format!("{at}/profile/data")).or_else(own).or_else(spoilt));
    }
    if !faults.is_empty() {
        return errors(400, faults);
    }
    for item in list {
        inner(item).iter().for_each(|event| take_event(&profile(item), &event["attributes"], desk));
    }
    Answer::empty(202)
}

/// What is wrong with any of some profiles; then none is taken.
fn profiles(data: &Value, desk: &Desk<'_>, most: usize) -> Result<Vec<Value>, Box<Answer>> {
    let at = "/data/attributes/profiles/data";
    let Some(list) = data.pointer("/attributes/profiles/data").and_then(Value::as_array) else {
        return Err(Box::new(error(400, "required", "'profiles' is required.", at)));
    };
    if list.len() > most {
        return Err(Box::new(error(
            400,
            "invalid",
            &format!("At most {most} profiles can be sent in one request."),
            at,
        )));
    }
    let fault = |(index, profile): (usize, &Value)| {
        let at = format!("{at}/{index}");
        profile_fault(profile, &at).or_else(|| {
            desk.spoils(index).then(|| invalid("This profile was spoilt on purpose.", format!("{at}/attributes")))
        })
    };
    let faults: Vec<Value> = list.iter().enumerate().filter_map(fault).collect();
    if faults.is_empty() { Ok(list.clone()) } else { Err(Box::new(errors(400, faults))) }
}

fn import(data: &Value, desk: &Desk<'_>) -> Answer {
    match profiles(data, desk, IMPORT) {
        Err(answer) => *answer,
        Ok(list) => {
            list.iter().for_each(|profile| {
                desk.take(None, profile);
            });
            answer(
                202,
                &json!({"data": {"type": "profile-bulk-import-job", "id": "J1", "attributes": {"status": "queued", "total_count": list.len()}}}),
            )
        }
    }
}

fn subscribe(data: &Value, desk: &Desk<'_>, most: usize) -> Answer {
    match profiles(data, desk, most) {
        Err(answer) => *answer,
        Ok(list)
            if !list
                .iter()
                .all(|profile| profile.pointer("/attributes/subscriptions").is_some_and(Value::is_object)) =>
        {
            error(
                400,
                "required",
                "'subscriptions' is required.",
                "/data/attributes/profiles/data/0/attributes/subscriptions",
            )
        }
        Ok(list) => {
            list.iter().for_each(|profile| {
                desk.take(None, profile);
            });
            Answer::empty(202)
        }
    }
}
