//! `customEvent`: an event whose definition, and the definitions of its properties, are made where an account lacks them.

use http::Method;
use serde_json::{Map, Value, json};

use super::clean::{self, Kind, Reading};
use super::text;
use crate::destination::chain::{Answer, Answers, Draft, Next};
use crate::destination::{Code, Input};

#[derive(Debug)]
pub(in super::super) struct Event;

impl Code for Event {
    fn chains(&self) -> bool {
        true
    }

    fn next(&self, inputs: &[Input<'_>], answers: Answers<'_>) -> Next {
        let Some(payload) = inputs.first().and_then(|input| input.payload.as_object()) else { return Next::Done };
        chain(payload, answers).unwrap_or_else(|next| next)
    }
}

fn chain(payload: &Map<String, Value>, answers: Answers<'_>) -> Result<Next, Next> {
    let mut answers = answers.told();
    let none = Map::new();
    let details = payload.get("record_details").and_then(Value::as_object).unwrap_or(&none);
    let kind = text(details, "object_type").unwrap_or_default();
    let numbered = details.get("object_id").is_some_and(Value::is_number);
    let contact = kind == "contact";
    if !contact && !numbered {
        return Err(Next::Reject("record_details: object_id is needed, and is a number".into()));
    }
    if contact && !numbered && text(details, "email").is_none() && text(details, "utk").is_none() {
        return Err(Next::Reject("record_details: a contact needs object_id, email or utk".into()));
    }
    let name = event_name(text(payload, "event_name").unwrap_or_default());
    let own = payload.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let mut properties = clean::properties(own, Reading::Numbers).map_err(Next::Reject)?;
    let mode = text(payload, "__segment_internal_sync_mode");

    let path = format!("/events/v3/event-definitions/{}/?includeProperties=true", Draft::part(&name));
    let known = answers.or(|| Draft::new(Method::GET, path).ok(&[400, 404]))?;
    let known =
        known.is_success().then_some(known).filter(|known| known.body().get("archived") != Some(&Value::Bool(true)));
    let full_name = match known {
        Some(known) => {
            let missing = missing(&mut properties, &known).map_err(Next::Reject)?;
            let full_name = text_of(&known, "fullyQualifiedName");
            if !missing.is_empty() && mode == Some("add") {
                return Err(Next::Reject("the sync mode `add` makes no new properties, and the event has some".into()));
            }
            for (property, value) in missing {
                let path = format!("/events/v3/event-definitions/{}/property", Draft::part(&full_name));
                answers.or(|| Draft::new(Method::POST, path).json(definition(&property, &value)).ok(&[409]))?;
            }
            full_name
        }
        None if mode == Some("update") => {
            return Err(Next::Reject(format!("the sync mode `update` makes no new events, and {name} is one")));
        }
        None => {
            let list: Vec<Value> = properties.iter().map(|(property, value)| definition(property, value)).collect();
            let body = json!({"label": name, "name": name, "description": format!("{name} - (created by the router)"), "primaryObject": kind, "propertyDefinitions": list});
            let made = answers.or(|| Draft::new(Method::POST, "/events/v3/event-definitions").json(body).ok(&[409]))?;
            if made.status() == 409 {
                return Err(Next::Retry(made.message()));
            }
            text_of(&made, "fullyQualifiedName")
        }
    };
    let mut body = Map::new();
    body.insert("eventName".into(), full_name.into());
    let ids: &[(&str, &str)] = if contact {
        &[("objectId", "object_id"), ("email", "email"), ("utk", "utk")]
    } else {
        &[("objectId", "object_id")]
    };
    for (to, from) in ids {
        body.extend(details.get(*from).filter(|id| !id.is_null()).map(|id| ((*to).to_owned(), id.clone())));
    }
    body.extend(payload.get("occurred_at").map(|time| ("occurredAt".to_owned(), time.clone())));
    body.insert("properties".into(), Value::Object(properties));
    answers.or(|| Draft::new(Method::POST, "/events/v3/send").json(Value::Object(body)))?;
    Ok(Next::Done)
}

fn text_of(answer: &Answer<'_>, name: &str) -> String {
    answer.body().get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Lower case, digits, `_` and `-`.
fn event_name(text: &str) -> String {
    let lower = text.to_lowercase();
    lower
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte @ (b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')) => char::from(byte),
            _ => '_',
        })
        .collect()
}

/// Properties that the definition lacks. Numbers become texts where it has texts; what cannot be stored as what it has is refused.
fn missing(properties: &mut Map<String, Value>, known: &Answer<'_>) -> Result<Vec<(String, Value)>, String> {
    let none = Vec::new();
    let list = known.body().get("properties").and_then(Value::as_array).unwrap_or(&none);
    let mut missing = Vec::new();
    for (name, value) in properties.iter_mut() {
        let Some(property) = list.iter().find(|property| property["name"] == name.as_str()) else {
            missing.push((name.clone(), value.clone()));
            continue;
        };
        if property["archived"] == true {
            return Err(format!("properties: {name} is archived in HubSpot"));
        }
        let stored = property["type"].as_str().unwrap_or_default();
        match (clean::kind(value), stored) {
            (Kind::Number, "string") => *value = value.to_string().into(),
            (Kind::Number, "datetime" | "enumeration") => {
                return Err(format!("properties: {name} is a number, and HubSpot has {stored}"));
            }
            (Kind::Text | Kind::Flag | Kind::Date | Kind::Time, "number") => {
                return Err(format!("properties: {name} is no number, and HubSpot has number"));
            }
            _ => {}
        }
    }
    Ok(missing)
}

fn definition(name: &str, value: &Value) -> Value {
    let kind = match clean::kind(value) {
        Kind::Number => "number",
        Kind::Text => "string",
        Kind::Date | Kind::Time => "datetime",
        Kind::Flag => {
            let option = |flag: bool, order: u8| json!({"label": flag.to_string(), "value": flag, "hidden": false, "description": flag.to_string(), "displayOrder": order});
            return json!({"name": name, "label": name, "type": "enumeration", "description": name, "options": [option(true, 1), option(false, 2)]});
        }
    };
    json!({"name": name, "label": name, "type": kind, "description": name})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(payload: &Value, answers: &[Value]) -> Next {
        chain(payload.as_object().expect("an object"), Answers(answers)).unwrap_or_else(|next| next)
    }

    fn payload(mode: &str) -> Value {
        json!({
            "event_name": "Job Fin\u{ef}shed", "record_details": {"object_type": "contact", "email": "a@example.com"},
            "properties": {"seconds": "12", "ok": true}, "__segment_internal_sync_mode": mode,
        })
    }

    fn sent(next: Next) -> (String, Value) {
        match next {
            Next::Send(draft) => (format!("{} {}", draft.method, draft.path), draft.json.unwrap_or_default()),
            other => (format!("{other:?}"), Value::Null),
        }
    }

    #[test]
    fn an_event_is_defined_before_it_is_sent() {
        let all = payload("upsert");
        let (line, _) = sent(next(&all, &[]));
        assert_eq!(line, "GET /events/v3/event-definitions/job_fin_shed/?includeProperties=true");
        let missing = json!({"status": 404});
        let (line, body) = sent(next(&all, std::slice::from_ref(&missing)));
        assert_eq!((line.as_str(), &body["primaryObject"]), ("POST /events/v3/event-definitions", &json!("contact")));
        let kinds: Vec<_> = body["propertyDefinitions"].as_array().into_iter().flatten().map(|p| &p["type"]).collect();
        assert_eq!(kinds, ["number", "enumeration"]);
        let made = json!({"status": 200, "body": {"fullyQualifiedName": "pe1_job"}});
        let (line, body) = sent(next(&all, &[missing.clone(), made]));
        assert_eq!((line.as_str(), &body["eventName"]), ("POST /events/v3/send", &json!("pe1_job")));
        assert_eq!(body["properties"], json!({"seconds": 12, "ok": true}));
        assert!(
            matches!(next(&all, &[missing.clone(), json!({"status": 409})]), Next::Retry(_)),
            "somebody else made it"
        );
        assert!(matches!(next(&payload("update"), &[missing]), Next::Reject(_)));
    }

    #[test]
    fn a_property_that_is_missing_is_defined() {
        let known = |kind: &str| {
            let properties = json!([{"name": "seconds", "type": kind}]);
            json!({"status": 200, "body": {"fullyQualifiedName": "pe1_job", "properties": properties}})
        };
        let (line, body) = sent(next(&payload("update"), &[known("number")]));
        assert_eq!(
            (line.as_str(), &body["name"]),
            ("POST /events/v3/event-definitions/pe1_job/property", &json!("ok"))
        );
        let (_, body) = sent(next(&payload("update"), &[known("string"), json!({"status": 409})]));
        assert_eq!(body["properties"]["seconds"], "12", "a number where HubSpot has texts");
        assert!(matches!(next(&payload("update"), &[known("datetime")]), Next::Reject(_)));
        assert!(matches!(next(&payload("add"), &[known("number")]), Next::Reject(_)));
    }

    #[test]
    fn an_event_belongs_to_a_record() {
        let of = |details: Value| next(&json!({"event_name": "x", "record_details": details}), &[]);
        assert!(matches!(of(json!({"object_type": "deal", "email": "a@example.com"})), Next::Reject(_)));
        assert!(matches!(of(json!({"object_type": "contact"})), Next::Reject(_)));
        assert!(matches!(of(json!({"object_type": "deal", "object_id": 7})), Next::Send(_)));
    }
}
