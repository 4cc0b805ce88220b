//! mitmproxy's flows: typed netstrings, one flow after another, of every version of that format.

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source};
use crate::tape::{Body, Close, Headers, Message, MessageKind, Side, Transcript};

/// Deeper nesting than this is refused.
const MAX_DEPTH: usize = 64;

/// Reads a file of flows.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    let mut rest = source.bytes;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let offset = source.bytes.len() - rest.len();
        match value(rest, 0) {
            Ok((flow, after)) => {
                rest = after;
                finds.add(format!("flow {number}"), exchange(&flow));
            }
            Err(problem) => {
                finds.broken(format!("flow {number} at byte {offset}: {problem}"));
                break;
            }
        }
    }
    finds.finish()
}

/// One value: `<length>:<bytes><type>`.
fn value(bytes: &[u8], depth: usize) -> Result<(Value, &[u8]), String> {
    if depth > MAX_DEPTH {
        return Err(format!("it goes more than {MAX_DEPTH} levels deep"));
    }
    let colon = bytes.iter().take(20).position(|byte| *byte == b':').ok_or("a length was expected")?;
    let length: usize = std::str::from_utf8(&bytes[..colon])
        .ok()
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .ok_or("a length was expected")?;
    let rest = &bytes[colon + 1..];
    let end = length.checked_add(1).filter(|end| *end <= rest.len()).ok_or("the file ends before the value does")?;
    let (payload, kind, after) = (&rest[..length], rest[length], &rest[end..]);
    let text = || String::from_utf8_lossy(payload).into_owned();
    let value = match kind {
        b',' => Value::Bytes(payload.to_vec()),
        b';' => Value::Text(text()),
        b'#' | b'^' => Value::Plain(text()),
        b'!' => Value::Plain(text()),
        b'~' => Value::Plain(String::new()),
        b']' => Value::List(list(payload, depth)?),
        b'}' => {
            let items = list(payload, depth)?;
            let pairs = items.chunks_exact(2).map(|pair| {
                let name = pair[0].bytes().map(|name| String::from_utf8_lossy(&name).into_owned());
                Ok((name.ok_or("a name is no text")?, pair[1].clone()))
            });
            Value::Map(pairs.collect::<Result<_, String>>()?)
        }
        other => return Err(format!("{:?} is no type of a value", char::from(other))),
    };
    Ok((value, after))
}

fn list(mut payload: &[u8], depth: usize) -> Result<Vec<Value>, String> {
    let mut items = Vec::new();
    while !payload.is_empty() {
        let (item, rest) = value(payload, depth + 1)?;
        items.push(item);
        payload = rest;
    }
    Ok(items)
}

fn exchange(flow: &Value) -> Result<Parts, String> {
    if let Some(kind) = flow.at("type").text().filter(|kind| *kind != "http") {
        return Err(format!("it is a {kind} flow, and only HTTP can be a tape"));
    }
    let (request, response) = (flow.at("request"), flow.at("response"));
    if request.is_null() {
        return Err("there is no request in it".to_owned());
    }
    let bytes_text = |value: &Value| value.bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let method = bytes_text(request.at("method")).unwrap_or_default();
    let url = url(request)?;
    let mut found = if response.is_null() {
        let message = flow.at("error").at("msg").text().ok_or("it has neither an answer nor an error")?;
        Parts::failed(method, url, parts::fault(message))
    } else {
        let status = [response.at("status_code"), response.at("code")].into_iter().find_map(Value::number);
        let reason = [response.at("reason"), response.at("msg")].into_iter().find_map(bytes_text);
        let answered = Answered {
            status: status.unwrap_or(0),
            reason,
            version: version(response),
            headers: headers(response.at("headers")),
            body: body(response),
            trailers: headers(response.at("trailers")),
            ..Answered::default()
        };
        Parts::new(method, url, answered)
    };
    found.request_headers = headers(request.at("headers"));
    found.request_version = version(request);
    found.request_body = body(request);
    found.at = request.at("timestamp_start").float().and_then(parts::unix);
    if let (Some(start), Some(end)) = (request.at("timestamp_start").float(), response.at("timestamp_start").float()) {
        found.elapsed = std::time::Duration::try_from_secs_f64(end - start).unwrap_or_default();
    }
    let websocket = flow.at("websocket");
    if matches!(websocket, Value::Map(_))
        && let Ok(answered) = &mut found.outcome
    {
        match said(websocket) {
            Ok((transcript, at)) => {
                answered.transcript = Some(transcript);
                answered.times = parts::since(at, found.at, found.elapsed);
            }
            Err(why) => found.changes.push(format!("the messages of the WebSocket are not on the tape: {why}")),
        }
    }
    Ok(found)
}

