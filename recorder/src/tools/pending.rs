//! What a recording with `RECORD=review` left beside the tapes: to be looked at, and taken over or not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::stray_bodies;
use crate::session::Error;
use crate::store::{Commit, Folder, StoreError, is_body, pending};
use crate::tape::{Tape, TapeError};

/// A change that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// The tape that it would change.
    pub tape: PathBuf,
    /// The file in which it waits.
    pub file: PathBuf,
    /// What it would do.
    pub kind: PendingKind,
}

/// What a change that waits would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PendingKind {
    /// There is no such tape yet.
    New,
    /// The tape would be another one.
    Changed,
    /// The recording did not make this tape: it would be removed.
    Removed,
}

/// Every change that waits below a folder, sorted by path. Links and hidden folders are not followed.
///
/// # Errors
/// Where a folder cannot be listed.
pub fn pending_below(root: &Path) -> Result<Vec<Pending>, Error> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let list = |source| StoreError::Io { doing: "list", path: folder.clone(), source };
        for entry in std::fs::read_dir(&folder).map_err(list)? {
            let entry = entry.map_err(list)?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if entry.file_type().map_err(list)?.is_dir() && !hidden {
                open.push(entry.path());
            }
        }
        for name in Folder::new(folder.clone()).pending()? {
            let Some((tape, removal)) = pending::tape_of(&name) else { continue };
            let (tape, file) = (folder.join(tape), folder.join(name));
            let kind = match (removal, tape.exists()) {
                (true, _) => PendingKind::Removed,
                (false, true) => PendingKind::Changed,
                (false, false) => PendingKind::New,
            };
            found.push(Pending { tape, file, kind });
        }
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

impl Pending {
    /// The tape as it would be; `None` where it would be removed.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn after(&self) -> Result<Option<Tape>, Error> {
        if self.kind == PendingKind::Removed { Ok(None) } else { Ok(Tape::read(&self.file)?) }
    }

    /// The tape as it is; `None` where there is none.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn before(&self) -> Result<Option<Tape>, Error> {
        Ok(Tape::read(&self.tape)?)
    }

    /// Takes the change over: the tape is as the recording made it. Whole or not at all.
    ///
    /// # Errors
    /// Where what waits is no tape, where another process changed the folder, and where the system refuses.
    pub fn accept(&self) -> Result<(), Error> {
        let mut commit = Commit::default();
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if self.after()?.is_some() {
            let read = std::fs::read(&self.file);
            let bytes = read.map_err(|source| TapeError::Io { file: self.file.clone(), source })?;
            commit.write(name(&self.tape), bytes);
        } else {
            commit.remove(name(&self.tape));
        }
        self.settle(commit)
    }

    /// Drops the change; the tape stays as it is.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn reject(&self) -> Result<(), Error> {
        self.settle(Commit::default())
    }

    /// Removes what waited, and the bodies that only the loser referred to.
    fn settle(&self, mut commit: Commit) -> Result<(), Error> {
        let path = self.tape.parent().unwrap_or(Path::new("."));
        let folder = Folder::new(path.to_owned());
        let before: BTreeSet<PathBuf> = stray_bodies(path)?.into_iter().collect();
        commit.remove(self.file.file_name().unwrap_or_default().to_string_lossy().into_owned());
        commit.apply(&folder, &folder.snapshot()?, false)?;
        let mut litter = Commit::default();
        for body in stray_bodies(path)?.into_iter().filter(|body| !before.contains(body)) {
            let name = body.file_name().unwrap_or_default().to_string_lossy().into_owned();
            debug_assert!(is_body(&name));
            litter.remove(name);
        }
        Ok(litter.apply(&folder, &folder.snapshot()?, false)?)
    }
}
