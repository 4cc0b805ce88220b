//! What a directive gives before the mapping is done: JSON and JavaScript's `undefined`.
//!
//! A field that is `undefined` must be remembered until the end: in a `@merge` it wins over the same field of another object.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::Cell;

use super::{ApplyError, MAX_OUTPUT, error};
use crate::js;

/// A value in the making. Parts of the event and of the mapping are borrowed until the end.
#[derive(Debug)]
pub(crate) enum Out<'a> {
    Undefined,
    Value(Cow<'a, Value>),
    /// A key may come more than once; the last counts.
    Object(Fields<'a>),
    Array(Vec<Out<'a>>),
}

pub(crate) type Fields<'a> = Vec<(Cow<'a, str>, Out<'a>)>;

/// How much more may be made of this event.
#[derive(Debug)]
pub(crate) struct Budget(Cell<usize>);

/// What a value costs beside its text.
const EACH: usize = 16;

impl Budget {
    pub(crate) fn new() -> Self {
        Self(Cell::new(MAX_OUTPUT))
    }

    /// Takes what a text or a number of bytes costs.
    ///
    /// # Errors
    /// [`ApplyError::TooLarge`] if that is more than is left.
    pub(crate) fn spend(&self, bytes: usize) -> Result<(), ApplyError> {
        let left = self.0.get().checked_sub(bytes.saturating_add(EACH)).ok_or(ApplyError::TooLarge)?;
        self.0.set(left);
        Ok(())
    }

    pub(crate) fn left(&self) -> usize {
        self.0.get()
    }

    /// A copy of a value, paid for.
    pub(crate) fn copy(&self, value: &Value) -> Result<Value, ApplyError> {
        Ok(match value {
            Value::String(text) => {
                self.spend(text.len())?;
                Value::String(text.clone())
            }
            Value::Array(items) => {
                self.spend(0)?;
                Value::Array(items.iter().map(|item| self.copy(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                self.spend(0)?;
                let field = |(key, value): (&String, &Value)| {
                    self.spend(key.len())?;
                    Ok((key.clone(), self.copy(value)?))
                };
                Value::Object(fields.iter().map(field).collect::<Result<_, ApplyError>>()?)
            }
            plain => {
                self.spend(0)?;
                plain.clone()
            }
        })
    }
}

impl<'a> Out<'a> {
    pub(crate) fn text(text: String) -> Self {
        Self::owned(Value::String(text))
    }

    pub(crate) fn owned(value: Value) -> Self {
        Self::Value(Cow::Owned(value))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Value(value) if value.is_null())
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Undefined) || self.is_null()
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Value(value) => value.as_str(),
            _ => None,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Undefined => error::kind(None),
            Self::Value(value) => error::kind(Some(value)),
            Self::Object(_) => "an object",
            Self::Array(_) => "a list",
        }
    }

    /// The finished value: fields that are `undefined` left out, items that are `undefined` made null, as JavaScript's JSON has it.
    pub(crate) fn finish(self, budget: &Budget) -> Result<Option<Value>, ApplyError> {
        Ok(match self {
            Self::Undefined => None,
            Self::Value(Cow::Owned(value)) => Some(value),
            Self::Value(Cow::Borrowed(value)) => Some(budget.copy(value)?),
            Self::Array(items) => {
                budget.spend(0)?;
                let item = |item: Out<'a>| Ok(item.finish(budget)?.unwrap_or(Value::Null));
                Some(Value::Array(items.into_iter().map(item).collect::<Result<_, ApplyError>>()?))
            }
            Self::Object(fields) => {
                budget.spend(0)?;
                let mut object = Map::new();
                for (key, value) in fields {
                    match value.finish(budget)? {
                        Some(value) => {
                            budget.spend(key.len())?;
                            object.insert(key.into_owned(), value);
                        }
                        None if object.contains_key(&*key) => object.retain(|k, _| *k != key),
                        None => {}
                    }
                }
                Some(Value::Object(object))
            }
        })
    }

    /// The value as JSON, written without being made first. Keys must be there once.
    ///
    /// # Errors
    /// [`ApplyError::TooLarge`] if that is more than the budget has left.
    pub(crate) fn write_json(&self, into: &mut Vec<u8>, budget: &Budget) -> Result<(), ApplyError> {
        let limit = into.len() + budget.left();
        js::write_json(Limited { into, limit }, self).map_err(|_| ApplyError::TooLarge)
    }

    /// `Object.assign(onto, self)`: fields of objects, places of lists and texts; everything else has no fields to give.
    pub(crate) fn assign(self, onto: &mut Fields<'a>, budget: &Budget) -> Result<(), ApplyError> {
        match self {
            Self::Undefined => {}
            Self::Object(fields) => fields.into_iter().for_each(|(key, value)| onto.push((key, value))),
            Self::Array(items) => {
                items.into_iter().enumerate().for_each(|(i, item)| onto.push((i.to_string().into(), item)));
            }
            Self::Value(Cow::Borrowed(value)) => assign_borrowed(value, onto, budget)?,
            Self::Value(Cow::Owned(Value::Object(fields))) => {
                fields.into_iter().for_each(|(key, value)| onto.push((key.into(), Self::owned(value))));
            }
            Self::Value(Cow::Owned(Value::Array(items))) => {
                let items = items.into_iter().enumerate();
                items.for_each(|(i, item)| onto.push((i.to_string().into(), Self::owned(item))));
            }
            Self::Value(Cow::Owned(Value::String(text))) => assign_text(&text, onto, budget)?,
            Self::Value(Cow::Owned(_)) => {}
        }
        Ok(())
    }
}

impl Serialize for Out<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Undefined => serializer.serialize_unit(),
            Self::Value(value) => value.serialize(serializer),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(fields) => {
                let there = fields.iter().filter(|(_, value)| !matches!(value, Self::Undefined));
                serializer.collect_map(there.map(|(key, value)| (key, value)))
            }
        }
    }
}

/// A buffer that takes only so much.
struct Limited<'b> {
    into: &'b mut Vec<u8>,
    limit: usize,
}

impl std::io::Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.into.len() + bytes.len() > self.limit {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.into.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn assign_borrowed<'a>(value: &'a Value, onto: &mut Fields<'a>, budget: &Budget) -> Result<(), ApplyError> {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| onto.push((key.into(), Out::Value(Cow::Borrowed(value)))));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(i, item)| onto.push((i.to_string().into(), Out::Value(Cow::Borrowed(item)))));
        }
        Value::String(text) => assign_text(text, onto, budget)?,
        _ => {}
    }
    Ok(())
}

fn assign_text<'a>(text: &str, onto: &mut Fields<'a>, budget: &Budget) -> Result<(), ApplyError> {
    for (i, unit) in text.encode_utf16().enumerate() {
        budget.spend(1)?;
        onto.push((i.to_string().into(), Out::text(String::from_utf16_lossy(&[unit]))));
    }
    Ok(())
}
