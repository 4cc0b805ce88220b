//! WireMock's stub mappings: what is asked for as a rule that WireMock can match, the whole request in the mapping's metadata, so that it
//! can come back as it was.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::super::value::{Spelling, Value, list, map, number, text};
use super::super::{Exchange, parts};
use super::{Exported, base64, fault_named, fault_word, has_binary, rare, texts};
use crate::codec::percent;
use crate::tape::{Answer, Body, Fault, FaultKind, Headers, Outcome, Request, Version, Words as _};

/// Larger bodies get a file of their own.
const INLINE: usize = 4096;
/// The name of our part of the metadata.
const OURS: &str = "traffic-recorder";

pub(super) fn write(exchanges: &[Exchange]) -> Exported {
    let mut exported = Exported { exchanges: exchanges.len(), ..Exported::default() };
    // Several answers to one request are states of a scenario.
    let asks = |exchange: &Exchange| {
        (exchange.request.method.clone(), exchange.request.url.clone(), exchange.request.body.bytes().cloned())
    };
    let mut counts: HashMap<_, (usize, usize)> = HashMap::new();
    for exchange in exchanges {
        counts.entry(asks(exchange)).or_default().0 += 1;
    }
    for (i, exchange) in exchanges.iter().enumerate() {
        let stem = format!("{:04}-{}", i + 1, slug(&exchange.request));
        let (response, file) = response(&exchange.take.outcome, &stem);
        let mut fields =
            vec![("name", text(&exchange.place)), ("request", pattern(&exchange.request)), ("response", response)];
        let (all, seen) = counts.entry(asks(exchange)).or_default();
        if *all > 1 {
            let state = |n: usize| text(if n == 0 { "Started".to_owned() } else { format!("answered {n}") });
            fields.push(("scenarioName", text(format!("{} {}", exchange.request.method, exchange.request.url))));
            fields.push(("requiredScenarioState", state(*seen)));
            if *seen + 1 < *all {
                fields.push(("newScenarioState", state(*seen + 1)));
            }
        }
        *seen += 1;
        fields.push(("metadata", map([(OURS, metadata(exchange))])));
        let mapping = map(fields).to_json_as(Spelling::Indented(2)) + "\n";
        exported.files.push((PathBuf::from(format!("mappings/{stem}.json")), mapping.into_bytes()));
        exported.files.extend(file);
        if let Outcome::Answer(answer) = &exchange.take.outcome {
            let mut what = rare(answer);
            if !answer.trailers.is_empty() {
                what.push("its trailers");
            }
            if has_binary(&answer.headers) || has_binary(&exchange.request.headers) {
                what.push("the bytes of a header that is not UTF-8");
            }
            exported.leave_out(exchange, &what);
        }
    }
    exported
}

fn slug(request: &Request) -> String {
    let (_, path) = split(&request.url);
    let words = format!("{}{}", request.method, path.split('?').next().unwrap_or_default());
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = words.chars().map(plain).take(60).collect();
    slug.trim_matches('-').to_owned()
}

/// The host with its port, and what follows it.
fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()))
}

/// What WireMock matches: method, URL, the type of the body, the body.
fn pattern(request: &Request) -> Value {
    let (authority, path) = split(&request.url);
    let host = percent::split_url(&request.url).map_or(authority, |parts| &request.url[parts.host]);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let mut fields =
        vec![("method", text(&request.method)), ("url", text(path)), ("host", map([("equalTo", text(host))]))];
    if let Some(accept) = request.headers.text("accept") {
        fields.push(("headers", map([("Accept", map([("equalTo", text(accept))]))])));
    }
    if let Some(bytes) = request.body.bytes().filter(|bytes| !bytes.is_empty()) {
        let json = request.headers.text("content-type").is_some_and(|kind| kind.contains("json"));
        let pattern = match std::str::from_utf8(bytes) {
            Ok(body) if json => map([("equalToJson", text(body))]),
            Ok(body) => map([("equalTo", text(body))]),
            Err(_) => map([("binaryEqualTo", text(base64(bytes)))]),
        };
        fields.push(("bodyPatterns", list([pattern])));
    }
    map(fields)
}

