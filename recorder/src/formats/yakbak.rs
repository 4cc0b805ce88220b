//! yakbak's tapes: JavaScript modules of one fixed shape, read as text. Nothing in them is run.

use super::parts::{self, Answered, Finds, Parts};
use super::{Found, Source, json};
use crate::tape::Headers;

/// Reads a tape.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let text = parts::text(source)?;
    let mut finds = Finds::of(source);
    finds.add("the tape", exchange(&text));
    finds.finish()
}

fn exchange(text: &str) -> Result<Parts, String> {
    let (method, path, request_headers) = request(text)?;
    let mut answered = Answered { status: 200, ..Answered::default() };
    let mut body: Option<Vec<u8>> = None;
    for line in text.lines().map(str::trim) {
        if let Some(status) = between(line, "res.statusCode = ", ";") {
            answered.status = status.trim().parse().map_err(|_| format!("{status:?} is no status"))?;
        } else if let Some(arguments) = between(line, "res.setHeader(", ");") {
            // A header that is computed (`path.basename(…)`) is yakbak's own.
            if let Ok(list) = json::document(&format!("[{arguments}]"))
                && let [name, value] = list.items()
                && let Some(name) = name.text()
            {
                let values = if value.items().is_empty() { std::slice::from_ref(value) } else { value.items() };
                for value in values.iter().filter_map(super::value::Value::bytes) {
                    answered.headers.push(name, value.into_owned());
                }
            }
        } else if let Some(argument) = between(line, "res.write(", ");").or_else(|| between(line, "res.end(", ");")) {
            if argument.is_empty() {
                continue;
            }
            body.get_or_insert_default().extend(written(argument)?);
        }
    }
    answered.body = body.map_or_else(Default::default, parts::body);
    let mut found = Parts::new(method, path, answered);
    found.request_headers = request_headers;
    Ok(found)
}

/// The comment that tells the request: its first line, an empty one, its headers.
fn request(text: &str) -> Result<(String, String, Headers), String> {
    let comment = between(text, "/**", "*/").ok_or("there is no comment that tells the request")?;
    let mut lines =
        comment.lines().map(|line| line.trim().trim_start_matches('*').trim()).skip_while(|line| line.is_empty());
    let first = lines.next().unwrap_or_default();
    let (method, path) = first.split_once(' ').ok_or_else(|| format!("{first:?} should be a method and a path"))?;
    let mut headers = Headers::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        headers.push(name.trim(), value.trim().to_owned());
    }
    Ok((method.to_owned(), path.to_owned(), headers))
}

/// `new Buffer("…", "base64")`, `Buffer.from("…", "base64")`, or a text.
fn written(argument: &str) -> Result<Vec<u8>, String> {
    let inner =
        between(argument, "Buffer(", ")").or_else(|| between(argument, "Buffer.from(", ")")).unwrap_or(argument);
    let list =
        json::document(&format!("[{inner}]")).map_err(|error| format!("what is written cannot be read: {error}"))?;
    match list.items() {
        [text, coding] if coding.text() == Some("base64") => parts::base64(text.text().unwrap_or_default()),
        [text, coding] if coding.text() == Some("hex") => {
            parts::hex(text.text().unwrap_or_default()).ok_or_else(|| "what is written should be hex digits".to_owned())
        }
        [text] | [text, _] => Ok(text.bytes().unwrap_or_default().into_owned()),
        _ => Err("what is written is no text".to_owned()),
    }
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let from = text.find(start)? + start.len();
    let to = text[from..].rfind(end).filter(|_| end == ");" || end == ")").or_else(|| text[from..].find(end))?;
    Some(&text[from..from + to])
}
