//! Everything that a session can refuse, each with a stable code and a sentence that says how to go on.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Drift, Miss, UnknownMode, Unused};
use crate::key::RuleError;
use crate::policy::{
    AllowError, ConfigError, EchoError, FaultRuleError, Leak, Refusal, RegisterError, RuleError as RedactError,
};
use crate::store::StoreError;
use crate::tape::{Key, Layer, TapeError};

/// Why the recorder did not do what was asked. Cheap to clone: the program gets it as its client's error, and the end of
/// the test reports it once more.
#[derive(Clone)]
pub struct Error(Arc<ErrorKind>);

/// What kind of [`Error`] it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No tape answers the request.
    #[error(transparent)]
    Miss(Box<Miss>),
    /// `RECORD` holds no mode.
    #[error(transparent)]
    Mode(UnknownMode),
    /// Recording in continuous integration.
    #[error(
        "RECORD={word} is refused where CI is set: a build must not rewrite its own tapes. \
         Record on your machine and commit the tapes, or set RECORD_IN_CI=1 if you mean it"
    )]
    InCi {
        /// What `RECORD` holds.
        word: String,
    },
    /// A tape that cannot be read or written.
    #[error(transparent)]
    Tape(Box<TapeError>),
    /// The folder of the tapes.
    #[error(transparent)]
    Store(StoreError),
    /// The configuration file or a rule in code.
    #[error(transparent)]
    Config(Box<ConfigError>),
    /// A match rule in code.
    #[error(transparent)]
    Rule(RuleError),
    /// A redaction rule in code.
    #[error(transparent)]
    Redact(RedactError),
    /// An echo rule in code.
    #[error(transparent)]
    Echo(EchoError),
    /// A fault rule in code.
    #[error(transparent)]
    Fault(FaultRuleError),
    /// A line for the gate in code.
    #[error(transparent)]
    Allow(AllowError),
    /// A pattern of places in code.
    #[error("{0}")]
    Place(String),
    /// A value that cannot be registered as a secret.
    #[error(transparent)]
    Secret(RegisterError),
    /// A secret is left in what would be written.
    #[error(transparent)]
    Leak(Box<Leak>),
    /// The guard for unsafe methods and unknown hosts.
    #[error(transparent)]
    Guard(Refusal),
    /// The tape was recorded at another layer of a client.
    #[error(
        "{} was recorded {} and cannot answer a client that is tapped {}: redirects and content codings would be wrong. \
         Use the client it was recorded with, or record again with RECORD=1", file.display(), at(*recorded), at(*asked)
    )]
    Layer {
        /// The tape.
        file: PathBuf,
        /// Where it was recorded.
        recorded: Layer,
        /// Where it was asked for.
        asked: Layer,
    },
    /// A tape under the name of a request that has another key.
    #[error(
        "{} is named after the request that was sent, whose key is {wanted}, and holds the key {found}. Somebody edited it or \
         renamed it: put it back as it was, or remove it and record again: {command}", file.display()
    )]
    Key {
        /// The tape.
        file: PathBuf,
        /// The key in it.
        found: Key,
        /// The key of the request.
        wanted: Key,
        /// What records it.
        command: String,
    },
    /// A request after the end of its test.
    #[error(
        "{method} {url} was sent after the recorder of {test} had finished. \
         Wait for the tasks of the test before it ends, or keep its `Tapes` alive longer"
    )]
    Stopped {
        /// The test that made the request.
        test: String,
        /// The method.
        method: String,
        /// The URL, secrets masked.
        url: String,
    },
    /// Answers that nobody asked for.
    #[error(transparent)]
    Unused(Unused),
    /// The live service no longer answers like the tapes.
    #[error(transparent)]
    Drift(Drift),
    /// Tapes older than the configuration allows.
    #[error(
        "{} was recorded on {recorded} and may be {limit} old at most. Record it again: {command}", file.display()
    )]
    Expired {
        /// The tape.
        file: PathBuf,
        /// The day of its oldest take.
        recorded: String,
        /// The limit, in the words of the configuration.
        limit: String,
        /// What records it.
        command: String,
    },
    /// A test without a name of its own.
    #[error("{0}")]
    Name(String),
    /// A second recorder for the tapes of a test that is still running.
    #[error(
        "{} is in use by another recorder in this process ({test}). Give each its own tapes: \
         `tapes!(case = ...)` for the cases of one test, `tapes!(\"name\")` in a helper that several tests call", folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Who uses it.
        test: String,
    },
    /// The request's body or URL could not be read.
    #[error("failed to read the request {method} {url}: {reason}")]
    Request {
        /// The method.
        method: String,
        /// The URL, secrets masked.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A conversation over WebSocket that no tape can hold, or that a tape does not have.
    #[error("failed to carry the conversation with {url}: {reason}")]
    Conversation {
        /// The URL of its handshake, secrets masked.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The recording has no clock, no seed or no value of this name.
    #[error(
        "{} has no {what}, and the test asks for it: the recording did not, or by another name. Record it again: {command}", file.display()
    )]
    World {
        /// Where it would stand.
        file: PathBuf,
        /// What is missing.
        what: String,
        /// What records it.
        command: String,
    },
    /// A named value whose text cannot be read back.
    #[error(
        "`{text}` is the value of `vars.{name}` and cannot be read as {wanted}. What its `Display` writes its `FromStr` has to read; where the \
         type has changed, record it again: {command}"
    )]
    WorldValue {
        /// Its name.
        name: String,
        /// Its text, secrets masked.
        text: String,
        /// The type that the test asks for.
        wanted: &'static str,
        /// What records it.
        command: String,
    },
    /// The temporary file of a body.
    #[error("failed to keep a body while it streams (temporary folder {}): {source}", std::env::temp_dir().display())]
    Spool {
        /// What the operating system said.
        source: std::io::Error,
    },
}

