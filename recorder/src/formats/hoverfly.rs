//! Hoverfly's simulations: pairs of what a request must be like and its answer, in the schemas v1 to v5.

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source};
use crate::tape::{Body, Headers};

/// Reads a simulation.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    let root = finds.tree(source)?;
    let Value::List(pairs) = root.at("data").at("pairs") else {
        return Err("there is no list at data.pairs".to_owned());
    };
    for (i, pair) in pairs.iter().enumerate() {
        finds.add(format!("pair {}", i + 1), exchange(pair, source));
    }
    finds.finish()
}

fn exchange(pair: &Value, source: Source<'_>) -> Result<Parts, String> {
    let (request, response) = (pair.at("request"), pair.at("response"));
    let exact = |name: &str| exact(name, request.at(name));
    let host = exact("destination")?.ok_or("it answers every host, and a tape answers one")?;
    let path = exact("path")?.unwrap_or_else(|| "/".to_owned());
    let method = exact("method")?.ok_or("it answers every method, and a tape answers one")?;
    let scheme = exact("scheme")?.unwrap_or_else(|| "http".to_owned());
    let query = query(request)?;
    let body = response.at("body").text().unwrap_or_default();
    let answered = Answered {
        status: response.at("status").number().unwrap_or(200),
        headers: parts::headers(response.at("headers")),
        body: match (response.at("encodedBody").flag(), response.at("bodyFile").text()) {
            (_, Some(name)) if !name.is_empty() && body.is_empty() => parts::body(parts::beside(source, name)?),
            (Some(true), _) => parts::body(parts::base64(body)?),
            _ => parts::body(body),
        },
        ..Answered::default()
    };
    let mut found = Parts::new(method, format!("{scheme}://{host}{path}{query}"), answered);
    found.request_headers = wanted_headers(request.at("headers"), &mut found.notes);
    found.request_body = match self::exact("body", request.at("body"))? {
        Some(body) if !body.is_empty() => parts::body(body),
        _ => Body::Absent,
    };
    if response.at("templated").flag() == Some(true) {
        found.notes.push("it has templates; they are kept as texts and not computed".to_owned());
    }
    if !request.at("requiresState").is_null() {
        found
            .notes
            .push("it belongs to a state; answers to one request are played in the order of the file".to_owned());
    }
    Ok(found)
}

/// The one value that a field must have; `None` where any will do.
fn exact(name: &str, field: &Value) -> Result<Option<String>, String> {
    let rule = || format!("it matches {name} by a rule that is not one exact value, and a tape answers one request");
    match field {
        Value::List(matchers) => match matchers.as_slice() {
            [] => Ok(None),
            [matcher]
                if matches!(matcher.at("matcher").text(), Some("exact" | "json" | "xml") | None)
                    && matcher.at("doMatch").is_null() =>
            {
                let value = matcher.at("value");
                Ok(Some(value.text().map_or_else(|| value.to_json(), str::to_owned)))
            }
            _ => Err(rule()),
        },
        Value::Map(_) => match ["exactMatch", "jsonMatch", "xmlMatch"].into_iter().find(|kind| field.has(kind)) {
            Some(kind) => Ok(Some(field.at(kind).text().unwrap_or_default().to_owned())),
            None => Err(rule()),
        },
        single => Ok(single.text().map(str::to_owned)),
    }
}

fn query(request: &Value) -> Result<String, String> {
    let query = request.at("query");
    // A query of old schemas stands beside the new field.
    let whole = match exact("query", request.at("deprecatedQuery"))? {
        Some(text) => Some(text),
        None if query.has("exactMatch") || query.text().is_some() => exact("query", query)?,
        None => None,
    };
    if let Some(text) = whole {
        return Ok(if text.is_empty() { text } else { format!("?{text}") });
    }
    let mut pairs = Vec::new();
    for (name, matchers) in query.entries() {
        match exact(&format!("the parameter {name}"), matchers)? {
            Some(value) => pairs.push(format!("{name}={value}")),
            None => return Err(format!("it answers every value of the parameter {name}, and a tape answers one")),
        }
    }
    Ok(if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) })
}

fn wanted_headers(value: &Value, notes: &mut Vec<String>) -> Headers {
    let mut headers = Headers::new();
    for (name, matchers) in value.entries() {
        // Until v3, values; since v4, matchers.
        let plain = matchers.items().iter().all(|item| item.text().is_some());
        if plain {
            for value in matchers.items().iter().filter_map(Value::text) {
                headers.push(name, value.to_owned());
            }
        } else if let Ok(Some(value)) = exact(name, matchers) {
            headers.push(name, value);
        } else {
            notes.push(format!("it matches the header {name} by a rule; the tape asks for none"));
        }
    }
    headers
}
