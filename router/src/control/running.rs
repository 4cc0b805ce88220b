//! The note that a running router leaves in its data folder, so that commands find it also where it chose its port itself.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where a router listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// Where events come in.
    pub listen: SocketAddr,
    /// Where the admin API is.
    pub admin: SocketAddr,
}

impl Running {
    /// Leaves the note.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, data: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        let new = path(data).with_extension("new");
        std::fs::write(&new, text)?;
        std::fs::rename(new, path(data))
    }

    /// Reads the note; `None` where there is none that can be read.
    #[must_use]
    pub fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path(data)).ok()?).ok()
    }

    /// Takes the note away at the end.
    pub fn remove(data: &Path) {
        // What remains names an address where nobody listens, and is read as such.
        let _ = std::fs::remove_file(path(data));
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("running.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_found_until_it_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let note = Running { pid: 7, listen: ([127, 0, 0, 1], 80).into(), admin: ([127, 0, 0, 1], 81).into() };
        assert_eq!(Running::read(folder.path()), None);
        note.write(folder.path()).unwrap();
        assert_eq!(Running::read(folder.path()), Some(note));
        Running::remove(folder.path());
        assert_eq!(Running::read(folder.path()), None);
    }
}
