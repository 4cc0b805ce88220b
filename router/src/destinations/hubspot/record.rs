//! `upsertCustomObjectRecord`: a record is looked up by some of its properties, then written, then tied to another record.

use http::Method;
use serde_json::{Map, Value, json};

use super::{clean, text};
use crate::destination::chain::{Answers, Draft, Next};
use crate::destination::{Code, Input};

#[derive(Debug)]
pub(in super::super) struct Record;

impl Code for Record {
    fn chains(&self) -> bool {
        true
    }

    fn next(&self, inputs: &[Input<'_>], answers: Answers<'_>) -> Next {
        let Some(payload) = inputs.first().and_then(|input| input.payload.as_object()) else { return Next::Done };
        chain(payload, answers).unwrap_or_else(|next| next)
    }
}

/// Records that have one of some properties.
pub(super) fn search(fields: &Map<String, Value>, properties: &[&str], sorts: &[&str]) -> Value {
    let group = |(name, value): (&String, &Value)| json!({"filters": [{"propertyName": name, "operator": "EQ", "value": value}]});
    let groups: Vec<Value> = fields.iter().map(group).collect();
    json!({"filterGroups": groups, "properties": properties, "sorts": sorts})
}

fn chain(payload: &Map<String, Value>, answers: Answers<'_>) -> Result<Next, Next> {
    let mut answers = answers.told();
    let kind = Draft::part(text(payload, "objectType").unwrap_or_default());
    let mut find = |kind: &str, field: &str| -> Result<Option<(u64, String)>, Next> {
        let Some(fields) = payload.get(field).and_then(Value::as_object).filter(|fields| !fields.is_empty()) else {
            return Ok(None);
        };
        let found = answers.or(|| {
            Draft::new(Method::POST, format!("/crm/v3/objects/{kind}/search")).json(search(fields, &[], &[])).ok(&[400])
        })?;
        if found.status() == 400 {
            return Err(Next::Reject(format!("{field}: {}", found.message())));
        }
        let total = found.body().get("total").and_then(Value::as_u64).unwrap_or(0);
        let first = found.body().pointer("/results/0/id").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Some((total, first)).filter(|(total, _)| *total > 0))
    };
    let found = find(&kind, "customObjectSearchFields")?;
    // `HUBSPOT_DEFINED:123`
    let label = text(payload, "associationLabel").and_then(|label| label.split_once(':'));
    let label = label
        .map(|(category, id)| json!({"associationCategory": category, "associationTypeId": id.parse::<u64>().ok()}));
    let other_kind = text(payload, "toObjectType").map(Draft::part);
    let others = match (&label, &other_kind) {
        (Some(_), Some(kind)) => find(kind, "searchFieldsToAssociateCustomObjects")?,
        _ => None,
    };
    let other = others.as_ref().filter(|(total, _)| *total == 1).map(|(_, id)| id.clone());
    let properties = payload.get("properties").and_then(Value::as_object).map(clean::flat).unwrap_or_default();
    match found {
        None if payload.get("createNewCustomRecord") == Some(&Value::Bool(false)) => return Ok(Next::Done),
        None => {
            let tie = other.zip(label).map(|(id, label)| json!({"to": {"id": id}, "types": [label]}));
            let ties: Vec<Value> = tie.into_iter().collect();
            let body = json!({"properties": properties, "associations": ties});
            answers.or(|| Draft::new(Method::POST, format!("/crm/v3/objects/{kind}")).json(body))?;
        }
        Some((2.., _)) => return Err(Next::Reject("customObjectSearchFields: more than one record fits".into())),
        Some((_, id)) => {
            let id = Draft::part(&id);
            let body = json!({ "properties": properties });
            answers.or(|| Draft::new(Method::PATCH, format!("/crm/v3/objects/{kind}/{id}")).json(body))?;
            if let (Some(other), Some(label), Some(other_kind)) = (other, label, other_kind) {
                let other = Draft::part(&other);
                let path = format!("/crm/v4/objects/{kind}/{id}/associations/{other_kind}/{other}");
                answers.or(|| Draft::new(Method::PUT, path).json(json!([label])))?;
            }
        }
    }
    if others.is_some_and(|(total, _)| total > 1) {
        let why = "searchFieldsToAssociateCustomObjects: the record was written, but more than one other fits, so it was tied to none";
        return Err(Next::Reject(why.into()));
    }
    Ok(Next::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(payload: &Value, answers: &[Value]) -> Next {
        chain(payload.as_object().expect("an object"), Answers(answers)).unwrap_or_else(|next| next)
    }

    fn sent(next: Next) -> (String, Value) {
        match next {
            Next::Send(draft) => (format!("{} {}", draft.method, draft.path), draft.json.unwrap_or_default()),
            other => (format!("{other:?}"), Value::Null),
        }
    }

    #[test]
    fn a_record_is_looked_up_written_and_tied() {
        let payload = json!({
            "objectType": "tickets", "properties": {"subject": " a "}, "customObjectSearchFields": {"subject": "a"},
            "toObjectType": "contact", "associationLabel": "HUBSPOT_DEFINED:16", "searchFieldsToAssociateCustomObjects": {"email": "a@example.com"},
        });
        let found = |total: u64, id: &str| json!({"status": 200, "body": {"total": total, "results": [{"id": id}]}});
        let line = |answers: &[Value]| sent(next(&payload, answers)).0;
        assert_eq!(line(&[]), "POST /crm/v3/objects/tickets/search");
        assert_eq!(line(&[found(1, "7")]), "POST /crm/v3/objects/contact/search");
        assert_eq!(line(&[found(1, "7"), found(1, "9")]), "PATCH /crm/v3/objects/tickets/7");
        let updated = json!({"status": 200});
        let (tied, body) = sent(next(&payload, &[found(1, "7"), found(1, "9"), updated.clone()]));
        assert_eq!(tied, "PUT /crm/v4/objects/tickets/7/associations/contact/9");
        assert_eq!(body, json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 16}]));
        let (made, body) = sent(next(&payload, &[found(0, ""), found(1, "9")]));
        assert_eq!((made.as_str(), &body["properties"]), ("POST /crm/v3/objects/tickets", &json!({"subject": "a"})));
        assert_eq!(body["associations"][0]["to"]["id"], "9");
        assert!(matches!(next(&payload, &[found(2, "7"), found(1, "9")]), Next::Reject(_)));
        let Next::Reject(why) = next(&payload, &[found(1, "7"), found(2, "9"), updated]) else {
            panic!("two others fit")
        };
        assert!(why.contains("tied to none"), "{why}");
    }
}
