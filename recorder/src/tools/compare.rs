//! What differs in meaning between two tapes, or two takes.

use std::fmt;

use super::body::{plain_body, stream_events};
use super::{Settings, StreamEvent};
use crate::key;
use crate::tape::{Answer, Body, Cut, Headers, Message, Outcome, Request, Take, Tape, Transcript};

/// One difference between two tapes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Where: `request query page`, `take 2 status`, `take 1 header etag`, `take 1 body $.items[0].price`.
    pub place: String,
    /// What the first has there, shortened; none where it has nothing.
    pub before: Option<String>,
    /// What the second has.
    pub after: Option<String>,
    /// Whether it changes what the tape means.
    pub weight: Weight,
}

/// What a difference is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The tape says something else.
    Meaning,
    /// Dates, request ids, headers outside of the key, the boundaries at which a network cut.
    Incidental,
}

/// The place alone: the values may be confidential.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change").field("place", &self.place).field("weight", &self.weight).finish_non_exhaustive()
    }
}

/// Where differences are collected.
struct Changes<'a> {
    settings: &'a Settings,
    found: Vec<Change>,
}

impl Settings {
    /// Everything that differs between two tapes, request first, then take by take. When they were recorded and how long it took
    /// is no difference.
    #[must_use]
    pub fn compare(&self, before: &Tape, after: &Tape) -> Vec<Change> {
        let mut changes = Changes { settings: self, found: Vec::new() };
        changes.requests(&before.request, &after.request);
        changes.note("layer", Weight::Meaning, Some(before.layer.to_string()), Some(after.layer.to_string()));
        changes.note("rules", Weight::Incidental, list(&before.rules), list(&after.rules));
        for at in 0..before.takes.len().max(after.takes.len()) {
            changes.takes(&format!("take {}", at + 1), before.takes.get(at), after.takes.get(at));
        }
        changes.found
    }

    /// Everything that differs between two takes.
    #[must_use]
    pub fn compare_takes(&self, before: &Take, after: &Take) -> Vec<Change> {
        let mut changes = Changes { settings: self, found: Vec::new() };
        changes.takes("", Some(before), Some(after));
        changes.found
    }
}

fn list(rules: &[String]) -> Option<String> {
    (!rules.is_empty()).then(|| rules.join(", "))
}

