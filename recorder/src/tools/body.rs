//! Bodies as a person reads them.

use std::io;

use crate::codec::{coding, events, media};
use crate::tape::{Body, Headers};

/// Larger bodies are not undone: nobody reads them.
const LARGEST: u64 = 256 << 20;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamEvent {
    /// What `event:` says; `message` where it says nothing, `line` for JSON on lines.
    pub name: String,
    /// Its data.
    pub data: String,
}

/// The bytes of a body without its content codings, from a file of its own where it has one; as they stand where they are not in
/// the codings that the headers name. An absent body has none.
///
/// # Errors
/// Where the body file cannot be read.
pub fn plain_body(headers: &Headers, body: &Body) -> io::Result<Vec<u8>> {
    let bytes = match body {
        Body::Absent => return Ok(Vec::new()),
        Body::Bytes(bytes) => bytes.to_vec(),
        Body::File(file) => std::fs::read(&file.path)?,
    };
    if headers.first("content-encoding").is_none() {
        return Ok(bytes);
    }
    Ok(coding::decode(headers.all("content-encoding"), &bytes, LARGEST).map_or(bytes, |decoded| decoded.bytes))
}

/// The events of a body that is a stream of them (`text/event-stream`, JSON on lines); `plain` has no content codings.
#[must_use]
pub fn stream_events(headers: &Headers, plain: &[u8]) -> Option<Vec<StreamEvent>> {
    let found = events::of(media::essence(headers.text("content-type")?), plain)?;
    Some(found.into_iter().map(|event| StreamEvent { name: event.name, data: event.data }).collect())
}
