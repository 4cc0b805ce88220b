//! WireMock's stub mappings: one, a list under `mappings`, bodies in files of the folder `__files`.
//!
//! A stub is a rule. Only what asks for one exact request becomes a tape; states of a scenario become the order of the takes.

use std::time::Duration;

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source};
use crate::tape::{Body, Fault, FaultKind, Headers};

/// Reads a file of mappings.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    let root = finds.tree(source)?;
    let mappings = match (&root, root.at("mappings")) {
        (Value::List(mappings), _) | (_, Value::List(mappings)) => mappings.as_slice(),
        _ => std::slice::from_ref(&root),
    };
    for (i, mapping) in mappings.iter().enumerate() {
        let place = mapping.at("name").text().map_or_else(|| format!("mapping {}", i + 1), str::to_owned);
        finds.add(place, exchange(mapping, source));
    }
    finds.finish()
}

fn exchange(mapping: &Value, source: Source<'_>) -> Result<Parts, String> {
    let (request, response) = (mapping.at("request"), mapping.at("response"));
    if request.is_null() || response.is_null() {
        return Err("it has no request or no response".to_owned());
    }
    if let Some(found) = super::export::from_metadata(mapping)? {
        let mut notes = Vec::new();
        let mut parts = match found.fault {
            Some(fault) => Parts::failed(found.method, found.url, fault),
            None => Parts::new(found.method, found.url, answered(response, source, &mut notes)?),
        };
        (parts.request_headers, parts.request_body, parts.request_version) = (found.headers, found.body, found.version);
        (parts.at, parts.elapsed) = (found.at, found.elapsed);
        if let Ok(answered) = &mut parts.outcome {
            answered.version = found.answer_version;
        }
        return Ok(parts);
    }
    if !response.at("proxyBaseUrl").is_null() {
        return Err("it hands the request on to another server".to_owned());
    }
    let method = match request.at("method").text() {
        Some("ANY") | None => return Err("it answers every method, and a tape answers one".to_owned()),
        Some(method) => method,
    };
    let mut notes = Vec::new();
    let url = format!("{}{}", origin(request)?, url(request, &mut notes)?);
    let mut found = match response.at("fault").text() {
        Some(fault) => Parts::failed(method, url, self::fault(fault)),
        None => Parts::new(method, url, answered(response, source, &mut notes)?),
    };
    found.request_headers = wanted_headers(request, &mut notes);
    found.request_body = wanted_body(request, &mut notes)?;
    if let Some(delay) = response.at("fixedDelayMilliseconds").number().and_then(|delay| u64::try_from(delay).ok()) {
        found.elapsed = Duration::from_millis(delay);
    }
    if !mapping.at("scenarioName").is_null() {
        notes.push("it belongs to a scenario: answers to one request are played in the order of the files".to_owned());
    }
    found.notes = notes;
    Ok(found)
}

fn answered(response: &Value, source: Source<'_>, notes: &mut Vec<String>) -> Result<Answered, String> {
    let body = if let Some(text) = response.at("body").text() {
        parts::body(text)
    } else if !response.at("jsonBody").is_null() {
        parts::json(response.at("jsonBody"), &parts::headers(response.at("headers")))
    } else if let Some(packed) = response.at("base64Body").text() {
        parts::body(parts::base64(packed)?)
    } else if let Some(name) = response.at("bodyFileName").text() {
        parts::body(body_file(source, name)?)
    } else {
        Body::Absent
    };
    let headers = parts::headers(response.at("headers"));
    let templated = headers.iter().any(|(_, value)| memchr::memmem::find(value, b"{{").is_some());
    if templated || !response.at("transformers").items().is_empty() {
        notes.push("it has templates; they are kept as texts and not computed".to_owned());
    }
    Ok(Answered {
        status: response.at("status").number().unwrap_or(200),
        reason: response.at("statusMessage").text().map(str::to_owned),
        headers,
        body,
        ..Answered::default()
    })
}

/// `__files` stands beside the folder `mappings`, however deep the mapping lies in that.
fn body_file(source: Source<'_>, name: &str) -> Result<Vec<u8>, String> {
    for folder in source.path.ancestors().skip(1).take(8) {
        let files = folder.join("__files");
        if files.is_dir() {
            return parts::beside(Source { path: &files.join("x"), ..source }, name);
        }
    }
    Err(format!("its body is in the file {name}, and there is no folder __files above it"))
}

