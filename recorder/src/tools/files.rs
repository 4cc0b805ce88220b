//! Which files are tapes, and which lie beside them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::session::Error;
use crate::store::{Folder, StoreError, is_body, is_tape};
use crate::tape::{Body, Outcome, Tape};

/// Every tape below a folder, sorted by path; a file is itself. Links and hidden folders are not followed.
///
/// # Errors
/// Where a folder cannot be listed.
pub fn tapes_below(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    if path.is_file() {
        found.push(path.to_owned());
    } else {
        walk(path, &mut found)?;
        found.sort();
    }
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    let list = |source| StoreError::Io { doing: "list", path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(list)? {
        let entry = entry.map_err(list)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type().map_err(list)?;
        if kind.is_dir() && !name.starts_with('.') {
            walk(&entry.path(), found)?;
        } else if kind.is_file() && is_tape(&name) {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// The names of the body files that a tape has beside it.
///
/// # Errors
/// Where the tape cannot be written as it is; see [`Tape::render`].
pub fn body_files(tape: &Tape) -> Result<Vec<String>, Error> {
    Ok(tape.render()?.files.into_iter().map(|file| file.name).collect())
}

/// Body files in a folder that no tape in it refers to. Empty where a tape cannot be read: it may refer to any of them.
///
/// # Errors
/// Where the folder cannot be listed.
pub fn stray_bodies(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = |source| StoreError::Io { doing: "list", path: folder.to_owned(), source };
    let mut bodies = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(list)? {
        let entry = entry.map_err(list)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_body(&name) && entry.file_type().map_err(list)?.is_file() {
            bodies.insert(name);
        }
    }
    if bodies.is_empty() {
        return Ok(Vec::new());
    }
    let tapes = Folder::new(folder.to_owned());
    for name in tapes.tapes()?.into_iter().chain(tapes.pending()?) {
        let text = fs::read_to_string(tapes.file(&name)).unwrap_or_default();
        // What is not understood may refer to any of them.
        if is_tape(&name) && tapes.load(&name).is_err() {
            return Ok(Vec::new());
        }
        bodies.retain(|body| !text.contains(body.as_str()));
    }
    Ok(bodies.into_iter().map(|name| folder.join(name)).collect())
}

/// Every body of a tape, the request's first.
pub(super) fn bodies(tape: &Tape) -> impl Iterator<Item = &Body> {
    let answers = tape.takes.iter().filter_map(|take| match &take.outcome {
        Outcome::Answer(answer) => Some(&answer.body),
        Outcome::Fault(_) => None,
    });
    std::iter::once(&tape.request.body).chain(answers)
}

/// Whether a name is one that tapes have: `…-<12 hex digits>.yaml`.
#[must_use]
pub fn is_tape_name(name: &str) -> bool {
    is_tape(name)
}

/// Whether a name is one that body files have: `<16 hex digits>.<extension>`.
#[must_use]
pub fn is_body_name(name: &str) -> bool {
    is_body(name)
}
