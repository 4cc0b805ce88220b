//! Whose tapes a request belongs to.

use bytes::Bytes;
use http::Method;

use crate::session::Session;

/// The field by which a request names its test; it is taken off before the request is keyed or sent.
pub const TEST_FIELD: &str = "x-tapes-test";

/// Finds the session of a request, and hears what a test runner says.
pub(super) trait Route: Send + Sync + 'static {
    /// The session of a request that names this test, or none.
    ///
    /// # Errors
    /// In words, where there can be none.
    fn session(&self, test: Option<&str>) -> Result<Session, String>;

    /// Answers a request to the engine itself: a status and words. `None`: it has nothing to say to this.
    fn control(&self, _: &Method, _path: &str, _body: &Bytes) -> Option<(u16, String)> {
        None
    }
}

/// All requests belong to one test.
pub(super) struct One(pub(super) Session);

impl Route for One {
    fn session(&self, _: Option<&str>) -> Result<Session, String> {
        Ok(self.0.clone())
    }
}
