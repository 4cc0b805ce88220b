//! The fields stage against what Segment's own code refuses and takes. The variable `SHARED` names the folder that holds `oracle/`; without it there is
//! nothing to compare with, and the test says so.

use destination_router::destination::{Definition, Env, Instance, Target};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[test]
fn events_are_refused_where_segments_validation_refuses_them() {
    let Some(oracle) = oracle() else { return };
    let (mut taken, mut refused, mut wrong) = (0, 0, Vec::new());
    for entry in std::fs::read_dir(oracle.join("cases")).expect("a folder of cases") {
        let path = entry.expect("an entry").path();
        let (cases, mappings) =
            (read(&path), read(&oracle.join("mappings").join(path.file_name().unwrap_or_default())));
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for case in cases["cases"].as_array().expect("cases") {
            let (action, event) = (case["action"].as_str().expect("an action"), &case["event"]);
            let at = format!("{name} {action} {}", case["case"]);
            let outcome = plan(&mappings["actions"][action]["fields"], event);
            let by_validation = case["error"]["name"] == "AggregateAjvError";
            match outcome {
                Ok(()) if !by_validation => taken += 1,
                Err(_) if by_validation => refused += 1,
                // Properties of objects, and groups of which one field is needed, are not among the data.
                Ok(()) if !is_in_the_data(&case["error"]["message"], &mappings["actions"][action]["fields"]) => {}
                Ok(()) => wrong.push(format!("{at}: taken, and not refused: {}", case["error"]["message"])),
                Err(reason) => wrong.push(format!("{at}: refused: {reason}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(taken > 0 && refused > 0, "there is nothing in the folder");
    println!("{taken} events are taken and {refused} refused, as at Segment");
}

/// Whether a message is about a field that the data call required: `The root value is missing the required field 'email'.`
fn is_in_the_data(message: &Value, fields: &Value) -> bool {
    let message = message.as_str().unwrap_or_default();
    let mut sentences = message
        .split(". ")
        .filter_map(|sentence| sentence.strip_prefix("The root value is missing the required field '"));
    sentences.any(|rest| {
        let name = rest.split('\'').next().unwrap_or_default();
        fields[name]["required"] != false && !fields[name]["required"].is_null()
    })
}

/// What the fields of an action make of an event, with Segment's definitions of them.
fn plan(fields: &Value, event: &Value) -> Result<(), String> {
    let definition = |field: &Value| -> Value {
        let mut ours = Map::new();
        for (key, value) in field.as_object().into_iter().flatten() {
            match key.as_str() {
                "allowNull" => ours.insert("allow_null".to_owned(), value.clone()),
                "choices" => {
                    let choices = value.as_array().expect("a list").iter();
                    ours.insert(
                        "enum".to_owned(),
                        choices.map(|choice| choice.get("value").unwrap_or(choice).clone()).collect(),
                    )
                }
                // Segment's defaults are mappings throughout, plain texts among them.
                "default" => ours.insert("default".to_owned(), json!({ "@literal": value })),
                _ => ours.insert(key.clone(), value.clone()),
            };
        }
        Value::Object(ours)
    };
    let fields: Map<String, Value> =
        fields.as_object().into_iter().flatten().map(|(name, field)| (name.clone(), definition(field))).collect();
    // Segment's own switches are named in conditions without being fields.
    let mut fields = fields;
    fields.entry("__segment_internal_sync_mode").or_insert(json!({ "type": "string" }));
    let file = json!({
        "name": "x", "base": "https://partner.example",
        "actions": { "a": { "preset": false, "when": "type != \"x\"", "fields": fields, "request": "POST /", "json": "$payload" } },
    });
    let definition = Definition::compile("x", &file).map_err(|mistakes| format!("{mistakes:?}"))?;
    let mapped: Map<String, Value> = fields
        .iter()
        .filter(|(_, field)| field["required"] == true && field.get("default").is_none())
        .map(|(name, _)| (name.clone(), Value::Null))
        .collect();
    let config = json!({ "actions": [{ "action": "a", "mapping": mapped }] });
    let instance = Instance::new(Arc::new(definition), "x", &config).map_err(|mistakes| format!("{mistakes:?}"))?;
    let planned = instance.plan(0, &[event], &Env { now: jiff::Timestamp::UNIX_EPOCH, seed: 1 });
    match planned.refused.first() {
        Some((_, reason)) => Err(reason.clone()),
        None => Ok(()),
    }
}

fn oracle() -> Option<PathBuf> {
    let Some(shared) = std::env::var_os("SHARED") else {
        println!("skipped: the variable SHARED does not name the folder with oracle/");
        return None;
    };
    Some(PathBuf::from(shared).join("oracle"))
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
