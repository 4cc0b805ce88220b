//! Optimizely Feature Experimentation: the ids of events and attributes, which stand in the datafile.

use serde_json::{Map, Value, json};

use crate::destination::{Code, Input, Refusal};

/// `code: event`: adds `entity_id`, and makes `attributes` a list with the ids of those that the project knows. The answer before is the
/// datafile.
#[derive(Debug)]
pub(super) struct Event;

impl Code for Event {
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        let datafile = input.answers.last().and_then(|answer| answer.get("body")).unwrap_or(&Value::Null);
        if !datafile.is_object() {
            let words: String = datafile.as_str().unwrap_or_default().chars().take(200).collect();
            return Err(Refusal(format!("the datafile is no JSON object: {words}")));
        }
        let mut payload = input.payload.as_object().cloned().unwrap_or_default();
        let key = payload.get("eventKey").and_then(Value::as_str).unwrap_or_default();
        let Some(id) = id(datafile, "events", key) else {
            return Err(Refusal(format!("eventKey: the project has no event called {key:?}")));
        };
        payload.insert("entity_id".to_owned(), id.clone());
        let mut attributes = attributes(datafile, payload.get("attributes").and_then(Value::as_object));
        if let Some(filters @ Value::Bool(_)) = datafile.get("botFiltering") {
            let name = "$opt_bot_filtering";
            attributes.push(json!({"entity_id": name, "key": name, "type": "custom", "value": filters}));
        }
        payload.insert("attributes".to_owned(), attributes.into());
        Ok(vec![Value::Object(payload)])
    }
}

/// The id of what has this key, the first where several do.
fn id<'d>(datafile: &'d Value, list: &str, key: &str) -> Option<&'d Value> {
    let list = datafile.get(list)?.as_array()?;
    list.iter().find(|entry| entry.get("key").and_then(Value::as_str) == Some(key))?.get("id")
}

/// The attributes that the project knows, of those that are texts, numbers or truth values.
fn attributes(datafile: &Value, own: Option<&Map<String, Value>>) -> Vec<Value> {
    let plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let own = own.into_iter().flatten().filter(|(_, value)| plain(value));
    let known = own.filter_map(|(key, value)| {
        let id = id(datafile, "attributes", key)?;
        Some(json!({"entity_id": id, "key": key, "value": value, "type": "custom"}))
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::destination::Env;

    fn shape(payload: &Value, datafile: Value) -> Result<Value, String> {
        let (none, answers) = (Value::Null, [json!({"status": 200, "body": datafile})]);
        let env = Env { now: Timestamp::UNIX_EPOCH, seed: 1 };
        let input = Input { event: &none, payload, settings: &none, base: "", env, answers: &answers };
        Event.shape(&input).map(|mut made| made.remove(0)).map_err(|refusal| refusal.0)
    }

    #[test]
    fn ids_stand_in_the_datafile() {
        let datafile = json!({
            "events": [{"id": "1", "key": "Bought"}, {"id": "2", "key": "Bought"}],
            "attributes": [{"id": "7", "key": "plan"}, {"id": "8", "key": "tags"}], "botFiltering": false,
        });
        let made = shape(
            &json!({"eventKey": "Bought", "attributes": {"plan": "pro", "tags": ["a"], "other": 1}}),
            datafile.clone(),
        );
        let made = made.expect("an event of the project");
        assert_eq!(made["entity_id"], "1", "the first of several");
        let plan = json!({"entity_id": "7", "key": "plan", "value": "pro", "type": "custom"});
        let bots =
            json!({"entity_id": "$opt_bot_filtering", "key": "$opt_bot_filtering", "value": false, "type": "custom"});
        assert_eq!(made["attributes"], json!([plan, bots]));
        let why = shape(&json!({"eventKey": "Sold"}), datafile).expect_err("no event of the project");
        assert_eq!(why, "eventKey: the project has no event called \"Sold\"");
        assert!(shape(&json!({"eventKey": "Bought"}), json!("gone")).is_err());
    }
}
