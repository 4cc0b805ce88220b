//! What can be wrong with a cassette.

use std::path::PathBuf;

/// A text that is not what its format says, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub(super) struct Invalid {
    line: usize,
    column: usize,
    problem: String,
}

impl Invalid {
    /// Line and column count from 1.
    pub(super) fn at(line: usize, column: usize, problem: impl Into<String>) -> Self {
        Self { line, column, problem: problem.into() }
    }

    /// The same, so many lines further down: it was found in a part of the file.
    pub(super) fn below(self, lines: usize) -> Self {
        Self { line: self.line + lines, ..self }
    }

    pub(super) fn place(&self) -> (usize, usize) {
        (self.line, self.column)
    }

    pub(super) fn problem(&self) -> &str {
        &self.problem
    }
}

/// Why a file could not be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The operating system refused.
    #[error("failed to read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Nothing in the file says what wrote it.
    #[error("{} is none of the formats that are known; name it with --format if it is one of {}", path.display(), super::Format::names())]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// The file is known, and holds no exchange of HTTP.
    #[error("{} is no recording: {what}", path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// There is nothing to export.
    #[error("there is no tape in {}: give a folder of tapes, or a tape", path.display())]
    NoTapes {
        /// The folder.
        path: PathBuf,
    },
    /// A tape cannot be read.
    #[error(transparent)]
    Tape(Box<crate::tape::TapeError>),
    /// The operating system refused to write.
    #[error("failed to write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file would be written over.
    #[error("{} exists already: remove it, or export into another folder", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A base that paths cannot be completed by.
    #[error("{base:?} is no base for URLs: it has to begin with http:// or https://")]
    Base {
        /// What was given.
        base: String,
    },
    /// The file is not well-formed.
    #[error("{} is no {format}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should be.
        format: super::Format,
        /// What is wrong, with line and column where the format has lines.
        problem: String,
    },
    /// The file is too large to be one.
    #[error("{} has {bytes} bytes, and {limit} is the most that is read; split it", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// The greatest size in bytes.
        limit: u64,
    },
}
