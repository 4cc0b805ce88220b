//! `upsertObject`: records in batches of a hundred, the properties that they lack, and the records that they are tied to.

mod schema;
mod ties;

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};

use super::clean::{self, Reading};
use super::text;
use crate::destination::chain::{Answers, Draft, Next, Told};
use crate::destination::{Code, Input, Verdict};

/// Records in one request.
const BATCH: usize = 100;

#[derive(Debug)]
pub(in super::super) struct Object;

impl Code for Object {
    /// One call holds one kind of records, looked up by one property.
    fn group(&self, input: &Input<'_>) -> Value {
        let details = &input.payload["object_details"];
        json!([
            details["object_type"],
            details["id_field_name"],
            details["property_group"],
            input.payload["association_sync_mode"]
        ])
    }

    fn chains(&self) -> bool {
        true
    }

    fn next(&self, inputs: &[Input<'_>], answers: Answers<'_>) -> Next {
        let records = inputs.iter().map(|input| Record::read(input.payload)).collect::<Result<Vec<_>, _>>();
        match records {
            Ok(records) => chain(merged(records), answers.told()).unwrap_or_else(|next| next),
            Err(why) => Next::Reject(why),
        }
    }
}

/// What one event, or several about one record, ask for.
struct Record<'a> {
    /// By place in the inputs.
    events: Vec<usize>,
    kind: &'a str,
    id_field: &'a str,
    id: &'a str,
    group: Option<&'a str>,
    mode: Option<&'a str>,
    time: Option<jiff::Timestamp>,
    properties: Map<String, Value>,
    sensitive: Map<String, Value>,
    ties: Vec<&'a Value>,
    reads_ties: bool,
}

impl<'a> Record<'a> {
    fn read(payload: &'a Value) -> Result<Self, String> {
        let none = || "object_details: object_type, id_field_name and id_field_value are needed".to_owned();
        let payload = payload.as_object().ok_or_else(none)?;
        let details = payload.get("object_details").and_then(Value::as_object).ok_or_else(none)?;
        let properties = |name: &str| match payload.get(name).and_then(Value::as_object) {
            Some(own) => clean::properties(own, Reading::Plain),
            None => Ok(Map::new()),
        };
        let whole = |tie: &&Value| {
            ["object_type", "association_label", "id_field_name", "id_field_value"]
                .iter()
                .all(|name| tie.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty()))
        };
        let ties = payload.get("associations").and_then(Value::as_array).into_iter().flatten().filter(whole);
        Ok(Self {
            events: Vec::new(),
            kind: text(details, "object_type").ok_or_else(none)?,
            id_field: text(details, "id_field_name").ok_or_else(none)?,
            id: text(details, "id_field_value").ok_or_else(none)?,
            group: text(details, "property_group"),
            mode: text(payload, "__segment_internal_sync_mode"),
            time: payload.get("timestamp").and_then(crate::destination::time::parse),
            properties: properties("properties")?,
            sensitive: properties("sensitive_properties")?,
            ties: ties.collect(),
            reads_ties: text(payload, "association_sync_mode") == Some("read"),
        })
    }

    fn all(&self) -> Map<String, Value> {
        let mut all = self.properties.clone();
        all.extend(self.sensitive.clone());
        all
    }
}

/// Events about one record become one: of two values, the later one counts. Where records are only added, each stays by itself.
fn merged(records: Vec<Record<'_>>) -> Vec<Record<'_>> {
    let mut merged: Vec<Record<'_>> = Vec::with_capacity(records.len());
    for (place, mut record) in records.into_iter().enumerate() {
        record.events.push(place);
        let same = merged.iter_mut().find(|other| other.id == record.id && record.mode != Some("add"));
        let Some(other) = same else {
            merged.push(record);
            continue;
        };
        let later = record.time >= other.time;
        for (old, new) in [(&mut other.properties, record.properties), (&mut other.sensitive, record.sensitive)] {
            for (name, value) in new {
                if later || !old.contains_key(&name) {
                    old.insert(name, value);
                }
            }
        }
        if later {
            other.time = record.time;
        }
        let new = record.ties.iter().filter(|tie| !other.ties.contains(tie)).copied().collect::<Vec<_>>();
        other.ties.extend(new);
        other.events.push(place);
    }
    merged
}

fn chain(records: Vec<Record<'_>>, mut answers: Told<'_>) -> Result<Next, Next> {
    let Some(first) = records.first() else { return Ok(Next::Done) };
    let (kind, id_field) = (Draft::part(first.kind), first.id_field);
    schema::define(&records, &kind, &mut answers)?;
    let batch = |action: &str, body: Value| {
        Draft::new(Method::POST, format!("/crm/v3/objects/{kind}/batch/{action}")).json(body)
    };
    let read = || {
        let ids: Vec<Value> = records.iter().map(|record| json!({"id": record.id})).collect();
        batch("read", json!({"properties": [id_field], "idProperty": id_field, "inputs": ids}))
    };
    let with_id = |record: &Record<'_>| {
        let mut properties = record.all();
        properties.insert(id_field.to_owned(), record.id.into());
        properties
    };
    let written = match first.mode {
        Some("upsert") => {
            let input =
                |record: &Record<'_>| json!({"idProperty": id_field, "id": record.id, "properties": with_id(record)});
            answers.or(|| batch("upsert", json!({"inputs": records.iter().map(input).collect::<Vec<_>>()})))?
        }
        Some("update") => {
            let known = ids(id_field, answers.or(read)?.body());
            let mut input = records.iter().filter(|record| known.contains_key(record.id)).peekable();
            if input.peek().is_none() {
                return Ok(Next::Done);
            }
            let input =
                input.map(|record| json!({"idProperty": id_field, "id": record.id, "properties": record.all()}));
            answers.or(|| batch("update", json!({"inputs": input.collect::<Vec<_>>()})))?
        }
        Some("add") => {
            let known = ids(id_field, answers.or(read)?.body());
            let mut input = records.iter().filter(|record| !known.contains_key(record.id)).peekable();
            if input.peek().is_none() {
                return Ok(Next::Done);
            }
            let input = input.map(|record| json!({"idProperty": id_field, "properties": with_id(record)}));
            answers.or(|| batch("create", json!({"inputs": input.collect::<Vec<_>>()})))?
        }
        _ => return Err(Next::Reject("the sync mode must be upsert, add or update".into())),
    };
    let failed = failed(&records, written.body());
    let known = ids(id_field, written.body());
    ties::tie(&records, &known, &kind, &mut answers)?;
    Ok(if failed.is_empty() { Next::Done } else { Next::Each(failed) })
}

