//! VCR's cassettes and those of its relatives: a list of interactions with `request` and `response`.
//!
//! VCR (Ruby, YAML and JSON), vcrpy and pytest-recording, betamax, rvcr, reqwest-vcr, cassetter, R's vcr, php-vcr, go-vcr, EasyVCR, ExVCR,
//! Proxay and OkReplay agree on the outline and on little else; the differences stand here one by one.

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source, erlang, yaml};
use crate::tape::{Body, Headers};

/// Reads a cassette.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    let root = finds.tree(source)?;
    for (i, interaction) in interactions(&root)?.iter().enumerate() {
        finds.add(format!("interaction {}", i + 1), exchange(interaction, source));
    }
    // cassetter's other lists.
    for (list, what) in
        [("grpc_interactions", "a call of gRPC"), ("ws_interactions", "a conversation over a WebSocket")]
    {
        for i in 0..root.at(list).items().len() {
            finds.add(format!("{list} {}", i + 1), Err(format!("it is {what}, and only HTTP can be a tape")));
        }
    }
    finds.finish()
}

fn interactions(root: &Value) -> Result<&[Value], String> {
    match root {
        Value::List(items) => Ok(items),
        _ => match (root.at("http_interactions"), root.at("interactions")) {
            (Value::List(items), _) | (_, Value::List(items)) => Ok(items),
            (list, other)
                if (root.has("http_interactions") || root.has("interactions")) && list.is_null() && other.is_null() =>
            {
                Ok(&[])
            }
            _ => Err("there is no list of interactions in it".to_owned()),
        },
    }
}

fn exchange(interaction: &Value, source: Source<'_>) -> Result<Parts, String> {
    if let Some(problem) = interaction.at(yaml::BROKEN).text() {
        return Err(problem.to_owned());
    }
    let (request, response) = (interaction.at_any_case("request"), interaction.at_any_case("response"));
    if request.is_null() {
        return Err("there is no request in it".to_owned());
    }
    let mut changes = Vec::new();
    // A symbol in the cassettes of VCR 1.
    let method = request.at_any_case("method").text().unwrap_or_default().trim_start_matches(':');
    let mut found = match response.at("type").text() {
        // ExVCR's recording of what went wrong.
        Some("error") => {
            let message = response.at("body").text().unwrap_or("an error");
            Parts::failed(method, url(request), parts::fault(message))
        }
        _ if response.is_null() => return Err("the answer was not recorded".to_owned()),
        _ => Parts::new(method, url(request), answered(response, source, &mut changes)?),
    };
    found.request_headers = headers(request);
    found.request_version = parts::version(request.at("proto").text());
    found.request_body = sent(request, source, &mut changes)?;
    found.changes = changes;
    found.at = interaction
        .at_any_case("recorded_at")
        .text()
        .or_else(|| interaction.at_any_case("recordedAt").text())
        .and_then(parts::date);
    found.elapsed = elapsed(interaction, response);
    Ok(found)
}

/// The request's body, which ExVCR has in `request_body`, PHP's curl in `post_fields` and some in `parsed_body`.
fn sent(request: &Value, source: Source<'_>, changes: &mut Vec<String>) -> Result<Body, String> {
    let found = message_body(request, source, changes)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let other = body(request.at("request_body"), source, changes)?;
    if !other.is_empty() {
        return Ok(other);
    }
    let fields = request.at("post_fields").entries();
    if fields.is_empty() {
        return Ok(found);
    }
    changes.push("its form is put together from its fields".to_owned());
    let pair = |(name, value): &(String, Value)| format!("{name}={}", value.text().unwrap_or_default());
    Ok(parts::body(fields.iter().map(pair).collect::<Vec<_>>().join("&")))
}

/// `body`, or what stands for it: Go's old `content`, `parsed_body` of data, cassetter's pair in TOML.
fn message_body(message: &Value, source: Source<'_>, changes: &mut Vec<String>) -> Result<Body, String> {
    if let Some(kind) = message.at("body_type").text() {
        return typed_body(kind, message.at("body_content"), &headers(message));
    }
    if !message.at("parsed_body").is_null() {
        return Ok(parts::json(message.at("parsed_body"), &headers(message)));
    }
    let whole = message.at_any_case("body");
    match whole.at("type").text() {
        Some(kind @ ("json" | "text" | "binary" | "none")) => typed_body(kind, whole.at("content"), &headers(message)),
        _ => body(whole, source, changes),
    }
}

/// cassetter's bodies: a kind, and content in the form of that kind. TOML has JSON as a text.
fn typed_body(kind: &str, content: &Value, headers: &Headers) -> Result<Body, String> {
    Ok(match (kind, content) {
        ("none", _) => Body::Absent,
        ("json", Value::Text(text)) if matches!(text.trim_start().as_bytes(), [b'{' | b'[' | b'"', ..]) => {
            parts::body(text.as_str())
        }
        ("json", data) => parts::json(data, headers),
        ("binary", digits) => {
            let digits = digits.text().unwrap_or_default();
            let bytes = if digits.is_empty() { Some(Vec::new()) } else { parts::hex(digits) };
            parts::body(bytes.ok_or("its binary body should be hex digits")?)
        }
        (_, text) => text.bytes().map_or(Body::Absent, |bytes| parts::body(bytes.into_owned())),
    })
}

