//! `@flatten`: objects in objects as one object.

use serde_json::{Map, Value};

use super::out::Budget;
use super::{ApplyError, MAX_DEPTH, error};

/// See [`super::flatten`].
pub(super) fn flatten(
    value: Option<&Value>,
    separator: &str,
    keep_lists: bool,
    budget: &Budget,
) -> Result<Value, ApplyError> {
    let mut walk = Walk { separator, keep_lists, budget, key: String::new(), flat: Map::new() };
    match value {
        None | Some(Value::Null) => {
            let found = error::kind(value);
            return Err(ApplyError::Kind { directive: "@flatten", expected: "an object", found });
        }
        Some(value @ (Value::Object(_) | Value::Array(_))) => walk.fields(value, 0)?,
        // JavaScript takes a text apart as well, and finds no fields in numbers and booleans.
        Some(Value::String(text)) => {
            for (i, unit) in text.encode_utf16().enumerate() {
                budget.spend(1)?;
                walk.flat.insert(i.to_string(), String::from_utf16_lossy(&[unit]).into());
            }
        }
        Some(_) => {}
    }
    Ok(Value::Object(walk.flat))
}

struct Walk<'w> {
    separator: &'w str,
    keep_lists: bool,
    budget: &'w Budget,
    /// The key so far, with a separator at its end.
    key: String,
    flat: Map<String, Value>,
}

impl Walk<'_> {
    fn fields(&mut self, value: &Value, depth: usize) -> Result<(), ApplyError> {
        if depth > MAX_DEPTH * 4 {
            return Err(ApplyError::TooDeep);
        }
        match value {
            Value::Object(fields) => fields.iter().try_for_each(|(key, value)| self.field(key, value, depth)),
            Value::Array(items) => {
                items.iter().enumerate().try_for_each(|(i, item)| self.field(&i.to_string(), item, depth))
            }
            _ => Ok(()),
        }
    }

    fn field(&mut self, key: &str, value: &Value, depth: usize) -> Result<(), ApplyError> {
        let outer = self.key.len();
        self.key.push_str(key);
        match value {
            Value::Array(_) if self.keep_lists => self.leaf(value)?,
            Value::Object(_) | Value::Array(_) => {
                self.key.push_str(self.separator);
                self.fields(value, depth + 1)?;
            }
            leaf => self.leaf(leaf)?,
        }
        self.key.truncate(outer);
        Ok(())
    }

    fn leaf(&mut self, value: &Value) -> Result<(), ApplyError> {
        self.budget.spend(self.key.len())?;
        self.flat.insert(self.key.clone(), self.budget.copy(value)?);
        Ok(())
    }
}