impl Changes<'_> {
    /// Notes a place, if the two sides differ.
    fn note(&mut self, place: &str, weight: Weight, before: Option<String>, after: Option<String>) {
        if before != after {
            let place = place.trim_start().to_owned();
            self.found.push(Change { place, before, after, weight });
        }
    }

    fn requests(&mut self, before: &Request, after: &Request) {
        let canonical = |request| key::canonical(request, &self.settings.config.rules);
        let differences = key::differences(&canonical(before), &canonical(after));
        let counted: Vec<String> =
            differences.iter().filter_map(|d| d.place.strip_prefix("header ").map(str::to_owned)).collect();
        for difference in differences {
            let place = format!("request {}", difference.place);
            self.note(&place, Weight::Meaning, difference.recorded, difference.sent);
        }
        self.note(
            "request version",
            Weight::Incidental,
            Some(before.version.to_string()),
            Some(after.version.to_string()),
        );
        self.headers("request header", &before.headers, &after.headers, |name| {
            (!counted.iter().any(|counted| counted.eq_ignore_ascii_case(name))).then_some(Weight::Incidental)
        });
    }

    fn takes(&mut self, place: &str, before: Option<&Take>, after: Option<&Take>) {
        let (Some(before), Some(after)) = (before, after) else {
            self.note(place, Weight::Meaning, before.map(describe), after.map(describe));
            return;
        };
        let from = |take: &Take| Some(take.recorded.from.to_string());
        self.note(&format!("{place} from"), Weight::Meaning, from(before), from(after));
        match (&before.outcome, &after.outcome) {
            (Outcome::Answer(a), Outcome::Answer(b)) => self.answers(place, a, b),
            (Outcome::Fault(a), Outcome::Fault(b)) => {
                let kind = |kind: crate::tape::FaultKind| Some(kind.to_string());
                self.note(&format!("{place} fault"), Weight::Meaning, kind(a.kind), kind(b.kind));
                let message = |text: &str| Some(shortened(text));
                let place = format!("{place} message");
                self.note(&place, Weight::Incidental, message(&a.message), message(&b.message));
            }
            _ => self.note(&format!("{place} outcome"), Weight::Meaning, Some(describe(before)), Some(describe(after))),
        }
    }

    fn answers(&mut self, place: &str, a: &Answer, b: &Answer) {
        let at = |what: &str| format!("{place} {what}");
        self.note(&at("status"), Weight::Meaning, Some(a.status.to_string()), Some(b.status.to_string()));
        self.note(&at("reason"), Weight::Meaning, a.reason.clone(), b.reason.clone());
        self.note(&at("version"), Weight::Incidental, Some(a.version.to_string()), Some(b.version.to_string()));
        self.note(&at("url"), Weight::Meaning, a.url.clone(), b.url.clone());
        let settings = self.settings;
        // A length follows its body.
        let follows = |name: &str| name.eq_ignore_ascii_case("content-length") && a.body != b.body;
        let weight = |name: &str| {
            let incidental = settings.is_volatile(name) || follows(name);
            Some(if incidental { Weight::Incidental } else { Weight::Meaning })
        };
        self.headers(&at("header"), &a.headers, &b.headers, weight);
        self.bodies(place, a, b);
        self.conversations(place, a, b);
        self.headers(&at("trailer"), &a.trailers, &b.trailers, |_| Some(Weight::Meaning));
        self.note(&at("cut"), Weight::Meaning, a.cut.as_ref().map(cut), b.cut.as_ref().map(cut));
        let frames = |answer: &Answer| (!answer.frames.is_empty()).then(|| format!("{} pieces", answer.frames.len()));
        self.note(&at("frames"), Weight::Incidental, frames(a), frames(b));
    }

    /// Names in the order in which they are first seen; all values of a name together.
    fn headers(&mut self, place: &str, a: &Headers, b: &Headers, weight: impl Fn(&str) -> Option<Weight>) {
        let mut seen: Vec<String> = Vec::new();
        for (name, _) in a.iter().chain(b.iter()) {
            let name = name.to_ascii_lowercase();
            if seen.contains(&name) {
                continue;
            }
            let values = |headers: &Headers| {
                let values: Vec<_> = headers.all(&name).map(|value| String::from_utf8_lossy(value)).collect();
                (!values.is_empty()).then(|| shortened(&values.join(" | ")))
            };
            if let Some(weight) = weight(&name)
                && !a.all(&name).eq(b.all(&name))
            {
                let (before, after) = apart(values(a), values(b));
                self.note(&format!("{place} {name}"), weight, before, after);
            }
            seen.push(name);
        }
    }

    fn bodies(&mut self, place: &str, a: &Answer, b: &Answer) {
        if a.body == b.body && a.headers.text("content-type") == b.headers.text("content-type") {
            return;
        }
        let absent = |body: &Body| matches!(body, Body::Absent);
        if absent(&a.body) != absent(&b.body) {
            let size = |body: &Body| (!absent(body)).then(|| format!("{} bytes", body.len()));
            self.note(&format!("{place} body"), Weight::Meaning, size(&a.body), size(&b.body));
            return;
        }
        let plain = |answer: &Answer| plain_body(&answer.headers, &answer.body).unwrap_or_default();
        let (old, new) = (plain(a), plain(b));
        if old == new && !matches!((&a.body, &b.body), (Body::File(_), Body::File(_))) {
            if a.body != b.body {
                let text = |answer: &Answer| Some(format!("{} bytes on the wire", answer.body.len()));
                self.note(&format!("{place} body coding"), Weight::Incidental, text(a), text(b));
            }
            return;
        }
        if let (Some(old), Some(new)) = (stream_events(&a.headers, &old), stream_events(&b.headers, &new)) {
            self.streams(place, &old, &new);
            return;
        }
        let found = key::body_differences((&a.headers, &a.body), (&b.headers, &b.body));
        if let [only] = found.as_slice()
            && only.place == "body"
            && let (Ok(old), Ok(new)) = (std::str::from_utf8(&old), std::str::from_utf8(&new))
        {
            self.texts(place, old, new);
            return;
        }
        for difference in found {
            let place = format!("{place} {}", difference.place);
            self.note(&place, Weight::Meaning, difference.recorded, difference.sent);
        }
    }

    /// Message by message, in the order in which they passed.
    fn conversations(&mut self, place: &str, a: &Answer, b: &Answer) {
        let (Some(old), Some(new)) = (&a.transcript, &b.transcript) else {
            let count = |answer: &Answer| answer.transcript.as_ref().map(|t| format!("{} messages", t.messages.len()));
            return self.note(&format!("{place} conversation"), Weight::Meaning, count(a), count(b));
        };
        for at in 0..old.messages.len().max(new.messages.len()) {
            let place = format!("{place} message {}", at + 1);
            let (a, b) = (old.messages.get(at), new.messages.get(at));
            let (Some(a), Some(b)) = (a, b) else {
                self.note(&place, Weight::Meaning, a.map(said), b.map(said));
                continue;
            };
            if (a.by, a.kind) != (b.by, b.kind) {
                self.note(&place, Weight::Meaning, Some(said(a)), Some(said(b)));
                continue;
            }
            self.data(&place, a.data.clone().into(), b.data.clone().into());
        }
        let close = |transcript: &Transcript| {
            transcript.close.as_ref().map(|close| {
                let code = close.code.map(|code| format!(", {code}")).unwrap_or_default();
                format!("{}{code} {}", close.by, close.reason).trim_end().to_owned()
            })
        };
        self.note(&format!("{place} close"), Weight::Meaning, close(old), close(new));
    }

    /// What stands in an event or a message, JSON by its paths.
    fn data(&mut self, place: &str, old: Body, new: Body) {
        let none = Headers::new();
        for difference in key::body_differences((&none, &old), (&none, &new)) {
            let inside = difference.place.trim_start_matches("body").trim_start();
            let place = format!("{place} {inside}");
            self.note(place.trim_end(), Weight::Meaning, difference.recorded, difference.sent);
        }
    }

    /// The first and the last line that differ, and how many lie between.
    fn texts(&mut self, place: &str, old: &str, new: &str) {
        let (a, b): (Vec<_>, Vec<_>) = (old.split('\n').collect(), new.split('\n').collect());
        let first = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
        let most = a.len().min(b.len()) - first;
        let last = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count().min(most);
        let shown = |lines: &[&str]| {
            let changed = &lines[first..lines.len() - last];
            changed.first().map(|line| match changed.len() {
                1 => (*line).to_owned(),
                more => format!("{line} (and {} more lines)", more - 1),
            })
        };
        let (before, after) = apart(shown(&a), shown(&b));
        self.note(&format!("{place} body line {}", first + 1), Weight::Meaning, before, after);
    }

    fn streams(&mut self, place: &str, old: &[StreamEvent], new: &[StreamEvent]) {
        for at in 0..old.len().max(new.len()) {
            let place = format!("{place} event {}", at + 1);
            let (a, b) = (old.get(at), new.get(at));
            let (Some(a), Some(b)) = (a, b) else {
                let shown = |event: Option<&StreamEvent>| event.map(|e| shortened(&format!("{}: {}", e.name, e.data)));
                self.note(&place, Weight::Meaning, shown(a), shown(b));
                continue;
            };
            self.note(&format!("{place} name"), Weight::Meaning, Some(a.name.clone()), Some(b.name.clone()));
            let data = |event: &StreamEvent| Body::Bytes(event.data.clone().into());
            self.data(&format!("{place} data"), data(a), data(b));
        }
    }
}

