//! Every place of a tape where text can stand, encodings undone, with the name that a user reads.

use std::borrow::Cow;
use std::fmt::Write;

use super::Leak;
use crate::codec::coding;
use crate::codec::json::{self, Kind, Node};
use crate::codec::percent;
use crate::policy::volatile;
use crate::tape::{Answer, Body, Headers, Outcome, Request, Tape, Transcript};

/// One text and where it stands.
pub(super) struct Place<'a> {
    /// `request`, `takes[0]`.
    message: &'a str,
    part: Part<'a>,
    pub(super) text: &'a [u8],
}

#[derive(Clone, Copy)]
enum Part<'a> {
    /// `url`, `reason`, `body`.
    Plain(&'a str),
    Header(&'a str),
    Query(&'a str),
    Json(&'a Path<'a>),
}

/// The way to a JSON value, from the value up to the root.
struct Path<'a> {
    up: Option<&'a Path<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Root,
    Member(&'a str),
    Index(usize),
}

type Visit<'v> = dyn FnMut(&Place<'_>) -> Result<(), Leak> + 'v;

/// Hands every place to `visit`, until it refuses one.
pub(super) fn each(tape: &Tape, visit: &mut Visit<'_>) -> Result<(), Leak> {
    request(&tape.request, visit)?;
    for (at, take) in tape.takes.iter().enumerate() {
        let message = format!("takes[{at}]");
        match &take.outcome {
            Outcome::Answer(answer) => self::answer(&message, answer, visit)?,
            Outcome::Fault(fault) => {
                visit(&Place { message: &message, part: Part::Plain("fault"), text: fault.message.as_bytes() })?;
            }
        }
        for note in &take.recorded.notes {
            visit(&Place { message: &message, part: Part::Plain("notes"), text: note.as_bytes() })?;
        }
    }
    Ok(())
}

/// The rule that hides what stands in a place, where there is one.
pub(super) fn rule_for(place: &str) -> Option<String> {
    if let Some((_, name)) = place.split_once(" header ") {
        return Some(format!("hide header {name}"));
    }
    if let Some((_, name)) = place.split_once(" query ") {
        return Some(format!("hide query {name}"));
    }
    place.split_once(".body $").map(|(_, path)| format!("hide json ${path}"))
}

impl<'a> Place<'a> {
    /// A text beside the tapes.
    pub(super) fn of_text(message: &'a str, part: &'a str, text: &'a str) -> Self {
        Self { message, part: Part::Plain(part), text: text.as_bytes() }
    }
}

impl Place<'_> {
    /// `request header x-key`, `request query sig`, `takes[0].body $.a.b`.
    pub(super) fn name(&self) -> String {
        let message = self.message;
        match self.part {
            Part::Plain(part) => format!("{message}.{part}"),
            Part::Header(name) => format!("{message} header {}", name.to_ascii_lowercase()),
            Part::Query(name) => format!("{message} query {name}"),
            Part::Json(path) => {
                let mut out = format!("{message}.body ");
                path.write(&mut out);
                out
            }
        }
    }

    /// Whether what stands here is random by nature: ids, cursors, nonces, hashes, and what changes with every answer.
    pub(super) fn may_be_random(&self) -> bool {
        match self.part {
            Part::Header(name) => volatile::is_default(name) || is_random_by_name(name),
            Part::Query(name) => is_random_by_name(name),
            Part::Json(path) => path.nearest_name().is_some_and(is_random_by_name),
            Part::Plain(_) => false,
        }
    }
}

fn is_random_by_name(name: &str) -> bool {
    const ENDS: [&str; 18] = [
        "id",
        "ids",
        "cursor",
        "etag",
        "hash",
        "digest",
        "md5",
        "nonce",
        "checksum",
        "fingerprint",
        "integrity",
        "continuation",
        "state",
        "signature",
        "challenge",
        "cid",
        "policy",
        "match",
    ];
    let name = name.to_ascii_lowercase();
    ENDS.iter().any(|end| name.ends_with(end))
        || name.contains("sha256")
        || name.contains("page_token")
        || name.contains("pagetoken")
}

