//! The guard that a test holds: as long as it lives, the session does; at its end the recording is saved or the replay judged.

use std::fmt;

use super::finish::{self, Report};
use super::recorder::Claim;
use super::recording::lock;
#[cfg(feature = "proxy")]
use super::state::Entry;
use super::state::{Session, wait_for_engine};
use super::{Error, Exchange, Mode, OnPanic};
use crate::policy::Redactor;

/// A test's tapes. At the end of its scope the recording is saved; replaying, the test fails on a miss that the program
/// swallowed and on an answer that nobody asked for. While the thread is panicking already it says nothing.
#[must_use = "the tapes are saved, and misses reported, at the end of this value's scope"]
pub struct Tapes {
    session: Session,
    claim: Option<Claim>,
}

impl Tapes {
    pub(super) fn new(session: Session, claim: Claim) -> Self {
        Self { session, claim: Some(claim) }
    }

    /// What the client seams hold. It may outlive this guard: what is sent then is an error that names the test.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What this test does: replay, record ….
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.session.mode()
    }

    /// The secret in the environment variable `name`, registered: in whatever encoding it occurs, the tapes have
    /// `{{secret:name}}`. Where the variable is unset (replaying needs no secret) the program gets that placeholder.
    ///
    /// # Panics
    /// Where the variable is unset although requests go out, and where its value is too short to be masked.
    #[track_caller]
    #[must_use = "give it to the program in place of the variable"]
    pub fn secret(&self, name: &str) -> String {
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => {
                if let Err(error) = self.register_secret(name, &value) {
                    panic!("{error}");
                }
                value
            }
            _ if self.mode() == Mode::Replay => Redactor::placeholder(name),
            _ => panic!("{name} is not set, and requests that go out need it (the mode is `{}`)", self.mode()),
        }
    }

    /// Registers a secret that does not come from the environment. Register it before the first request that carries it.
    ///
    /// # Errors
    /// Where the value is too short to be masked without shredding the tape, or the name is taken by another value.
    pub fn register_secret(&self, name: &str, value: &str) -> Result<(), Error> {
        let mut state = lock(&self.session.0.state);
        state.redactor.register(name, value.as_bytes())?;
        state.memo.clear();
        Ok(())
    }

    /// What was sent and answered so far, secrets masked, in the order in which the requests were started.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        Exchange::all(&self.session)
    }

    /// Ends the session: saves a recording, judges a replay.
    ///
    /// # Errors
    /// The first error of the session, even if the program swallowed it; else whatever keeps the tapes from being saved, an
    /// answer that nobody asked for, a drift from the live service.
    pub fn finish(mut self) -> Result<Report, Error> {
        wait_for_engine(|| self.session.is_handed_on());
        let result = finish::finish(&self.session);
        self.claim = None;
        result
    }
}

#[cfg(feature = "proxy")]
impl Tapes {
    /// Ends the session of a test that failed: as where one panics, the old tapes stay. What had gone wrong with the tapes by then is
    /// returned, since it may be the reason.
    pub(crate) fn abandon(mut self) -> Option<Error> {
        finish::abandon(&self.session, self.session.0.options.on_panic == OnPanic::Save);
        self.claim = None;
        lock(&self.session.0.state).failure.clone()
    }

    /// Requests that went out and got no answer, a line for each: who sees a closed connection wants to know what is behind it.
    pub(crate) fn unanswered(&self) -> Vec<String> {
        let state = &mut *lock(&self.session.0.state);
        let mut lines = Vec::new();
        for entry in &state.entries {
            let Entry::Live(slot, _) = entry else { continue };
            let slot = lock(slot);
            if let Some((request, fault)) = slot.fault() {
                state.redactor.learn_request(request);
                let url = state.redactor.url(&request.url);
                lines.push(format!("{} {url}: {} ({})", request.method, fault.kind, fault.message));
            }
        }
        lines
    }

    /// The folder of this test's tapes.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.session.0.location.folder()
    }
}

impl Drop for Tapes {
    #[track_caller]
    fn drop(&mut self) {
        // `finish` has been here.
        if self.claim.is_none() {
            return;
        }
        if std::thread::panicking() {
            finish::abandon(&self.session, self.session.0.options.on_panic == OnPanic::Save);
            return;
        }
        wait_for_engine(|| self.session.is_handed_on());
        let result = finish::finish(&self.session);
        self.claim = None;
        if let Err(error) = result {
            let (file, line) = self.session.0.location.source();
            panic!("{error}\n\nThe recorder was opened at {file}:{line}");
        }
    }
}

impl fmt::Debug for Tapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tapes({})", self.session.0.location.folder().display())
    }
}
