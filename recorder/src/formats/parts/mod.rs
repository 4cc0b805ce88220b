//! What most formats write in one of a few ways: headers, statuses, times, bodies; and how an exchange is put together of them.

mod body;
mod date;
mod headers;
mod url;

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) use body::{base64, base64_or_most_of_it, beside, body, hex, inflate, json};
pub(super) use date::{date, go_duration, unix};
pub(super) use headers::headers;

use super::value::Value;
use super::{Exchange, Found, Skipped, Source, json as json_text, toml, yaml};
use crate::tape::{
    Answer, Body, Fault, FaultKind, Headers, Origin, Outcome, Recorded, Request, Take, Transcript, Version,
};

/// Gathers what a reader finds, in the order of the file.
#[derive(Debug)]
pub(super) struct Finds<'a> {
    found: Found,
    base: Option<&'a str>,
    /// Why the file could not be read to its end.
    broken: Option<String>,
}

impl<'a> Finds<'a> {
    pub(super) fn of(source: Source<'a>) -> Self {
        Self { found: Found::default(), base: source.base, broken: None }
    }

    /// Notes one exchange, or why it is none.
    pub(super) fn add(&mut self, place: impl Into<String>, result: Result<Parts, String>) {
        let place = place.into();
        match result.and_then(|parts| parts.finish(self.base)) {
            Ok((request, take, notes, changes)) => {
                self.found.exchanges.push(Exchange { place, request, take, notes, changes });
            }
            Err(reason) => self.found.skipped.push(Skipped { place, reason }),
        }
    }

    /// The file is broken here; what came before counts.
    pub(super) fn broken(&mut self, problem: impl Into<String>) {
        self.broken.get_or_insert(problem.into());
    }

    /// A file of one document, JSON (JSON5 too), TOML or YAML; of a broken one as much as can be read.
    pub(super) fn tree(&mut self, source: Source<'_>) -> Result<Value, String> {
        let text = text(source)?;
        let start = text.trim_start_matches('\u{feff}').trim_start();
        if start.starts_with(['{', '[', '/']) {
            let (value, broken) = json_text::as_much_as_can_be_read(&text).map_err(|error| error.to_string())?;
            if let Some(error) = broken {
                self.broken(error.to_string());
            }
            return Ok(value);
        }
        if source.path.extension().is_some_and(|extension| extension == "toml") {
            return toml::document(&text).map_err(|error| error.to_string());
        }
        let mut documents = yaml::documents(&text).or_else(|error| {
            let code = if text.contains("<%") {
                "; it has ERB in it, which is code and is not run: import what it renders"
            } else {
                ""
            };
            let rest = yaml::item_by_item(&text).ok_or_else(|| format!("{error}{code}"))?;
            self.broken(error.to_string());
            Ok::<_, String>(vec![rest])
        })?;
        match documents.len() {
            1 => Ok(documents.remove(0)),
            n => Err(format!("a recording is one document, and this file has {n}")),
        }
    }

    /// # Errors
    /// Where the file is broken and nothing was found before.
    pub(super) fn finish(mut self) -> Result<Found, String> {
        match self.broken {
            Some(problem) if self.found.exchanges.is_empty() => Err(problem),
            Some(problem) => {
                let reason = format!("{problem}; nothing of what the file is broken at was imported");
                self.found.skipped.push(Skipped { place: "the file".to_owned(), reason });
                Ok(self.found)
            }
            None => Ok(self.found),
        }
    }
}

/// An exchange while it is put together.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) request_headers: Headers,
    pub(super) request_body: Body,
    pub(super) request_version: Version,
    pub(super) outcome: Result<Answered, Fault>,
    pub(super) at: Option<SystemTime>,
    pub(super) elapsed: Duration,
    /// What is to be known.
    pub(super) notes: Vec<String>,
    /// What could not be kept as the file has it.
    pub(super) changes: Vec<String>,
}

/// An answer while it is put together.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) status: i64,
    pub(super) reason: Option<String>,
    pub(super) version: Version,
    pub(super) headers: Headers,
    pub(super) body: Body,
    pub(super) url: Option<String>,
    pub(super) trailers: Headers,
    /// What was said after an upgrade; of an answer that is none it is left aside.
    pub(super) transcript: Option<Transcript>,
    /// From the answer to each message.
    pub(super) times: Vec<Duration>,
}

impl Parts {
    /// An exchange that never had an answer.
    pub(super) fn failed(method: impl Into<String>, url: impl Into<String>, fault: Fault) -> Self {
        Self { outcome: Err(fault), ..Self::new(method, url, Answered::default()) }
    }

