//! The AWS SDK for Rust's recordings (`aws-smithy-http-client`'s traffic): events of numbered connections.

use std::collections::BTreeMap;

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source};
use crate::tape::Headers;

#[derive(Default)]
struct Connection<'v> {
    request: Option<&'v Value>,
    response: Option<&'v Value>,
    sent: Vec<u8>,
    received: Vec<u8>,
    trailers: Headers,
    bodies: (bool, bool),
}

/// Reads a recording.
pub(super) fn read(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    let root = finds.tree(source)?;
    let Value::List(events) = root.at("events") else { return Err("there is no list of events in it".to_owned()) };
    let mut connections: BTreeMap<i64, Connection<'_>> = BTreeMap::new();
    for (i, event) in events.iter().enumerate() {
        let noted = match event.at("connection_id").number() {
            Some(id) => note(connections.entry(id).or_default(), event.at("action")),
            None => Err("it has no connection_id".to_owned()),
        };
        if let Err(problem) = noted {
            finds.add(format!("event {}", i + 1), Err(problem));
        }
    }
    for (id, connection) in connections {
        finds.add(format!("connection {id}"), exchange(connection));
    }
    finds.finish()
}

fn note<'v>(connection: &mut Connection<'v>, action: &'v Value) -> Result<(), String> {
    if action.has("Request") {
        connection.request = Some(action.at("Request").at("request"));
    }
    if action.has("Response") {
        connection.response = Some(action.at("Response").at("response"));
    }
    let data = action.at("Data");
    let is_request = data.at("direction").text() == Some("Request");
    if !data.is_null() {
        let bytes = data.at("data");
        let bytes = match (bytes.at("Utf8").text(), bytes.at("Base64").text()) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, Some(packed)) => parts::base64(packed)?,
            (None, None) => Vec::new(),
        };
        let (body, seen) = if is_request {
            (&mut connection.sent, &mut connection.bodies.0)
        } else {
            (&mut connection.received, &mut connection.bodies.1)
        };
        *seen = true;
        body.extend(bytes);
    }
    let trailers = action.at("Trailers");
    if !trailers.is_null() {
        connection.trailers = parts::headers(trailers.at("trailers"));
    }
    Ok(())
}

fn exchange(connection: Connection<'_>) -> Result<Parts, String> {
    let request = connection.request.ok_or("there is no request on this connection")?;
    let method = request.at("method").text().unwrap_or("GET");
    let url = request.at("uri").text().unwrap_or_default();
    let response = connection.response.ok_or("there is no answer on this connection")?;
    let mut found = match response.at("Ok") {
        ok if !ok.is_null() => {
            let answered = Answered {
                status: ok.at("status").number().unwrap_or(0),
                version: parts::version(ok.at("version").text()),
                headers: parts::headers(ok.at("headers")),
                body: if connection.bodies.1 { parts::body(connection.received) } else { Default::default() },
                trailers: connection.trailers,
                ..Answered::default()
            };
            Parts::new(method, url, answered)
        }
        _ => Parts::failed(method, url, parts::fault(response.at("Err").text().unwrap_or("the connection failed"))),
    };
    found.request_headers = parts::headers(request.at("headers"));
    if connection.bodies.0 {
        found.request_body = parts::body(connection.sent);
    }
    Ok(found)
}
