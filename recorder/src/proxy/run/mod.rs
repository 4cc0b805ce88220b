//! Somebody else's test suite behind one engine: a program in any language is run with [`Run::environment`], and each of its tests has
//! tapes of its own. The command `tapes run` is this and a process.
//!
//! ```text
//!   pytest, vitest …                        engine                       suite
//!     test A ── http://A:x@127.0.0.1:port ►        ── A ──► session of A ──► tapes/a/
//!     test B ── x-tapes-test: B ──────────►  route ── B ──► session of B ──► tapes/b/
//!     test C ── (says nothing) ───────────►        ──   ──► the test that is on; else the run's own tapes
//!     plugin ── POST /test/begin, /end ───►  control: opens, judges, saves; what is wrong goes back to the plugin
//! ```
//!
//! - **`POST /test/begin`** with `{"name": "…"}` opens a test and answers `{test, folder, mode, proxy, id}`. `proxy` is a URL for this test
//!   alone: what goes through it belongs to the test, also inside TLS, also beside others. `id` does the same in the field
//!   [`TEST_FIELD`](super::TEST_FIELD).
//! - **`POST /test/end`** with `{"name": "…", "passed": true}` ends it and answers what became of its tapes; `error` is
//!   what the plugin fails the test with. A test that did not pass leaves its old tapes as they are.
//! - **`POST /test/now`** and **`/test/var`** give a test the clock and the values of its recording, as [`World`](crate::session::World) does in Rust.
//! - **A name without a beginning** opens its test by itself. Such tests, and the run's own tapes, end with the run.
//!
//! ```no_run
//! use traffic_recorder::proxy::Run;
//!
//! let run = Run::builder("tapes").start()?;
//! let status = std::process::Command::new("pytest").envs(run.environment(&[])?).status()?;
//! let ended = run.finish(status.success());
//! assert!(ended.errors().next().is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod control;
mod environment;
mod java;
mod suite;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use super::builder::{ProxyBuilder, ProxyError};
use super::guard::Proxy;
use super::route::Route;
use crate::policy::Config;
use crate::session::{Error, ErrorKind, Mode, Session};
use suite::Suite;

pub use suite::{RunEnd, TestEnd};

/// Why a run does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The engine.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The mode, or `recorder.yaml`.
    #[error(transparent)]
    Tapes(#[from] Error),
}

/// Sets a [`Run`] up.
#[must_use = "call `start`"]
#[derive(Debug)]
pub struct RunBuilder {
    root: PathBuf,
    mode: Option<Mode>,
    command: String,
    unnamed: String,
    suite: Arc<Suite>,
    proxy: ProxyBuilder,
}

/// A running engine for many tests. Tests that are still open when it goes are given up: their old tapes stay.
#[must_use = "the engine stops at the end of this value's scope"]
pub struct Run {
    suite: Arc<Suite>,
    proxy: Proxy,
    /// Secrets of `recorder.yaml`.
    secrets: Vec<String>,
}

/// The engine holds the route, and the run the suite.
struct Shared(Arc<Suite>);

impl Route for Shared {
    fn session(&self, test: Option<&str>) -> Result<Session, String> {
        self.0.session(test)
    }

    fn is_handing_on(&self) -> bool {
        self.0.is_handing_on()
    }

    fn control(&self, method: &Method, path: &str, body: &Bytes) -> Option<(u16, String)> {
        control::answer(&self.0, method, path, body)
    }
}

impl RunBuilder {
    /// The mode, whatever `RECORD` says.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// The command that this run is, for errors that say what to run: `tapes run -- pytest`.
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = command.into();
        self
    }

    /// Whose the tapes of requests are that belong to no test: `run` otherwise.
    pub fn unnamed(mut self, name: impl Into<String>) -> Self {
        self.unnamed = name.into();
        self
    }

    /// As [`ProxyBuilder::listen`].
    pub fn listen(mut self, at: SocketAddr) -> Self {
        self.proxy = self.proxy.listen(at);
        self
    }

    /// As [`ProxyBuilder::reachable`].
    pub fn reachable(mut self) -> Self {
        self.proxy = self.proxy.reachable();
        self
    }

    /// As [`ProxyBuilder::trust_pem`], besides what this system or an inherited `SSL_CERT_FILE` trusts.
    ///
    /// # Errors
    /// As that.
    pub fn trust_pem(mut self, pem: &str) -> Result<Self, ProxyError> {
        self.proxy = self.proxy.trust_pem(pem)?;
        Ok(self)
    }

    /// Starts the engine.
    ///
    /// # Errors
    /// For an unknown `RECORD`, recording in continuous integration, a wrong `recorder.yaml`, and as [`ProxyBuilder::start`].
    pub fn start(self) -> Result<Run, RunError> {
        // What every test would fail for is told once.
        let mode = match self.mode {
            Some(mode) => mode,
            None => Mode::from_env(|name| std::env::var(name).ok())?,
        };
        let config = Config::load(&self.root.join("recorder.yaml")).map_err(Error::from)?;
        if crate::store::folder_of_any(&self.unnamed).as_os_str().is_empty() {
            let text = format!("the name {:?} cannot hold tapes: there is nothing in it", self.unnamed);
            return Err(Error::from(ErrorKind::Name(text)).into());
        }
        self.suite.set(suite::Plan {
            root: self.root,
            forced: self.mode,
            mode,
            command: self.command,
            unnamed: self.unnamed,
        });
        // What the program would trust without us.
        let proxy = self.proxy.trust_readable(&environment::system_bundle()).start()?;
        self.suite.listens_at(proxy.address(), proxy.ca_der());
        Ok(Run { suite: self.suite, proxy, secrets: config.secrets })
    }
}

impl Run {
    /// A run whose tests have their tapes below this folder, which also has the `recorder.yaml` for all of them.
    pub fn builder(root: impl AsRef<Path>) -> RunBuilder {
        let suite = Arc::new(Suite::default());
        RunBuilder {
            root: root.as_ref().to_owned(),
            mode: None,
            command: "tapes run".to_owned(),
            unnamed: "run".to_owned(),
            proxy: ProxyBuilder::new(Box::new(Shared(Arc::clone(&suite)))),
            suite,
        }
    }

    /// The engine.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// What the run does with requests: replay, record ….
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.suite.mode()
    }

    /// Ends the tests that are still open, as they passed or not, and stops the engine.
    #[must_use = "it has the errors"]
    pub fn finish(self, passed: bool) -> RunEnd {
        self.suite.finish(passed)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.suite.give_up();
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({})", self.proxy.url())
    }
}
