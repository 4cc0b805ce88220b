//! node-replay's fixtures: a request and an answer as they would be on the wire, in a folder that is named after the host.

use super::parts::{self, Answered, Finds, Parts};
use super::{Found, Source, json};
use crate::tape::{Body, Headers};

/// Reads a fixture.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    finds.add("the fixture", exchange(source));
    finds.finish()
}

fn exchange(source: Source<'_>) -> Result<Parts, String> {
    let (head, rest) = paragraph(source.bytes);
    let head = std::str::from_utf8(head).map_err(|_| "its request is not UTF-8".to_owned())?;
    let mut lines = head.lines().map(str::trim).skip_while(|line| line.is_empty() || line.starts_with('#'));
    let first = lines.next().unwrap_or_default();
    let (method, path) = match first.split_once(' ') {
        Some((method, path)) if method.bytes().all(|b| b.is_ascii_alphabetic()) => (method, path.trim()),
        _ => ("GET", first),
    };
    if path.starts_with("REGEXP ") || path.starts_with("REGEX ") {
        return Err(format!("it answers every URL that fits {path:?}, and a tape answers one request"));
    }
    let mut request_headers = Headers::new();
    let mut request_body = Body::Absent;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("body") {
            if value.starts_with("REGEX") {
                return Err("it answers every body that fits an expression, and a tape answers one request".to_owned());
            }
            request_body = parts::body(unescaped(value));
        } else {
            // A value in quotes is one that must be so.
            request_headers.push(name.trim(), value.trim_matches('"').to_owned());
        }
    }
    let answer_start = rest.iter().position(|byte| !byte.is_ascii_whitespace()).map_or(rest.len(), |at| at);
    let rest = &rest[answer_start..];
    if rest.is_empty() {
        return Err("there is a request in it and no answer".to_owned());
    }
    let (head, body) = paragraph(rest);
    let head = std::str::from_utf8(head).map_err(|_| "the head of its answer is not UTF-8".to_owned())?;
    let mut lines = head.lines().map(str::trim_end);
    let status = lines.next().unwrap_or_default();
    let mut words = status.splitn(3, ' ');
    // Old ones have the status first.
    let (version, code) = match (words.next().unwrap_or_default(), words.next().unwrap_or_default()) {
        (version, code) | (code, version) if version.starts_with("HTTP/") => (version, code),
        _ => return Err(format!("{status:?} is no status line")),
    };
    let mut answered = Answered {
        status: code.parse().unwrap_or(0),
        reason: words.next().map(str::to_owned),
        version: parts::version(Some(version)),
        ..Answered::default()
    };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        answered.headers.push(name.trim(), value.trim().to_owned());
    }
    answered.body = if body.is_empty() { Body::Absent } else { parts::body(body) };
    let host =
        source.path.parent().and_then(|folder| folder.file_name()).and_then(|name| name.to_str()).unwrap_or_default();
    let mut found = Parts::new(method, url(host, path), answered);
    found.request_headers = request_headers;
    found.request_body = request_body;
    Ok(found)
}

/// The body as node-replay writes it: with the escapes of a JavaScript text.
fn unescaped(text: &str) -> String {
    let value = json::document(&format!("\"{text}\"")).ok();
    value.as_ref().and_then(super::value::Value::text).unwrap_or(text).to_owned()
}

/// The folder's name is the host, `-` before a port.
fn url(folder: &str, path: &str) -> String {
    if path.contains("://") {
        return path.to_owned();
    }
    let host = match folder.rsplit_once('-') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => format!("{host}:{port}"),
        _ => folder.to_owned(),
    };
    format!("http://{host}{path}")
}

/// What stands before the first empty line, and what after it.
fn paragraph(bytes: &[u8]) -> (&[u8], &[u8]) {
    let ends = [b"\r\n\r\n".as_slice(), b"\n\n"]
        .into_iter()
        .filter_map(|end| Some((memchr::memmem::find(bytes, end)?, end.len())));
    match ends.min() {
        Some((at, length)) => (&bytes[..at], &bytes[at + length..]),
        None => (bytes, &[]),
    }
}
