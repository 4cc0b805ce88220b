//! Tapes out: as HTTP archives, curl's command lines, VCR's cassettes and WireMock's mappings.
//!
//! What is written here is read back by this crate's own importers as the same exchanges, but for what the format has no place
//! for, which [`Exported::left_out`] names. Secrets are placeholders on the tapes and stay placeholders.

mod curl;
mod har;
mod vcr;
mod wiremock;

use std::fs;
use std::path::{Path, PathBuf};

use super::{Changed, Exchange, FormatError};
use crate::store::is_tape;
use crate::tape::{Answer, Body, Fault, FaultKind, Headers, Outcome, Tape, Words as _};

pub(super) use wiremock::from_metadata;

/// What tapes can be exported to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExportFormat {
    /// An HTTP archive, version 1.2.
    Har,
    /// A shell script with a command of curl for each request.
    Curl,
    /// A cassette of VCR for Ruby, in YAML.
    Vcr,
    /// WireMock's stub mappings, and bodies in files of their own.
    Wiremock,
}

/// Files to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// Each with its path below the folder that they go into. All formats but WireMock's make one.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// How many exchanges are in them.
    pub exchanges: usize,
    /// What of which exchange has no place in the format.
    pub left_out: Vec<Changed>,
}

const ALL: [(ExportFormat, &str); 4] = [
    (ExportFormat::Har, "har"),
    (ExportFormat::Curl, "curl"),
    (ExportFormat::Vcr, "vcr"),
    (ExportFormat::Wiremock, "wiremock"),
];

impl ExportFormat {
    /// Every format.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(|(format, _)| *format)
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(format, _)| *format == self).map_or("", |(_, name)| name)
    }

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|(_, known)| *known == name).map(|(format, _)| *format)
    }
}

/// Exports a tape, or all tapes in a folder and below it, in the order in which they were recorded.
///
/// # Errors
/// Where a tape or a body cannot be read, and where there is no tape.
///
/// ```
/// use traffic_recorder::formats::{ExportFormat, Import, export};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let cassette = folder.path().join("ping.yaml");
/// # std::fs::write(&cassette, "interactions:\n- request: {method: GET, uri: 'http://shop.test/ping'}\n  response: {status: {code: 200}, body: {string: pong}}\n").unwrap();
/// # let tapes = folder.path().join("tapes");
/// # Import::to(&tapes).run([&cassette])?;
/// let exported = export(&tapes, ExportFormat::Curl)?;
/// assert!(String::from_utf8_lossy(&exported.files[0].1).contains("curl"));
/// exported.write_to(folder.path().join("out"))?;
/// # Ok::<(), traffic_recorder::formats::FormatError>(())
/// ```
pub fn export(tapes: impl AsRef<Path>, format: ExportFormat) -> Result<Exported, FormatError> {
    let path = tapes.as_ref();
    let exchanges = recorded(path)?;
    if exchanges.is_empty() {
        return Err(FormatError::NoTapes { path: path.to_owned() });
    }
    Ok(match format {
        ExportFormat::Har => har::write(&exchanges),
        ExportFormat::Curl => curl::write(&exchanges),
        ExportFormat::Vcr => vcr::write(&exchanges),
        ExportFormat::Wiremock => wiremock::write(&exchanges),
    })
}

impl Exported {
    /// Writes the files into a folder, which is made where it is not there.
    ///
    /// # Errors
    /// [`FormatError::Write`], and [`FormatError::Exists`] before anything is written: nothing is written over.
    pub fn write_to(&self, folder: impl AsRef<Path>) -> Result<(), FormatError> {
        let folder = folder.as_ref();
        for (name, _) in &self.files {
            let path = folder.join(name);
            if path.exists() {
                return Err(FormatError::Exists { path });
            }
        }
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, bytes));
            written.map_err(|source| FormatError::Write { path, source })?;
        }
        Ok(())
    }

    fn one(name: &str, text: String, exchanges: &[Exchange]) -> Self {
        Self { files: vec![(name.into(), text.into_bytes())], exchanges: exchanges.len(), left_out: Vec::new() }
    }

    fn leave_out(&mut self, exchange: &Exchange, what: &[&str]) {
        if !what.is_empty() {
            let reasons = what.iter().map(|what| (*what).to_owned()).collect();
            self.left_out.push(Changed::new(&exchange.place, reasons));
        }
    }
}

