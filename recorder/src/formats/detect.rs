//! What wrote a file: told by what is in it. The words below stand in every file of the format and in no other's.

use super::{Format, Source};

/// So much of a file is looked at: what tells a format stands near the beginning, or, after a long first body, near the end.
const LOOKED_AT: usize = 64 * 1024;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A recording.
    Format(Format),
    /// Something that is known and is none.
    NotARecording(&'static str),
    /// Nobody knows.
    Unknown,
}

pub(super) fn detect(source: Source<'_>) -> Kind {
    let bytes = source.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source.bytes);
    if let Some(what) = no_recording(source, bytes) {
        return Kind::NotARecording(what);
    }
    if let Some(format) = format(source, bytes) {
        return Kind::Format(format);
    }
    match bytes.trim_ascii() {
        b"" => Kind::NotARecording("it is empty"),
        b"[]" | b"{}" | b"null" | b"---" => Kind::NotARecording("nothing was recorded in it"),
        bytes if is_plain_data(bytes) => Kind::NotARecording("it is data without any sign of a request and its answer"),
        _ => Kind::Unknown,
    }
}

/// What lies beside recordings.
fn no_recording(source: Source<'_>, bytes: &[u8]) -> Option<&'static str> {
    let in_folder = |name: &str| source.path.parent().is_some_and(|folder| folder.iter().any(|part| part == name));
    let view = View::of(bytes);
    let is_json = view.starts_with("{") || view.starts_with("[");
    match () {
        () if in_folder("__files") => {
            Some("it is the body of an answer that a mapping of WireMock refers to, and comes with that")
        }
        () if bytes.starts_with(b"PK\x03\x04") => {
            Some("it is a zip archive: unpack it and import what is in it (of Playwright, the .har beside its bodies)")
        }
        () if bytes.starts_with(b"\x1f\x8b") => Some("it is compressed with gzip: unpack it and import what is in it"),
        () if is_json && view.key("trigger") && view.key("actions") => {
            Some("it is a stub of WireMock for the messages of a WebSocket, and no HTTP")
        }
        () if is_json && view.key("client_conn") && view.key("server_conn") => {
            Some("it is what mitmproxy's web view gets, without the bodies: import the flows themselves")
        }
        () if bytes.starts_with(b"RPCReplay") => {
            Some("it holds gRPC calls, recorded as Go's rpcreplay does, and no HTTP")
        }
        () => None,
    }
}

fn format(source: Source<'_>, bytes: &[u8]) -> Option<Format> {
    let extension = source.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if is_netstring(bytes) {
        return Some(Format::Mitmproxy);
    }
    if extension == "zhar" && bytes.first() == Some(&0x78) {
        return Some(Format::Har);
    }
    let view = View::of(bytes);
    match () {
        () if view.starts_with("{") || view.starts_with("[") || view.starts_with("//") || view.starts_with("/*") => {
            json(&view, extension)
        }
        () if view.has("res.statusCode") && view.has("module.exports") => Some(Format::Yakbak),
        () if view.has("module.exports") && view.has("/**") => Some(Format::Yakbak),
        () if is_request_line(bytes) => Some(Format::NodeReplay),
        () => yaml(&view),
    }
}

/// JSON or text with nothing in it that a recording has.
fn is_plain_data(bytes: &[u8]) -> bool {
    let has = |word: &str| memchr::memmem::find(bytes, word.as_bytes()).is_some();
    std::str::from_utf8(bytes).is_ok() && !["request", "Request", "response", "Response"].into_iter().any(has)
}

fn json(view: &View<'_>, extension: &str) -> Option<Format> {
    let keys = |names: &[&str]| names.iter().all(|name| view.key(name));
    let stub = || {
        ["urlPattern", "urlPath", "urlPathPattern", "bodyFileName", "jsonBody"].into_iter().any(|name| view.key(name))
    };
    match () {
        () if keys(&["http_interactions"]) => Some(Format::Vcr),
        () if keys(&["recordID", "interactions"]) || keys(&["bodySegments"]) => Some(Format::TestServer),
        () if keys(&["log"]) && (keys(&["entries"]) || keys(&["creator"])) || extension == "har" => Some(Format::Har),
        () if keys(&["data"]) && keys(&["pairs"]) => Some(Format::Hoverfly),
        () if keys(&["Converter"]) || (keys(&["Entries", "Initial"])) => Some(Format::Httpreplay),
        () if keys(&["RequestUri"]) || (keys(&["Entries", "Variables"])) => Some(Format::Azure),
        () if keys(&["events"]) && (keys(&["connection_id"]) || keys(&["version"])) => Some(Format::Smithy),
        () if keys(&["scope", "path"]) => Some(Format::Nock),
        () if keys(&["meta", "req", "res"]) => Some(Format::Talkback),
        () if keys(&["interactions"]) => Some(Format::Vcr),
        () if view.starts_with("[") && keys(&["request", "response"]) && stub() => Some(Format::Wiremock),
        () if view.starts_with("[") && (keys(&["request", "response"]) || keys(&["Request", "Response"])) => {
            Some(Format::Vcr)
        }
        () if keys(&["request", "response"]) || keys(&["mappings"]) => Some(Format::Wiremock),
        () => None,
    }
}

fn yaml(view: &View<'_>) -> Option<Format> {
    let line = |text: &str| view.line(text);
    match () {
        () if line("http_interactions:") || line("interactions:") => Some(Format::Vcr),
        () if line("kind:") && view.has("api.keploy.io") => Some(Format::Keploy),
        () if line("when:") && view.has("then:") => Some(Format::Httpmock),
        () if line("[[interactions]]") => Some(Format::Vcr),
        () if line("log:") && view.has("entries:") => Some(Format::Har),
        // A list of interactions (php-vcr, vcrpy's first form).
        () if view.has("request:") && view.has("response:") => Some(Format::Vcr),
        () => None,
    }
}

/// The beginning and the end of a file.
struct View<'a> {
    start: &'a [u8],
    end: &'a [u8],
}

