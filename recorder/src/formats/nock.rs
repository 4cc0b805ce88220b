//! nock's recordings: a list of definitions with `scope`, `path`, `status` and `response`.

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source};
use crate::tape::{Body, Headers};

/// Reads a fixture.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    let root = finds.tree(source)?;
    let definitions = match &root {
        Value::List(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    for (i, definition) in definitions.iter().enumerate() {
        finds.add(format!("definition {}", i + 1), exchange(definition));
    }
    finds.finish()
}

fn exchange(definition: &Value) -> Result<Parts, String> {
    let scope = definition.at("scope").text().ok_or("there is no scope in it")?;
    let path = definition.at("path").text().unwrap_or("/");
    let raw = definition.at("rawHeaders");
    let headers = parts::headers(if raw.is_null() { definition.at("headers") } else { raw });
    let answered = Answered {
        status: definition.at("status").number().unwrap_or(200),
        body: match definition.at("response") {
            Value::Text(digits) if definition.at("responseIsBinary").flag() == Some(true) => {
                parts::body(parts::hex(digits).unwrap_or_else(|| digits.as_bytes().to_vec()))
            }
            response => body(response, &headers)?,
        },
        headers,
        ..Answered::default()
    };
    let mut found = Parts::new(definition.at("method").text().unwrap_or("GET"), format!("{scope}{path}"), answered);
    found.request_headers = parts::headers(definition.at("reqheaders"));
    found.request_body = match definition.at("body") {
        Value::Text(text) if text.is_empty() => Body::Absent,
        sent => body(sent, &found.request_headers)?,
    };
    Ok(found)
}

/// A text; hex digits where it was binary; a list of such; or JSON as data.
fn body(value: &Value, headers: &Headers) -> Result<Body, String> {
    let packed = headers.first("content-encoding").is_some();
    let json = headers.text("content-type").is_some_and(|kind| kind.contains("json"));
    match value {
        Value::List(items) if !items.is_empty() && (packed || !json) => {
            let chunks = items.iter().map(|item| match item {
                Value::Text(digits) => parts::hex(digits),
                _ => None,
            });
            // A list of anything else is the body as data.
            Ok(chunks
                .collect::<Option<Vec<_>>>()
                .map_or_else(|| parts::json(value, headers), |chunks| parts::body(chunks.concat())))
        }
        Value::Text(text) => Ok(parts::body(
            parts::hex(text)
                .filter(|_| packed || !json)
                .filter(|bytes| !is_text(bytes))
                .unwrap_or_else(|| text.as_bytes().to_vec()),
        )),
        value if value.is_null() => Ok(Body::Absent),
        data => Ok(parts::json(data, headers)),
    }
}

/// A text that happens to consist of hex digits is one all the same: what it would decode to is not binary.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace()))
}
