//! Reading a folder of tapes: one by name, all names, and what it looked like at the start of a run.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::tape::{Tape, TapeError};

/// What can go wrong between the tapes and the disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused.
    #[error("failed to {doing} {}: {source}{}", path.display(), hint(source))]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process changed the folder while this one recorded.
    #[error(
        "another process changed {} in {} while this test was recording; nothing was written. \
         Record one run at a time: run the command again", file, folder.display()
    )]
    Changed {
        /// The first file that differs.
        file: String,
        /// The folder of the test.
        folder: PathBuf,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => {
            ". The disk is full: free some space and record again; the old tapes are untouched"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ". The tapes' folder must be writable while recording; the old tapes are untouched"
        }
        _ => "",
    }
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

/// The folder of one test's tapes. It need not exist.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// Names, sizes and times of the files in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Snapshot(pub(super) BTreeMap<String, (u64, Option<SystemTime>)>);

impl Snapshot {
    /// The names of all tapes and bodies, sorted.
    #[cfg(feature = "tools")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The tape under this name, or `None` where there is none.
    pub(crate) fn load(&self, name: &str) -> Result<Option<Tape>, TapeError> {
        Tape::read(&self.file(name))
    }

    /// Whether the file under this name has this text, line ends of a checkout aside.
    pub(crate) fn has(&self, name: &str, text: &str) -> bool {
        std::fs::read_to_string(self.file(name)).is_ok_and(|old| old == text || old.replace("\r\n", "\n") == text)
    }

    /// The names of all tapes, sorted. An absent folder has none.
    pub(crate) fn tapes(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.snapshot()?.0.into_keys().filter(|name| is_tape(name)).collect())
    }

    /// The names of changes that wait for a review, sorted.
    pub(crate) fn pending(&self) -> Result<Vec<String>, StoreError> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(StoreError::io("list", &self.path)(e)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.map_err(StoreError::io("list", &self.path))?.file_name();
            found.extend(name.into_string().ok().filter(|name| super::pending::tape_of(name).is_some()));
        }
        found.sort();
        Ok(found)
    }

    /// What lies in the folder now.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Snapshot::default()),
            Err(e) => return Err(StoreError::io("list", &self.path)(e)),
        };
        let mut files = BTreeMap::new();
        for entry in entries {
            let entry = entry.map_err(StoreError::io("list", &self.path))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !is_tape(&name) && !is_body(&name) {
                continue;
            }
            // A file that goes while we look belongs to a change that the commit will find.
            let Ok(meta) = entry.metadata() else { continue };
            files.insert(name, (meta.len(), meta.modified().ok()));
        }
        Ok(Snapshot(files))
    }
}

/// `…-<12 hex>.yaml`
pub(crate) fn is_tape(name: &str) -> bool {
    name.strip_suffix(".yaml").is_some_and(|stem| {
        let hex = stem.rsplit('-').next().unwrap_or_default();
        hex.len() == 12 && hex.bytes().all(|b| b.is_ascii_hexdigit()) && stem.len() > 13
    })
}

/// `<16 hex>.<extension>`
pub(crate) fn is_body(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hex, _)| hex.len() == 16 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}
