//! HTTP archives (HAR 1.2), as browsers, proxies, Playwright and Polly.JS write them, also in YAML and compressed.

use std::time::Duration;

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source, json};
use crate::tape::{Body, Headers};

/// Reads an archive.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let root = match source.bytes.first() {
        // mitmproxy's `.zhar`.
        Some(0x78) => {
            let text = parts::inflate(source.bytes)?;
            parts::tree(Source { bytes: &text, ..source })?
        }
        _ => parts::tree(source)?,
    };
    let log = root.at("log");
    let Value::List(entries) = log.at("entries") else {
        return Err("there is no list at log.entries".to_owned());
    };
    let mut finds = Finds::of(source);
    for (i, entry) in entries.iter().enumerate() {
        finds.add(format!("entry {}", i + 1), exchange(entry, source));
    }
    Ok(finds.finish())
}

fn exchange(entry: &Value, source: Source<'_>) -> Result<Parts, String> {
    let (request, response) = (entry.at("request"), entry.at("response"));
    let method = request.at("method").text().unwrap_or_default();
    let url = request.at("url").text().unwrap_or_default();
    let status = response.at("status").number().unwrap_or(0);
    let mut notes = Vec::new();
    let mut found = if status <= 0 {
        let message = ["_error", "_errorText", "_failureText"]
            .into_iter()
            .find_map(|name| response.at(name).text().or_else(|| entry.at(name).text()));
        Parts::failed(method, url, parts::fault(message.unwrap_or("there was no answer")))
    } else {
        let answered = Answered {
            status,
            reason: response.at("statusText").text().map(str::to_owned),
            version: parts::version(response.at("httpVersion").text()),
            headers: parts::headers(response.at("headers")),
            body: content(response.at("content"), source, &mut notes)?,
            ..Answered::default()
        };
        Parts::new(method, url, answered)
    };
    found.request_headers = parts::headers(request.at("headers"));
    found.request_version = parts::version(request.at("httpVersion").text());
    found.request_body = posted(request.at("postData"), &found.request_headers, source)?;
    found.at = entry.at("startedDateTime").text().and_then(parts::date);
    let wait = entry.at("timings").at("wait").float().or_else(|| entry.at("time").float()).unwrap_or_default();
    found.elapsed = Duration::from_secs_f64(wait.clamp(0.0, 1e9) / 1e3);
    if !entry.at("_webSocketMessages").is_null() {
        notes.push("the messages of the WebSocket are not on the tape, only the handshake is".to_owned());
    }
    found.notes.append(&mut notes);
    Ok(found)
}

/// The request's body: its text, or its form fields.
fn posted(data: &Value, headers: &Headers, source: Source<'_>) -> Result<Body, String> {
    if let Some(text) = data.at("text").text() {
        if data.at("encoding").text() == Some("base64") {
            return Ok(parts::body(parts::base64(text).unwrap_or_else(|_| text.as_bytes().to_vec())));
        }
        let packed = headers.first("content-encoding").is_some();
        return Ok(parts::body(
            chunks(text).filter(|_| packed || text.starts_with("[\"")).unwrap_or_else(|| text.as_bytes().to_vec()),
        ));
    }
    if let Some(name) = data.at("_file").text() {
        return Ok(parts::body(parts::beside(source, name)?));
    }
    let params = data.at("params").items();
    if params.is_empty() {
        return Ok(Body::Absent);
    }
    let form: Vec<String> = params
        .iter()
        .map(|param| {
            format!("{}={}", param.at("name").text().unwrap_or_default(), param.at("value").text().unwrap_or_default())
        })
        .collect();
    Ok(parts::body(form.join("&")))
}

fn content(content: &Value, source: Source<'_>, notes: &mut Vec<String>) -> Result<Body, String> {
    if let Some(name) = content.at("_file").text() {
        return Ok(parts::body(parts::beside(source, name)?));
    }
    let Some(text) = content.at("text").text() else {
        if content.at("size").number().unwrap_or(0) > 0 {
            notes.push("the archive does not hold the body of this answer".to_owned());
        }
        return Ok(Body::Absent);
    };
    if let Some(bytes) = chunks(text) {
        return Ok(parts::body(bytes));
    }
    if content.at("encoding").text() != Some("base64") {
        return Ok(parts::body(text));
    }
    match parts::base64(text) {
        Ok(bytes) => Ok(parts::body(bytes)),
        Err(_) => {
            notes.push("the archive says that this body is base64, and it is plain text".to_owned());
            Ok(parts::body(text))
        }
    }
}

/// Polly's form of compressed bodies: a list of base64 or hex texts, as the text of a JSON array.
fn chunks(text: &str) -> Option<Vec<u8>> {
    if !text.starts_with("[\"") || !text.ends_with("\"]") {
        return None;
    }
    let list = json::document(text).ok()?;
    let mut bytes = Vec::new();
    for item in list.items() {
        let Value::Text(chunk) = item else { return None };
        let decoded = parts::hex(chunk).or_else(|| parts::base64(chunk).ok())?;
        bytes.extend_from_slice(&decoded);
    }
    Some(bytes)
}
