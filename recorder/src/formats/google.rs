//! Two tools of Google's: test-server's recordings, and the replay files of `httpreplay` for Go.

use super::parts::{self, Answered, Finds, Parts};
use super::value::Value;
use super::{Found, Source};
use crate::tape::Body;

/// Reads a recording of test-server.
pub(super) fn read_test_server(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    let root = finds.tree(source)?;
    let Value::List(interactions) = root.at("interactions") else {
        return Err("there is no list of interactions in it".to_owned());
    };
    for (i, interaction) in interactions.iter().enumerate() {
        finds.add(format!("interaction {}", i + 1), interaction_of_test_server(interaction));
    }
    finds.finish()
}

fn interaction_of_test_server(interaction: &Value) -> Result<Parts, String> {
    let (request, response) = (interaction.at("request"), interaction.at("response"));
    let answered = Answered {
        status: response.at("statusCode").number().unwrap_or(0),
        headers: parts::headers(response.at("headers")),
        body: segments(response.at("bodySegments"))?,
        ..Answered::default()
    };
    let (protocol, host) =
        (request.at("protocol").text().unwrap_or("https"), request.at("serverAddress").text().unwrap_or_default());
    let port = request.at("port").number().map_or_else(String::new, |port| format!(":{port}"));
    let path = request.at("url").text().unwrap_or("/");
    let mut found =
        Parts::new(request.at("method").text().unwrap_or("GET"), format!("{protocol}://{host}{port}{path}"), answered);
    found.request_headers = parts::headers(request.at("headers"));
    found.request_body = segments(request.at("bodySegments"))?;
    Ok(found)
}

/// JSON documents, one after the other; nulls for none.
fn segments(value: &Value) -> Result<Body, String> {
    let segments: Vec<&Value> = value.items().iter().filter(|segment| !segment.is_null()).collect();
    Ok(match segments.as_slice() {
        [] => Body::Absent,
        [Value::Text(text)] => parts::body(text.as_str()),
        several => parts::body(several.iter().map(|segment| segment.to_json()).collect::<Vec<_>>().join("\n")),
    })
}

/// Reads a replay file of `httpreplay`.
pub(super) fn read_httpreplay(source: Source<'_>) -> Result<Found, String> {
    let mut finds = Finds::of(source);
    let root = finds.tree(source)?;
    let entries = root.at("Entries");
    if !matches!(entries, Value::List(_)) && !entries.is_null() {
        return Err("Entries is no list".to_owned());
    }
    for (i, entry) in entries.items().iter().enumerate() {
        finds.add(format!("entry {}", i + 1), entry_of_httpreplay(entry));
    }
    finds.finish()
}

fn entry_of_httpreplay(entry: &Value) -> Result<Parts, String> {
    let (request, response) = (entry.at("Request"), entry.at("Response"));
    if response.is_null() {
        return Err("the answer was not recorded".to_owned());
    }
    let answered = Answered {
        status: response.at("StatusCode").number().unwrap_or(0),
        version: parts::version(response.at("Proto").text()),
        headers: parts::headers(response.at("Header")),
        body: match response.at("Body").text() {
            Some(packed) => parts::body(parts::base64(packed)?),
            None => Body::Absent,
        },
        ..Answered::default()
    };
    let mut found = Parts::new(
        request.at("Method").text().unwrap_or("GET"),
        request.at("URL").text().unwrap_or_default(),
        answered,
    );
    found.request_headers = parts::headers(request.at("Header"));
    let pieces: Vec<&Value> = request.at("BodyParts").items().iter().filter(|part| !part.is_null()).collect();
    if pieces.len() > 1 {
        // A multipart body without the boundary that held it together.
        found.changes.push(format!(
            "the {} parts of the request's body are kept one after the other, without their boundary",
            pieces.len()
        ));
    }
    if !pieces.is_empty() {
        let mut bytes = Vec::new();
        for packed in pieces.iter().filter_map(|piece| piece.text()) {
            bytes.extend(parts::base64(packed)?);
        }
        found.request_body = parts::body(bytes);
    }
    Ok(found)
}
