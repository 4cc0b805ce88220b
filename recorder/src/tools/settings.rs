//! The settings that hold for a folder of tapes: what a test with tapes there would go by.

use std::path::{Path, PathBuf};

use crate::key::Rules;
use crate::policy::{Config, Policy, RedactRule};
use crate::session::{Error, ErrorKind};

/// What holds for a folder of tapes: the `recorder.yaml` that a test there would use, and what is added here. Rules that a test
/// sets in code are not known to it, but those that took part in a key are named on the tape.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    file: Option<PathBuf>,
    pub(super) config: Config,
}

impl Settings {
    /// The settings of the tapes in a folder: from the `recorder.yaml` in it or in the nearest folder above, not further up than
    /// one named `tapes`; the defaults where there is none.
    ///
    /// # Errors
    /// Where that file is wrong, with line and column.
    pub fn for_folder(folder: &Path) -> Result<Self, Error> {
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        for above in absolute.ancestors() {
            let file = above.join("recorder.yaml");
            if file.is_file() {
                return Self::of_file(&file);
            }
            if above.file_name().is_some_and(|name| name == "tapes") {
                break;
            }
        }
        Ok(Self::default())
    }

    /// The settings in a file.
    ///
    /// # Errors
    /// Where it is not there, or wrong, with line and column.
    pub fn of_file(file: &Path) -> Result<Self, Error> {
        if !file.is_file() {
            let source = std::io::ErrorKind::NotFound.into();
            return Err(crate::policy::ConfigError::Read { file: file.to_owned(), source }.into());
        }
        Ok(Self { file: Some(file.to_owned()), config: Config::load(file)? })
    }

    /// The file that they are from.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Adds a match rule, as [`Recorder::rule`](crate::Recorder::rule).
    ///
    /// # Errors
    /// Where the text is no rule.
    pub fn add_rule(&mut self, rule: &str) -> Result<(), Error> {
        self.config.rules.push(rule.parse().map_err(ErrorKind::Rule)?);
        Ok(())
    }

    /// Adds a redaction rule, as [`Recorder::redact`](crate::Recorder::redact).
    ///
    /// # Errors
    /// Where the text is no rule.
    pub fn add_redaction(&mut self, rule: &str) -> Result<(), Error> {
        self.config.redact.push(rule.parse::<RedactRule>().map_err(ErrorKind::Redact)?);
        Ok(())
    }

    /// Lets something pass the gate, as [`Recorder::allow`](crate::Recorder::allow).
    ///
    /// # Errors
    /// Where the line is none for the gate.
    pub fn allow(&mut self, line: &str) -> Result<(), Error> {
        self.config.allow.push(line.parse().map_err(ErrorKind::Allow)?);
        Ok(())
    }

    /// The match rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.config.rules
    }

    /// Whether a header of an answer may change without a tape being written anew.
    #[must_use]
    pub fn is_volatile(&self, header: &str) -> bool {
        self.config.volatile.is_header(header)
    }

    /// The environment variables whose values are secrets, by the names that stand on the tapes.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.config.secrets.iter().map(String::as_str)
    }

    /// A policy of its own, that has seen nothing yet; it knows the secrets in the environment.
    pub(super) fn policy(&self) -> Result<Policy, Error> {
        Ok(Policy::from_config(&self.config, |name| std::env::var(name).ok())?)
    }
}
