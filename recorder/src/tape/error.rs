//! What can be wrong with a tape file: where, what, and how to mend it.

use std::io;
use std::path::PathBuf;

/// Why a tape could not be read or written. A tape that cannot be read is never taken for a missing one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TapeError {
    /// The file system said no.
    #[error("failed to read {}", file.display())]
    Io {
        /// The tape, or a body file beside it.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than any tape that is written.
    #[error("{} has {len} bytes, more than the {limit} of the largest tape: is it a tape?", file.display())]
    TooLarge {
        /// The tape.
        file: PathBuf,
        /// Its size in bytes.
        len: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// The file is not a tape of this version, or it is damaged.
    #[error("{}:{line}:{column}: {problem}", file.display())]
    Invalid {
        /// The tape.
        file: PathBuf,
        /// Line, from 1.
        line: u32,
        /// Column in characters, from 1.
        column: u32,
        /// What is wrong there, and how to mend it.
        problem: Problem,
    },
    /// The value given to be written is no tape.
    #[error("the tape cannot be written: {0}")]
    Unwritable(String),
    /// What would have been written does not read back as what was recorded. Nothing was written.
    #[error("the tape cannot be written: {0} would not read back as recorded (please report this)")]
    Unfaithful(String),
}

/// What is wrong at one place of a tape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not UTF-8.
    #[error("not UTF-8: restore the file from version control or record it again")]
    NotUtf8,
    /// Not YAML; often a file cut short or a merge conflict.
    #[error("not YAML: {0}; restore the file from version control or record it again")]
    Syntax(String),
    /// Anchors, aliases, tags, directives, merge keys, several documents.
    #[error("{0} are not part of a tape: write the value itself")]
    Unsupported(&'static str),
    /// More values than any tape that is written.
    #[error("more than {0} values: is this a tape?")]
    TooManyValues(usize),
    /// The file is of another version of the format.
    #[error("this file is of version {found}, this build reads 1 and 2: update traffic-recorder")]
    Version {
        /// What stands under `tape`.
        found: String,
    },
    /// A field that has to be there is not.
    #[error("`{field}` is missing in {of}: add it or record again")]
    Missing {
        /// The field.
        field: &'static str,
        /// What it is a field of.
        of: &'static str,
    },
    /// A field that this version does not have.
    #[error("`{field}` is not a field of {of}: remove it (known are {known})")]
    Unknown {
        /// The field.
        field: String,
        /// What it was found in.
        of: &'static str,
        /// The fields that it may have.
        known: String,
    },
    /// A key that stands there twice.
    #[error("`{0}` stands here twice: keep one of them")]
    Duplicate(String),
    /// A value of another type.
    #[error("`{field}` is {found}, but has to be {expected}")]
    Type {
        /// The field.
        field: String,
        /// What it has to be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A value of the right type that means nothing here.
    #[error("`{field}` is wrong: {reason}")]
    Value {
        /// The field.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// A word without quotes that YAML readers take for different things.
    #[error(
        "`{0}` is read differently by different YAML readers: put it in quotes, or write a JSON number, true, false or null"
    )]
    Ambiguous(String),
    /// A body in no form, or in several.
    #[error("a body has exactly one of `json`, `text`, `base64`, `file`; here are {0}")]
    BodyForms(String),
    /// A reference that could lead out of the folder of the tape.
    #[error(
        "`{0}` is not the name of a body file: it has to lie beside the tape, named by letters, digits, `.`, `-` and `_`"
    )]
    BodyName(String),
    /// The body file is not there.
    #[error("the body file {name} cannot be read ({reason}): restore it from version control or record again")]
    BodyFile {
        /// Its name.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// The body file holds something else.
    #[error(
        "the body file {name} is not the one that was recorded ({reason}): restore it or record again, and see that \
         .gitattributes in the tapes' folder has `* -text`"
    )]
    BodyChanged {
        /// Its name.
        name: String,
        /// Whether length or digest differ.
        reason: String,
    },
    /// `wire` and the readable body are two different bodies.
    #[error("`wire` does not decode to the readable body ({0}): after a change by hand delete `wire`")]
    WireDiffers(String),
    /// The coding cannot be done here.
    #[error("the body cannot be put into its coding: {0}")]
    Coding(String),
}

/// A problem and where it is, before the file's name is known.
#[derive(Debug)]
pub(super) struct At {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) problem: Problem,
}

impl At {
    /// With the name of the file.
    pub(super) fn of(self, file: &std::path::Path) -> TapeError {
        TapeError::Invalid { file: file.to_owned(), line: self.line, column: self.column, problem: self.problem }
    }
}
