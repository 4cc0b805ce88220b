//! Properties that records need and HubSpot does not have yet.

use http::Method;
use serde_json::{Value, json};

use super::super::clean::{self, Kind};
use super::Record;
use crate::destination::chain::{Draft, Next, Told};

/// Makes the properties that HubSpot does not have yet.
pub(super) fn define(records: &[Record<'_>], kind: &str, answers: &mut Told<'_>) -> Result<(), Next> {
    let mut missing = Vec::new();
    for sensitive in [false, true] {
        let mut wanted: Vec<(&str, &Value)> = Vec::new();
        for record in records {
            for (name, value) in if sensitive { &record.sensitive } else { &record.properties } {
                match wanted.iter_mut().find(|(known, _)| known == name) {
                    // Where several events have it, the last says what it is.
                    Some(known) => known.1 = value,
                    None => wanted.push((name, value)),
                }
            }
        }
        if wanted.is_empty() {
            continue;
        }
        let query = if sensitive { "?dataSensitivity=sensitive" } else { "" };
        let known = answers.or(|| Draft::new(Method::GET, format!("/crm/v3/properties/{kind}{query}")))?;
        let known = known.body().get("results").and_then(Value::as_array);
        for (name, value) in wanted {
            let (of_type, field_type) = types(value);
            match known.into_iter().flatten().find(|property| property["name"] == name) {
                None => missing.push(definition(name, value, sensitive)),
                Some(property) => {
                    let same = property["type"] == of_type && property["fieldType"] == field_type;
                    let long_text =
                        of_type == "string" && property["type"] == "string" && property["fieldType"] == "textarea";
                    if !same && !long_text {
                        let (has_type, has_field) = (&property["type"], &property["fieldType"]);
                        return Err(Next::Reject(format!(
                            "properties: {name} is {of_type} ({field_type}), and HubSpot has {has_type} ({has_field})"
                        )));
                    }
                }
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let Some(group) = records.iter().find_map(|record| record.group) else {
        return Err(Next::Reject(
            "object_details: property_group is needed to make the properties that HubSpot lacks".into(),
        ));
    };
    for definition in &mut missing {
        definition["groupName"] = group.into();
    }
    answers.or(|| {
        Draft::new(Method::POST, format!("/crm/v3/properties/{kind}/batch/create"))
            .json(json!({ "inputs": missing }))
            .ok(&[409])
    })?;
    Ok(())
}

fn types(value: &Value) -> (&'static str, &'static str) {
    match clean::kind(value) {
        Kind::Text => ("string", "text"),
        Kind::Number => ("number", "number"),
        Kind::Flag => ("enumeration", "booleancheckbox"),
        Kind::Date => ("date", "date"),
        Kind::Time => ("datetime", "date"),
    }
}

fn definition(name: &str, value: &Value, sensitive: bool) -> Value {
    let (of_type, field_type) = types(value);
    let mut definition = json!({"name": name, "label": name, "type": of_type, "fieldType": field_type});
    if sensitive {
        definition["dataSensitivity"] = "sensitive".into();
    }
    if field_type == "booleancheckbox" {
        let option = |flag: &str, words: &str, order: u8| json!({"label": flag, "value": flag, "hidden": false, "description": words, "displayOrder": order});
        definition["options"] = json!([option("true", "True", 1), option("false", "False", 2)]);
    }
    definition
}
