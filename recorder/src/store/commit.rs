//! Changing a folder: all new files are written and complete before the first old one is touched.
//!
//! A process killed at any point leaves each tape as it was or as it shall be. Leftovers of such a process start with
//! `.tmp-` and are removed by the next commit.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::folder::{Folder, Snapshot, StoreError, is_body, is_tape};
use super::lock::FolderLock;

/// Files to put into a folder.
#[derive(Debug, Default)]
pub(crate) struct Commit {
    writes: Vec<(String, Content)>,
    keeps: BTreeSet<String>,
    removes: BTreeSet<String>,
}

#[derive(Debug)]
enum Content {
    Bytes(Vec<u8>),
    /// A finished file elsewhere, moved or copied into place.
    File(PathBuf),
}

impl Commit {
    /// Puts these bytes under this name.
    pub(crate) fn write(&mut self, name: String, bytes: Vec<u8>) {
        self.writes.push((name, Content::Bytes(bytes)));
    }

    /// Puts this file's content under this name. The file is moved where it can be, else copied.
    pub(crate) fn write_file(&mut self, name: String, file: PathBuf) {
        self.writes.push((name, Content::File(file)));
    }

    /// A file that stays as it is.
    pub(crate) fn keep(&mut self, name: String) {
        self.keeps.insert(name);
    }

    /// A file that goes, unless it is written.
    pub(crate) fn remove(&mut self, name: String) {
        self.removes.insert(name);
    }

    /// The names of what is written.
    pub(crate) fn written(&self) -> impl Iterator<Item = &str> {
        self.writes.iter().map(|(name, _)| name.as_str())
    }

    /// Makes the folder so: everything written is there, and with `prune` every tape and body neither written nor kept is
    /// gone. Files that are no tapes are never touched.
    ///
    /// # Errors
    /// [`StoreError::Changed`] where the folder is no longer as in `seen`; [`StoreError::Io`] where a file cannot be written:
    /// then no old file has been touched.
    pub(crate) fn apply(self, folder: &Folder, seen: &Snapshot, prune: bool) -> Result<(), StoreError> {
        let path = folder.path();
        if self.writes.is_empty() && !path.exists() {
            return Ok(());
        }
        fs::create_dir_all(path).map_err(StoreError::io("create the folder", path))?;
        let _lock = FolderLock::acquire(path).map_err(StoreError::io("lock", path))?;
        let now = folder.snapshot()?;
        if now != *seen {
            return Err(changed(&now, seen, path));
        }
        clear_leftovers(path);
        let mut staged = Staged(Vec::new());
        for (index, (name, content)) in self.writes.iter().enumerate() {
            let tmp = path.join(format!(".tmp-{}-{index}", std::process::id()));
            staged.0.push(tmp.clone());
            content.put(&tmp).map_err(StoreError::io("write", &path.join(name)))?;
        }
        // Bodies first: a tape never points at a file that is not there.
        let order = |name: &str| is_tape(name);
        for tapes in [false, true] {
            for (index, (name, _)) in self.writes.iter().enumerate().filter(|(_, (name, _))| order(name) == tapes) {
                let target = path.join(name);
                fs::rename(&staged.0[index], &target).map_err(StoreError::io("replace", &target))?;
            }
        }
        staged.0.clear();
        for name in self.removes.iter().filter(|name| !self.writes.iter().any(|(written, _)| written == *name)) {
            let target = path.join(name);
            match fs::remove_file(&target) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &target)(error));
                }
                _ => {}
            }
        }
        if prune {
            let written: BTreeSet<&str> = self.writes.iter().map(|(name, _)| name.as_str()).collect();
            let stale = now.0.keys().filter(|name| !written.contains(name.as_str()) && !self.keeps.contains(*name));
            // Tapes first, for the same reason.
            let (tapes, bodies): (Vec<_>, Vec<_>) = stale.partition(|name| is_tape(name));
            for name in tapes.into_iter().chain(bodies) {
                debug_assert!(is_tape(name) || is_body(name));
                let target = path.join(name);
                fs::remove_file(&target).map_err(StoreError::io("remove", &target))?;
            }
        }
        Ok(())
    }
}

impl Content {
    fn put(&self, target: &Path) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => {
                let mut file = fs::File::create(target)?;
                file.write_all(bytes)?;
                file.flush()
            }
            // Another file system: copy, in constant memory.
            Self::File(file) => fs::rename(file, target).or_else(|_| fs::copy(file, target).map(drop)),
        }
    }
}

/// Temporary files that go with a commit that fails.
struct Staged(Vec<PathBuf>);

impl Drop for Staged {
    fn drop(&mut self) {
        for file in &self.0 {
            let _ = fs::remove_file(file);
        }
    }
}

fn clear_leftovers(path: &Path) {
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(".tmp-")) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn changed(now: &Snapshot, seen: &Snapshot, folder: &Path) -> StoreError {
    let file = now.0.iter().find(|(name, facts)| seen.0.get(*name) != Some(facts)).map(|(name, _)| name);
    let gone = || seen.0.keys().find(|name| !now.0.contains_key(*name));
    StoreError::Changed { file: file.or_else(gone).cloned().unwrap_or_default(), folder: folder.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "get-a-000000000001.yaml";
    const NEW: &str = "get-a-000000000002.yaml";

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::new(dir.path().join("deep/test"));
        (dir, folder)
    }

    fn put(folder: &Folder, name: &str, text: &str) {
        let mut commit = Commit::default();
        commit.write(name.into(), text.into());
        commit.apply(folder, &folder.snapshot().expect("a list"), false).expect("written");
    }

    #[test]
    fn r05_prunes_what_the_run_no_longer_made_and_nothing_else() {
        let (_dir, folder) = folder();
        put(&folder, OLD, "old");
        fs::write(folder.file("README.md"), "mine").expect("written");
        let mut commit = Commit::default();
        commit.write(NEW.into(), b"new".to_vec());
        commit.apply(&folder, &folder.snapshot().expect("a list"), true).expect("applied");
        assert_eq!(folder.tapes().expect("a list"), [NEW]);
        assert!(folder.file("README.md").exists());
    }

    #[test]
    fn r55_a_folder_changed_by_another_process_is_not_overwritten() {
        let (_dir, folder) = folder();
        put(&folder, OLD, "mine");
        let seen = folder.snapshot().expect("a list");
        put(&folder, OLD, "theirs, longer");
        let mut commit = Commit::default();
        commit.write(OLD.into(), b"mine again".to_vec());
        let error = commit.apply(&folder, &seen, true).expect_err("refused");
        assert!(matches!(error, StoreError::Changed { .. }), "{error}");
        assert_eq!(fs::read(folder.file(OLD)).expect("read"), b"theirs, longer");
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_tape_and_no_litter() {
        let (_dir, folder) = folder();
        put(&folder, OLD, "old");
        let mut commit = Commit::default();
        commit.write(OLD.into(), b"new".to_vec());
        commit.write_file(NEW.into(), "/no/such/file".into());
        commit.apply(&folder, &folder.snapshot().expect("a list"), true).expect_err("refused");
        assert_eq!(fs::read(folder.file(OLD)).expect("read"), b"old");
        assert_eq!(fs::read_dir(folder.path()).expect("a list").count(), 1);
    }

    #[test]
    fn leftovers_of_a_killed_process_go() {
        let (_dir, folder) = folder();
        put(&folder, OLD, "old");
        fs::write(folder.file(".tmp-1-0"), "half").expect("written");
        put(&folder, NEW, "new");
        assert!(!folder.file(".tmp-1-0").exists());
    }
}
