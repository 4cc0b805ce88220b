//! One process at a time may change a folder. The lock goes with the process: a killed one leaves none behind.

use std::fs::File;
use std::io;
use std::path::Path;

/// Held while a commit changes a folder; dropping it gives the folder back.
#[derive(Debug)]
pub(crate) struct FolderLock(#[expect(dead_code, reason = "held for its lock")] File);

impl FolderLock {
    /// Waits for the folder, which must exist.
    pub(crate) fn acquire(folder: &Path) -> io::Result<Self> {
        let file = handle(folder)?;
        file.lock()?;
        Ok(Self(file))
    }
}

/// A folder can itself be locked, so no file is left in the tree.
#[cfg(unix)]
fn handle(folder: &Path) -> io::Result<File> {
    File::open(folder)
}

/// Where a folder cannot be opened as a file, a file in it serves.
#[cfg(not(unix))]
fn handle(folder: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(folder.join(".lock"))
}
