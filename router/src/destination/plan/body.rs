//! Bodies of requests for one event.

use bytes::Bytes;
use serde_json::Value;

use super::super::definition::Body;
use super::super::mistake::Refusal;
use super::super::value::{Expr, Scope, Trouble};
use crate::mapping::Out;

pub(super) const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const TEXT: &str = "text/plain; charset=utf-8";

/// A body and its media type.
pub(super) fn body(body: &Body, scope: &Scope<'_>) -> Result<(Bytes, Option<&'static str>), Refusal> {
    Ok(match body {
        Body::None | Body::Each(_) | Body::Code | Body::Chain => (Bytes::new(), None),
        Body::Json(value) => {
            let mut bytes = Vec::with_capacity(1024);
            write(value, scope, &mut bytes)?;
            (bytes.into(), Some(JSON))
        }
        Body::Form(value) => (form(value, scope)?.into(), Some(FORM)),
        Body::Text(value) => match value.text(scope)? {
            Some(text) => (text.into(), Some(TEXT)),
            None => return Err(nothing()),
        },
    })
}

/// A value as JSON.
pub(super) fn write(value: &Expr, scope: &Scope<'_>, into: &mut Vec<u8>) -> Result<(), Refusal> {
    match value.run(scope)? {
        Out::Undefined => Err(nothing()),
        out => out.write_json(into, scope.budget).map_err(|error| Trouble::from(error).into()),
    }
}

pub(super) fn nothing() -> Refusal {
    Refusal("there is nothing to send of this event".to_owned())
}

fn form(value: &Expr, scope: &Scope<'_>) -> Result<String, Refusal> {
    let Some(Value::Object(fields)) = value.value(scope)? else { return Err(nothing()) };
    let mut out = String::with_capacity(256);
    for (name, value) in fields {
        let several = match value {
            Value::Null => continue,
            Value::Array(several) => several,
            one => vec![one],
        };
        for one in several {
            if one.is_object() || one.is_array() {
                return Err(Refusal(format!(
                    "the form's {name} must be a text or a number, or a list of them: `as: json` makes a text of it"
                )));
            }
            let mut text = String::new();
            crate::js::push_text(&mut text, &one);
            if !out.is_empty() {
                out.push('&');
            }
            form_text(&mut out, &name);
            out.push('=');
            form_text(&mut out, &text);
        }
    }
    Ok(out)
}

/// As browsers write forms: a blank is a plus.
fn form_text(out: &mut String, text: &str) {
    for (i, word) in text.split(' ').enumerate() {
        if i > 0 {
            out.push('+');
        }
        let start = out.len();
        super::super::value::percent(out, word);
        // What JavaScript leaves alone in URLs and browsers do not in forms.
        if out[start..].contains(['!', '~', '\'', '(', ')']) {
            let tail = out.split_off(start);
            for c in tail.chars() {
                match c {
                    '!' => out.push_str("%21"),
                    '~' => out.push_str("%7E"),
                    '\'' => out.push_str("%27"),
                    '(' => out.push_str("%28"),
                    ')' => out.push_str("%29"),
                    c => out.push(c),
                }
            }
        }
    }
}