/// `client, text: hello`.
fn said(message: &Message) -> String {
    match message.text() {
        Some(text) => shortened(&format!("{}, {}: {text}", message.by, message.kind)),
        None => format!("{}, {}: {} bytes", message.by, message.kind, message.data.len()),
    }
}

/// `status 200, application/json, 12 bytes`, `fault reset`.
fn describe(take: &Take) -> String {
    match &take.outcome {
        Outcome::Answer(Answer { status, transcript: Some(transcript), .. }) => {
            format!("status {status}, {} messages", transcript.messages.len())
        }
        Outcome::Answer(answer) => {
            let media = answer.headers.text("content-type").map(|media| format!(", {media}")).unwrap_or_default();
            format!("status {}{media}, {} bytes", answer.status, answer.body.len())
        }
        Outcome::Fault(fault) => format!("fault {}", fault.kind),
    }
}

fn cut(cut: &Cut) -> String {
    match cut {
        Cut::Caller => "caller".to_owned(),
        Cut::Fault(fault) => fault.kind.to_string(),
    }
}

/// Characters of a value that are shown.
const SHOWN: usize = 100;

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

/// Two values, shortened around the first character in which they differ.
fn apart(a: Option<String>, b: Option<String>) -> (Option<String>, Option<String>) {
    let (Some(a), Some(b)) = (&a, &b) else { return (a.map(|a| shortened(&a)), b.map(|b| shortened(&b))) };
    let same = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let from = same.saturating_sub(SHOWN / 3);
    let cut = |text: &str| {
        let rest: String = text.chars().skip(from).collect();
        Some(if from > 0 { format!("…{}", shortened(&rest)) } else { shortened(&rest) })
    };
    (cut(a), cut(b))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn tape(takes: &str) -> Tape {
        let text = format!(
            "tape: 2\nkey: {}\nrequest: {{method: GET, url: 'http://a.test/'}}\ntakes:\n{takes}",
            "0".repeat(64)
        );
        Tape::parse(&text, Path::new("x.yaml")).unwrap()
    }

    fn take(status: u16, headers: &str, body: &str) -> String {
        let body = body.replace('\'', "''").replace('\n', "\n\n      ");
        format!(
            "- status: {status}\n  headers: {{{headers}}}\n  body:\n    text: '{body}'\n  recorded: {{at: 2026-01-01T00:00:00Z, elapsed: 1ms, from: live}}\n"
        )
    }

    fn places(before: &str, after: &str) -> Vec<String> {
        let changes = Settings::default().compare(&tape(before), &tape(after));
        let mark = |weight| if weight == Weight::Meaning { "" } else { "~" };
        changes.iter().map(|change| format!("{}{}", mark(change.weight), change.place)).collect()
    }

    #[test]
    fn json_is_compared_by_path_and_volatile_headers_are_incidental() {
        let json = "content-type: application/json";
        let before = take(200, &format!("{json}, date: a, etag: x"), r#"{"a":1,"b":{"c":[1,2]},"gone":true}"#);
        let after = take(201, &format!("{json}, date: b, etag: y"), r#"{"b":{"c":[1,3]},"a":1,"new":null}"#);
        assert_eq!(
            places(&before, &after),
            [
                "take 1 status",
                "~take 1 header date",
                "take 1 header etag",
                "take 1 body $.b.c[1]",
                "take 1 body $.gone",
                "take 1 body $.new"
            ]
        );
    }

    #[test]
    fn streams_are_compared_event_by_event() {
        let sse = "content-type: text/event-stream";
        let before = take(200, sse, "event: a\ndata: {\"x\":1}\n\ndata: end\n\n");
        let after = take(200, sse, "event: a\ndata: {\"x\":2}\n\n");
        assert_eq!(places(&before, &after), ["take 1 event 1 data $.x", "take 1 event 2"]);
    }

    #[test]
    fn conversations_are_compared_message_by_message() {
        let conversation = |messages: &str, close: &str| {
            format!(
                "- status: 101\n  messages: [{messages}]\n  close: {close}\n  recorded: {{at: 2026-01-01T00:00:00Z, elapsed: 1ms, from: live}}\n"
            )
        };
        let old = conversation("{sent: {json: {a: 1, b: 2}}}, {received: {text: hi}}", "{by: client, code: 1000}");
        let new =
            conversation("{sent: {json: {b: 3, a: 1}}}, {sent: {text: hi}}, {sent: {text: more}}", "{by: server}");
        let expected = ["take 1 message 1 $.b", "take 1 message 2", "take 1 message 3", "take 1 close"];
        assert_eq!(places(&old, &new), expected);
        assert!(places(&old, &old).is_empty());
        assert_eq!(places(&old, &take(101, "", "")), ["take 1 body", "take 1 conversation"]);
    }

    #[test]
    fn texts_are_compared_by_line_and_takes_that_are_missing_are_told() {
        let one = take(200, "content-type: text/plain", "a\nb\nc");
        let two = take(200, "content-type: text/plain", "a\nX\nc");
        assert_eq!(places(&one, &two), ["take 1 body line 2"]);
        assert_eq!(places(&one, &format!("{one}{two}")), ["take 2"]);
        assert!(places(&one, &one).is_empty());
    }
}
