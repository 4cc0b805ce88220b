//! Whether any file that a configuration is made of has changed: by content, so that editors that replace files and mounts that
//! switch a link are seen alike, and touching a file is not.

use std::hash::Hasher;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

/// The files of a configuration: the file itself, and folders of definitions.
#[derive(Debug, Clone)]
pub struct Watch {
    file: PathBuf,
    folders: Vec<PathBuf>,
    seen: u64,
}

impl Watch {
    /// Remembers the files as they are now.
    #[must_use]
    pub fn new(file: PathBuf, folders: Vec<PathBuf>) -> Self {
        let seen = state(&file, &folders);
        Self { file, folders, seen }
    }

    /// Watches these folders from now on, as they are now.
    pub fn folders(&mut self, folders: Vec<PathBuf>) {
        if folders != self.folders {
            self.folders = folders;
            self.seen = state(&self.file, &self.folders);
        }
    }

    /// Whether anything changed since the last time.
    pub fn changed(&mut self) -> bool {
        let now = state(&self.file, &self.folders);
        std::mem::replace(&mut self.seen, now) != now
    }
}

/// One number for the contents of all files. A file that cannot be read counts as absent: reading it again tells why.
fn state(file: &Path, folders: &[PathBuf]) -> u64 {
    let mut hasher = Xxh3::new();
    add(&mut hasher, file);
    for folder in folders {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml"));
        files.sort();
        for file in files {
            add(&mut hasher, &file);
        }
    }
    hasher.finish()
}

fn add(hasher: &mut Xxh3, file: &Path) {
    hasher.write(file.as_os_str().as_encoded_bytes());
    match std::fs::read(file) {
        Ok(bytes) => {
            hasher.write_usize(bytes.len());
            hasher.write(&bytes);
        }
        Err(_) => hasher.write_u8(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_once_and_touching_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("router.yaml");
        std::fs::write(&file, "listen: 127.0.0.1:1").unwrap();
        let mut watch = Watch::new(file.clone(), vec![folder.path().join("more")]);
        std::fs::write(&file, "listen: 127.0.0.1:1").unwrap();
        assert!(!watch.changed());

        std::fs::write(&file, "listen: 127.0.0.1:2").unwrap();
        assert!(watch.changed());
        assert!(!watch.changed());

        std::fs::create_dir(folder.path().join("more")).unwrap();
        std::fs::write(folder.path().join("more/mine.yaml"), "name: Mine").unwrap();
        std::fs::write(folder.path().join("more/notes.txt"), "no definition").unwrap();
        assert!(watch.changed());
        std::fs::remove_file(folder.path().join("more/mine.yaml")).unwrap();
        assert!(watch.changed());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_is_switched_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["1", "2"] {
            std::fs::create_dir(at(version)).unwrap();
            std::fs::write(at(version).join("router.yaml"), version).unwrap();
        }
        std::os::unix::fs::symlink("1", at("current")).unwrap();
        std::os::unix::fs::symlink("current/router.yaml", at("router.yaml")).unwrap();
        let mut watch = Watch::new(at("router.yaml"), Vec::new());

        std::os::unix::fs::symlink("2", at("next")).unwrap();
        std::fs::rename(at("next"), at("current")).unwrap();
        assert!(watch.changed());
    }
}
