//! HTTP archives (HAR 1.2), as browsers, proxies, Playwright and Polly.JS write them, also in YAML and compressed.

use std::time::Duration;

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source, json};
use crate::tape::{Body, Fault, Headers, Message, MessageKind, Side, Transcript};

/// Reads an archive.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    let root = match source.bytes.first() {
        // mitmproxy's `.zhar`.
        Some(0x78) => {
            let text = parts::inflate(source.bytes)?;
            finds.tree(Source { bytes: &text, ..source })?
        }
        _ => finds.tree(source)?,
    };
    // Some wrap it once more.
    let log = match root.entries() {
        [(_, inner)] if !root.has("log") => inner.at("log"),
        _ => root.at("log"),
    };
    let Value::List(entries) = log.at("entries") else {
        return Err("there is no list at log.entries".to_owned());
    };
    for (i, entry) in entries.iter().enumerate() {
        finds.add(format!("entry {}", i + 1), exchange(entry, source));
    }
    finds.finish()
}

fn exchange(entry: &Value, source: Source<'_>) -> Result<Parts, String> {
    let (request, response) = (entry.at("request"), entry.at("response"));
    let method = request.at("method").text().unwrap_or_default();
    let url = request.at("url").text().unwrap_or_default();
    let status = response.at("status").number().unwrap_or(0);
    let mut changes = Vec::new();
    let messages = entry.at("_webSocketMessages");
    let mut found = if status <= 0 {
        Parts::failed(method, url, failure(entry))
    } else {
        let headers = parts::headers(response.at("headers"));
        let answered = Answered {
            status,
            reason: response.at("statusText").text().map(str::to_owned),
            version: parts::version(response.at("httpVersion").text()),
            body: content(response.at("content"), &headers, source, &mut changes)?,
            headers,
            trailers: parts::headers(response.at("_trailers")),
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
    if !messages.is_null()
        && let Ok(answered) = &mut found.outcome
    {
        match said(messages) {
            Ok((transcript, at)) => {
                answered.transcript = Some(transcript);
                answered.times = parts::since(at, found.at, found.elapsed);
            }
            Err(why) => changes.push(format!("the messages of the WebSocket are not on the tape: {why}")),
        }
    }
    found.changes = changes;
    Ok(found)
}

/// The messages of a WebSocket, as Chrome and mitmproxy write them, and when each of them was said, in seconds of Unix time.
fn said(messages: &Value) -> Result<(Transcript, Vec<Option<f64>>), String> {
    let (mut transcript, mut at) = (Transcript::default(), Vec::new());
    for (i, message) in messages.items().iter().enumerate() {
        let wrong = |what: &str| format!("{what} of message {}", i + 1);
        let by = match message.at("type").text() {
            Some("send") => Side::Client,
            Some("receive") => Side::Server,
            _ => return Err(wrong("nobody knows the direction")),
        };
        let data = message.at("data").text().unwrap_or_default();
        let (kind, data) = match message.at("opcode").number() {
            Some(1) => (MessageKind::Text, data.as_bytes().to_vec()),
            Some(2) => {
                (MessageKind::Binary, parts::base64(data).map_err(|error| wrong(&format!("{error}: the data")))?)
            }
            // What a tape leaves out as well.
            Some(8..=10) => continue,
            _ => return Err(wrong("nobody knows the opcode")),
        };
        transcript.messages.push(Message { by, kind, data: data.into() });
        at.push(message.at("time").float());
    }
    transcript.fits()?;
    Ok((transcript, at))
}

/// What went wrong, in the words of whoever wrote the archive: Chrome, Playwright, this crate.
fn failure(entry: &Value) -> Fault {
    let response = entry.at("response");
    let message = ["_error", "_errorText", "_failureText"]
        .into_iter()
        .find_map(|name| response.at(name).text().or_else(|| entry.at(name).text()));
    let fault = parts::fault(message.unwrap_or("there was no answer"));
    let kind = response.at("_fault").text().and_then(super::export::fault_named);
    Fault { kind: kind.unwrap_or(fault.kind), ..fault }
}

/// The request's body: its text, or its form fields.
fn posted(data: &Value, headers: &Headers, source: Source<'_>) -> Result<Body, String> {
    if let Some(name) = data.at("_file").text() {
        return Ok(parts::body(parts::beside(source, name)?));
    }
    if let Some(text) = data.at("text").text() {
        if data.at("encoding").text() == Some("base64") {
            return Ok(parts::body(parts::base64(text).unwrap_or_else(|_| text.as_bytes().to_vec())));
        }
        let packed = headers.first("content-encoding").is_some() || data.at("_isBinary").flag() == Some(true);
        return Ok(parts::body(chunks(text).filter(|_| packed).unwrap_or_else(|| text.as_bytes().to_vec())));
    }
    if matches!(data.at("text"), Value::Map(_) | Value::List(_)) {
        return Ok(parts::json(data.at("text"), headers));
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

fn content(content: &Value, headers: &Headers, source: Source<'_>, changes: &mut Vec<String>) -> Result<Body, String> {
    // The bytes of the wire, where this crate wrote the archive and `text` is what they decode to.
    if let Some(packed) = content.at("_wire").text() {
        return Ok(parts::body(parts::base64(packed)?));
    }
    if let Some(name) = content.at("_file").text() {
        return Ok(parts::body(parts::beside(source, name)?));
    }
    if matches!(content.at("text"), Value::Map(_) | Value::List(_)) {
        return Ok(parts::body(content.at("text").to_json()));
    }
    let Some(text) = content.at("text").text() else {
        if content.at("size").number().unwrap_or(0) > 0 {
            changes.push("the archive does not hold the body of this answer".to_owned());
        }
        return Ok(Body::Absent);
    };
    let is_base64 = content.at("encoding").text() == Some("base64");
    let packed =
        is_base64 || headers.first("content-encoding").is_some() || content.at("_isBinary").flag() == Some(true);
    // A JSON array of short words would pass for one of base64.
    if let Some(bytes) = chunks(text).filter(|_| packed) {
        return Ok(parts::body(bytes));
    }
    if !is_base64 {
        return Ok(parts::body(text));
    }
    match parts::base64(text) {
        Ok(bytes) => Ok(parts::body(bytes)),
        Err(_) => Ok(parts::body(text)),
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
