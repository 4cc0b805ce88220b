//! Other tools' recordings, read as data and handed to a session as if they had just taken place.
//!
//! ```text
//! file ──► detect ──► one reader per format ──► exchanges ──► session: redact, key, prove, gate, commit
//! ```
//!
//! A reader turns one file into [`Exchange`]s and says of what it leaves out why ([`Skipped`]). It knows nothing of tapes' names, keys
//! or secrets. Nothing in a file is executed: tags, templates and program text are data or are refused.

mod azure;
mod detect;
mod erlang;
mod error;
mod export;
mod google;
mod har;
mod hoverfly;
mod httpmock;
mod import;
mod json;
mod keploy;
mod mitmproxy;
mod nock;
mod node_replay;
mod parts;
mod smithy;
mod talkback;
mod toml;
mod value;
mod vcr;
mod wiremock;
mod yakbak;
mod yaml;

use std::fmt;
use std::path::Path;

pub use error::FormatError;
pub use export::{ExportFormat, Exported, export};
pub use import::{Changed, FileReport, FileState, Import, ImportReport, Totals};

use crate::tape::{Request, Take};

/// Larger files are refused: no cassette is, and a reader holds all of it.
pub const LARGEST: u64 = 1 << 30;

/// What wrote a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Format {
    /// VCR and its many relatives, in YAML, JSON or TOML: VCR (Ruby, R, PHP), vcrpy, pytest-recording, betamax, rvcr, reqwest-vcr,
    /// cassetter, go-vcr, EasyVCR, ExVCR, Proxay, OkReplay.
    Vcr,
    /// HTTP archives: browsers, proxies, Playwright, Polly.JS.
    Har,
    /// nock's fixtures.
    Nock,
    /// talkback's tapes.
    Talkback,
    /// yakbak's tapes.
    Yakbak,
    /// WireMock's stub mappings.
    Wiremock,
    /// Hoverfly's simulations.
    Hoverfly,
    /// mitmproxy's flows.
    Mitmproxy,
    /// Recordings of Azure's test-proxy.
    Azure,
    /// Recordings of the AWS SDK for Rust.
    Smithy,
    /// Recordings of Google's test-server.
    TestServer,
    /// Replay files of Google's `httpreplay` for Go.
    Httpreplay,
    /// keploy's test cases and mocks.
    Keploy,
    /// node-replay's fixtures.
    NodeReplay,
    /// httpmock's static mocks.
    Httpmock,
}

/// One exchange as the file has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// Where it stands in the file, for reports: `interaction 3`.
    pub place: String,
    /// What was asked.
    pub request: Request,
    /// What came back; [`Origin::Import`](crate::Origin::Import) unless the file says that it was written by hand.
    pub take: Take,
    /// What is to be known of it: a host that the file does not name, a state that it belongs to.
    pub notes: Vec<String>,
    /// What could not be kept as the file has it.
    pub changes: Vec<String>,
}

/// What a reader left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where it stands in the file: `interaction 3`.
    pub place: String,
    /// Why it cannot be a tape.
    pub reason: String,
}

/// What is in a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// In the order of the file, which is that of the recording where the format has one.
    pub exchanges: Vec<Exchange>,
    /// What is there and is no exchange that can be replayed.
    pub skipped: Vec<Skipped>,
}

/// A file on its way in: where it lies matters to formats that keep bodies beside it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Where it lies.
    pub path: &'a Path,
    /// Its content.
    pub bytes: &'a [u8],
    /// What stands before a URL that is a path alone, where the file does not say: `https://api.example.com`.
    pub base: Option<&'a str>,
}

/// What [`Source::base`] is where nobody says: the stand-in's own address, as with WireMock. Its port never counts.
const LOCAL: &str = "http://localhost";

/// A reader of one format: the text in, exchanges out; the error is a sentence with its place.
type Reader = fn(Source<'_>) -> Result<Found, String>;

/// Every format: its name on the command line, its reader.
const ALL: [(Format, &str, Reader); 15] = [
    (Format::Vcr, "vcr", vcr::read),
    (Format::Har, "har", har::read),
    (Format::Nock, "nock", nock::read),
    (Format::Talkback, "talkback", talkback::read),
    (Format::Yakbak, "yakbak", yakbak::read),
    (Format::Wiremock, "wiremock", wiremock::read),
    (Format::Hoverfly, "hoverfly", hoverfly::read),
    (Format::Mitmproxy, "mitmproxy", mitmproxy::read),
    (Format::Azure, "azure", azure::read),
    (Format::Smithy, "smithy", smithy::read),
    (Format::TestServer, "test-server", google::read_test_server),
    (Format::Httpreplay, "httpreplay", google::read_httpreplay),
    (Format::Keploy, "keploy", keploy::read),
    (Format::NodeReplay, "node-replay", node_replay::read),
    (Format::Httpmock, "httpmock", httpmock::read),
];

impl Format {
    /// Every format.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(|(format, ..)| *format)
    }

    /// Its name, as `--format` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(format, ..)| *format == self).map_or("", |(_, name, _)| name)
    }

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|(_, known, _)| *known == name).map(|(format, ..)| *format)
    }

    pub(crate) fn names() -> String {
        ALL.map(|(_, name, _)| name).join(", ")
    }

    /// Which format a file has, by what is in it; the name of the file decides only where the content fits several.
    ///
    /// # Errors
    /// [`FormatError::NotARecording`] for what lies beside recordings and is none (bodies, archives, other protocols),
    /// [`FormatError::Unknown`] for all else.
    pub fn detect(source: Source<'_>) -> Result<Self, FormatError> {
        let path = || source.path.to_owned();
        match detect::detect(source) {
            detect::Kind::Format(format) => Ok(format),
            detect::Kind::NotARecording(what) => {
                Err(FormatError::NotARecording { path: path(), what: what.to_owned() })
            }
            detect::Kind::Unknown => Err(FormatError::Unknown { path: path() }),
        }
    }

    /// Whether the tool keeps each exchange in a file of its own, so that the files of a folder are one recording.
    pub(crate) fn is_one_file_an_exchange(self) -> bool {
        matches!(self, Self::Talkback | Self::Yakbak | Self::Wiremock | Self::NodeReplay)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] where it is not what the format says, [`FormatError::TooLarge`].
    pub fn read(self, source: Source<'_>) -> Result<Found, FormatError> {
        let bytes = source.bytes.len() as u64;
        if bytes > LARGEST {
            return Err(FormatError::TooLarge { path: source.path.to_owned(), bytes, limit: LARGEST });
        }
        let reader = ALL.iter().find(|(format, ..)| *format == self).map(|(.., reader)| reader);
        let malformed = |problem| FormatError::Malformed { path: source.path.to_owned(), format: self, problem };
        reader.map_or_else(|| Ok(Found::default()), |reader| reader(source).map_err(malformed))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
