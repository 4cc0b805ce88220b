//! Re-recording against an unchanged service leaves no diff: what differs only in dates, request ids and the like keeps its old
//! form, facts about the recording included.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;

use crate::codec::json::{self, Kind, Node};
use crate::codec::percent;
use crate::codec::{coding, digest};
use crate::policy::Policy;
use crate::tape::{Answer, Body, Cut, Headers, Message, Outcome, Request, Side, Take, Tape, Transcript};

/// The new tape, with everything of the old that still means the same.
pub(super) fn keep_what_did_not_change(old: &Tape, mut new: Tape, policy: &Policy) -> Tape {
    let ports = Ports { old: local(&old.request), new: local(&new.request) };
    for (old, new) in old.takes.iter().zip(&mut new.takes) {
        if same_take(old, new, policy, &ports) {
            *new = old.clone();
        }
    }
    if same_request(&old.request, &new.request, policy, &ports) {
        new.request = old.request.clone();
    }
    new
}

/// A listener on a port of its own at every run: its authority means the same each time.
struct Ports {
    old: Option<String>,
    new: Option<String>,
}

/// `127.0.0.1:41873`, where the request went to this machine.
fn local(request: &Request) -> Option<String> {
    let parts = percent::split_url(&request.url)?;
    let host = &request.url[parts.host.clone()];
    let port = &request.url[parts.port.clone()?];
    crate::key::is_loopback(host).then(|| format!("{host}:{port}"))
}

impl Ports {
    fn same(&self, old: &[u8], new: &[u8]) -> bool {
        old == new || self.folded(old, &self.old) == self.folded(new, &self.new)
    }

    fn folded<'a>(&self, bytes: &'a [u8], authority: &Option<String>) -> Cow<'a, [u8]> {
        let Some(authority) = authority else { return Cow::Borrowed(bytes) };
        let mut folded = Vec::new();
        let mut at = 0;
        for found in memchr::memmem::find_iter(bytes, authority.as_bytes()) {
            folded.extend_from_slice(&bytes[at..found]);
            folded.extend_from_slice(b"local");
            at = found + authority.len();
        }
        if at == 0 {
            return Cow::Borrowed(bytes);
        }
        folded.extend_from_slice(&bytes[at..]);
        Cow::Owned(folded)
    }
}

/// The keys are the same already: what is left are headers outside of it and the spelling of the body.
fn same_request(old: &Request, new: &Request, policy: &Policy, ports: &Ports) -> bool {
    old.version == new.version
        && same_headers(&old.headers, &new.headers, policy, ports)
        && same_headers(&old.trailers, &new.trailers, policy, ports)
}

fn same_take(old: &Take, new: &Take, policy: &Policy, ports: &Ports) -> bool {
    if old.recorded.from != new.recorded.from {
        return false;
    }
    match (&old.outcome, &new.outcome) {
        (Outcome::Answer(old), Outcome::Answer(new)) => same_answer(old, new, policy, ports),
        (Outcome::Fault(old), Outcome::Fault(new)) => old.kind == new.kind,
        _ => false,
    }
}

/// The pieces in which a body arrived are left out: where a network cuts or joins them is chance, also those of a service that
/// wrote them one by one (R31).
fn same_answer(old: &Answer, new: &Answer, policy: &Policy, ports: &Ports) -> bool {
    let cut = match (&old.cut, &new.cut) {
        (None, None) | (Some(Cut::Caller), Some(Cut::Caller)) => true,
        (Some(Cut::Fault(old)), Some(Cut::Fault(new))) => old.kind == new.kind,
        _ => false,
    };
    let url = |url: &Option<String>| url.clone().unwrap_or_default();
    cut && old.status == new.status
        && old.reason == new.reason
        && old.version == new.version
        && ports.same(url(&old.url).as_bytes(), url(&new.url).as_bytes())
        && same_headers(&without_length(old), &without_length(new), policy, ports)
        && same_headers(&old.trailers, &new.trailers, policy, ports)
        && same_transcript(old.transcript.as_deref(), new.transcript.as_deref(), policy, ports)
        && same_body(old, new, policy, ports)
        && (old.body != new.body || same_frames(&old.frames, &new.frames))
}

/// The network joins what a service wrote apart, differently each time: only boundaries that contradict each other are a change.
fn same_frames(old: &[u64], new: &[u64]) -> bool {
    let ends = |frames: &[u64]| -> BTreeSet<u64> {
        frames
            .iter()
            .scan(0, |end, size| {
                *end += size;
                Some(*end)
            })
            .collect()
    };
    let (old, new) = (ends(old), ends(new));
    old.is_subset(&new) || new.is_subset(&old)
}

/// Same fields in the same order, volatile ones aside, which must be there but may hold anything.
fn same_headers(old: &Headers, new: &Headers, policy: &Policy, ports: &Ports) -> bool {
    old.len() == new.len()
        && old.iter().zip(new.iter()).all(|((old_name, old), (new_name, new))| {
            old_name == new_name && (policy.volatile.is_header(old_name) || ports.same(old, new))
        })
}

/// The headers, a `content-length` that only counts the body made the same for every body: a port or a volatile value has more
/// digits one time, and behind a compression any other value changes it.
fn without_length(answer: &Answer) -> Headers {
    let length = answer.body.len().to_string();
    let mut headers = answer.headers.clone();
    for (name, value) in headers.iter_mut() {
        let counts = !matches!(answer.body, Body::Absent) && **value == *length.as_bytes();
        if counts && name.eq_ignore_ascii_case("content-length") {
            *value = Bytes::from_static(b"counted");
        }
    }
    headers
}

