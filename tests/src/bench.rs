//! The bench of one test: an adapter, an origin and an empty folder for tapes.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use traffic_recorder::tape::Tape;
use traffic_recorder::{Error, Mode, Recorder, Report, Tapes};

use crate::adapters::{Adapter, Answer, Ask, Client, Failure, Options};
use crate::origin::Origin;

/// What one test over one adapter needs.
pub struct Bench {
    /// The client under test.
    pub adapter: &'static dyn Adapter,
    /// Who answers.
    pub origin: Origin,
    dir: TempDir,
}

/// One run of a program under test: a client on tapes.
pub struct Run {
    /// The tapes.
    pub tapes: Tapes,
    /// The client on them.
    pub client: Arc<dyn Client>,
    base: String,
}

impl Bench {
    /// An origin of its own and an empty folder.
    ///
    /// # Panics
    /// Where there is no temporary folder.
    #[must_use]
    pub fn new(adapter: &'static dyn Adapter) -> Self {
        Self { adapter, origin: Origin::start(), dir: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The folder of the tapes.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("tapes/test")
    }

    /// The folder above, where `recorder.yaml` may lie.
    ///
    /// # Panics
    /// Where the file cannot be written.
    pub fn configure(&self, yaml: &str) {
        let root = self.dir.path().join("tapes");
        std::fs::create_dir_all(&root).expect("a folder");
        std::fs::write(root.join("recorder.yaml"), yaml).expect("a configuration");
    }

    /// A recorder on the folder, in a mode.
    #[track_caller]
    pub fn recorder(&self, mode: Mode) -> Recorder {
        Recorder::at(self.folder()).mode(mode)
    }

    /// Opens a recorder for this adapter's client.
    #[track_caller]
    #[must_use]
    pub fn run(&self, recorder: Recorder) -> Run {
        self.run_with(recorder, &Options::default())
    }

    /// The same with a client configured so.
    ///
    /// # Panics
    /// Where the recorder does not open.
    #[track_caller]
    #[must_use]
    pub fn run_with(&self, recorder: Recorder, options: &Options) -> Run {
        let tapes = recorder.open().expect("tapes");
        let client = self.adapter.client(&tapes, options);
        Run { tapes, client, base: self.origin.url("") }
    }

    /// The same against another origin.
    #[track_caller]
    #[must_use]
    pub fn run_at(&self, recorder: Recorder, origin: &Origin) -> Run {
        Run { base: origin.url(""), ..self.run(recorder) }
    }

    /// A recorder on a folder of its own beside the usual one.
    #[track_caller]
    pub fn case(&self, name: &str, mode: Mode) -> Recorder {
        Recorder::at(self.dir.path().join("tapes").join(name)).mode(mode)
    }

    /// A run that records.
    #[track_caller]
    #[must_use]
    pub fn record(&self) -> Run {
        self.run(self.recorder(Mode::Record))
    }

    /// A run that replays.
    #[track_caller]
    #[must_use]
    pub fn replay(&self) -> Run {
        self.run(self.recorder(Mode::Replay))
    }

    /// What a program gets while it is recorded, and what it gets from the tapes. Both runs have to end well.
    pub async fn twice<T>(&self, program: impl AsyncFn(&Run) -> T) -> (T, T) {
        let run = self.record();
        let live = program(&run).await;
        run.done();
        let hits = self.origin.hits();
        let run = self.replay();
        let replayed = program(&run).await;
        run.done();
        assert_eq!(self.origin.hits(), hits, "replaying asks nobody");
        (live, replayed)
    }

    /// Changes every tape by hand.
    ///
    /// # Panics
    /// Where one cannot be read or written.
    pub fn edit(&self, change: impl Fn(&mut Tape)) {
        for name in self.tapes() {
            let file = self.folder().join(name);
            let mut tape = Tape::read(&file).expect("a tape").expect("a file");
            change(&mut tape);
            std::fs::write(&file, tape.render().expect("a tape").yaml).expect("written");
        }
    }

    /// The names of the tapes, sorted.
    #[must_use]
    pub fn tapes(&self) -> Vec<String> {
        tapes_in(&self.folder())
    }

    /// The text of the only tape.
    ///
    /// # Panics
    /// Where there is none, or more than one.
    #[must_use]
    pub fn tape(&self) -> String {
        let names = self.tapes();
        assert_eq!(names.len(), 1, "one tape: {names:?}");
        std::fs::read_to_string(self.folder().join(&names[0])).expect("a tape")
    }

    /// Every file in the folder with its bytes, sorted by name.
    #[must_use]
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        files_in(&self.folder())
    }
}

