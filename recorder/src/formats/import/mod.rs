//! Recordings in: files and folders become folders of tapes, and each exchange is asked of its new tape and held against the file.
//!
//! ```text
//! inputs ──► plan ──► one recording ──► read ──► a session that records ──► tapes ──► a session that replays ──► report
//!           (names)   (a file, or the           (redact, key, prove,                 (the old answer must
//!                      files of a folder)        gate, commit)                        come back)
//! ```

mod mend;
mod one;
mod plan;
mod replay;
mod report;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

pub use report::{Changed, FileReport, FileState, ImportReport, Totals};

use super::{Format, FormatError};
use crate::tape::Layer;

/// Imports other tools' recordings.
///
/// Each recording becomes a folder of tapes below the target, named after its path. What is secret by the target's `recorder.yaml`
/// and by the defaults is replaced as in a recording of one's own. Where the gate finds a secret all the same, that recording is
/// refused with its place, and the others go on. Importing a recording again replaces its folder.
///
/// ```
/// use traffic_recorder::formats::Import;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let cassette = folder.path().join("ping.yaml");
/// # std::fs::write(&cassette, "interactions:\n- request: {method: GET, uri: 'http://shop.test/ping'}\n  response: {status: {code: 200}, body: {string: pong}}\n").unwrap();
/// # let tapes = folder.path().join("tapes");
/// let report = Import::to(&tapes).run([&cassette])?;
/// assert_eq!(report.totals().exact, 1);
/// println!("{report}");
/// # Ok::<(), traffic_recorder::formats::FormatError>(())
/// ```
#[derive(Clone)]
#[must_use = "call `run`"]
pub struct Import {
    target: PathBuf,
    format: Option<Format>,
    base: Option<String>,
    layer: Layer,
    as_is: bool,
    allow: Vec<String>,
    redact: Vec<String>,
    rules: Vec<String>,
    secrets: Vec<(String, String)>,
}

impl Import {
    /// An import into folders below `target`, which is where `recorder.yaml` is looked for.
    pub fn to(target: impl Into<PathBuf>) -> Self {
        Self {
            target: target.into(),
            format: None,
            base: None,
            layer: Layer::Wire,
            as_is: false,
            allow: Vec::new(),
            redact: Vec::new(),
            rules: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// The format of all files. Without it, each file's content tells.
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// What stands before a URL that is a path alone, where the file does not say: `https://api.example.com`.
    pub fn base(mut self, url: impl Into<String>) -> Self {
        self.base = Some(url.into());
        self
    }

    /// Where the client that replays will be tapped. The default is the wire; tools that recorded above redirects and
    /// decompression (browsers, most of JavaScript's) need [`Layer::Logical`].
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layer = layer;
        self
    }

    /// Neither redaction nor gate, see [`Recorder::as_is`](crate::Recorder::as_is): for holding importers against one another.
    pub fn as_is(mut self, as_is: bool) -> Self {
        self.as_is = as_is;
        self
    }

    /// A line for the gate, as [`Recorder::allow`](crate::Recorder::allow).
    pub fn allow(mut self, line: impl Into<String>) -> Self {
        self.allow.push(line.into());
        self
    }

    /// A redaction rule, as [`Recorder::redact`](crate::Recorder::redact).
    pub fn redact(mut self, rule: impl Into<String>) -> Self {
        self.redact.push(rule.into());
        self
    }

    /// A match rule, as [`Recorder::rule`](crate::Recorder::rule).
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rules.push(rule.into());
        self
    }

    /// A secret and its name, as [`Recorder::secret`](crate::Recorder::secret).
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.secrets.push((name.into(), value.into()));
        self
    }

    /// Imports files, and folders with all that is below them but what is hidden.
    ///
    /// # Errors
    /// [`FormatError::Io`] for an input that is not there, [`FormatError::Base`] for a base that is no URL. What is wrong with a
    /// single file stands in the report.
    pub fn run<P: AsRef<Path>>(&self, inputs: impl IntoIterator<Item = P>) -> Result<ImportReport, FormatError> {
        self.run_with(inputs, |_, _, _| {})
    }

    /// As [`run`](Self::run); tells of each file when it is through: how many are, of how many, and what came of it. Several
    /// recordings are worked on at a time, so that this is not the order of the report.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_with<P: AsRef<Path>>(
        &self,
        inputs: impl IntoIterator<Item = P>,
        mut through: impl FnMut(usize, usize, &FileReport),
    ) -> Result<ImportReport, FormatError> {
        if let Some(base) = &self.base {
            let lower = base.to_ascii_lowercase();
            if !lower.starts_with("http://") && !lower.starts_with("https://") {
                return Err(FormatError::Base { base: base.clone() });
            }
        }
        let inputs: Vec<PathBuf> = inputs.into_iter().map(|input| input.as_ref().to_owned()).collect();
        let recordings = plan::recordings(&inputs, self.format)?;
        let all = recordings.iter().map(|recording| recording.files.len()).sum();
        let mut reports: Vec<Vec<FileReport>> = Vec::new();
        reports.resize_with(recordings.len(), Vec::new);
        let (next, mut done) = (AtomicUsize::new(0), 0);
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(recordings.len()).max(1);
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            for _ in 0..workers {
                let (sender, next, recordings) = (sender.clone(), &next, &recordings);
                scope.spawn(move || {
                    while let Some((at, recording)) = take_next(recordings, next) {
                        // Nobody listens any more where the caller panicked.
                        if sender.send((at, self.one(recording))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (at, files) in receiver {
                for file in &files {
                    done += 1;
                    through(done, all, file);
                }
                reports[at] = files;
            }
        });
        Ok(ImportReport { files: reports.into_iter().flatten().collect() })
    }
}

fn take_next<'r>(recordings: &'r [plan::Recording], next: &AtomicUsize) -> Option<(usize, &'r plan::Recording)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    Some((at, recordings.get(at)?))
}

/// Neither rules nor secrets.
impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import").field("target", &self.target).field("format", &self.format).finish_non_exhaustive()
    }
}