impl Path<'_> {
    fn write(&self, out: &mut String) {
        if let Some(up) = self.up {
            up.write(out);
        }
        match self.step {
            Step::Root => out.push('$'),
            Step::Member(name) => out.push_str(&crate::key::json_member(name)),
            // Writing into a string does not fail.
            Step::Index(at) => drop(write!(out, "[{at}]")),
        }
    }

    fn nearest_name(&self) -> Option<&str> {
        match self.step {
            Step::Member(name) => Some(name),
            _ => self.up.and_then(Path::nearest_name),
        }
    }
}

fn request(request: &Request, visit: &mut Visit<'_>) -> Result<(), Leak> {
    let message = "request";
    url(message, &request.url, visit)?;
    headers(message, &request.headers, visit)?;
    headers(message, &request.trailers, visit)?;
    body(message, &request.headers, &request.body, visit)
}

fn answer(message: &str, answer: &Answer, visit: &mut Visit<'_>) -> Result<(), Leak> {
    if let Some(address) = &answer.url {
        url(message, address, visit)?;
    }
    if let Some(reason) = &answer.reason {
        visit(&Place { message, part: Part::Plain("reason"), text: reason.as_bytes() })?;
    }
    headers(message, &answer.headers, visit)?;
    headers(message, &answer.trailers, visit)?;
    if let Some(transcript) = &answer.transcript {
        conversation(message, transcript, visit)?;
    }
    body(message, &answer.headers, &answer.body, visit)
}

/// Each message is a place, and so is what was said at the end.
fn conversation(of: &str, transcript: &Transcript, visit: &mut Visit<'_>) -> Result<(), Leak> {
    for (at, message) in transcript.messages.iter().enumerate() {
        text(&format!("{of}.messages[{at}]"), &message.data, visit)?;
    }
    match &transcript.close {
        Some(close) => visit(&Place { message: of, part: Part::Plain("close"), text: close.reason.as_bytes() }),
        None => Ok(()),
    }
}

fn url(message: &str, url: &str, visit: &mut Visit<'_>) -> Result<(), Leak> {
    let query = percent::split_url(url).and_then(|parts| parts.query);
    let head = query.as_ref().map_or(url, |query| &url[..query.start]);
    visit(&Place { message, part: Part::Plain("url"), text: head.as_bytes() })?;
    for pair in percent::pairs(query.map_or(&[], |query| url[query].as_bytes())) {
        let name = percent::decode_form(pair.name());
        let name = String::from_utf8_lossy(&name);
        let value = pair.value().map(percent::decode_form).unwrap_or_default();
        visit(&Place { message, part: Part::Query(&name), text: &value })?;
    }
    Ok(())
}

fn headers(message: &str, headers: &Headers, visit: &mut Visit<'_>) -> Result<(), Leak> {
    headers.iter().try_for_each(|(name, text)| visit(&Place { message, part: Part::Header(name), text }))
}

fn body(message: &str, headers: &Headers, body: &Body, visit: &mut Visit<'_>) -> Result<(), Leak> {
    let Some(bytes) = body.bytes() else { return Ok(()) };
    let plain: Cow<'_, [u8]> = match coding::decode(headers.all("content-encoding"), bytes, 256 << 20) {
        Ok(decoded) => decoded.bytes.into(),
        Err(_) => bytes.as_ref().into(),
    };
    text(message, &plain, visit)
}

fn text(message: &str, plain: &[u8], visit: &mut Visit<'_>) -> Result<(), Leak> {
    match json::parse(plain) {
        Ok(root) => node(message, plain, &root, &Path { up: None, step: Step::Root }, visit),
        Err(_) => visit(&Place { message, part: Part::Plain("body"), text: plain }),
    }
}

fn node(message: &str, input: &[u8], node: &Node<'_>, path: &Path<'_>, visit: &mut Visit<'_>) -> Result<(), Leak> {
    match &node.kind {
        Kind::Object(members) => members.iter().try_for_each(|member| {
            visit(&Place { message, part: Part::Json(path), text: member.name.as_bytes() })?;
            let path = Path { up: Some(path), step: Step::Member(&member.name) };
            self::node(message, input, &member.value, &path, visit)
        }),
        Kind::Array(items) => items.iter().enumerate().try_for_each(|(at, item)| {
            self::node(message, input, item, &Path { up: Some(path), step: Step::Index(at) }, visit)
        }),
        Kind::String(text) => visit(&Place { message, part: Part::Json(path), text: text.as_bytes() }),
        _ => visit(&Place { message, part: Part::Json(path), text: &input[node.span.clone()] }),
    }
}