impl<'a> View<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let start = &bytes[..bytes.len().min(LOOKED_AT)];
        let end =
            if bytes.len() > LOOKED_AT { &bytes[bytes.len() - LOOKED_AT.min(bytes.len() - LOOKED_AT)..] } else { &[] };
        Self { start, end }
    }

    fn has(&self, text: &str) -> bool {
        let find = |part| memchr::memmem::find(part, text.as_bytes()).is_some();
        find(self.start) || find(self.end)
    }

    /// A key of JSON, or of JSON5 without quotes.
    fn key(&self, name: &str) -> bool {
        [
            format!("\"{name}\":"),
            format!("\"{name}\" :"),
            format!("'{name}':"),
            format!(" {name}:"),
            format!("{{{name}:"),
        ]
        .iter()
        .any(|form| self.has(form))
    }

    /// A line that begins so.
    fn line(&self, text: &str) -> bool {
        self.start.starts_with(text.as_bytes()) || self.has(&format!("\n{text}"))
    }

    fn starts_with(&self, text: &str) -> bool {
        self.start.trim_ascii_start().starts_with(text.as_bytes())
    }
}

/// `<digits>:` and then a value: what only mitmproxy's files begin with.
fn is_netstring(bytes: &[u8]) -> bool {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..12).contains(&digits)
        && bytes.get(digits) == Some(&b':')
        && bytes.get(digits + 1).is_some_and(u8::is_ascii_digit)
}

/// `GET /path` or `/path` alone in the first line that is no comment.
fn is_request_line(bytes: &[u8]) -> bool {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let Some(line) = lines.clone().find(|line| !line.is_empty() && !line.starts_with(b"#")) else { return false };
    let Ok(line) = std::str::from_utf8(line) else { return false };
    let mut words = line.split(' ');
    let first = words.next().unwrap_or_default();
    let is_target = |word: &str| word.starts_with('/') || word.starts_with("http://") || word.starts_with("https://");
    let is_method = !first.is_empty() && first.bytes().all(|b| b.is_ascii_uppercase());
    (is_method && words.next().is_some_and(|word| is_target(word) || word.starts_with("REG")))
        || (is_target(first) && words.next().is_none())
}
