//! `max_age`: what happens with recordings older than the configuration allows.

use std::time::{Duration, SystemTime};

use super::{Error, ErrorKind, Location};
use crate::policy::OnExpiry;
use crate::store::Folder;
use crate::tape::Tape;

/// How old a tape may be, and what happens if it is older.
#[derive(Debug, Clone, Copy)]
pub(super) struct MaxAge {
    pub(super) limit: Option<Duration>,
    pub(super) on_expiry: OnExpiry,
}

impl MaxAge {
    /// A warning, or an error, for a tape that is too old.
    pub(super) fn judge(
        self,
        tape: &Tape,
        name: &str,
        folder: &Folder,
        location: &Location,
    ) -> Result<Option<String>, Error> {
        let Some((limit, at)) = self.exceeded_by(tape) else { return Ok(None) };
        let recorded = humantime::format_rfc3339_seconds(at).to_string();
        let recorded = recorded[..10].to_owned();
        let limit = humantime::format_duration(limit).to_string();
        let command = location.command("1");
        if self.on_expiry == OnExpiry::Fail {
            return Err(ErrorKind::Expired { file: folder.file(name), recorded, limit, command }.into());
        }
        Ok(Some(format!("{name} was recorded on {recorded}, older than {limit}; record it again: {command}")))
    }

    /// Whether the test is to be recorded anew because one of its tapes is too old.
    pub(super) fn calls_for_recording(self, folder: &Folder) -> Result<bool, Error> {
        if self.limit.is_none() || self.on_expiry != OnExpiry::Rerecord {
            return Ok(false);
        }
        for name in folder.tapes()? {
            if folder.load(&name)?.is_some_and(|tape| self.exceeded_by(&tape).is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn exceeded_by(self, tape: &Tape) -> Option<(Duration, SystemTime)> {
        let limit = self.limit?;
        let oldest = tape.takes.iter().map(|take| take.recorded.at).min()?;
        // A tape from the future is not old.
        let age = SystemTime::now().duration_since(oldest).unwrap_or_default();
        (age > limit).then_some((limit, oldest))
    }
}
