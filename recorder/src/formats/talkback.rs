//! talkback's tapes: JSON5 with `meta`, `req` and `res`.

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source};
use crate::tape::{Body, Headers};

/// Reads a tape.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    let root = finds.tree(source)?;
    finds.add("the tape", exchange(&root));
    finds.finish()
}

fn exchange(tape: &Value) -> Result<Parts, String> {
    let (meta, request, response) = (tape.at("meta"), tape.at("req"), tape.at("res"));
    let host = meta.at("host").text().unwrap_or_default();
    let path = request.at("url").text().ok_or("there is no URL in it")?;
    let headers = parts::headers(response.at("headers"));
    let readable = |side: &str| meta.at(side).flag().unwrap_or(false);
    let answered = Answered {
        status: response.at("status").number().unwrap_or(0),
        body: body(response.at("body"), readable("resHumanReadable"), &headers)?,
        headers,
        ..Answered::default()
    };
    let mut found = Parts::new(
        request.at("method").text().unwrap_or("GET"),
        format!("{}{path}", host.trim_end_matches('/')),
        answered,
    );
    found.request_headers = parts::headers(request.at("headers"));
    found.request_body = body(request.at("body"), readable("reqHumanReadable"), &found.request_headers)?;
    found.at = meta.at("createdAt").text().and_then(parts::date);
    Ok(found)
}

/// Base64, or a text or JSON where `meta` says that people can read it.
fn body(value: &Value, readable: bool, headers: &Headers) -> Result<Body, String> {
    match value {
        Value::Text(text) if readable => Ok(parts::body(text.as_str())),
        Value::Text(text) => Ok(parts::body(parts::base64(text)?)),
        value if value.is_null() => Ok(Body::Absent),
        data => Ok(parts::json(data, headers)),
    }
}