fn response(outcome: &Outcome, stem: &str) -> (Value, Option<(PathBuf, Vec<u8>)>) {
    match outcome {
        Outcome::Answer(answer) => answered(answer, stem),
        Outcome::Fault(fault) => {
            let name = match fault.kind {
                FaultKind::Closed | FaultKind::Refused => "EMPTY_RESPONSE",
                FaultKind::Protocol => "MALFORMED_RESPONSE_CHUNK",
                _ => "CONNECTION_RESET_BY_PEER",
            };
            (map([("fault", text(name))]), None)
        }
    }
}

fn answered(answer: &Answer, stem: &str) -> (Value, Option<(PathBuf, Vec<u8>)>) {
    let mut fields = vec![("status", number(answer.status))];
    if let Some(reason) = &answer.reason {
        fields.push(("statusMessage", text(reason)));
    }
    let mut names: Vec<(String, Vec<Value>)> = Vec::new();
    for (name, value) in texts(&answer.headers) {
        match names.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(text(value)),
            None => names.push((name.to_owned(), vec![text(value)])),
        }
    }
    let one_or_all = |(name, mut values): (String, Vec<Value>)| match values.len() {
        1 => (name, values.remove(0)),
        _ => (name, Value::List(values)),
    };
    fields.push(("headers", Value::Map(names.into_iter().map(one_or_all).collect())));
    let Body::Bytes(bytes) = &answer.body else { return (map(fields), None) };
    let mut file = None;
    match std::str::from_utf8(bytes) {
        Ok(body) if bytes.len() <= INLINE => fields.push(("body", text(body))),
        Err(_) if bytes.len() <= INLINE => fields.push(("base64Body", text(base64(bytes)))),
        _ => {
            let name = format!("{stem}.body");
            fields.push(("bodyFileName", text(&name)));
            file = Some((PathBuf::from(format!("__files/{name}")), bytes.to_vec()));
        }
    }
    (map(fields), file)
}

/// The request as it was, and when.
fn metadata(exchange: &Exchange) -> Value {
    let request = &exchange.request;
    let headers = texts(&request.headers).map(|(name, value)| list([text(name), text(value)]));
    let mut fields = vec![
        ("url", text(&request.url)),
        ("version", text(request.version.word())),
        ("headers", list(headers)),
        ("at", text(humantime::format_rfc3339_seconds(exchange.take.recorded.at).to_string())),
        ("elapsed_ms", number(exchange.take.recorded.elapsed.as_millis())),
    ];
    if let Some(bytes) = request.body.bytes() {
        fields.push(("body", text(base64(bytes))));
    }
    match &exchange.take.outcome {
        Outcome::Answer(answer) => fields.push(("answer_version", text(answer.version.word()))),
        Outcome::Fault(fault) => {
            fields.push(("fault", text(fault_word(fault))));
            fields.push(("message", text(&fault.message)));
        }
    }
    map(fields)
}

/// What the metadata of a mapping that was exported here says.
#[derive(Debug)]
pub(in super::super) struct Whole {
    pub(in super::super) method: String,
    pub(in super::super) url: String,
    pub(in super::super) version: Version,
    pub(in super::super) headers: Headers,
    pub(in super::super) body: Body,
    pub(in super::super) at: Option<SystemTime>,
    pub(in super::super) elapsed: Duration,
    pub(in super::super) answer_version: Version,
    pub(in super::super) fault: Option<Fault>,
}

/// The request of a mapping that was exported here; `None` for anybody else's.
pub(in super::super) fn from_metadata(mapping: &Value) -> Result<Option<Whole>, String> {
    let ours = mapping.at("metadata").at(OURS);
    let Some(url) = ours.at("url").text() else { return Ok(None) };
    let elapsed = ours.at("elapsed_ms").number().and_then(|elapsed| u64::try_from(elapsed).ok()).unwrap_or_default();
    let fault = ours
        .at("fault")
        .text()
        .and_then(fault_named)
        .map(|kind| Fault { kind, message: ours.at("message").text().unwrap_or_default().to_owned() });
    Ok(Some(Whole {
        method: mapping.at("request").at("method").text().unwrap_or("GET").to_owned(),
        url: url.to_owned(),
        version: parts::version(ours.at("version").text()),
        headers: parts::headers(ours.at("headers")),
        body: match ours.at("body").text() {
            Some(packed) => parts::body(parts::base64(packed)?),
            None => Body::Absent,
        },
        at: ours.at("at").text().and_then(parts::date),
        elapsed: Duration::from_millis(elapsed),
        answer_version: parts::version(ours.at("answer_version").text()),
        fault,
    }))
}
