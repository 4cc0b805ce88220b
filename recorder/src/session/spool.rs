//! Keeps a body as it streams past: in memory while it is small, in a temporary file above the limit, hashed on the way.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::tape::{Body, BodyFile};

/// Collects the bytes of one body.
pub(crate) struct Spool {
    limit: usize,
    /// Whether bytes above the limit are kept: replaying needs only their digest.
    keep: bool,
    memory: Vec<u8>,
    large: Option<Large>,
}

struct Large {
    file: Option<(File, TempPath)>,
    digest: hmac_sha256::Hash,
    len: u64,
}

/// A temporary file that goes when it is no longer wanted.
#[derive(Debug)]
pub(crate) struct TempPath(PathBuf);

impl TempPath {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempPath {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A whole body, and the temporary file it needs while it is used.
#[derive(Debug, Default)]
pub(crate) struct Spooled {
    pub(crate) body: Body,
    /// Held so that the file of [`Body::File`] stays.
    pub(crate) temp: Option<TempPath>,
}

impl Spool {
    /// Keeps up to `limit` bytes in memory and the rest on disk.
    pub(crate) fn keeping(limit: usize) -> Self {
        Self { limit, keep: true, memory: Vec::new(), large: None }
    }

    /// Keeps up to `limit` bytes; of a longer body only length and digest are known in the end.
    pub(crate) fn hashing(limit: usize) -> Self {
        Self { limit, keep: false, memory: Vec::new(), large: None }
    }

    /// The next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.large.is_none() {
            if self.memory.len() + bytes.len() <= self.limit {
                self.memory.extend_from_slice(bytes);
                return Ok(());
            }
            self.grow()?;
        }
        self.large.as_mut().map_or(Ok(()), |large| large.push(bytes))
    }

    fn grow(&mut self) -> io::Result<()> {
        let file = if self.keep { Some(temporary()?) } else { None };
        let mut large = Large { file, digest: hmac_sha256::Hash::new(), len: 0 };
        large.push(&std::mem::take(&mut self.memory))?;
        self.large = Some(large);
        Ok(())
    }

    /// How many bytes there were.
    pub(crate) fn len(&self) -> u64 {
        self.large.as_ref().map_or(self.memory.len() as u64, |large| large.len)
    }

    /// A copy of the body as it stands now.
    pub(crate) fn view(&self) -> Body {
        match &self.large {
            None => Body::Bytes(Bytes::copy_from_slice(&self.memory)),
            Some(large) => {
                let path = large.file.as_ref().map(|(_, temp)| temp.path().to_owned()).unwrap_or_default();
                Body::File(BodyFile { path, len: large.len, sha256: large.digest.finalize() })
            }
        }
    }

    /// The body as it stands. An empty one is a body of no bytes, not an absent one.
    pub(crate) fn finish(self) -> io::Result<Spooled> {
        let Some(large) = self.large else {
            return Ok(Spooled { body: Body::Bytes(Bytes::from(self.memory)), temp: None });
        };
        let sha256 = large.digest.finalize();
        let (path, temp) = match large.file {
            Some((mut file, temp)) => {
                file.flush()?;
                (temp.path().to_owned(), Some(temp))
            }
            None => (PathBuf::new(), None),
        };
        Ok(Spooled { body: Body::File(BodyFile { path, len: large.len, sha256 }), temp })
    }
}

/// The length alone: the content may be a secret.
impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spool({} bytes)", self.len())
    }
}

impl Large {
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.len += bytes.len() as u64;
        match &mut self.file {
            Some((file, _)) => file.write_all(bytes),
            None => Ok(()),
        }
    }
}

fn temporary() -> io::Result<(File, TempPath)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let name = format!("traffic-recorder-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        match File::create_new(&path) {
            Ok(file) => return Ok((file, TempPath(path))),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::digest;

    #[test]
    fn r80_a_body_over_the_limit_goes_to_disk_and_is_hashed_on_the_way() {
        let mut spool = Spool::keeping(10);
        for _ in 0..5 {
            spool.push(b"12345").expect("written");
        }
        assert!(spool.memory.capacity() <= 16, "memory is given back");
        let whole = spool.finish().expect("a body");
        let Body::File(file) = &whole.body else { panic!("a file") };
        assert_eq!(fs::read(&file.path).expect("read"), b"12345".repeat(5));
        assert_eq!(file.sha256, digest::sha256(&b"12345".repeat(5)));
        let path = file.path.clone();
        drop(whole);
        assert!(!path.exists());
    }

    #[test]
    fn a_body_of_which_only_the_digest_counts_leaves_no_file() {
        let mut spool = Spool::hashing(2);
        spool.push(b"12345").expect("hashed");
        assert_eq!(spool.len(), 5);
        let whole = spool.finish().expect("a body");
        let Body::File(file) = &whole.body else { panic!("a file") };
        assert_eq!((file.len, file.sha256), (5, digest::sha256(b"12345")));
        assert!(whole.temp.is_none());
    }
}