impl Run {
    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// As the client says.
    pub async fn send(&self, ask: Ask) -> Result<Answer, Failure> {
        self.client.send(ask).await
    }

    /// The answer to a `GET` of a path of the origin.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    pub fn get(&self, path: &str) -> impl Future<Output = Answer> + use<> {
        self.must(Ask::get(self.url(path)))
    }

    /// The answer to a `POST` of JSON.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    pub fn post(&self, path: &str, json: &str) -> impl Future<Output = Answer> + use<> {
        self.must(Ask::post_json(self.url(path), json.to_owned()))
    }

    /// The answer to a request that has to have one.
    ///
    /// # Panics
    /// Where there is none, naming the request.
    pub fn must(&self, ask: Ask) -> impl Future<Output = Answer> + use<> {
        let client = Arc::clone(&self.client);
        async move {
            let asked = format!("{} {}", ask.method, ask.url);
            client.send(ask).await.unwrap_or_else(|failure| panic!("{asked}: {failure}"))
        }
    }

    /// The failure of a `GET` that has to fail.
    ///
    /// # Panics
    /// Where there is an answer.
    pub async fn fails(&self, path: &str) -> Failure {
        match self.send(Ask::get(self.url(path))).await {
            Ok(answer) => panic!("GET {path} was answered: {} {}", answer.status, answer.text()),
            Err(failure) => failure,
        }
    }

    /// A URL of the origin.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Ends the run.
    ///
    /// # Errors
    /// As [`Tapes::finish`].
    pub fn finish(self) -> Result<Report, Error> {
        self.tapes.finish()
    }

    /// Ends a run that has to end well.
    ///
    /// # Panics
    /// Where it does not.
    #[track_caller]
    pub fn done(self) -> Report {
        match self.tapes.finish() {
            Ok(report) => report,
            Err(error) => panic!("{error}"),
        }
    }

    /// Ends a run that has to end badly.
    ///
    /// # Panics
    /// Where it ends well.
    #[track_caller]
    pub fn fault(self) -> Error {
        match self.tapes.finish() {
            Ok(report) => panic!("ended well: {report:?}"),
            Err(error) => error,
        }
    }
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bench({})", self.adapter.name())
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run({:?})", self.tapes)
    }
}

/// Names of tapes in a folder, sorted; an absent folder has none.
fn tapes_in(folder: &Path) -> Vec<String> {
    files_in(folder).into_iter().map(|(name, _)| name).filter(|name| name.ends_with(".yaml")).collect()
}

fn files_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let named = |path: PathBuf| {
        (path.file_name().expect("a name").to_string_lossy().into_owned(), std::fs::read(&path).expect("a file"))
    };
    let mut files: Vec<_> = files.map(named).collect();
    files.sort();
    files
}

/// A test that hangs says so; far beyond what any takes.
const HUNG: Duration = Duration::from_secs(60);

/// Runs one behaviour over one adapter. What the adapter says it cannot do has to fail.
///
/// # Panics
/// Where the behaviour fails; or does not, although the adapter says that it cannot be.
pub fn run<F>(adapter: &'static dyn Adapter, name: &str, behaviour: impl FnOnce(Bench) -> F)
where
    F: Future<Output = ()>,
{
    let shown = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async { tokio::time::timeout(HUNG, behaviour(Bench::new(adapter))).await })
        }));
        // A client's thread may still hang on a connection that nobody closes, or sleep.
        runtime.shutdown_background();
        let result = result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        result.expect("the test hangs");
    };
    match adapter.cannot().iter().find(|(test, _)| *test == name) {
        None => shown(),
        Some((_, why)) => {
            let result = std::panic::catch_unwind(AssertUnwindSafe(shown));
            assert!(
                result.is_err(),
                "{} can do {name}: take it from the list in adapters/ (it says: {why})",
                adapter.name()
            );
        }
    }
}