fn answered(response: &Value, source: Source<'_>, changes: &mut Vec<String>) -> Result<Answered, String> {
    let status = response.at_any_case("status");
    let words = status.text().filter(|text| text.contains(' '));
    let code = [
        status.at_any_case("code"),
        status.at("status_code"),
        response.at("code"),
        response.at("status_code"),
        status,
        response.at("statusCode"),
    ];
    let code = code.into_iter().find_map(Value::number);
    // `302 Found` in Go; `["HTTP/1.1", 200, "OK"]` in Elixir.
    let code = code.or_else(|| words?.split(' ').find_map(|word| word.parse().ok()));
    let code = code.or_else(|| response.at("status_code").items().iter().chain(status.items()).find_map(Value::number));
    let version = ["http_version", "httpVersion", "proto", "protocol"]
        .into_iter()
        .find_map(|name| response.at_any_case(name).text());
    let content = if response.has("content") && !response.has("body") {
        body(response.at("content"), source, changes)?
    } else if response.at("binary").flag() == Some(true)
        && let Some(packed) = response.at("body").text()
    {
        // ExVCR.
        parts::body(erlang::bytes(&parts::base64(packed)?)?)
    } else {
        message_body(response, source, changes)?
    };
    if code.is_none() && !content.is_empty() {
        return Err("the file does not say the status of its answer".to_owned());
    }
    Ok(Answered {
        status: code.unwrap_or(0),
        reason: status
            .at_any_case("message")
            .text()
            .or_else(|| words?.split_once(' ').map(|(_, reason)| reason))
            .map(str::to_owned),
        version: parts::version(version),
        headers: headers(response),
        body: content,
        trailers: parts::headers(response.at("trailer")),
        ..Answered::default()
    })
}

/// `headers`, or C#'s two lists of them.
fn headers(message: &Value) -> Headers {
    let mut headers = parts::headers(message.at_any_case("headers"));
    for name in ["RequestHeaders", "ResponseHeaders", "ContentHeaders"] {
        for (name, value) in parts::headers(message.at(name)).iter() {
            headers.push(name, value.clone());
        }
    }
    headers
}

/// `uri` or `url`, a `path` alone, or vcrpy's first form in four parts.
fn url(request: &Value) -> String {
    if let Some(url) = ["uri", "url"].into_iter().find_map(|name| request.at_any_case(name).text()) {
        return url.to_owned();
    }
    let path = request.at("path").text().unwrap_or_default();
    match (request.at("protocol").text(), request.at("host").text()) {
        (Some(protocol), Some(host)) => {
            let port =
                request.at("port").number().filter(|port| !matches!((protocol, port), ("http", 80) | ("https", 443)));
            let port = port.map_or_else(String::new, |port| format!(":{port}"));
            format!("{protocol}://{host}{port}{path}")
        }
        _ => path.to_owned(),
    }
}

/// What a body may be a map of; any other map is the body itself, as data.
const BODY_FIELDS: [&str; 9] =
    ["string", "base64_string", "raw_gzip", "data", "encoding", "base64", "file", "state", "str"];

/// A map with `string`, `base64_string`, `raw_gzip` or `data`, a text, or nothing.
fn body(value: &Value, source: Source<'_>, changes: &mut Vec<String>) -> Result<Body, String> {
    let of = |value: &Value| value.bytes().map_or(Body::Absent, |bytes| parts::body(bytes.into_owned()));
    match value {
        Value::Map(entries) if entries.is_empty() => return Ok(Body::Absent),
        Value::List(items) if items.is_empty() => return Ok(Body::Absent),
        Value::Map(_) if BODY_FIELDS.iter().any(|field| value.has(field)) => {}
        Value::Map(_) | Value::List(_) => return Ok(parts::body(value.to_json())),
        scalar => return Ok(of(scalar)),
    }
    if let Some(packed) = value.at("base64_string").text() {
        return Ok(parts::body(parts::base64_or_most_of_it(packed, changes)?));
    }
    if let Some(packed) = value.at("raw_gzip").text() {
        return Ok(parts::body(parts::inflate(&parts::base64(packed)?)?));
    }
    // Ruby's texts with something attached to them.
    if let Some(bytes) = value.at("str").bytes() {
        return Ok(parts::body(bytes.into_owned()));
    }
    // Python's streams.
    if let Some(content) = value.at("state").items().first() {
        return Ok(of(content));
    }
    // Proxay.
    if let Some(data) = value.at("data").text() {
        return Ok(parts::body(match value.at("encoding").text() {
            Some("base64") => parts::base64(data)?,
            _ => data.as_bytes().to_vec(),
        }));
    }
    let text = value.at("string");
    // R's vcr and OkReplay keep large bodies in files of their own.
    if value.at("file").flag() == Some(true)
        && let Some(name) = text.text()
    {
        return Ok(parts::body(parts::beside(source, name)?));
    }
    // And marks base64 by a flag.
    let marked = value.at("base64").flag() == Some(true) || value.at("encoding").text() == Some("base64");
    match (text, text.text()) {
        (_, Some(packed)) if marked => Ok(parts::body(parts::base64(packed)?)),
        // A body that somebody made readable.
        (Value::Map(_) | Value::List(_), _) => Ok(parts::body(text.to_json())),
        _ => Ok(of(text)),
    }
}

/// go-vcr writes `460.6ms`, EasyVCR milliseconds.
fn elapsed(interaction: &Value, response: &Value) -> std::time::Duration {
    if let Some(text) = response.at("duration").text() {
        return parts::go_duration(text).unwrap_or_default();
    }
    let milliseconds = interaction.at_any_case("duration").float().unwrap_or_default().clamp(0.0, 1e9);
    std::time::Duration::from_secs_f64(milliseconds / 1e3)
}
