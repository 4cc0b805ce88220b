//! Errors of the engine, told as the log's.

use std::io;
use std::path::Path;

use crate::log::LogError;

/// What an error says besides what went wrong: where.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) folder: String,
}

impl Context {
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.display().to_string() }
    }

    /// An error of the disk, while doing something.
    pub(super) fn io(&self, doing: &str, error: &io::Error) -> LogError {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let folder = self.folder.clone();
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => LogError::Full { folder },
            _ => LogError::Engine { folder, problem: format!("{doing}: {error}") },
        }
    }

    /// An error of the index.
    pub(super) fn fjall(&self, error: &fjall::Error) -> LogError {
        use fjall::LsmError;
        match error {
            fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => self.io("the index", error),
            fjall::Error::Locked => LogError::InUse { folder: self.folder.clone() },
            fjall::Error::JournalRecovery(_)
            | fjall::Error::InvalidTrailer
            | fjall::Error::InvalidTag(_)
            | fjall::Error::Decompress(_)
            | fjall::Error::Unrecoverable
            | fjall::Error::Storage(_) => self.corrupt("the index", &format!("{error:?}")),
            other => self.engine(&format!("the index: {other:?}")),
        }
    }

    pub(super) fn corrupt(&self, what: &str, problem: &str) -> LogError {
        LogError::Corrupt { folder: self.folder.clone(), what: what.to_owned(), problem: problem.to_owned() }
    }

    pub(super) fn engine(&self, problem: &str) -> LogError {
        LogError::Engine { folder: self.folder.clone(), problem: problem.to_owned() }
    }
}
