//! Refresh tokens that partners change with each use, kept in the data folder so that a restart does not lose the grant.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::delivery::TokenMemory;

/// A file that only its owner may read.
pub(crate) struct TokenFile {
    path: PathBuf,
    /// By a digest of the credentials' key: what is kept says nothing about them.
    tokens: Mutex<BTreeMap<String, String>>,
}

impl std::fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TokenFile {
    /// Reads the file of a data folder; there may be none yet.
    pub(crate) fn open(data: &Path) -> Self {
        let path = data.join("tokens.json");
        let tokens = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::error!(
                    "{} cannot be read ({error}): OAuth grants begin with the configuration's tokens",
                    path.display()
                );
                BTreeMap::new()
            }),
            Err(_) => BTreeMap::new(),
        };
        Self { path, tokens: Mutex::new(tokens) }
    }

    fn write(&self, tokens: &BTreeMap<String, String>) -> std::io::Result<()> {
        let new = self.path.with_extension("new");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(&serde_json::to_vec(tokens)?)?;
        file.sync_all()?;
        std::fs::rename(new, &self.path)
    }
}

impl TokenMemory for TokenFile {
    fn load(&self, key: &str) -> Option<String> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(&digest(key)).cloned()
    }

    fn save(&self, key: &str, refresh_token: &str) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(digest(key), refresh_token.to_owned());
        if let Err(error) = self.write(&tokens) {
            tracing::error!(
                "{} cannot be written ({error}): after a restart this OAuth grant may be lost",
                self.path.display()
            );
        }
    }
}

fn digest(key: &str) -> String {
    hmac_sha256::Hash::hash(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_there_after_a_restart_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::open(folder.path());
        assert_eq!(file.load("grant"), None);
        file.save("grant", "fake-first");
        file.save("grant", "fake-second");

        assert_eq!(TokenFile::open(folder.path()).load("grant").as_deref(), Some("fake-second"));
        let path = folder.path().join("tokens.json");
        assert!(!std::fs::read_to_string(&path).unwrap().contains("grant"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(!format!("{file:?}").contains("fake"));
    }
}
