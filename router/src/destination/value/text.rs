//! Texts with `{{paths}}` in them.

use serde_json::Value;

use super::part::Part;
use super::run::{self, Trouble};
use super::scope::Scope;
use crate::js;
use crate::mapping::Out;

/// A text taken apart once.
#[derive(Debug)]
pub(crate) struct Template {
    pub(super) pieces: Box<[Piece]>,
}

#[derive(Debug)]
pub(super) enum Piece {
    Plain(Box<str>),
    /// `{{path}}`
    Value {
        part: Part,
        source: Box<str>,
        raw: bool,
    },
}

impl Template {
    /// The text. Absent where it has values and none of them is there, so that the next of a list has its turn.
    pub(crate) fn render(&self, scope: &Scope<'_>) -> Result<Option<String>, Trouble> {
        let mut out = String::with_capacity(48);
        let (mut values, mut found) = (0, 0);
        for piece in &self.pieces {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::Value { part, .. } => {
                    values += 1;
                    let value = run::run(part, scope)?;
                    if run::is_there(&value) {
                        found += 1;
                        push_out(&mut out, value, scope)?;
                    }
                }
            }
        }
        scope.budget.spend(out.len())?;
        Ok((values == 0 || found > 0).then_some(out))
    }

    /// The text as part of a URL: values are percent-encoded unless they stand in three braces, and each must be there.
    pub(crate) fn render_url(&self, scope: &Scope<'_>) -> Result<String, Trouble> {
        let mut out = String::with_capacity(96);
        for piece in &self.pieces {
            let (part, source, raw) = match piece {
                Piece::Plain(text) => {
                    out.push_str(text);
                    continue;
                }
                Piece::Value { part, source, raw } => (part, source, *raw),
            };
            let mut text = String::new();
            match run::run(part, scope)?.finish(scope.budget)? {
                Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => {
                    js::push_text(&mut text, &value)
                }
                Some(Value::Array(_) | Value::Object(_)) => {
                    return Err(Trouble::new(format!("{source} stands in the URL and must be a text or a number")));
                }
                None | Some(Value::Null) => {}
            }
            if text.is_empty() {
                return Err(Trouble::new(format!("{source} is missing, and the URL needs it")));
            }
            if raw {
                out.push_str(&text);
            } else if matches!(&*text, "." | "..") {
                return Err(Trouble::new(format!("{source} is {text:?}, which would lead the URL elsewhere")));
            } else {
                percent(&mut out, &text);
            }
        }
        Ok(out)
    }
}

fn push_out(out: &mut String, value: Out<'_>, scope: &Scope<'_>) -> Result<(), Trouble> {
    match value {
        Out::Value(value) if !value.is_object() => js::push_text(out, &value),
        other => {
            if let Some(value) = other.finish(scope.budget)? {
                out.push_str(&to_text(&value));
            }
        }
    }
    Ok(())
}

/// A value as text: objects as JSON, a list's plain values between commas.
pub(crate) fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) => js::to_json(value),
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => js::to_json(value),
        _ => {
            let mut text = String::new();
            js::push_text(&mut text, value);
            text
        }
    }
}

/// Adds `text` to a URL, everything that means something in one percent-encoded, as JavaScript's `encodeURIComponent` does.
pub(crate) fn percent(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}
