//! How a request gets its key.

use super::Settings;
use crate::key::{self, Canonical};
use crate::session::Error;
use crate::store::tape_name;
use crate::tape::Request;

/// What becomes of a request on its way to a tape.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explained {
    /// The request with every secret replaced: what a tape would have.
    pub request: Request,
    /// Its canonical form, with key and the rules that took part.
    pub canonical: Canonical,
    /// The name of its tape.
    pub file: String,
}

impl Settings {
    /// The tape name and key of a request that nothing came before. Secrets in it are replaced as a recording would, so the numbers
    /// in placeholders are those of a first request.
    ///
    /// # Errors
    /// Where a secret in the environment cannot be registered.
    pub fn explain(&self, request: &Request) -> Result<Explained, Error> {
        let mut redactor = self.policy()?.redactor;
        redactor.learn_request(request);
        let request = redactor.request(request).message;
        let canonical = key::canonical(&request, &self.config.rules);
        let file = tape_name(canonical.method(), canonical.host(), canonical.path(), &canonical.key());
        Ok(Explained { request, canonical, file })
    }
}
