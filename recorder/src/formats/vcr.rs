//! VCR's cassettes and those of its relatives: a list of interactions with `request` and `response`.
//!
//! VCR (Ruby, YAML and JSON), vcrpy, betamax, rvcr, reqwest-vcr, R's vcr, php-vcr, go-vcr, EasyVCR, ExVCR, Proxay and OkReplay agree on the
//! outline and on little else; the differences stand here one by one.

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source};
use crate::tape::{Body, Headers};

/// Reads a cassette.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let root = parts::tree(source)?;
    let mut finds = Finds::of(source);
    for (i, interaction) in interactions(&root)?.iter().enumerate() {
        finds.add(format!("interaction {}", i + 1), exchange(interaction));
    }
    Ok(finds.finish())
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

fn exchange(interaction: &Value) -> Result<Parts, String> {
    let (request, response) = (interaction.at_any_case("request"), interaction.at_any_case("response"));
    if request.is_null() {
        return Err("there is no request in it".to_owned());
    }
    let method = request.at_any_case("method").text().unwrap_or_default();
    let mut found = match response.at("type").text() {
        // ExVCR's recording of what went wrong.
        Some("error") => {
            let message = response.at("body").text().unwrap_or("an error");
            Parts::failed(method, url(request), parts::fault(message))
        }
        _ if response.is_null() => return Err("the answer was not recorded".to_owned()),
        _ => Parts::new(method, url(request), answered(response)?),
    };
    found.request_headers = headers(request);
    found.request_version = parts::version(request.at("proto").text());
    found.request_body = match body(request.at_any_case("body"))? {
        // ExVCR has the text that was matched in `body` and what was sent in `request_body`.
        Body::Absent => body(request.at("request_body"))?,
        found if found.is_empty() && request.at("request_body").text().is_some_and(|text| !text.is_empty()) => {
            body(request.at("request_body"))?
        }
        found => found,
    };
    found.at = interaction
        .at_any_case("recorded_at")
        .text()
        .or_else(|| interaction.at_any_case("recordedAt").text())
        .and_then(parts::date);
    found.elapsed = elapsed(interaction, response);
    Ok(found)
}

fn answered(response: &Value) -> Result<Answered, String> {
    let status = response.at_any_case("status");
    let words = status.text().filter(|text| text.contains(' '));
    let code = [
        status.at_any_case("code"),
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
        response.at("content")
    } else {
        response.at_any_case("body")
    };
    Ok(Answered {
        status: code.unwrap_or(0),
        reason: status
            .at_any_case("message")
            .text()
            .or_else(|| words?.split_once(' ').map(|(_, reason)| reason))
            .map(str::to_owned),
        version: parts::version(version),
        headers: headers(response),
        body: body(content)?,
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

/// A map with `string`, `base64_string`, `raw_gzip` or `data`, a text, or nothing.
fn body(value: &Value) -> Result<Body, String> {
    let Value::Map(_) = value else {
        return Ok(value.bytes().map_or(Body::Absent, |bytes| parts::body(bytes.into_owned())));
    };
    if let Some(packed) = value.at("base64_string").text() {
        return Ok(parts::body(parts::base64(packed)?));
    }
    if let Some(packed) = value.at("raw_gzip").text() {
        return Ok(parts::body(parts::inflate(&parts::base64(packed)?)?));
    }
    // Proxay.
    if let Some(data) = value.at("data").text() {
        return Ok(parts::body(match value.at("encoding").text() {
            Some("base64") => parts::base64(data)?,
            _ => data.as_bytes().to_vec(),
        }));
    }
    // R's vcr marks base64 by a flag.
    let text = value.at("string");
    if value.at("base64").flag() == Some(true)
        && let Some(packed) = text.text()
    {
        return Ok(parts::body(parts::base64(packed)?));
    }
    Ok(text.bytes().map_or(Body::Absent, |bytes| parts::body(bytes.into_owned())))
}

/// go-vcr writes `460.6ms`, EasyVCR milliseconds.
fn elapsed(interaction: &Value, response: &Value) -> std::time::Duration {
    if let Some(text) = response.at("duration").text() {
        return parts::go_duration(text).unwrap_or_default();
    }
    let milliseconds = interaction.at_any_case("duration").float().unwrap_or_default().clamp(0.0, 1e9);
    std::time::Duration::from_secs_f64(milliseconds / 1e3)
}
