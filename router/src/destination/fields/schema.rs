//! What may stand in a field, and what is made of a value that does not fit. The rules are those of JSON Schema as Segment's framework
//! applies them (ajv with `coerceTypes: array` and `removeAdditional`).

use serde_json::{Map, Number, Value};

use super::condition::Condition;
use super::format::Format;
use crate::destination::mistake::{Mistake, pointer};
use crate::js;

/// What may stand in a field.
#[derive(Debug)]
pub(super) struct Schema {
    kind: Kind,
    multiple: bool,
    allow_null: bool,
    choices: Option<Vec<Value>>,
    format: Option<Format>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    properties: Option<Properties>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    String,
    Number,
    Integer,
    Boolean,
    /// A text or a number that is a time.
    Datetime,
    Object,
}

#[derive(Debug)]
struct Properties {
    fields: Vec<(Box<str>, Schema, bool)>,
    conditions: Vec<Condition>,
    additional: bool,
}

const TYPES: [&str; 9] = ["any", "string", "text", "password", "number", "integer", "boolean", "datetime", "object"];

impl Schema {
    pub(super) fn any() -> Self {
        Self {
            kind: Kind::Any,
            multiple: false,
            allow_null: false,
            choices: None,
            format: None,
            minimum: None,
            maximum: None,
            properties: None,
        }
    }