    pub(super) fn new(method: impl Into<String>, url: impl Into<String>, answered: Answered) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            request_headers: Headers::new(),
            request_body: Body::Absent,
            request_version: Version::default(),
            outcome: Ok(answered),
            at: None,
            elapsed: Duration::ZERO,
            notes: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Puts right what every format may have wrong; refuses what cannot be a tape.
    fn finish(mut self, base: Option<&str>) -> Result<(Request, Take, Vec<String>, Vec<String>), String> {
        let method = self.method.trim().to_ascii_uppercase();
        if method.is_empty() || !method.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)) {
            return Err(format!("{:?} is no method", self.method));
        }
        let url = url::absolute(&self.url, &self.request_headers, base, &mut self.notes)?;
        keep_what_http_allows(&mut self.request_headers, &mut self.changes);
        // Most formats write a body that was not there as an empty text. A client that sends an empty one says so.
        if self.request_body.is_empty() && self.request_headers.text("content-length").map(str::trim) != Some("0") {
            self.request_body = Body::Absent;
        }
        let mut frames = Vec::new();
        let (outcome, dated) = match self.outcome {
            Ok(mut answered) => {
                frames.extend(std::mem::take(&mut answered.times).into_iter().map(whole_milliseconds));
                answer(answered, &mut self.changes)?
            }
            Err(fault) => (Outcome::Fault(fault), None),
        };
        if !matches!(&outcome, Outcome::Answer(answer) if answer.transcript.is_some()) {
            frames.clear();
        }
        let request = Request {
            method,
            url,
            version: self.request_version,
            headers: self.request_headers,
            body: self.request_body,
            trailers: Headers::new(),
        };
        let notes: Vec<String> = self.notes.iter().chain(&self.changes).cloned().collect();
        let at = self.at.or(dated).unwrap_or(UNIX_EPOCH);
        let recorded = Recorded { at, elapsed: whole_milliseconds(self.elapsed), frames, from: Origin::Import, notes };
        Ok((request, Take { outcome, recorded }, self.notes, self.changes))
    }
}

/// The answer, and when it says that it was made.
fn answer(mut answered: Answered, changes: &mut Vec<String>) -> Result<(Outcome, Option<SystemTime>), String> {
    keep_what_http_allows(&mut answered.headers, changes);
    keep_what_http_allows(&mut answered.trailers, changes);
    let dated = answered.headers.text("date").and_then(date);
    let status = match u16::try_from(answered.status) {
        Ok(status @ 100..=999) => status,
        Ok(0) if answered.body.is_empty() => {
            let message = "the recording has no answer: its status is 0".to_owned();
            return Ok((Outcome::Fault(Fault { kind: FaultKind::Other, message }), dated));
        }
        _ => return Err(format!("{} is no status of HTTP", answered.status)),
    };
    let Answered { version, headers, mut body, url, mut trailers, reason, transcript, .. } = answered;
    let transcript = transcript.filter(|_| status == 101);
    if transcript.is_some() {
        (body, trailers) = (Body::Absent, Headers::new());
    }
    // A line break would end the status line.
    let reason = reason
        .filter(|reason| !reason.is_empty() && !usual_reason(status, reason) && !reason.chars().any(char::is_control));
    let outcome = Outcome::Answer(Answer {
        status,
        reason,
        version,
        url,
        headers,
        body,
        frames: Vec::new(),
        trailers,
        transcript: transcript.map(Box::new),
        cut: None,
    });
    Ok((outcome, dated))
}

/// From the answer to each message of a conversation, where all of them have a time, in seconds of Unix time.
pub(super) fn since(at: Vec<Option<f64>>, started: Option<SystemTime>, elapsed: Duration) -> Vec<Duration> {
    let Some(answered) = started.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map(|at| at + elapsed) else {
        return Vec::new();
    };
    // Whole milliseconds: seconds since 1970 are exact to less than one in a float.
    let passed = |at: f64| Duration::from_secs_f64((at - answered.as_secs_f64()).clamp(0.0, 1e9));
    let rounded =
        |time: Duration| Duration::from_millis(((time.as_micros() + 500) / 1000).try_into().unwrap_or_default());
    at.into_iter().map(|at| at.map(passed).map(rounded)).collect::<Option<_>>().unwrap_or_default()
}

/// What the file of a tape has.
fn whole_milliseconds(elapsed: Duration) -> Duration {
    const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
    Duration::from_millis(u64::try_from(elapsed.min(LONGEST).as_millis()).unwrap_or_default())
}

fn usual_reason(status: u16, reason: &str) -> bool {
    let usual = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    usual == Some(reason)
}

