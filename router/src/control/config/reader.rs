//! A walk through a document that gathers mistakes instead of stopping at the first.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use super::units;
use crate::destination::Mistake;
use crate::destination::mistake::pointer;

/// Gathers the mistakes of one document.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) mistakes: Vec<Mistake>,
}

/// An object of the document whose keys are known.
#[derive(Debug, Clone)]
pub(super) struct Fields<'v> {
    map: Option<&'v Map<String, Value>>,
    pub(super) at: String,
}

/// The place of a value, and the value where there is one that is not null.
#[derive(Debug, Clone)]
pub(super) struct Node<'v> {
    pub(super) value: Option<&'v Value>,
    pub(super) at: String,
}

impl<'v> Node<'v> {
    pub(super) fn root(value: &'v Value) -> Self {
        Self { value: Some(value).filter(|value| !value.is_null()), at: String::new() }
    }

    /// The members of an object, or the items of a list, with their places.
    pub(super) fn children(&self) -> Vec<(&'v str, Self)> {
        match self.value {
            Some(Value::Object(map)) => map.iter().map(|(key, value)| (key.as_str(), self.child(key, value))).collect(),
            Some(Value::Array(items)) => {
                items.iter().enumerate().map(|(i, item)| ("", self.child(&i.to_string(), item))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn child(&self, key: &str, value: &'v Value) -> Self {
        Self { value: Some(value).filter(|value| !value.is_null()), at: pointer(&self.at, key) }
    }
}

impl<'v> Fields<'v> {
    /// A member; without a value where it is absent.
    pub(super) fn node(&self, key: &str) -> Node<'v> {
        let value = self.map.and_then(|map| map.get(key)).filter(|value| !value.is_null());
        Node { value, at: pointer(&self.at, key) }
    }
}

impl Reader {
    /// Notes a mistake.
    pub(super) fn wrong(&mut self, at: &str, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(at, message));
    }

    /// An object that may have these keys and no others; an absent one has none.
    pub(super) fn fields<'v>(&mut self, node: &Node<'v>, known: &[&'static str]) -> Fields<'v> {
        let map = self.map(node, known.first().copied().unwrap_or("key"));
        for key in map.into_iter().flat_map(Map::keys).filter(|key| !known.contains(&key.as_str())) {
            self.mistakes.push(Mistake::unknown(format!("{}#", pointer(&node.at, key)), "key", key, known));
        }
        Fields { map, at: node.at.clone() }
    }

    /// An object with keys of the operator's own choice.
    pub(super) fn named<'v>(&mut self, node: &Node<'v>, example: &str) -> Vec<(&'v str, Node<'v>)> {
        if self.map(node, example).is_none() {
            return Vec::new();
        }
        let children = node.children();
        for (name, child) in &children {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if name.is_empty() || name.len() > 100 || !name.chars().all(fits) {
                self.wrong(
                    &format!("{}#", child.at),
                    "a name has 1 to 100 letters, digits, `-`, `_` or `.`: it stands in metrics and in addresses",
                );
            }
        }
        children
    }

    fn map<'v>(&mut self, node: &Node<'v>, example: &str) -> Option<&'v Map<String, Value>> {
        match node.value {
            None => None,
            Some(Value::Object(map)) => Some(map),
            Some(other) => {
                self.wrong(&node.at, format!("expected keys with values (`{example}: …`), found {}", kind(other)));
                None
            }
        }
    }

    pub(super) fn text<'v>(&mut self, node: &Node<'v>) -> Option<&'v str> {
        match node.value? {
            Value::String(text) => Some(text),
            other => {
                let hint = if matches!(other, Value::Number(_) | Value::Bool(_)) { ": write it in quotes" } else { "" };
                self.wrong(&node.at, format!("expected a text, found {}{hint}", kind(other)));
                None
            }
        }
    }

    /// Texts; one alone stands for a list of it.
    pub(super) fn texts<'v>(&mut self, node: &Node<'v>) -> Vec<(&'v str, String)> {
        match node.value {
            Some(Value::Array(_)) => {
                node.children().into_iter().filter_map(|(_, item)| Some((self.text(&item)?, item.at))).collect()
            }
            _ => self.text(node).map(|text| (text, node.at.clone())).into_iter().collect(),
        }
    }

    pub(super) fn boolean(&mut self, node: &Node<'_>, default: bool) -> bool {
        match node.value {
            None => default,
            Some(Value::Bool(value)) => *value,
            // What an environment variable gives is a text.
            Some(Value::String(text)) if text == "true" => true,
            Some(Value::String(text)) if text == "false" => false,
            Some(other) => {
                self.wrong(&node.at, format!("expected true or false, found {}", kind(other)));
                default
            }
        }
    }

    /// A whole number, at least `least`.
    pub(super) fn count(&mut self, node: &Node<'_>, default: u64, least: u64) -> u64 {
        let Some(value) = node.value else { return default };
        let number = match value {
            Value::String(text) => text.trim().replace('_', "").parse().ok(),
            other => other.as_u64(),
        };
        match number {
            Some(number) if number >= least => number,
            _ => {
                self.wrong(&node.at, format!("expected a whole number from {least} on, found {}", shown(value)));
                default
            }
        }
    }

    /// A size in bytes, at least one.
    pub(super) fn size(&mut self, node: &Node<'_>, default: u64) -> u64 {
        let Some(value) = node.value else { return default };
        let bytes = match value {
            Value::String(text) => units::size(text),
            other => other.as_u64(),
        };
        match bytes {
            Some(bytes) if bytes > 0 => bytes,
            _ => {
                self.wrong(&node.at, format!("expected a size like 500KB, 32KiB or 20GB, found {}", shown(value)));
                default
            }
        }
    }

    pub(super) fn duration(&mut self, node: &Node<'_>, default: Duration) -> Duration {
        let Some(value) = node.value else { return default };
        let read = match value {
            Value::String(text) => units::duration(text),
            Value::Number(number) if number.as_u64() == Some(0) => Some(Duration::ZERO),
            _ => None,
        };
        read.unwrap_or_else(|| {
            self.wrong(&node.at, format!("expected a duration like 90s, 4h or 7d, found {}", shown(value)));
            default
        })
    }

    pub(super) fn path(&mut self, node: &Node<'_>, default: &str) -> PathBuf {
        PathBuf::from(self.text(node).unwrap_or(default))
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "keys with values",
    }
}

/// A value for an error: only short ones of the kinds that sizes and durations are written in, since a text may have come from a
/// secret by mistake.
fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.len() <= 12 => format!("{text:?}"),
        other => kind(other).to_owned(),
    }
}