/// The messages of a WebSocket, each a list of opcode, whether the client said it, content, time, and whether it was held back; and who
/// closed it.
fn said(websocket: &Value) -> Result<(Transcript, Vec<Option<f64>>), String> {
    let side = |client: &Value| if client.flag() == Some(true) { Side::Client } else { Side::Server };
    let (mut transcript, mut at) = (Transcript::default(), Vec::new());
    for (i, message) in websocket.at("messages").items().iter().enumerate() {
        let [opcode, client, content, time, rest @ ..] = message.items() else {
            return Err(format!("message {} is none", i + 1));
        };
        if rest.first().and_then(Value::flag) == Some(true) {
            continue;
        }
        let kind = if opcode.number() == Some(1) { MessageKind::Text } else { MessageKind::Binary };
        let data = content.bytes().map(|bytes| bytes.into_owned()).unwrap_or_default();
        transcript.messages.push(Message { by: side(client), kind, data: data.into() });
        at.push(time.float());
    }
    // Codes by which a program is told of an end without a code, and of one without a close frame.
    const NO_CODE: i64 = 1005;
    const NO_CLOSE: i64 = 1006;
    if let Some(code) = websocket.at("close_code").number().filter(|code| *code != NO_CLOSE) {
        let code = u16::try_from(code).ok().filter(|code| i64::from(*code) != NO_CODE);
        let reason = websocket.at("close_reason").text().unwrap_or_default().to_owned();
        transcript.close = Some(Close { by: side(websocket.at("closed_by_client")), code, reason });
    }
    transcript.fits()?;
    Ok((transcript, at))
}

fn url(request: &Value) -> Result<String, String> {
    let text = |name: &str| request.at(name).bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let scheme = text("scheme").filter(|scheme| !scheme.is_empty()).unwrap_or_else(|| "http".to_owned());
    let host = text("host").filter(|host| !host.is_empty()).ok_or("its request names no host")?;
    let port = request.at("port").number().filter(|port| *port > 0);
    let path = text("path").unwrap_or_default();
    Ok(match port {
        Some(port) => format!("{scheme}://{host}:{port}{path}"),
        None => format!("{scheme}://{host}{path}"),
    })
}

fn version(message: &Value) -> crate::tape::Version {
    let old = message.at("httpversion").items();
    if let [major, minor] = old {
        let text = format!("{}.{}", major.text().unwrap_or("1"), minor.text().unwrap_or("1"));
        return parts::version(Some(&text));
    }
    let text = message.at("http_version").bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    parts::version(text.as_deref())
}

fn headers(value: &Value) -> Headers {
    let mut headers = Headers::new();
    for field in value.items() {
        if let [name, value] = field.items()
            && let (Some(name), Some(value)) = (name.bytes(), value.bytes())
        {
            headers.push(String::from_utf8_lossy(&name), value.into_owned());
        }
    }
    headers
}

fn body(message: &Value) -> Body {
    message.at("content").bytes().map_or(Body::Absent, |bytes| parts::body(bytes.into_owned()))
}