fn at(layer: Layer) -> &'static str {
    match layer {
        Layer::Wire => "on the wire (below redirects and decompression)",
        Layer::Logical => "above redirects and decompression",
    }
}

impl Error {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// The miss, if it is one.
    #[must_use]
    pub fn miss(&self) -> Option<&Miss> {
        match self.kind() {
            ErrorKind::Miss(miss) => Some(miss),
            _ => None,
        }
    }

    /// A word that stays the same from release to release: `miss`, `mode`, `ci`, `tape`, `store`, `config`, `rule`, `secret`, `leak`,
    /// `guard`, `layer`, `stopped`, `unused`, `drift`, `expired`, `name`, `in-use`, `request`, `conversation`, `spool`, `world`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.kind() {
            ErrorKind::Miss(_) => "miss",
            ErrorKind::Mode(_) => "mode",
            ErrorKind::InCi { .. } => "ci",
            ErrorKind::Tape(_) | ErrorKind::Key { .. } => "tape",
            ErrorKind::Store(_) => "store",
            ErrorKind::Config(_) => "config",
            ErrorKind::Rule(_) | ErrorKind::Redact(_) | ErrorKind::Allow(_) | ErrorKind::Place(_) => "rule",
            ErrorKind::Echo(_) | ErrorKind::Fault(_) => "rule",
            ErrorKind::Secret(_) => "secret",
            ErrorKind::Leak(_) => "leak",
            ErrorKind::Guard(_) => "guard",
            ErrorKind::Layer { .. } => "layer",
            ErrorKind::Stopped { .. } => "stopped",
            ErrorKind::Unused(_) => "unused",
            ErrorKind::Drift(_) => "drift",
            ErrorKind::Expired { .. } => "expired",
            ErrorKind::Name(_) => "name",
            ErrorKind::InUse { .. } => "in-use",
            ErrorKind::Request { .. } => "request",
            ErrorKind::Conversation { .. } => "conversation",
            ErrorKind::Spool { .. } => "spool",
            ErrorKind::World { .. } | ErrorKind::WorldValue { .. } => "world",
        }
    }
}

/// As text: a panic of `unwrap()` shows the explanation, not a structure.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.code(), self.0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Arc::new(kind))
    }
}

impl From<TapeError> for Error {
    fn from(error: TapeError) -> Self {
        ErrorKind::Tape(Box::new(error)).into()
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        ErrorKind::Store(error).into()
    }
}

impl From<RegisterError> for Error {
    fn from(error: RegisterError) -> Self {
        ErrorKind::Secret(error).into()
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        ErrorKind::Config(Box::new(error)).into()
    }
}