/// HTTP/2's own fields are no headers: they say again what method and URL say. A value that goes on in the next line is one line;
/// what HTTP allows nowhere goes.
fn keep_what_http_allows(headers: &mut Headers, changes: &mut Vec<String>) {
    for (name, value) in headers.iter_mut() {
        if value.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            let lines = String::from_utf8_lossy(value).lines().map(str::trim).collect::<Vec<_>>().join(" ");
            *value = lines.trim().to_owned().into();
            changes.push(format!("the header {name} went over several lines and is on one"));
        }
    }
    headers.retain(|name, value| {
        let why = match () {
            () if name.starts_with(':') => "HTTP/2 says with it what method, URL and status say",
            () if http::HeaderName::from_bytes(name.as_bytes()).is_err() => "HTTP allows no such name",
            () if value.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f) => {
                "HTTP allows no control character in its value"
            }
            () => return true,
        };
        changes.push(format!("the header {name} is left out: {why}"));
        false
    });
}

/// A file's text. UTF-16 is told by its mark.
pub(super) fn text(source: Source<'_>) -> Result<Cow<'_, str>, String> {
    let utf16 = |rest: &[u8], read: fn([u8; 2]) -> u16| {
        let units = rest.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>()
    };
    match source.bytes {
        [0xff, 0xfe, rest @ ..] => Ok(Cow::Owned(utf16(rest, u16::from_le_bytes))),
        [0xfe, 0xff, rest @ ..] => Ok(Cow::Owned(utf16(rest, u16::from_be_bytes))),
        bytes => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(error) => Err(format!("it is not UTF-8 from byte {} on", error.valid_up_to())),
        },
    }
}

/// `HTTP/1.1`, `1.1`, `h2`, `HTTP/2.0` …; the usual one where it is anything else.
pub(super) fn version(text: Option<&str>) -> Version {
    let text = text.unwrap_or_default().trim().to_ascii_uppercase();
    match text.trim_start_matches("HTTP/") {
        "0.9" => Version::Http09,
        "1.0" | "1" | "10" => Version::Http10,
        "2" | "2.0" | "H2" | "20" => Version::Http2,
        "3" | "3.0" | "H3" | "30" => Version::Http3,
        _ => Version::Http11,
    }
}

/// A failure that the file tells of in words.
pub(super) fn fault(message: &str) -> Fault {
    let lower = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let kind = match () {
        () if has(&["refused"]) => FaultKind::Refused,
        () if has(&["timed out", "timeout", "timed_out"]) => FaultKind::Timeout,
        () if has(&["reset"]) => FaultKind::Reset,
        () if has(&["nxdomain", "resolve", "getaddrinfo", "name or service", "name_not_resolved"]) => FaultKind::Dns,
        () if has(&["certificate", "tls", "ssl", "cert_"]) => FaultKind::Tls,
        () if has(&["closed", "eof"]) => FaultKind::Closed,
        () => FaultKind::Other,
    };
    Fault { kind, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn finished(headers: &[(&str, &str)], body: &str) -> (Request, Vec<String>) {
        let mut parts = Parts::new("get", "http://shop.test/", Answered { status: 200, ..Answered::default() });
        parts.request_headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        parts.request_body = super::body(body);
        let (request, _, _, changes) = parts.finish(None).unwrap();
        (request, changes)
    }

    #[test]
    fn what_http_does_not_allow_in_headers_goes_and_is_named() {
        let (request, changes) =
            finished(&[(":authority", "x"), ("a b", "x"), ("c", "x\u{1}"), ("d", "x\r\n y"), ("e", "ü")], "");
        let left: Vec<&str> = request.headers.iter().map(|(name, _)| name).collect();
        assert_eq!(left, ["d", "e"]);
        assert_eq!(request.headers.text("d"), Some("x y"));
        assert_eq!(changes.len(), 4, "{changes:?}");
    }

    #[test]
    fn an_empty_text_is_no_body_unless_the_client_announced_one() {
        assert_eq!(finished(&[], "").0.body, Body::Absent);
        assert_ne!(finished(&[("Content-Length", "0")], "").0.body, Body::Absent);
    }

    #[test]
    fn utf_16_is_read_by_its_mark_and_anything_else_is_utf_8() {
        let source = |bytes| Source { path: Path::new("x"), bytes, base: None };
        assert_eq!(text(source(b"\xff\xfea\0\xe9\0")).unwrap(), "aé");
        assert_eq!(text(source(b"\xfe\xff\0a")).unwrap(), "a");
        assert!(text(source(b"ab\xff")).unwrap_err().contains("byte 2"));
    }
}