/// Scheme, host and port, where the mapping asks for them.
fn origin(request: &Value) -> Result<String, String> {
    let host = request.at("host");
    if host.is_null() {
        return Ok(String::new());
    }
    let host = host.at("equalTo").text().ok_or("it answers several hosts, and a tape answers one")?;
    let scheme = request.at("scheme").text().unwrap_or("http");
    let port = request.at("port").number().map_or_else(String::new, |port| format!(":{port}"));
    Ok(format!("{scheme}://{host}{port}"))
}

fn url(request: &Value, notes: &mut Vec<String>) -> Result<String, String> {
    if let Some(url) = request.at("url").text() {
        return Ok(url.to_owned());
    }
    let pattern = |text: &str| text.contains(['*', '+', '?', '[', '(', '|', '\\', '^', '$', '{']);
    for name in ["urlPattern", "urlPathPattern", "urlPathTemplate"] {
        match request.at(name).text() {
            Some(text) if pattern(text) => {
                return Err(format!("it answers every URL that fits {text:?}, and a tape answers one"));
            }
            Some(text) => return Ok(text.to_owned()),
            None => {}
        }
    }
    let Some(path) = request.at("urlPath").text() else {
        return Err("it answers every URL, and a tape answers one".to_owned());
    };
    let mut url = path.to_owned();
    for (i, (name, matcher)) in request.at("queryParameters").entries().iter().enumerate() {
        let value = matcher
            .at("equalTo")
            .text()
            .ok_or_else(|| format!("it answers several values of the parameter {name}, and a tape answers one"))?;
        let sign = if i == 0 { '?' } else { '&' };
        url.push_str(&format!("{sign}{}={}", escaped(name), escaped(value)));
    }
    if request.at("queryParameters").is_null() {
        notes.push("it answers the path with any query; the tape answers it with none".to_owned());
    }
    Ok(url)
}

/// As it stands in a query.
fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let byte = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}

fn wanted_headers(request: &Value, notes: &mut Vec<String>) -> Headers {
    use base64::Engine as _;
    let mut headers = Headers::new();
    let credentials = request.at("basicAuthCredentials");
    if let (Some(user), Some(password)) = (credentials.at("username").text(), credentials.at("password").text()) {
        let packed = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        headers.push("Authorization", format!("Basic {packed}"));
    }
    let cookies = request.at("cookies").entries();
    let exact = cookies.iter().filter_map(|(name, matcher)| Some(format!("{name}={}", matcher.at("equalTo").text()?)));
    let exact: Vec<String> = exact.collect();
    if !exact.is_empty() {
        headers.push("Cookie", exact.join("; "));
    }
    for (name, matcher) in request.at("headers").entries() {
        match matcher.at("equalTo").text() {
            Some(value) => headers.push(name, value.to_owned()),
            None => notes.push(format!("it matches the header {name} by a rule; the tape asks for none")),
        }
    }
    headers
}

fn wanted_body(request: &Value, notes: &mut Vec<String>) -> Result<Body, String> {
    for pattern in request.at("bodyPatterns").items() {
        let json = pattern.at("equalToJson");
        if let Value::Map(_) | Value::List(_) = json {
            return Ok(parts::body(json.to_json()));
        }
        if let Some(text) = json.text().or_else(|| pattern.at("equalTo").text()) {
            return Ok(parts::body(text));
        }
        if let Some(packed) = pattern.at("binaryEqualTo").text() {
            return Ok(parts::body(parts::base64(packed)?));
        }
        notes.push("it matches the body by a rule; the tape has no body".to_owned());
    }
    Ok(Body::Absent)
}

fn fault(name: &str) -> Fault {
    let kind = match name {
        "CONNECTION_RESET_BY_PEER" => FaultKind::Reset,
        "EMPTY_RESPONSE" => FaultKind::Closed,
        "MALFORMED_RESPONSE_CHUNK" | "RANDOM_DATA_THEN_CLOSE" => FaultKind::Protocol,
        _ => FaultKind::Other,
    };
    Fault { kind, message: name.to_owned() }
}