/// Every take of every tape, by the time of its recording; takes of one tape stay in order.
fn recorded(path: &Path) -> Result<Vec<Exchange>, FormatError> {
    let mut files = Vec::new();
    if path.is_dir() {
        walk(path, &mut files)?;
    } else {
        files.push(path.to_owned());
    }
    let mut dated = Vec::new();
    for file in files {
        let tape = Tape::read(&file).map_err(|error| FormatError::Tape(Box::new(error)))?;
        let Some(tape) = tape else { return Err(FormatError::NoTapes { path: file }) };
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut request = tape.request;
        request.body = in_memory(request.body)?;
        let mut latest = None;
        for (i, mut take) in tape.takes.into_iter().enumerate() {
            if let Outcome::Answer(answer) = &mut take.outcome {
                answer.body = in_memory(std::mem::take(&mut answer.body))?;
            }
            latest = latest.max(Some(take.recorded.at));
            let place = format!("{name}, take {}", i + 1);
            let request = request.clone();
            dated.push((latest, Exchange { place, request, take, notes: Vec::new(), changes: Vec::new() }));
        }
    }
    dated.sort_by_key(|(at, _)| *at);
    Ok(dated.into_iter().map(|(_, exchange)| exchange).collect())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), FormatError> {
    let io = |source| FormatError::Io { path: folder.to_owned(), source };
    let mut entries = fs::read_dir(folder).map_err(io)?.collect::<Result<Vec<_>, _>>().map_err(io)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(io)?;
        if kind.is_dir() {
            walk(&entry.path(), files)?;
        } else if is_tape(&entry.file_name().to_string_lossy()) {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn in_memory(body: Body) -> Result<Body, FormatError> {
    match body {
        Body::File(file) => {
            let bytes = fs::read(&file.path).map_err(|source| FormatError::Io { path: file.path, source })?;
            Ok(Body::Bytes(bytes.into()))
        }
        body => Ok(body),
    }
}

/// What only archives have a place for.
const MESSAGES: &str = "the messages of the conversation that it began";

/// What few formats have a place for.
fn rare(answer: &Answer) -> Vec<&'static str> {
    let mut rare = Vec::new();
    if !answer.frames.is_empty() {
        rare.push("the pieces in which its body arrived");
    }
    match (&answer.cut, &answer.transcript) {
        (Some(_), None) => rare.push("that its body broke off"),
        (Some(_), Some(_)) => rare.push("that the conversation broke off"),
        (None, _) => {}
    }
    if answer.transcript.is_some() {
        rare.push(MESSAGES);
    }
    if answer.url.is_some() {
        rare.push("the URL that answered after redirects");
    }
    rare
}

/// Header values as text; what is not UTF-8 loses what is none.
fn texts(headers: &Headers) -> impl Iterator<Item = (&str, String)> {
    headers.iter().map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned()))
}

fn has_binary(headers: &Headers) -> bool {
    headers.iter().any(|(_, value)| std::str::from_utf8(value).is_err())
}

fn reason(answer: &Answer) -> String {
    let usual = || http::StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    answer.reason.clone().or_else(|| usual().map(str::to_owned)).unwrap_or_default()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The kind of failure under a word of the tape's format.
pub(super) fn fault_named(word: &str) -> Option<FaultKind> {
    FaultKind::from_word(word)
}

fn fault_word(fault: &Fault) -> &'static str {
    fault.kind.word()
}
