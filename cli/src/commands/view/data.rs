//! What the page knows of a tape.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use traffic_recorder::tape::{Body, Headers, Message, Take, Tape, Transcript};
use traffic_recorder::tools::{Settings, plain_body, stream_events};

use crate::commands::diff::changes_document;
use crate::commands::show::{pairs, take_document};
use crate::{select, words};

/// Larger images are only counted.
const LARGEST_IMAGE: usize = 128 << 10;

/// Characters of a piece of a stream that are shown.
const PIECE: usize = 2000;

/// One tape for the page.
pub(super) fn tape(file: &Path, settings: &Settings, limit: usize) -> anyhow::Result<Value> {
    let tape: Tape = select::read(file)?;
    let request = &tape.request;
    let mut takes = Vec::new();
    for (at, take) in tape.takes.iter().enumerate() {
        let mut document = take_document(take)?;
        if let Some(answer) = words::answer(take) {
            document["body"] = body(&answer.headers, &answer.body, limit)?;
            document["frames"] = frames(take)?;
            shorten(&mut document["messages"], limit);
        }
        if let Some(before) = at.checked_sub(1).and_then(|before| tape.takes.get(before)) {
            document["changes"] = changes_document(&settings.compare_takes(before, take));
        }
        takes.push(document);
    }
    Ok(json!({
        "file": file.to_string_lossy(),
        "folder": select::folder(file).to_string_lossy(),
        "key": tape.key.hex(),
        "layer": tape.layer.to_string(),
        "rules": tape.rules,
        "request": {
            "method": request.method, "url": request.url, "version": request.version.to_string(),
            "headers": pairs(&request.headers), "body": body(&request.headers, &request.body, limit)?,
        },
        "takes": takes,
    }))
}

/// The texts of messages, shortened to `limit` bytes each.
fn shorten(messages: &mut Value, limit: usize) {
    for message in messages.as_array_mut().into_iter().flatten() {
        if let Some(text) = message["text"].as_str().filter(|text| text.len() > limit) {
            let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
            message["text"] = format!("{}…", &text[..end]).into();
        }
    }
}

/// A body, codings undone, shortened to `limit` bytes.
fn body(headers: &Headers, body: &Body, limit: usize) -> anyhow::Result<Value> {
    if matches!(body, Body::Absent) {
        return Ok(Value::Null);
    }
    let mut plain = plain_body(headers, body)?;
    let bytes = plain.len();
    let media = headers.text("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media.starts_with("image/") && bytes <= LARGEST_IMAGE {
        let image = format!("data:{media};base64,{}", STANDARD.encode(&plain));
        return Ok(json!({"bytes": bytes, "image": image}));
    }
    let events = stream_events(headers, &plain).map(|events| {
        let one = |event: &traffic_recorder::tools::StreamEvent| json!([event.name, event.data]);
        events.iter().map(one).collect::<Vec<_>>()
    });
    if bytes > limit {
        plain.truncate(limit);
        // A character that was cut in two is not why this would be no text.
        while !plain.is_empty() && std::str::from_utf8(&plain).is_err_and(|error| error.error_len().is_none()) {
            plain.pop();
        }
    }
    let shown = plain.len();
    let text = String::from_utf8(plain).ok().filter(|text| words::is_printable(text));
    Ok(json!({"bytes": bytes, "text": text, "shown": shown, "events": if bytes > limit { None } else { events }}))
}

/// The messages of a conversation as pieces of a stream.
fn said(take: &Take, transcript: &Transcript) -> Value {
    let one = |(i, message): (usize, &Message)| {
        let ms = take.recorded.frames.get(i).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let text: String = message.text().unwrap_or_default().chars().take(PIECE).collect();
        json!([ms, message.data.len(), format!("{}: {text}", message.by)])
    };
    transcript.messages.iter().enumerate().map(one).collect()
}

/// The pieces in which a body arrived, with their times, where they have some: `[[ms, bytes, text]]`.
fn frames(take: &Take) -> anyhow::Result<Value> {
    if let Some(transcript) = words::answer(take).and_then(|answer| answer.transcript.as_ref()) {
        return Ok(if transcript.is_empty() { Value::Null } else { said(take, transcript) });
    }
    let Some(answer) = words::answer(take).filter(|answer| answer.frames.len() > 1) else { return Ok(Value::Null) };
    let coded = answer.headers.first("content-encoding").is_some();
    let bytes = if coded { Vec::new() } else { plain_body(&answer.headers, &answer.body)? };
    let mut at = 0;
    let mut frames = Vec::new();
    for (i, &size) in answer.frames.iter().enumerate() {
        let end = at + usize::try_from(size)?;
        let text =
            String::from_utf8_lossy(bytes.get(at..end).unwrap_or_default()).chars().take(PIECE).collect::<String>();
        at = end;
        let ms = take.recorded.frames.get(i).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        frames.push(json!([ms, size, text]));
    }
    Ok(Value::Array(frames))
}
