//! Casts that change what an object or a list holds.

use serde_json::Value;

/// Without null, in objects and lists at every depth.
pub(super) fn compact(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(fields) => {
            Some(Value::Object(fields.into_iter().filter_map(|(key, value)| Some((key, compact(value)?))).collect()))
        }
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(compact).collect())),
        other => Some(other),
    }
}

/// Without null, at the first level alone.
pub(super) fn omit_null(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(fields) => {
            Some(Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()))
        }
        Value::Array(items) => Some(Value::Array(items.into_iter().filter(|item| !item.is_null()).collect())),
        other => Some(other),
    }
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A list with each value once.
pub(super) fn unique(value: Value) -> Value {
    let Value::Array(items) = value else { return value };
    let mut seen = std::collections::HashSet::new();
    Value::Array(items.into_iter().filter(|item| seen.insert(item.to_string())).collect())
}
