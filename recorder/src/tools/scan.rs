//! Is there a secret in this tape?

use std::path::Path;

use super::{Settings, files};
use crate::policy::{self, Leak};
use crate::session::{Error, ErrorKind};
use crate::tape::{Body, Outcome, Tape};

impl Settings {
    /// What looks like a secret in a tape, and what today's redaction would hide: a find for each place. `text` is the text of its
    /// file. Nothing of a value is in what comes back but a hint.
    ///
    /// # Errors
    /// Where a body file cannot be read, or a secret in the environment cannot be registered.
    pub fn scan(&self, tape: &Tape, text: &str) -> Result<Vec<Leak>, Error> {
        let mut policy = self.policy()?;
        policy.redactor.learn_request(&tape.request);
        for take in &tape.takes {
            if let Outcome::Answer(answer) = &take.outcome {
                policy.redactor.learn_answer(answer);
            }
        }
        let mut found = policy::find_all(tape, text, &policy.redactor, &policy.allow);
        for body in files::bodies(tape) {
            let Body::File(file) = body else { continue };
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            let place = format!("body file {name}");
            let leak = policy::check_file(&place, &file.path, &policy.redactor, &policy.allow);
            found.extend(leak.map_err(|source| ErrorKind::Spool { source })?);
        }
        Ok(found)
    }

    /// What looks like a secret in a text that is no tape, or is one that cannot be read: the first find, by its line.
    ///
    /// # Errors
    /// Where a secret in the environment cannot be registered.
    pub fn scan_text(&self, text: &str) -> Result<Option<Leak>, Error> {
        let policy = self.policy()?;
        Ok(policy::find_in_text(text, &policy.redactor, &policy.allow))
    }

    /// Scans a file.
    ///
    /// # Errors
    /// Where it cannot be read as a tape, and as [`scan`](Self::scan).
    pub fn scan_file(&self, file: &Path) -> Result<Vec<Leak>, Error> {
        let io = |source| crate::tape::TapeError::Io { file: file.to_owned(), source };
        let text = std::fs::read_to_string(file).map_err(io)?;
        self.scan(&Tape::parse(&text, file)?, &text)
    }
}