/// The ids that HubSpot gave to records, by the property that they are looked up by.
fn ids<'b>(id_field: &str, body: &'b Value) -> BTreeMap<&'b str, &'b str> {
    let results = body.get("results").and_then(Value::as_array).into_iter().flatten();
    results
        .filter_map(|result| Some((result.get("properties")?.get(id_field)?.as_str()?, result.get("id")?.as_str()?)))
        .collect()
}

/// Records that a 207 names as refused.
fn failed(records: &[Record<'_>], body: &Value) -> Vec<(usize, Verdict)> {
    let errors = body.get("errors").and_then(Value::as_array).into_iter().flatten();
    let named = errors.flat_map(|error| {
        let ids = error.pointer("/context/ids").and_then(Value::as_array).into_iter().flatten();
        ids.filter_map(move |id| {
            Some((id.as_str()?, error.get("message").and_then(Value::as_str).unwrap_or("refused")))
        })
    });
    let verdicts = named.flat_map(|(id, message)| {
        let events = records.iter().filter(move |record| record.id == id).flat_map(|record| record.events.iter());
        events.map(move |event| (*event, Verdict::Reject(format!("207 {message}"))))
    });
    verdicts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(id: &str, time: &str, properties: Value, mode: &str) -> Value {
        json!({
            "object_details": {"object_type": "contact", "id_field_name": "email", "id_field_value": id, "property_group": "g"},
            "properties": properties, "timestamp": time, "__segment_internal_sync_mode": mode,
        })
    }

    fn next(payloads: &[Value], answers: &[Value]) -> Next {
        let records = payloads.iter().map(Record::read).collect::<Result<Vec<_>, _>>().expect("whole payloads");
        chain(merged(records), Answers(answers).told()).unwrap_or_else(|next| next)
    }

    fn sent(next: Next) -> (String, Value) {
        match next {
            Next::Send(draft) => (format!("{} {}", draft.method, draft.path), draft.json.unwrap_or_default()),
            other => (format!("{other:?}"), Value::Null),
        }
    }

    fn known(list: Value) -> Value {
        json!({"status": 200, "body": {"results": list}})
    }

    #[test]
    fn of_two_events_about_a_record_the_later_one_counts() {
        let (first, second) = (json!({"plan": "pro", "a": "1"}), json!({"plan": "free", "b": "2"}));
        let payloads = [
            payload("ada", "2026-01-02T03:04:06Z", first.clone(), "upsert"),
            payload("ada", "2026-01-02T03:04:05Z", second.clone(), "upsert"),
        ];
        let properties =
            known(json!(["plan", "a", "b"].map(|name| json!({"name": name, "type": "string", "fieldType": "text"}))));
        let (line, body) = sent(next(&payloads, std::slice::from_ref(&properties)));
        assert_eq!(line, "POST /crm/v3/objects/contact/batch/upsert");
        assert_eq!(body["inputs"][0]["properties"], json!({"plan": "pro", "a": "1", "b": "2", "email": "ada"}));
        assert_eq!(body["inputs"].as_array().map(Vec::len), Some(1));
        let added = [payload("ada", "", first, "add"), payload("ada", "", second, "add")];
        let (_, body) = sent(next(&added, &[properties, known(json!([]))]));
        assert_eq!(body["inputs"].as_array().map(Vec::len), Some(2), "who adds adds each");
    }

    #[test]
    fn what_is_missing_is_defined_and_what_is_of_another_kind_refused() {
        let payloads = [payload("ada", "", json!({"visits": 7, "on": "2026-01-02", "vip": true}), "upsert")];
        let (line, body) = sent(next(&payloads, &[known(json!([]))]));
        assert_eq!(line, "POST /crm/v3/properties/contact/batch/create");
        let kinds: Vec<_> = body["inputs"].as_array().into_iter().flatten().map(|input| &input["type"]).collect();
        assert_eq!(kinds, ["number", "date", "enumeration"]);
        let text = known(json!([{"name": "visits", "type": "string", "fieldType": "text"}]));
        assert!(matches!(next(&payloads, &[text]), Next::Reject(why) if why.contains("visits")));
    }

    #[test]
    fn records_that_hubspot_names_are_refused() {
        let payloads = ["ada", "bob"].map(|id| payload(id, "", json!({}), "upsert"));
        let partly = json!({"status": 207, "body": {
            "results": [{"id": "1", "properties": {"email": "ada"}}],
            "errors": [{"message": "no", "context": {"ids": ["bob"]}}],
        }});
        let Next::Each(verdicts) = next(&payloads, &[partly]) else { panic!("one was refused") };
        assert!(matches!(verdicts.as_slice(), [(1, Verdict::Reject(why))] if why == "207 no"));
    }

    #[test]
    fn a_record_without_an_id_is_refused() {
        assert!(
            Record::read(&json!({"object_details": {"object_type": "contact", "id_field_name": "email"}})).is_err()
        );
    }
}