    pub(super) fn compile(definition: &Map<String, Value>, at: &str, mistakes: &mut Vec<Mistake>) -> Self {
        let mut flag = |name: &str| match definition.get(name) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                mistakes.push(Mistake::new(pointer(at, name), format!("`{name}` is true or false")));
                false
            }
        };
        let (multiple, allow_null, additional) = (flag("multiple"), flag("allow_null"), flag("additional_properties"));
        let kind = match definition.get("type") {
            None => Kind::Any,
            Some(word) => kind(word).unwrap_or_else(|| {
                let word = word.as_str().unwrap_or_default();
                mistakes.push(Mistake::unknown(pointer(at, "type"), "type", word, &TYPES));
                Kind::Any
            }),
        };
        let choices = match definition.get("enum") {
            None => None,
            Some(Value::Array(choices)) if !choices.is_empty() => {
                Some(choices.iter().cloned().chain(allow_null.then_some(Value::Null)).collect())
            }
            Some(_) => {
                mistakes.push(Mistake::new(pointer(at, "enum"), "`enum` is a list of the values that may stand here"));
                None
            }
        };
        let format = definition.get("format").and_then(|word| {
            let word = word.as_str().unwrap_or_default();
            let format = Format::parse(word);
            if format.is_none() {
                mistakes.push(Mistake::unknown(pointer(at, "format"), "format", word, Format::NAMES));
            }
            format
        });
        let format = if kind == Kind::Datetime { Some(Format::DateLike) } else { format };
        let bound = |name: &str| definition.get(name).and_then(Value::as_f64);
        let properties = definition
            .get("properties")
            .and_then(|p| Properties::compile(p, additional, &pointer(at, "properties"), mistakes));
        if properties.is_some() && kind != Kind::Object {
            mistakes.push(Mistake::new(pointer(at, "properties"), "only a field of the type object has properties"));
        }
        Self {
            kind,
            multiple,
            allow_null,
            choices,
            format,
            minimum: bound("minimum"),
            maximum: bound("maximum"),
            properties,
        }
    }

    /// Whether a value can stay exactly as it is: most do, and need nothing more.
    pub(super) fn fits(&self, value: &Value) -> bool {
        let plain = !self.multiple
            && self.choices.is_none()
            && self.properties.is_none()
            && self.minimum.is_none()
            && self.maximum.is_none();
        if !plain {
            return false;
        }
        match (self.kind, value) {
            // An empty text is dropped from every field.
            (_, Value::String(text)) if text.is_empty() => false,
            (Kind::Any, _) => true,
            (Kind::String, Value::String(text)) => self.format.is_none_or(|format| format.fits(text)),
            (Kind::Datetime, Value::String(text)) => Format::DateLike.fits(text),
            (Kind::Datetime | Kind::Number, Value::Number(_)) => true,
            (Kind::Integer, Value::Number(number)) => is_whole(number),
            (Kind::Boolean, Value::Bool(_)) | (Kind::Object, Value::Object(_)) => true,
            _ => false,
        }
    }

    /// A value without null and "" where they cannot stand. An item of a list is kept or dropped whole.
    pub(super) fn without_empty(&self, value: Value, root: bool) -> Option<Value> {
        let value = match value {
            Value::String(text) if text.is_empty() && root => return None,
            _ if self.kind == Kind::Any && !self.multiple && self.choices.is_none() => return Some(value),
            Value::Array(items) if self.multiple => {
                Value::Array(items.into_iter().filter(|item| !self.drops(item)).collect())
            }
            Value::Object(fields) if !self.multiple => match &self.properties {
                Some(properties) => Value::Object(properties.without_empty(fields)),
                None => Value::Object(fields),
            },
            Value::Null if self.multiple || !self.allow_null => return None,
            Value::String(text) if text.is_empty() && (self.multiple || !self.takes_text()) => return None,
            other => other,
        };
        Some(value)
    }

    /// Whether an item is dropped from a list.
    fn drops(&self, item: &Value) -> bool {
        match item {
            Value::Null => self.kind != Kind::Any,
            Value::String(text) => text.is_empty() && self.kind != Kind::Any && !self.takes_text(),
            _ => false,
        }
    }

    fn takes_text(&self) -> bool {
        matches!(self.kind, Kind::String | Kind::Datetime)
    }

    /// A value that fits, or a complaint.
    pub(super) fn coerce(&self, value: Value, root: bool, at: &str, wrong: &mut Vec<String>) -> Value {
        if !self.multiple {
            return self.one(value, at, wrong);
        }
        let items = match value {
            Value::Array(items) => items,
            object @ Value::Object(_) if !root => {
                wrong.push(format!("{at} must be a list and is an object"));
                return object;
            }
            single => vec![single],
        };
        let item = |(i, item)| self.one(item, &format!("{at}[{i}]"), wrong);
        Value::Array(items.into_iter().enumerate().map(item).collect())
    }

    fn one(&self, value: Value, at: &str, wrong: &mut Vec<String>) -> Value {
        let value = if self.takes(&value) { value } else { self.turn(value) };
        if !self.takes(&value) {
            wrong.push(format!("{at} must be {} and is {}", self.words(), describe(&value)));
            return value;
        }
        if let Some(choices) = &self.choices
            && !choices.iter().any(|choice| same(choice, &value))
        {
            let choices: Vec<String> = choices.iter().map(Value::to_string).collect();
            wrong.push(format!("{at} must be one of {} and is {}", choices.join(", "), describe(&value)));
        }
        match &value {
            Value::String(text) if !self.multiple => {
                if let Some(format) = self.format.filter(|format| !format.fits(text)) {
                    wrong.push(format!("{at} must be {} and is {}", format.words(), describe(&value)));
                }
            }
            Value::Number(number) => {
                let n = number.as_f64().unwrap_or_default();
                if self.minimum.is_some_and(|least| n < least) || self.maximum.is_some_and(|most| n > most) {
                    wrong.push(format!("{at} is {n}, which is out of bounds"));
                }
            }
            _ => {}
        }
        match (&self.properties, value) {
            (Some(properties), Value::Object(fields)) => Value::Object(properties.coerce(fields, at, wrong)),
            (_, value) => value,
        }
    }

    fn takes(&self, value: &Value) -> bool {
        match (self.kind, value) {
            (Kind::Any, _) => true,
            (_, Value::Null) => self.allow_null && !self.multiple,
            (Kind::String, Value::String(_)) => true,
            (Kind::Datetime, Value::String(_) | Value::Number(_)) | (Kind::Number, Value::Number(_)) => true,
            (Kind::Integer, Value::Number(number)) => is_whole(number),
            (Kind::Boolean, Value::Bool(_)) | (Kind::Object, Value::Object(_)) => true,
            _ => false,
        }
    }

    /// The value as another type, where JSON Schema's coercion knows one.
    fn turn(&self, value: Value) -> Value {
        let nullable = self.allow_null && !self.multiple;
        if self.kind == Kind::Object && !nullable {
            return value;
        }
        let value = match value {
            Value::Array(mut items) if items.len() == 1 => items.swap_remove(0),
            other => other,
        };
        if self.takes(&value) {
            return value;
        }
        let turned = match (self.kind, &value) {
            (Kind::String | Kind::Datetime, Value::Number(_) | Value::Bool(_)) => {
                let mut text = String::new();
                js::push_text(&mut text, &value);
                Some(text.into())
            }
            (Kind::String | Kind::Datetime, Value::Null) => Some("".into()),
            (Kind::Number | Kind::Integer, Value::Bool(flag)) => Some(u8::from(*flag).into()),
            (Kind::Number | Kind::Integer, Value::Null) => Some(0.into()),
            (Kind::Number | Kind::Integer, Value::String(text)) if !text.is_empty() => {
                number(text).filter(|n| self.kind == Kind::Number || is_whole(n)).map(Value::Number)
            }
            (Kind::Boolean, Value::Null) => Some(false.into()),
            (Kind::Boolean, Value::String(text)) if text == "true" || text == "false" => Some((text == "true").into()),
            (Kind::Boolean, Value::Number(number)) => match number.as_f64() {
                Some(0.0) => Some(false.into()),
                Some(1.0) => Some(true.into()),
                _ => None,
            },
            _ => None,
        };
        let empty = || match &value {
            Value::String(text) => text.is_empty(),
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::Bool(flag) => !flag,
            _ => false,
        };
        match turned {
            Some(turned) => turned,
            None if nullable && empty() => Value::Null,
            None => value,
        }
    }

    fn words(&self) -> &'static str {
        match self.kind {
            Kind::Any => "anything",
            Kind::String => "a text",
            Kind::Number => "a number",
            Kind::Integer => "a whole number",
            Kind::Boolean => "true or false",
            Kind::Datetime => "a time",
            Kind::Object => "an object",
        }
    }
}

