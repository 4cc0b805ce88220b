//! Emptying a folder of its tapes.

use std::fs;
use std::path::Path;

use crate::session::Error;
use crate::store::{Commit, Folder, is_tape};
use crate::tape::WORLD;

/// What a removal takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removal {
    /// Tapes.
    pub tapes: Vec<String>,
    /// Bodies beside them.
    pub bodies: Vec<String>,
}

/// Removes all tapes, body files and the world of one folder, and the folder where nothing else is in it; of folders above, too, but not one
/// named `tapes`. With `dry`, only says what would go. Files of any other kind stay.
///
/// # Errors
/// Where a tape cannot be read, for it may be one of a newer release: then nothing is removed. Where another process changed the
/// folder meanwhile, and where the system refuses.
pub fn remove_tapes(path: &Path, dry: bool) -> Result<Removal, Error> {
    let folder = Folder::new(path.to_owned());
    let seen = folder.snapshot()?;
    let mut removal = Removal::default();
    for name in seen.names() {
        if is_tape(name) {
            folder.load(name)?;
            removal.tapes.push(name.to_owned());
        } else {
            removal.bodies.push(name.to_owned());
        }
    }
    if !dry {
        let mut commit = Commit::default();
        commit.remove(WORLD.to_owned());
        commit.apply(&folder, &seen, true)?;
        for folder in path.ancestors().take_while(|folder| folder.file_name().is_some_and(|name| name != "tapes")) {
            // It fails where anything is left, which is what is wanted.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
    Ok(removal)
}
