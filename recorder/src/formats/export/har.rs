//! HTTP archives, version 1.2. Readers of archives expect decoded bodies; the bytes of the wire stand beside them under a name of
//! our own, which the format allows.

use std::time::UNIX_EPOCH;

use super::super::Exchange;
use super::super::value::{Spelling, Value, list, map, number, text};
use super::{Exported, MESSAGES, base64, fault_word, has_binary, rare, reason, texts};
use crate::codec::coding;
use crate::tape::{Answer, Body, Headers, MessageKind, Outcome, Recorded, Side, Transcript, Version, Words as _};

/// So much of a body is decoded for people to read.
const LARGEST_DECODED: u64 = 16 * 1024 * 1024;

pub(super) fn write(exchanges: &[Exchange]) -> Exported {
    let creator = map([("name", text("traffic-recorder")), ("version", text(env!("CARGO_PKG_VERSION")))]);
    let entries = exchanges.iter().map(entry).collect();
    let log = map([("version", text("1.2")), ("creator", creator), ("entries", Value::List(entries))]);
    let json = map([("log", log)]).to_json_as(Spelling::Indented(2)) + "\n";
    let mut exported = Exported::one("tapes.har", json, exchanges);
    for exchange in exchanges {
        let mut what = Vec::new();
        if let Outcome::Answer(answer) = &exchange.take.outcome {
            what = rare(answer);
            what.retain(|what| *what != MESSAGES);
            if answer.transcript.as_ref().is_some_and(|transcript| transcript.close.is_some()) {
                what.push("how the conversation was closed");
            }
            if has_binary(&answer.headers) {
                what.push("the bytes of a header that is not UTF-8");
            }
        }
        if has_binary(&exchange.request.headers) {
            what.push("the bytes of a header of the request that is not UTF-8");
        }
        exported.leave_out(exchange, &what);
    }
    exported
}

fn entry(exchange: &Exchange) -> Value {
    let recorded = &exchange.take.recorded;
    let milliseconds = number(recorded.elapsed.as_millis());
    let mut fields = vec![
        ("startedDateTime", text(humantime::format_rfc3339_seconds(recorded.at).to_string())),
        ("time", milliseconds.clone()),
        ("request", request(exchange)),
        ("response", response(&exchange.take.outcome)),
        ("cache", map([])),
        ("timings", map([("send", number(0)), ("wait", milliseconds), ("receive", number(0))])),
    ];
    if let Outcome::Answer(Answer { transcript: Some(transcript), .. }) = &exchange.take.outcome {
        fields.push(("_resourceType", text("websocket")));
        fields.push(("_webSocketMessages", said(transcript, recorded)));
    }
    map(fields)
}

/// The messages of a conversation, as Chrome writes them.
fn said(transcript: &Transcript, recorded: &Recorded) -> Value {
    let answered = recorded.at.duration_since(UNIX_EPOCH).unwrap_or_default() + recorded.elapsed;
    list(transcript.messages.iter().enumerate().map(|(i, message)| {
        let (opcode, data) = match message.kind {
            MessageKind::Text => (1, String::from_utf8_lossy(&message.data).into_owned()),
            MessageKind::Binary => (2, base64(&message.data)),
        };
        let mut fields = vec![("type", text(if message.by == Side::Client { "send" } else { "receive" }))];
        if let Some(after) = recorded.frames.get(i) {
            let at = answered + *after;
            fields.push(("time", number(format!("{}.{:03}", at.as_secs(), at.subsec_millis()))));
        }
        fields.extend([("opcode", number(opcode)), ("data", text(data))]);
        map(fields)
    }))
}

fn request(exchange: &Exchange) -> Value {
    let request = &exchange.request;
    let query = request.url.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        map([("name", text(name)), ("value", text(value))])
    });
    let mut fields = message(request.version, &request.headers, &request.body);
    fields.splice(0..0, [("method", text(&request.method)), ("url", text(&request.url)), ("queryString", list(pairs))]);
    if let Body::Bytes(bytes) = &request.body {
        let mut data = vec![("mimeType", text(request.headers.text("content-type").unwrap_or_default()))];
        match std::str::from_utf8(bytes).ok().filter(|_| request.headers.first("content-encoding").is_none()) {
            Some(body) => data.push(("text", text(body))),
            None => data.extend([("text", text(base64(bytes))), ("encoding", text("base64"))]),
        }
        fields.push(("postData", map(data)));
    }
    map(fields)
}

fn message(version: Version, headers: &Headers, body: &Body) -> Vec<(&'static str, Value)> {
    let fields = texts(headers).map(|(name, value)| map([("name", text(name)), ("value", text(value))]));
    vec![
        ("httpVersion", text(version.word())),
        ("cookies", list([])),
        ("headers", list(fields)),
        ("headersSize", number(-1)),
        ("bodySize", number(body.len())),
    ]
}

fn response(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Answer(answer) => {
            let mut fields = message(answer.version, &answer.headers, &answer.body);
            fields.splice(0..0, [("status", number(answer.status)), ("statusText", text(reason(answer)))]);
            fields.push(("content", content(answer)));
            fields.push(("redirectURL", text(answer.headers.text("location").unwrap_or_default())));
            if !answer.trailers.is_empty() {
                let trailers =
                    texts(&answer.trailers).map(|(name, value)| map([("name", text(name)), ("value", text(value))]));
                fields.push(("_trailers", list(trailers)));
            }
            map(fields)
        }
        Outcome::Fault(fault) => {
            let mut fields = message(Version::default(), &Headers::new(), &Body::Absent);
            fields.splice(0..0, [("status", number(0)), ("statusText", text(""))]);
            fields.push(("content", map([("size", number(0)), ("mimeType", text("x-unknown"))])));
            fields.push(("redirectURL", text("")));
            fields.push(("_error", text(&fault.message)));
            fields.push(("_fault", text(fault_word(fault))));
            map(fields)
        }
    }
}

fn content(answer: &Answer) -> Value {
    let kind = text(answer.headers.text("content-type").unwrap_or_default());
    let Body::Bytes(wire) = &answer.body else {
        return map([("size", number(0)), ("mimeType", kind)]);
    };
    let coded = answer.headers.first("content-encoding").is_some();
    let decoded = coding::decode(answer.headers.all("content-encoding"), wire, LARGEST_DECODED).ok().filter(|_| coded);
    let bytes = decoded.as_ref().map_or(wire.as_ref(), |decoded| decoded.bytes.as_slice());
    let mut fields = vec![("size", number(bytes.len())), ("mimeType", kind)];
    match std::str::from_utf8(bytes).ok().filter(|_| !coded || decoded.is_some()) {
        Some(body) => fields.push(("text", text(body))),
        None => fields.extend([("text", text(base64(bytes))), ("encoding", text("base64"))]),
    }
    if decoded.is_some() {
        fields.push(("_wire", text(base64(wire))));
    }
    map(fields)
}
