//! A session outside of a test: to replay a folder of tapes, or to ask the service again.

use std::path::Path;

use super::Settings;
use crate::Recorder;
use crate::policy::UrlGlob;
use crate::session::Error;
use crate::tape::Request;

/// A recorder for a folder of tapes outside of a test: the ledger of test runs does not hear of it, no tape is too old for it, and
/// warnings stand in its report alone. It goes by the `recorder.yaml` that [`Settings::for_folder`] finds. Set its mode: `RECORD`
/// is for tests.
///
/// # Errors
/// Where that file is wrong, with line and column.
#[track_caller]
pub fn recorder(folder: &Path) -> Result<Recorder, Error> {
    let settings = Settings::for_folder(folder)?;
    let root = settings.file().and_then(Path::parent).or(folder.parent()).unwrap_or(folder);
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    let below = absolute.strip_prefix(&root).unwrap_or(&absolute).to_owned();
    Ok(Recorder::for_import(&root, &below))
}

impl Settings {
    /// The request on a tape as it would go to the live service: placeholders become the values of the secrets that are given,
    /// of the variables that `recorder.yaml` names, and of environment variables of their name.
    ///
    /// The inner error has the names of placeholders without a value.
    ///
    /// # Errors
    /// Where a value cannot be registered.
    pub fn live_request(
        &self,
        request: &Request,
        secrets: &[(String, String)],
    ) -> Result<Result<Request, Vec<String>>, Error> {
        let mut redactor = self.policy()?.redactor;
        for (name, value) in secrets {
            redactor.register(name, value)?;
        }
        let Err(unknown) = redactor.reveal_request(request) else { return Ok(redactor.reveal_request(request)) };
        for name in unknown {
            if let Ok(value) = std::env::var(&name)
                && !value.is_empty()
            {
                redactor.register(&name, value)?;
            }
        }
        Ok(redactor.reveal_request(request))
    }
}

/// A set of URLs: host, or host and port, and a path if one is meant; `*` for any characters; no scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places(UrlGlob);

impl Places {
    /// Whether a URL is one of them. The query plays no part.
    #[must_use]
    pub fn cover(&self, url: &str) -> bool {
        self.0.covers(url)
    }
}

impl std::str::FromStr for Places {
    type Err = String;

    /// # Errors
    /// With what is wrong, in a sentence.
    fn from_str(text: &str) -> Result<Self, String> {
        UrlGlob::parse(text).map(Self)
    }
}