impl Properties {
    fn compile(value: &Value, additional: bool, at: &str, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let Some(definitions) = value.as_object() else {
            mistakes.push(Mistake::new(at, "`properties` is an object: a name and what may stand there"));
            return None;
        };
        let (mut fields, mut conditions) = (Vec::new(), Vec::new());
        for (name, definition) in definitions {
            let at = pointer(at, name);
            let Some(definition) = definition.as_object() else {
                mistakes.push(Mistake::new(at, "a property is an object: {type: string, required: true}"));
                continue;
            };
            for key in definition.keys().filter(|key| !super::KEYS.contains(&key.as_str()) || *key == "default") {
                let known: Vec<&str> = super::KEYS.iter().filter(|key| **key != "default").copied().collect();
                mistakes.push(Mistake::unknown(pointer(&at, key), "option of a property", key, &known));
            }
            let required = match definition.get("required") {
                Some(conditional @ Value::Object(_)) => {
                    conditions.extend(Condition::compile(name, conditional, &pointer(&at, "required"), mistakes));
                    false
                }
                other => other.and_then(Value::as_bool).unwrap_or(false),
            };
            fields.push((name.as_str().into(), Schema::compile(definition, &at, mistakes), required));
        }
        Some(Self { fields, conditions, additional })
    }

    fn get(&self, name: &str) -> Option<&Schema> {
        self.fields.iter().find(|(known, ..)| **known == *name).map(|(_, schema, _)| schema)
    }

    fn without_empty(&self, fields: Map<String, Value>) -> Map<String, Value> {
        let keep = |(key, value): (String, Value)| match self.get(&key) {
            Some(schema) => Some((key, schema.without_empty(value, false)?)),
            None => Some((key, value)),
        };
        fields.into_iter().filter_map(keep).collect()
    }

    fn coerce(&self, fields: Map<String, Value>, at: &str, wrong: &mut Vec<String>) -> Map<String, Value> {
        for (name, _, required) in &self.fields {
            if *required && !fields.contains_key(&**name) {
                wrong.push(format!("{at}.{name} is missing"));
            }
        }
        wrong.extend(self.conditions.iter().filter_map(|c| c.violation(&fields)).map(|text| format!("{at}.{text}")));
        let keep = |(key, value): (String, Value)| match self.get(&key) {
            Some(schema) => {
                let value = schema.coerce(value, false, &format!("{at}.{key}"), wrong);
                Some((key, value))
            }
            None => self.additional.then_some((key, value)),
        };
        fields.into_iter().filter_map(keep).collect()
    }
}

fn kind(word: &Value) -> Option<Kind> {
    Some(match word.as_str()? {
        "any" => Kind::Any,
        "string" | "text" | "password" => Kind::String,
        "number" => Kind::Number,
        "integer" => Kind::Integer,
        "boolean" => Kind::Boolean,
        "datetime" => Kind::Datetime,
        "object" => Kind::Object,
        _ => return None,
    })
}

fn is_whole(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|n| n.fract() == 0.0)
}

fn same(left: &Value, right: &Value) -> bool {
    left == right || matches!((left.as_f64(), right.as_f64()), (Some(a), Some(b)) if a == b)
}

/// `+text` where `text == +text` in JavaScript.
fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0.into());
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok().map(Number::from);
    }
    js::to_number(text).and_then(Number::from_f64)
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
        plain => plain.to_string(),
    }
}
