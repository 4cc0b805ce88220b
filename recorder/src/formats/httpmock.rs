//! httpmock's static mocks, which are what it records, too: YAML documents with `when` and `then`.
//!
//! A mock is a rule. Only what asks for one exact request becomes a tape.

use std::time::Duration;

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source, yaml};
use crate::tape::{Body, Headers};

/// Reads a file of mocks.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    for (i, document) in yaml::each_document(&parts::text(source)?).iter().enumerate() {
        let place = format!("mock {}", i + 1);
        match document {
            Ok(mock) if mock.is_null() => {}
            Ok(mock) => finds.add(place, exchange(mock, source)),
            Err(error) => finds.add(place, Err(error.to_string())),
        }
    }
    finds.finish()
}

fn exchange(mock: &Value, source: Source<'_>) -> Result<Parts, String> {
    let (when, then) = (mock.at("when"), mock.at("then"));
    let method = when.at("method").text().ok_or("it answers every method, and a tape answers one")?;
    let answer_headers = parts::headers(then.at("header"));
    let answered = Answered {
        status: then.at("status").number().unwrap_or(200),
        body: body(then, "body_from_file", source, &answer_headers)?,
        headers: answer_headers,
        ..Answered::default()
    };
    let mut found = Parts::new(method, url(when)?, answered);
    found.request_headers = parts::headers(when.at("header"));
    let cookies: Vec<String> = when.at("cookie").items().iter().map(pair).collect();
    if !cookies.is_empty() {
        found.request_headers.push("cookie", cookies.join("; "));
    }
    found.request_body = match body(when, "", source, &found.request_headers)? {
        Body::Absent => form(when),
        sent => sent,
    };
    found.elapsed =
        Duration::from_millis(then.at("delay").number().and_then(|delay| delay.try_into().ok()).unwrap_or(0));
    const EXACT: [&str; 13] = [
        "method",
        "scheme",
        "host",
        "port",
        "path",
        "query_param",
        "header",
        "cookie",
        "body",
        "body_base64",
        "json_body",
        "form_urlencoded_tuple",
        "x_www_form_urlencoded_tuple",
    ];
    for (name, value) in when.entries() {
        if !value.is_null() && !EXACT.contains(&name.as_str()) {
            found.notes.push(format!("it also asks for {name}, which a tape does not look at"));
        }
    }
    Ok(found)
}

fn url(when: &Value) -> Result<String, String> {
    let path = when.at("path").text().ok_or("it answers many paths, and a tape answers one")?;
    let origin = when.at("host").text().map_or_else(String::new, |host| {
        let port = when.at("port").number().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{host}{port}", when.at("scheme").text().unwrap_or("http"))
    });
    let query: Vec<String> = when.at("query_param").items().iter().map(pair).collect();
    let sign = if query.is_empty() { "" } else { "?" };
    Ok(format!("{origin}{path}{sign}{}", query.join("&")))
}

fn pair(item: &Value) -> String {
    let text = |name: &str| item.at(name).text().unwrap_or_default();
    format!("{}={}", if item.has("name") { text("name") } else { text("key") }, text("value"))
}

/// `body`, `body_base64`, `json_body` (as a text or as data), or a file.
fn body(side: &Value, file: &str, source: Source<'_>, headers: &Headers) -> Result<Body, String> {
    if let Some(packed) = side.at("body_base64").text() {
        return Ok(parts::body(parts::base64(packed)?));
    }
    if let Some(text) = side.at("body").text() {
        return Ok(parts::body(text));
    }
    if let Some(name) = side.at(file).text() {
        return Ok(parts::body(parts::beside(source, name)?));
    }
    Ok(match side.at("json_body") {
        data if data.is_null() => Body::Absent,
        Value::Text(text) => parts::body(text.as_str()),
        data => parts::json(data, headers),
    })
}

fn form(when: &Value) -> Body {
    let fields = ["form_urlencoded_tuple", "x_www_form_urlencoded_tuple"].into_iter().map(|name| when.at(name));
    let pairs: Vec<String> = fields.flat_map(Value::items).map(pair).collect();
    if pairs.is_empty() { Body::Absent } else { parts::body(pairs.join("&")) }
}
