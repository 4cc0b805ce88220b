//! The guard of an engine: where it listens, and what a client needs to trust it.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::ProxyError;
use super::engine::Engine;
use crate::codec::digest::{hex, sha256};
use crate::session::lock;

/// A running engine. It stops, and its files are removed, at the end of this value's scope.
#[must_use = "the engine stops at the end of this value's scope"]
pub struct Proxy {
    engine: Arc<Engine>,
    files: Mutex<Vec<(&'static str, PathBuf)>>,
}

impl Proxy {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        Self { engine, files: Mutex::default() }
    }

    /// `http://127.0.0.1:<port>`: what a client takes as its proxy, or as the service where the engine stands for one.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.engine.shared.url
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.engine.shared.address
    }

    /// The Unix socket, where there is one.
    #[must_use]
    pub fn unix_socket(&self) -> Option<&Path> {
        self.engine.socket.as_deref()
    }

    /// The certificate of this run's authority, as PEM. Its key is nowhere.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.engine.shared.authority.pem()
    }

    /// The same certificate as it is signed (DER).
    #[must_use]
    pub fn ca_der(&self) -> &[u8] {
        self.engine.shared.authority.certificate()
    }

    /// A temporary file with [`ca_pem`](Self::ca_pem), for clients that read one. Removed with this guard.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn ca_file(&self) -> Result<PathBuf, ProxyError> {
        self.file("pem", self.ca_pem().as_bytes())
    }

    #[cfg(any(feature = "reqwest-client-0_12", feature = "reqwest-client-0_13"))]
    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The temporary file of this kind, made when it is first asked for.
    pub(super) fn file(&self, kind: &'static str, content: &[u8]) -> Result<PathBuf, ProxyError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut files = lock(&self.files);
        if let Some((_, file)) = files.iter().find(|(known, _)| *known == kind) {
            return Ok(file.clone());
        }
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let run = hex(&sha256(self.ca_der())[..6]);
        let file = std::env::temp_dir().join(format!("traffic-recorder-ca-{process}-{count}-{run}.{kind}"));
        // A file that is there is somebody else's.
        let written = File::create_new(&file).and_then(|mut open| open.write_all(content));
        written.map_err(|source| ProxyError::File { file: file.clone(), source })?;
        files.push((kind, file.clone()));
        Ok(file)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        for (_, file) in lock(&self.files).drain(..) {
            let _ = std::fs::remove_file(file);
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.url())
    }
}
