//! What most formats write in one of a few ways: headers, statuses, times, bodies.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::value::Value;
use super::yaml::BASE64;
use super::{Exchange, Found, LOCAL, Skipped, Source, json, yaml};
use crate::tape::{Answer, Body, Fault, FaultKind, Headers, Origin, Outcome, Recorded, Request, Take, Version};
use base64::Engine as _;

/// Gathers what a reader finds, in the order of the file.
#[derive(Debug)]
pub(super) struct Finds<'a> {
    found: Found,
    base: Option<&'a str>,
}

impl<'a> Finds<'a> {
    pub(super) fn of(source: Source<'a>) -> Self {
        Self { found: Found::default(), base: source.base }
    }

    /// Notes one exchange, or why it is none.
    pub(super) fn add(&mut self, place: impl Into<String>, result: Result<Parts, String>) {
        let place = place.into();
        match result.and_then(|parts| parts.finish(self.base)) {
            Ok((request, take, notes)) => self.found.exchanges.push(Exchange { place, request, take, notes }),
            Err(reason) => self.found.skipped.push(Skipped { place, reason }),
        }
    }

    pub(super) fn finish(self) -> Found {
        self.found
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
    pub(super) origin: Origin,
    pub(super) notes: Vec<String>,
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
            origin: Origin::Import,
            notes: Vec::new(),
        }
    }

    /// Puts right what every format may have wrong; refuses what cannot be a tape.
    fn finish(mut self, base: Option<&str>) -> Result<(Request, Take, Vec<String>), String> {
        let method = self.method.trim().to_ascii_uppercase();
        if method.is_empty() || !method.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)) {
            return Err(format!("{:?} is no method", self.method));
        }
        let url = absolute(&self.url, &self.request_headers, base, &mut self.notes)?;
        drop_pseudo_headers(&mut self.request_headers, &mut self.notes);
        refuse_control_characters(&self.request_headers)?;
        let outcome = match self.outcome {
            Ok(mut answered) => {
                drop_pseudo_headers(&mut answered.headers, &mut self.notes);
                refuse_control_characters(&answered.headers)?;
                let status = u16::try_from(answered.status).ok().filter(|status| (100..=999).contains(status));
                let Some(status) = status else {
                    return Err(format!(
                        "{} is no status: the request was given up, or its answer was not kept",
                        answered.status
                    ));
                };
                let reason = answered.reason.filter(|reason| !usual_reason(status, reason));
                let Answered { version, headers, body, url, trailers, .. } = answered;
                Outcome::Answer(Answer {
                    status,
                    reason,
                    version,
                    url,
                    headers,
                    body,
                    frames: Vec::new(),
                    trailers,
                    cut: None,
                })
            }
            Err(fault) => Outcome::Fault(fault),
        };
        let request = Request {
            method,
            url,
            version: self.request_version,
            headers: self.request_headers,
            body: self.request_body,
            trailers: Headers::new(),
        };
        let recorded = Recorded {
            at: self.at.unwrap_or(UNIX_EPOCH),
            elapsed: self.elapsed,
            frames: Vec::new(),
            from: self.origin,
            notes: self.notes.clone(),
        };
        Ok((request, Take { outcome, recorded }, self.notes))
    }
}

fn usual_reason(status: u16, reason: &str) -> bool {
    let usual = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    usual == Some(reason)
}

/// HTTP/2's own fields are no headers: they say again what method and URL say.
fn drop_pseudo_headers(headers: &mut Headers, notes: &mut Vec<String>) {
    let before = headers.len();
    headers.retain(|name, _| !name.starts_with(':'));
    if headers.len() < before {
        notes.push("HTTP/2's pseudo headers are in the method, the URL and the status".to_owned());
    }
}

fn refuse_control_characters(headers: &Headers) -> Result<(), String> {
    for (name, value) in headers.iter() {
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(format!("{name:?} is no name of a header"));
        }
        if value.iter().any(|byte| matches!(byte, b'\0' | b'\r' | b'\n')) {
            return Err(format!("the header {name} has a line break or a NUL in its value"));
        }
    }
    Ok(())
}

/// The URL, absolute: a path alone is completed by `base` or the `host` header.
fn absolute(url: &str, headers: &Headers, base: Option<&str>, notes: &mut Vec<String>) -> Result<String, String> {
    let url = url.trim();
    let url = url.split('#').next().unwrap_or_default();
    let lower = url.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Ok(url.to_owned());
    }
    if !url.starts_with('/') && !url.is_empty() {
        return Err(format!("{url:?} is no absolute URL: put the host where the placeholder is, and import again"));
    }
    if let Some(base) = base {
        return Ok(format!("{}{url}", base.trim_end_matches('/')));
    }
    if let Some(host) = headers.text("host").filter(|host| !host.is_empty() && !host.contains('{')) {
        return Ok(format!("http://{host}{url}"));
    }
    notes.push(format!("the file does not say which host it was; {LOCAL} stands for it (--base URL names it)"));
    Ok(format!("{LOCAL}{url}"))
}

