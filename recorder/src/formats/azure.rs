//! The recordings of Azure's test-proxy: `Entries`, bodies as JSON, as lines, or as base64 that only the content type tells of.

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source};
use crate::tape::{Body, Headers};

/// Reads a recording.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    let root = finds.tree(source)?;
    let single = std::slice::from_ref(&root);
    let entries = match root.at("Entries") {
        Value::List(entries) => entries.as_slice(),
        _ if root.has("RequestUri") => single,
        _ => return Err("there is no list of Entries in it".to_owned()),
    };
    for (i, entry) in entries.iter().enumerate() {
        finds.add(format!("entry {}", i + 1), exchange(entry));
    }
    finds.finish()
}

fn exchange(entry: &Value) -> Result<Parts, String> {
    if entry.at("StatusCode").is_null() {
        return Err("the answer was not recorded".to_owned());
    }
    let headers = parts::headers(entry.at("ResponseHeaders"));
    let answered = Answered {
        status: entry.at("StatusCode").number().unwrap_or(0),
        body: body(entry.at("ResponseBody"), &headers)?,
        headers,
        ..Answered::default()
    };
    let method = entry.at("RequestMethod").text().ok_or("there is no method in it")?;
    let mut found = Parts::new(method, entry.at("RequestUri").text().unwrap_or_default(), answered);
    found.request_headers = parts::headers(entry.at("RequestHeaders"));
    found.request_body = body(entry.at("RequestBody"), &found.request_headers)?;
    Ok(found)
}

fn body(value: &Value, headers: &Headers) -> Result<Body, String> {
    match value {
        value if value.is_null() => Ok(Body::Absent),
        Value::List(lines) if !is_json(headers) && lines.iter().all(|line| matches!(line, Value::Text(_))) => {
            Ok(parts::body(lines.iter().filter_map(Value::text).collect::<String>()))
        }
        Value::Text(text) if is_textual(headers) => Ok(parts::body(text.as_str())),
        Value::Text(text) => Ok(parts::body(parts::base64(text).unwrap_or_else(|_| text.as_bytes().to_vec()))),
        data => Ok(parts::json(data, headers)),
    }
}

fn is_json(headers: &Headers) -> bool {
    headers.text("content-type").is_some_and(|kind| kind.contains("json"))
}

/// What the test-proxy takes for text: a `text/…`, JSON, XML or form, or a charset. Without a content type it is binary.
fn is_textual(headers: &Headers) -> bool {
    let kind = headers.text("content-type").unwrap_or_default().to_ascii_lowercase();
    let words = ["text/", "json", "xml", "application/x-www-form-urlencoded", "charset=", "javascript"];
    headers.first("content-encoding").is_none() && words.iter().any(|word| kind.contains(word))
}
