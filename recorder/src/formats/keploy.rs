//! keploy's test cases and mocks: YAML documents, one for each exchange, of several protocols.

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source, yaml};
use crate::tape::Body;

/// Reads a file of test cases or mocks.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    for (i, document) in yaml::each_document(&parts::text(source)?).iter().enumerate() {
        match document {
            Ok(document) => {
                let place = document.at("name").text().map_or_else(|| format!("document {}", i + 1), str::to_owned);
                finds.add(place, exchange(document));
            }
            Err(error) => finds.add(format!("document {}", i + 1), Err(error.to_string())),
        }
    }
    finds.finish()
}

fn exchange(document: &Value) -> Result<Parts, String> {
    let kind = document.at("kind").text().unwrap_or_default();
    if !kind.eq_ignore_ascii_case("http") {
        return Err(format!("its kind is {kind:?}, and only Http can be a tape"));
    }
    let spec = document.at("spec");
    let (request, response) = (spec.at("req"), spec.at("resp"));
    let body = |value: &Value| {
        value.bytes().filter(|bytes| !bytes.is_empty()).map_or(Body::Absent, |bytes| parts::body(bytes.into_owned()))
    };
    let major = |value: &Value| parts::version(value.at("proto_major").text());
    let answered = Answered {
        status: response.at("status_code").number().unwrap_or(0),
        reason: response.at("status_message").text().map(str::to_owned),
        version: major(response),
        headers: parts::headers(response.at("header")),
        body: match response.at("body") {
            Value::List(events) => event_stream(events),
            whole => body(whole),
        },
        ..Answered::default()
    };
    let mut found = Parts::new(
        request.at("method").text().unwrap_or_default(),
        request.at("url").text().unwrap_or_default(),
        answered,
    );
    found.request_headers = parts::headers(request.at("header"));
    found.request_body = body(request.at("body"));
    found.at = request.at("timestamp").text().and_then(parts::date);
    Ok(found)
}

/// Server-sent events that were taken apart: each with the names and values of its fields, in order.
fn event_stream(events: &[Value]) -> Body {
    let mut text = String::new();
    for event in events {
        for (name, value) in event.at("data").entries() {
            text.push_str(&format!("{name}: {}\n", value.text().unwrap_or_default()));
        }
        text.push('\n');
    }
    parts::body(text)
}