/// Headers in any of the forms that are about: a map of texts, numbers or lists; a list of `[name, value]`, of `{name, value}`, of
/// `Name: value`, or of names and values in turn.
pub(super) fn headers(value: &Value) -> Headers {
    let mut headers = Headers::new();
    match value {
        Value::Map(entries) => entries.iter().for_each(|(name, value)| push(&mut headers, name, value)),
        Value::List(items) => match items.first() {
            Some(Value::Map(_)) => items.iter().for_each(|item| {
                let name = item.at_any_case("name").text().or_else(|| item.at_any_case("key").text());
                if let Some(name) = name {
                    push(&mut headers, name, item.at_any_case("value"));
                }
            }),
            Some(Value::List(_)) => items.iter().for_each(|item| {
                if let [name, value] = item.items()
                    && let Some(name) = name.text()
                {
                    push(&mut headers, name, value);
                }
            }),
            Some(first) if first.text().is_some_and(|line| line.contains(": ")) => items.iter().for_each(|item| {
                if let Some((name, value)) = item.text().and_then(|line| line.split_once(':')) {
                    headers.push(name, Bytes::copy_from_slice(value.trim().as_bytes()));
                }
            }),
            Some(_) => items.chunks(2).for_each(|pair| {
                if let [name, value] = pair
                    && let Some(name) = name.text()
                {
                    push(&mut headers, name, value);
                }
            }),
            None => {}
        },
        _ => {}
    }
    headers
}

fn push(headers: &mut Headers, name: &str, value: &Value) {
    match value {
        Value::List(values) => values.iter().for_each(|value| push(headers, name, value)),
        // A header of no value is one; Java's `null: [HTTP/1.1 200 OK]` is none.
        _ if name == "null" => {}
        value if value.is_null() => headers.push(name, Bytes::new()),
        value => {
            if let Some(bytes) = value.bytes() {
                headers.push(name, Bytes::copy_from_slice(&bytes));
            }
        }
    }
}

/// A file's text.
pub(super) fn text(source: Source<'_>) -> Result<&str, String> {
    std::str::from_utf8(source.bytes).map_err(|error| format!("it is not UTF-8 from byte {} on", error.valid_up_to()))
}

/// A file of one document, JSON (JSON5 too) or YAML.
pub(super) fn tree(source: Source<'_>) -> Result<Value, String> {
    let text = text(source)?;
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with(['{', '[', '/']) {
        return json::document(text).map_err(|error| error.to_string());
    }
    let mut documents = yaml::documents(text).map_err(|error| error.to_string())?;
    match documents.len() {
        1 => Ok(documents.remove(0)),
        n => Err(format!("a recording is one document, and this file has {n}")),
    }
}

/// More than this is not unpacked.
const LARGEST_UNPACKED: u64 = 256 * 1024 * 1024;

/// Undoes zlib or gzip, whichever it is.
pub(super) fn inflate(packed: &[u8]) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let mut out = Vec::new();
    let limit = LARGEST_UNPACKED + 1;
    let read = if packed.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(packed).take(limit).read_to_end(&mut out)
    } else {
        flate2::read::ZlibDecoder::new(packed).take(limit).read_to_end(&mut out)
    };
    read.map_err(|error| format!("a compressed body cannot be unpacked: {error}"))?;
    if out.len() as u64 > LARGEST_UNPACKED {
        return Err(format!("a compressed body has more than {LARGEST_UNPACKED} bytes when it is unpacked"));
    }
    Ok(out)
}

/// A file beside the recording that holds a body. It must lie in the same folder or below it.
pub(super) fn beside(source: Source<'_>, name: &str) -> Result<Vec<u8>, String> {
    use std::path::{Component, Path};
    let relative = Path::new(name);
    if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(format!("its body is in {name:?}, which is outside the folder of the recording"));
    }
    let folder = source.path.parent().unwrap_or(Path::new("."));
    let file = folder.join(relative);
    // A link may lead out of it as well.
    let real = |path: &Path| {
        std::fs::canonicalize(path).map_err(|error| format!("its body is in {}: {error}", path.display()))
    };
    if !real(&file)?.starts_with(real(folder)?) {
        return Err(format!("its body is in {name:?}, which is outside the folder of the recording"));
    }
    let size = std::fs::metadata(&file).map(|meta| meta.len()).unwrap_or_default();
    if size > super::LARGEST {
        return Err(format!("its body in {} has {size} bytes, more than is read", file.display()));
    }
    std::fs::read(&file).map_err(|error| format!("its body is in {}: {error}", file.display()))
}

