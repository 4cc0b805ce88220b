//! VCR's cassettes and those of its relatives: a list of interactions with `request` and `response`.
//!
//! VCR (Ruby, YAML and JSON), vcrpy, betamax, rvcr, R's vcr, php-vcr, EasyVCR and go-vcr agree on the outline and on little else; the
//! differences stand here one by one.

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source, json, yaml};
use crate::tape::Body;

/// Reads a cassette.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let text = std::str::from_utf8(source.bytes).map_err(|error| format!("it is not UTF-8: {error}"))?;
    let root = if text.trim_start().starts_with(['{', '[']) {
        json::document(text).map_err(|error| error.to_string())?
    } else {
        let mut documents = yaml::documents(text).map_err(|error| error.to_string())?;
        if documents.len() != 1 {
            return Err(format!("a cassette is one document, and this file has {}", documents.len()));
        }
        documents.remove(0)
    };
    let mut finds = Finds::default();
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
            _ => Err("there is no list of interactions in it".to_owned()),
        },
    }
}

fn exchange(interaction: &Value) -> Result<Parts, String> {
    let (request, response) = (interaction.at("request"), interaction.at("response"));
    if response.is_null() {
        return Err("the answer was not recorded".to_owned());
    }
    let status = response.at("status");
    let answered = Answered {
        status: status.at("code").number().or_else(|| status.number()).unwrap_or(0),
        reason: status.at("message").text().map(str::to_owned),
        version: parts::version(response.at("http_version").text()),
        headers: parts::headers(response.at("headers")),
        body: body(response.at("body"))?,
        ..Answered::default()
    };
    let url = request.at("uri").text().or_else(|| request.at("url").text()).unwrap_or_default();
    let mut found = Parts::new(request.at("method").text().unwrap_or_default(), url, answered);
    found.request_headers = parts::headers(request.at("headers"));
    found.request_body = body(request.at("body"))?;
    found.at = interaction.at("recorded_at").text().and_then(parts::date);
    Ok(found)
}

/// A map with `string` or `base64_string`, a text, or nothing.
fn body(value: &Value) -> Result<Body, String> {
    if let Some(packed) = value.at("base64_string").text() {
        return Ok(parts::body(parts::base64(packed)?));
    }
    let text = if matches!(value, Value::Map(_)) { value.at("string") } else { value };
    Ok(text.bytes().map_or(Body::Absent, |bytes| parts::body(bytes.into_owned())))
}