/// Each side said the same in the same order. Where messages of both sides cross is chance.
fn same_transcript(old: Option<&Transcript>, new: Option<&Transcript>, policy: &Policy, ports: &Ports) -> bool {
    let (old, new) = match (old, new) {
        (None, None) => return true,
        (Some(old), Some(new)) => (old, new),
        _ => return false,
    };
    let same_side = |side: Side| {
        let said = |transcript: &'_ Transcript| -> Vec<Message> {
            transcript.messages.iter().filter(|message| message.by == side).cloned().collect()
        };
        let (old, new) = (said(old), said(new));
        let same =
            |(old, new): (&Message, &Message)| old.kind == new.kind && same_text(&old.data, &new.data, policy, ports);
        old.len() == new.len() && old.iter().zip(&new).all(same)
    };
    old.close == new.close && same_side(Side::Client) && same_side(Side::Server)
}

fn same_body(old: &Answer, new: &Answer, policy: &Policy, ports: &Ports) -> bool {
    let (old, new) = match (&old.body, &new.body) {
        (Body::Bytes(a), Body::Bytes(b)) if a == b => return true,
        (Body::Bytes(a), Body::Bytes(b)) => (plain(&old.headers, a), plain(&new.headers, b)),
        (Body::File(a), Body::File(b)) => return a.sha256 == b.sha256,
        // The same size may have been held in memory while recording.
        (Body::File(file), Body::Bytes(bytes)) | (Body::Bytes(bytes), Body::File(file)) => {
            return file.len == bytes.len() as u64 && file.sha256 == digest::sha256(bytes);
        }
        (a, b) => return a == b,
    };
    same_text(&old, &new, policy, ports)
}

fn same_text(old: &[u8], new: &[u8], policy: &Policy, ports: &Ports) -> bool {
    if ports.same(old, new) {
        return true;
    }
    match (steady(old, policy), steady(new, policy)) {
        (Some(old), Some(new)) => ports.same(&old, &new),
        _ => false,
    }
}

/// A JSON body with its volatile values taken out; `None` where it is no JSON or has none.
fn steady(bytes: &[u8], policy: &Policy) -> Option<Vec<u8>> {
    let root = json::parse(bytes).ok()?;
    let places = policy.volatile.json_places(&root);
    if places.is_empty() {
        return None;
    }
    let mut spans = Vec::new();
    find(&root, &places, &mut spans);
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for span in spans {
        out.extend_from_slice(&bytes[at..span.start]);
        at = span.end;
    }
    out.extend_from_slice(&bytes[at..]);
    Some(out)
}

/// The spans of the values that begin at these places, outermost ones alone.
fn find(node: &Node<'_>, places: &[usize], spans: &mut Vec<Range<usize>>) {
    if places.binary_search(&node.span.start).is_ok() {
        spans.push(node.span.clone());
        return;
    }
    match &node.kind {
        Kind::Array(items) => items.iter().for_each(|item| find(item, places, spans)),
        Kind::Object(members) => members.iter().for_each(|member| find(&member.value, places, spans)),
        _ => {}
    }
}

fn plain(headers: &Headers, bytes: &Bytes) -> Bytes {
    let encodings: Vec<_> = headers.all("content-encoding").collect();
    match coding::decode(encodings, bytes, u64::MAX) {
        Ok(decoded) => Bytes::from(decoded.bytes),
        Err(_) => bytes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::policy::Config;
    use crate::tape::Version;

    fn answer(body: &str, length: usize) -> Answer {
        Answer {
            status: 200,
            reason: None,
            version: Version::Http11,
            url: None,
            headers: [("content-length", length.to_string())].into_iter().collect(),
            body: Body::Bytes(body.to_owned().into()),
            frames: Vec::new(),
            trailers: Headers::new(),
            transcript: None,
            cut: None,
        }
    }

    fn same(a: &Answer, b: &Answer) -> bool {
        let config = Config::parse(Path::new("recorder.yaml"), "volatile: {json: [$.took]}").unwrap();
        let policy = Policy::from_config(&config, |_| None).unwrap();
        let ports = Ports { old: Some("127.0.0.1:9".into()), new: Some("127.0.0.1:41873".into()) };
        same_answer(a, b, &policy, &ports)
    }

    #[test]
    fn r31_the_same_body_in_other_pieces_is_the_same() {
        let (old, mut new) = (answer("a piece", 7), answer("a piece", 7));
        new.frames = vec![2, 5];
        assert!(same(&old, &new) && same(&new, &old));
    }

    #[test]
    fn r61_a_length_follows_what_may_change() {
        for (old, new, means_the_same) in [
            (r#"{"took":9}"#, r#"{"took":10}"#, true),
            ("http://127.0.0.1:9/a", "http://127.0.0.1:41873/a", true),
            (r#"{"a":9}"#, r#"{"a":10}"#, false),
        ] {
            assert_eq!(same(&answer(old, old.len()), &answer(new, new.len())), means_the_same, "{old} {new}");
        }
        assert!(!same(&answer("", 10), &answer("", 11)), "the length of what a HEAD is not sent");
    }
}
