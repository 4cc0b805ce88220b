//! The shape of an answer: which types stand where, whatever the values. Of a stream, for each name of its events.

use std::collections::{BTreeMap, BTreeSet};

use crate::codec::json::{self, Kind, Node};
use crate::codec::{coding, events, media};
use crate::tape::{Answer, MessageKind, Side, Transcript};

/// The types that stand at each path; array elements share one, and so do events of one name.
pub(super) type Shape = BTreeMap<String, BTreeSet<&'static str>>;

/// The shape of a body that is JSON or a stream of events, or of what was received in a conversation; `None` of any other.
pub(super) fn shape(answer: &Answer) -> Option<Shape> {
    if let Some(transcript) = &answer.transcript {
        return Some(received(transcript));
    }
    let bytes = answer.body.bytes()?;
    let encodings: Vec<_> = answer.headers.all("content-encoding").collect();
    let decoded = coding::decode(encodings, bytes, u64::MAX).ok();
    let plain = decoded.as_ref().map_or(bytes.as_ref(), |decoded| &decoded.bytes);
    let mut shape = Shape::new();
    if let Some(events) = answer.headers.text("content-type").and_then(|t| events::of(media::essence(t), plain)) {
        for event in events {
            let place = format!("event {}", event.name);
            match json::parse(event.data.as_bytes()) {
                Ok(node) => walk(&node, format!("{place} $"), &mut shape),
                Err(_) => {
                    shape.entry(place).or_default().insert("text");
                }
            }
        }
        return Some(shape);
    }
    walk(&json::parse(plain).ok()?, "$".to_owned(), &mut shape);
    Some(shape)
}

/// What the service says in a conversation, all of its messages together: how many there are is chance.
fn received(transcript: &Transcript) -> Shape {
    let mut shape = Shape::new();
    for message in transcript.messages.iter().filter(|message| message.by == Side::Server) {
        match (json::parse(&message.data), message.kind) {
            (Ok(node), _) => walk(&node, "message $".to_owned(), &mut shape),
            (Err(_), MessageKind::Text) => drop(shape.entry("message".to_owned()).or_default().insert("text")),
            (Err(_), MessageKind::Binary) => drop(shape.entry("message".to_owned()).or_default().insert("binary")),
        }
    }
    shape
}

fn walk(node: &Node<'_>, path: String, shape: &mut Shape) {
    let kind = match &node.kind {
        Kind::Null => "null",
        Kind::Bool(_) => "boolean",
        Kind::Number(_) => "number",
        Kind::String(_) => "string",
        Kind::Array(items) => {
            for item in items {
                walk(item, format!("{path}[*]"), shape);
            }
            "array"
        }
        Kind::Object(members) => {
            for member in members {
                walk(&member.value, format!("{path}.{}", member.name), shape);
            }
            "object"
        }
    };
    shape.entry(path).or_default().insert(kind);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::{Body, Headers, Version};

    fn places(media: &str, body: &str) -> Vec<String> {
        let answer = Answer {
            status: 200,
            reason: None,
            version: Version::Http11,
            url: None,
            headers: Headers::from_iter([("content-type", media.to_owned())]),
            body: Body::Bytes(body.to_owned().into()),
            frames: Vec::new(),
            trailers: Headers::new(),
            transcript: None,
            cut: None,
        };
        shape(&answer).map(|shape| shape.into_keys().collect()).unwrap_or_default()
    }

    #[test]
    fn r72_events_of_one_name_share_a_shape() {
        let body = "event: delta\ndata: {\"a\":1}\n\nevent: delta\ndata: {\"b\":1}\n\ndata: [DONE]\n\n";
        assert_eq!(
            places("text/event-stream", body),
            ["event delta $", "event delta $.a", "event delta $.b", "event message"]
        );
        assert!(places("text/plain", "words").is_empty());
    }
}