/// Go's `1m2.5s` or `460.6ms`.
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| digits + end);
        seconds += number
            * match &rest[digits..unit_end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "µs" | "us" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// A body of these bytes.
pub(super) fn body(bytes: impl Into<Vec<u8>>) -> Body {
    Body::Bytes(Bytes::from(bytes.into()))
}

/// Base64 as people write it, line breaks and all.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, String> {
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64.decode(packed).map_err(|error| format!("the body is said to be base64 and is not: {error}"))
}

/// Hex digits.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
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
        () if has(&["timed out", "timeout"]) => FaultKind::Timeout,
        () if has(&["reset"]) => FaultKind::Reset,
        () if has(&["nxdomain", "resolve", "getaddrinfo", "name or service"]) => FaultKind::Dns,
        () if has(&["certificate", "tls", "ssl"]) => FaultKind::Tls,
        () if has(&["closed", "eof"]) => FaultKind::Closed,
        () => FaultKind::Other,
    };
    Fault { kind, message: message.to_owned() }
}

/// Seconds since 1970, fractions allowed.
pub(super) fn unix(seconds: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

/// A date in one of the forms that are about: RFC 3339 with or without zone, HTTP dates, seconds since 1970. Whole seconds.
pub(super) fn date(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return unix(seconds);
    }
    rfc3339(text).or_else(|| http_date(text))
}

/// `2026-11-21T10:00:00.5+01:00`, the fraction dropped; a space for the T, no zone for UTC.
fn rfc3339(text: &str) -> Option<SystemTime> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let rest = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match rest.as_bytes().first() {
        Some(sign @ (b'+' | b'-')) => {
            let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
            let minutes =
                digits.get(0..2)?.parse::<i64>().ok()? * 60 + digits.get(2..4).map_or(Some(0), |m| m.parse().ok())?;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => 0,
    };
    seconds(days(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second - offset * 60)
}

/// `Mon, 21 Apr 2014 23:13:40 GMT`.
fn http_date(text: &str) -> Option<SystemTime> {
    let mut words = text.split([' ', '-']).skip(1).filter(|word| !word.is_empty());
    let day = words.next()?.parse().ok()?;
    let month = words.next()?;
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = names.iter().position(|name| *name == month)? as i64 + 1;
    let year = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    seconds(days(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second)
}

fn seconds(since_1970: i64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(since_1970).ok()?))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March: the leap day is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::super::json::document;
    use super::*;

    fn listed(json: &str) -> Vec<(String, String)> {
        let headers = headers(&document(json).unwrap());
        headers.iter().map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned())).collect()
    }

    #[test]
    fn headers_are_read_in_all_their_forms() {
        let expected =
            vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x".to_owned()), ("B".to_owned(), "y".to_owned())];
        for form in [
            r#"{"A": 1, "B": ["x", "y"], "null": ["HTTP/1.1 200 OK"]}"#,
            r#"[["A", "1"], ["B", "x"], ["B", "y"]]"#,
            r#"[{"name": "A", "value": "1"}, {"name": "B", "value": "x"}, {"name": "B", "value": "y"}]"#,
            r#"["A: 1\r\n", "B: x\r\n", "B: y\r\n"]"#,
            r#"["A", "1", "B", "x", "B", "y"]"#,
        ] {
            assert_eq!(listed(form), expected, "{form}");
        }
    }

    #[test]
    fn dates_are_read_in_all_their_forms() {
        let expected = Some(UNIX_EPOCH + Duration::from_secs(1_398_122_020));
        for text in [
            "2014-04-21T23:13:40Z",
            "2014-04-21 23:13:40",
            "2014-04-22T01:13:40.123+02:00",
            "Mon, 21 Apr 2014 23:13:40 GMT",
            "1398122020",
        ] {
            assert_eq!(date(text), expected, "{text}");
        }
        assert_eq!(date("yesterday"), None);
        assert_eq!(date("2014-13-21T23:13:40Z"), None);
    }

    #[test]
    fn a_url_is_completed_or_refused() {
        let headers: Headers = [("Host", "shop.test")].into_iter().collect();
        let absolute = |url: &str, headers: &Headers, base| absolute(url, headers, base, &mut Vec::new());
        assert_eq!(absolute("/a?b#c", &headers, None).unwrap(), "http://shop.test/a?b");
        assert_eq!(absolute("/a", &headers, Some("https://x.test/")).unwrap(), "https://x.test/a");
        assert_eq!(absolute("HTTPS://x/y", &Headers::new(), None).unwrap(), "HTTPS://x/y");
        assert_eq!(absolute("/a", &Headers::new(), None).unwrap(), "http://localhost/a");
        assert!(absolute("<HOST>/a", &headers, None).is_err());
    }

    #[test]
    fn hex_is_hex_only() {
        assert_eq!(hex("00ff"), Some(vec![0, 255]));
        assert_eq!(hex("0"), None);
        assert_eq!(hex("+1"), None);
    }
}
