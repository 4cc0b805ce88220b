//! The folder: one process at a time, and of a format that this release knows.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;

use super::context::Context;
use super::segments;
use crate::log::LogError;

/// The version of the folder. A release that changes what is in it raises this.
const FORMAT: u32 = 1;

/// Takes the folder for this process.
pub(super) fn lock(folder: &Path, context: &Context) -> Result<File, LogError> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join("lock"));
    let file = file.map_err(|error| context.io("the lock file", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::InUse { folder: context.folder.clone() }),
        Err(TryLockError::Error(error)) => Err(context.io("the lock file", &error)),
    }
}

/// Looks whether this release knows the folder, and marks a new one.
pub(super) fn version(folder: &Path, context: &Context) -> Result<(), LogError> {
    let io = |error: io::Error| context.io("the file `format`", &error);
    let path = folder.join("format");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let found = text.trim().parse().map_err(|_| context.corrupt("the file `format`", "it holds no number"))?;
            let folder = context.folder.clone();
            if found == FORMAT { Ok(()) } else { Err(LogError::Version { folder, found, known: FORMAT }) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if folder.join("segments").exists() || folder.join("index").exists() {
                return Err(context.corrupt("the file `format`", "it is not there, and the folder is not empty"));
            }
            let new = folder.join("format.new");
            let mut file = File::create(&new).map_err(io)?;
            writeln!(file, "{FORMAT}").and_then(|()| file.sync_all()).map_err(io)?;
            fs::rename(&new, &path).and_then(|()| segments::sync(folder)).map_err(io)
        }
        Err(error) => Err(io(error)),
    }
}
