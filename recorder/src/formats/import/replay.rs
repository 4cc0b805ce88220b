//! Asks a new tape for an exchange and holds the answer against the file.

use http::HeaderMap;

use super::super::Exchange;
use super::report::{Changed, FileReport};
use crate::session::{Frame, Head, Opening, Reply, Step, http_version, tape_version};
use crate::tape::{Answer, Body, Headers, Layer, Outcome, Request};
use crate::{Error, Session};

/// What became of an exchange.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Request and answer are on the tape byte for byte.
    Exact,
    /// The old answer comes back, but for what these say.
    Changed(Vec<String>),
    /// The old answer does not come back.
    Lost(String),
}

impl Verdict {
    pub(super) fn enter(self, report: &mut FileReport, exchange: &Exchange) {
        let place = exchange.place.as_str();
        if !exchange.notes.is_empty() {
            report.notes.push(Changed::new(place, exchange.notes.clone()));
        }
        match self {
            Self::Exact => report.exact += 1,
            Self::Changed(reasons) => report.changed.push(Changed::new(place, reasons)),
            Self::Lost(reason) => report.lost.push(Changed::new(place, vec![reason])),
        }
    }
}

/// Sends the request of `exchange` to `replaying`. `recorded` is the session that made the tapes and knows what it hid.
pub(super) fn judge(recorded: &Session, replaying: &Session, layer: Layer, exchange: &Exchange) -> Verdict {
    match ask(replaying, layer, &exchange.request) {
        Ok((request, outcome)) => compare(recorded, exchange, &request, &outcome),
        Err(reason) => Verdict::Lost(reason),
    }
}

/// The request on the tape, and the answer that a client gets.
fn ask(session: &Session, layer: Layer, request: &Request) -> Result<(Request, Outcome), String> {
    let headers =
        HeaderMap::try_from(&request.headers).map_err(|error| format!("its request cannot be sent: {error}"))?;
    let head = Head::with_url(&request.method, &request.url, http_version(request.version), &headers);
    let explain = |error: Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    let Step::Ask(ask) = session.start(&head, layer).map_err(explain)? else {
        return Err("a rule of recorder.yaml lets this request pass, so that no tape answers it".to_owned());
    };
    let Reply::Play(playback) = ask.answer(&head, request.body.clone()).map_err(explain)? else {
        return Err("no tape answers it".to_owned());
    };
    let asked = playback.request().clone();
    let url = playback.final_url().map(str::to_owned);
    let transcript = playback.transcript();
    let response = match playback.open() {
        Opening::Fault(fault) => return Ok((asked, Outcome::Fault(fault))),
        Opening::Answer(response) => response,
    };
    let (parts, mut replayed) = response.into_parts();
    let (mut bytes, mut trailers) = (Vec::new(), Headers::new());
    while let Some(frame) = replayed.next() {
        match frame {
            Ok(Frame::Data(piece)) => bytes.extend_from_slice(&piece),
            Ok(Frame::Trailers(fields)) => trailers = Headers::from(&fields),
            Err(stopped) => return Err(format!("its body breaks off: {stopped:?}")),
        }
    }
    let answer = Answer {
        status: parts.status.as_u16(),
        // A client does not get to see it.
        reason: None,
        version: tape_version(parts.version),
        url,
        headers: Headers::from(&parts.headers),
        body: Body::Bytes(bytes.into()),
        frames: Vec::new(),
        trailers,
        transcript,
        cut: None,
    };
    Ok((asked, Outcome::Answer(answer)))
}

fn compare(recorded: &Session, exchange: &Exchange, request: &Request, outcome: &Outcome) -> Verdict {
    let mut reasons = exchange.changes.clone();
    let same_answer = difference(&exchange.take.outcome, outcome).is_none();
    // What is as it was had nothing to hide.
    if !same_answer || !same_request(request, &exchange.request) {
        let (masked_request, masked_outcome) = recorded.masked(&exchange.request, &exchange.take.outcome);
        if !same_answer {
            if let Some(what) = difference(&masked_outcome, outcome) {
                return Verdict::Lost(format!("another answer comes back: {what}"));
            }
            reasons.push("redacted: secrets in its answer are replaced".to_owned());
        }
        if masked_request != exchange.request {
            reasons.push("redacted: secrets in its request are replaced".to_owned());
        }
        if !same_request(request, &masked_request) {
            let what = other_words(&masked_request, request);
            reasons.push(format!("its request is kept in the words of an earlier one that asks the same: {what}"));
        }
    }
    if reasons.is_empty() { Verdict::Exact } else { Verdict::Changed(reasons) }
}

/// What of an answer is not as it was.
fn difference(old: &Outcome, new: &Outcome) -> Option<String> {
    let (old, new) = match (old, new) {
        (Outcome::Answer(old), Outcome::Answer(new)) => (old, new),
        (Outcome::Fault(old), Outcome::Fault(new)) => return (old != new).then(|| "another failure".to_owned()),
        _ => return Some("a failure in place of an answer, or the other way round".to_owned()),
    };
    if old.status != new.status {
        return Some(format!("the status was {} and is {}", old.status, new.status));
    }
    if let Some(name) = other_header(&old.headers, &new.headers) {
        return Some(format!("the header {name}"));
    }
    if other_header(&old.trailers, &new.trailers).is_some() {
        return Some("the trailers".to_owned());
    }
    if old.version != new.version {
        return Some(format!("the version was {:?} and is {:?}", old.version, new.version));
    }
    if old.url != new.url {
        return Some("the URL that answered".to_owned());
    }
    if old.transcript != new.transcript {
        return Some("the messages of the conversation".to_owned());
    }
    // A client cannot tell an absent body from an empty one.
    let same = same_body(&old.body, &new.body) || (old.body.is_empty() && new.body.is_empty());
    (!same).then(|| format!("its body had {} bytes and has {}, or others", old.body.len(), new.body.len()))
}

fn same_request(a: &Request, b: &Request) -> bool {
    (&a.method, &a.url, a.version, &a.headers, &a.trailers) == (&b.method, &b.url, b.version, &b.headers, &b.trailers)
        && same_body(&a.body, &b.body)
}

/// A large body lies in a file once it is on a tape.
fn same_body(a: &Body, b: &Body) -> bool {
    match (a, b) {
        (Body::Bytes(bytes), Body::File(file)) | (Body::File(file), Body::Bytes(bytes)) => {
            file.len == bytes.len() as u64 && file.sha256 == crate::codec::digest::sha256(bytes)
        }
        _ => a == b,
    }
}

/// The first name whose values are not the same, in the same order. Clients keep no order between names.
fn other_header<'a>(old: &'a Headers, new: &'a Headers) -> Option<&'a str> {
    let same = |name: &str| old.all(name).eq(new.all(name));
    old.iter().chain(new.iter()).map(|(name, _)| name).find(|name| !same(name))
}

fn other_words(old: &Request, new: &Request) -> String {
    if old.url != new.url {
        return "the URL is spelt in another way".to_owned();
    }
    if let Some(name) = other_header(&old.headers, &new.headers) {
        return format!("the header {name} is another");
    }
    if !same_body(&old.body, &new.body) {
        return "the body is spelt in another way".to_owned();
    }
    "the order or spelling of its headers, or its version".to_owned()
}
