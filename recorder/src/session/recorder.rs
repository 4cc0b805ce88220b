//! The builder of a test's recorder. Rules are checked here, before the first request.

use std::collections::HashMap;
use std::fmt;
use std::panic::Location as Caller;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use super::age::MaxAge;
use super::location::CallSite;
use super::memo::Memo;
use super::mode::in_ci;
use super::playback::Timing;
use super::recording::{REQUEST_LIMIT, lock};
use super::replay::Repeat;
use super::state::{Inner, Options, Seat, Session, State};
use super::world::Kept;
use super::{Error, ErrorKind, Location, Mode, Tapes};
use crate::key::Rule;
#[cfg(feature = "formats")]
use crate::policy::Redactor;
use crate::policy::{Config, EchoRule, OnExpiry, Policy, RedactRule, Reveal, UnusedRule, UrlGlob, WorldRule};
use crate::store::{Folder, Snapshot};
use crate::tape::{Origin, Request};

/// What a recording is worth when its test panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnPanic {
    /// The old tapes stay.
    #[default]
    Keep,
    /// What was recorded until then is saved.
    Save,
}

/// Builds a test's recorder: [`recorder!`](crate::recorder) finds the test, [`Recorder::at`] takes any folder.
///
/// ```
/// use traffic_recorder::{Recorder, Repeat};
///
/// let folder = std::env::temp_dir().join("traffic-recorder-docs");
/// let tapes = Recorder::at(folder).repeat(Repeat::Last).rule("ignore json $.timestamp").open()?;
/// // ... let a client use `tapes` ...
/// tapes.finish()?;
/// # Ok::<(), traffic_recorder::Error>(())
/// ```
#[must_use = "call `open`"]
pub struct Recorder {
    location: Result<Location, Error>,
    mode: Option<Mode>,
    rules: Vec<String>,
    custom: Vec<Rule>,
    hide: Vec<String>,
    allow: Vec<String>,
    secrets: Vec<(String, String)>,
    repeats: Vec<(String, Repeat)>,
    unused: Option<UnusedRule>,
    origin: Option<Origin>,
    world: Option<WorldRule>,
    echoes: Vec<String>,
    faults: Vec<String>,
    fault_seed: Option<u64>,
    options: Options,
}

impl Recorder {
    /// A recorder for the tapes in a folder of your own. `recorder.yaml` is looked for in it and in the folder above.
    #[track_caller]
    pub fn at(folder: impl AsRef<Path>) -> Self {
        let caller = Caller::caller();
        Self::new(Ok(Location::of_folder(folder.as_ref(), caller.file(), caller.line())))
    }

    /// A recorder for the tapes of a test that has a name in another language, below the folder of all: where `tapes run --into ROOT`
    /// recorded them, a test in Rust finds them. `recorder.yaml` is looked for as in [`at`](Self::at), and in `root`.
    ///
    /// ```no_run
    /// use traffic_recorder::Recorder;
    ///
    /// let tapes = Recorder::below("python/tapes", "tests/test_shop.py::test_an_order_is_placed").open()?;
    /// # Ok::<(), traffic_recorder::Error>(())
    /// ```
    #[track_caller]
    pub fn below(root: impl AsRef<Path>, name: impl AsRef<str>) -> Self {
        let caller = Caller::caller();
        Self::new(Location::of_test(root.as_ref(), name.as_ref(), caller.file(), caller.line()))
    }

    /// A test that a command runs, which is no test of cargo's.
    #[cfg(feature = "proxy")]
    pub(crate) fn run_by(mut self, command: &str) -> Self {
        self.location = self.location.map(|location| location.run_by(command));
        self
    }

    #[doc(hidden)]
    pub fn of_function(site: CallSite) -> Self {
        Self::new(Location::of_function(site))
    }

    #[doc(hidden)]
    pub fn of_name(site: CallSite, name: &str) -> Self {
        Self::new(Location::of_name(site, name))
    }

    #[doc(hidden)]
    pub fn of_case(site: CallSite, case: &str) -> Self {
        Self::new(Location::of_function(site).map(|location| location.case(case)))
    }

    fn new(location: Result<Location, Error>) -> Self {
        Self {
            location,
            mode: None,
            rules: Vec::new(),
            custom: Vec::new(),
            hide: Vec::new(),
            allow: Vec::new(),
            secrets: Vec::new(),
            repeats: Vec::new(),
            unused: None,
            origin: None,
            world: None,
            echoes: Vec::new(),
            faults: Vec::new(),
            fault_seed: None,
            options: Options {
                repeat: Repeat::Never,
                repeats: Vec::new(),
                timing: Timing::Instant,
                reveal: Reveal::Placeholder,
                origin: Origin::Live,
                on_panic: OnPanic::Keep,
                drain: 0,
                unused: UnusedRule::Fail,
                max_age: MaxAge { limit: None, on_expiry: OnExpiry::Warn },
                as_is: false,
                import: false,
                body_limit: REQUEST_LIMIT,
                world: WorldRule::New,
                own_rules: Vec::new(),
                configured_rules: Vec::new(),
            },
        }
    }

    /// The mode, whatever `RECORD` says; also in continuous integration.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// A match rule, as in `recorder.yaml`: `ignore json $.timestamp`, `match header x-tenant` ….
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rules.push(rule.into());
        self
    }

    /// A match rule that is code, for what the others cannot say. It gets a copy of the request, secrets replaced already, and
    /// makes of it what shall be compared. Tapes name it, so the name should say what it does.
    ///
    /// ```
    /// # use traffic_recorder::Recorder;
    /// # let folder = std::env::temp_dir().join("traffic-recorder-docs");
    /// let tapes = Recorder::at(folder).custom_rule("upper case is lower case in paths", |request| {
    ///     request.url = request.url.to_lowercase();
    /// });
    /// # tapes.open()?.finish()?;
    /// # Ok::<(), traffic_recorder::Error>(())
    /// ```
    pub fn custom_rule(mut self, name: impl AsRef<str>, change: impl Fn(&mut Request) + Send + Sync + 'static) -> Self {
        self.custom.push(Rule::custom(name, change));
        self
    }

    /// A redaction rule, as in `recorder.yaml`: `hide json $.email`, `dummy json $.expires_at as 2099-01-01T00:00:00Z` ….
    pub fn redact(mut self, rule: impl Into<String>) -> Self {
        self.hide.push(rule.into());
        self
    }

    /// Lets something pass the gate that looks like a secret and is none, as in `recorder.yaml`: `place request header x-build`,
    /// `pattern random`, `value build-*`.
    pub fn allow(mut self, line: impl Into<String>) -> Self {
        self.allow.push(line.into());
        self
    }

    /// A secret and the name that stands for it on the tapes. An empty value registers the name alone.
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.secrets.push((name.into(), value.into()));
        self
    }

    /// What happens after the last take of every request.
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.options.repeat = repeat;
        self
    }

    /// What happens after the last take of requests to these places (`api.example.com/v1/status`, `*` and `**` allowed); the
    /// others stay as they are.
    pub fn repeat_on(mut self, place: impl Into<String>, repeat: Repeat) -> Self {
        self.repeats.push((place.into(), repeat));
        self
    }

    /// What an answer that nobody asked for means. The default is that of `recorder.yaml`, and without one that the test
    /// fails.
    pub fn unused(mut self, unused: UnusedRule) -> Self {
        self.unused = Some(unused);
        self
    }

    /// Whether recorded delays are waited for.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.options.timing = timing;
        self
    }

    /// What the program sees in place of secrets while replaying.
    pub fn reveal(mut self, reveal: Reveal) -> Self {
        self.options.reveal = reveal;
        self
    }

    /// Where the answers come from: a stand-in is [`Origin::Simulated`], never live. The default is that of `recorder.yaml`,
    /// and without one [`Origin::Live`].
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Whether recording again makes clock, seed and named values anew or keeps those that the folder has. The default is that of
    /// `recorder.yaml`, and without one [`WorldRule::New`].
    pub fn world(mut self, world: WorldRule) -> Self {
        self.world = Some(world);
        self
    }

    /// Replayed answers repeat a value of the request, as in `recorder.yaml`: `json $.id to json $.order.id on api.example.com/orders`. That value
    /// does not count for the key then.
    ///
    /// ```
    /// # use traffic_recorder::Recorder;
    /// # let folder = std::env::temp_dir().join("traffic-recorder-docs");
    /// let tapes = Recorder::at(folder).echo("json $.id to json $.order.id").open()?;
    /// # tapes.finish()?;
    /// # Ok::<(), traffic_recorder::Error>(())
    /// ```
    pub fn echo(mut self, rule: impl Into<String>) -> Self {
        self.echoes.push(rule.into());
        self
    }

    /// What goes wrong while replaying, as in `recorder.yaml`: `10% status 503 on api.example.com/v1/*`, `first 2 reset`, `delay 50ms..300ms`. The
    /// answer on the tape is not used up by it: a retry gets it. Recording takes no notice.
    ///
    /// ```
    /// # use traffic_recorder::Recorder;
    /// # let folder = std::env::temp_dir().join("traffic-recorder-docs");
    /// let tapes = Recorder::at(folder).fault("first 2 status 503 on api.example.com").open()?;
    /// # tapes.finish()?;
    /// # Ok::<(), traffic_recorder::Error>(())
    /// ```
    pub fn fault(mut self, rule: impl Into<String>) -> Self {
        self.faults.push(rule.into());
        self
    }

    /// Where the random numbers of [`fault`](Self::fault) begin: the same seed makes the same requests fail, whatever the order of
    /// threads. 0 otherwise.
    pub fn fault_seed(mut self, seed: u64) -> Self {
        self.fault_seed = Some(seed);
        self
    }

    /// What a recording is worth when its test panics.
    pub fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.options.on_panic = on_panic;
        self
    }

    /// While recording, reads up to so many bytes on of an answer that the program dropped, so that the tape has the whole.
    /// Without it the take ends where the program stopped. Async clients read on in a task of tokio (any client feature but
    /// `tower` alone): await [`Tapes::settle`] before the end of the test.
    pub fn drain(mut self, bytes: u64) -> Self {
        self.options.drain = bytes;
        self
    }

    /// Hides nothing and lets everything pass: the tapes hold what was sent and answered, credentials too. It is for holding
    /// importers against one another, byte by byte, on recordings that are public already; such tapes do not belong into a
    /// repository, and replaying them takes the same option.
    #[cfg(feature = "formats")]
    pub fn as_is(mut self) -> Self {
        self.options.as_is = true;
        self
    }

    /// For another tool's recordings, and for tools, in a folder below that of all tapes.
    #[cfg(any(feature = "formats", feature = "tools"))]
    #[track_caller]
    pub(crate) fn for_import(root: &Path, folder: &Path) -> Self {
        let caller = Caller::caller();
        let mut recorder = Self::new(Ok(Location::below(root, folder, caller.file(), caller.line())));
        recorder.options.import = true;
        recorder
    }

    /// Opens the tapes.
    ///
    /// # Errors
    /// For an unknown `RECORD`, recording in continuous integration, a rule that does not parse, a wrong `recorder.yaml`, a
    /// test without a name, and tapes that another recorder of this process is writing.
    pub fn open(self) -> Result<Tapes, Error> {
        let location = self.location?;
        let env = |name: &str| std::env::var(name).ok();
        let folder = Folder::new(location.folder().to_owned());
        let mut config = Config::load(&config_file(&location))?;
        for rule in &self.rules {
            config.rules.push(rule.parse().map_err(ErrorKind::Rule)?);
        }
        config.rules.extend(self.custom);
        let mut options = self.options;
        let configured = config.redact.iter().map(RedactRule::to_string).collect();
        for rule in &self.hide {
            let rule: RedactRule = rule.parse().map_err(ErrorKind::Redact)?;
            options.own_rules.push(rule.to_string());
            config.redact.push(rule);
        }
        options.configured_rules = configured;
        for line in &self.allow {
            config.allow.push(line.parse().map_err(ErrorKind::Allow)?);
        }
        for (place, repeat) in self.repeats {
            options.repeats.push((UrlGlob::parse(&place).map_err(ErrorKind::Place)?, repeat));
        }
        options.unused = self.unused.unwrap_or(config.unused);
        options.world = self.world.unwrap_or(config.world);
        for rule in &self.echoes {
            let rule: EchoRule = rule.parse().map_err(ErrorKind::Echo)?;
            options.own_rules.push(rule.to_string());
            config.rules.push(rule.ignored().clone());
            config.echoes.push(rule);
        }
        for rule in &self.faults {
            config.faults.push(rule.parse().map_err(ErrorKind::Fault)?);
        }
        config.fault_seed = self.fault_seed.unwrap_or(config.fault_seed);
        options.origin = self.origin.unwrap_or(config.origin);
        let limit = config.max_age.filter(|_| !options.import);
        options.max_age = MaxAge { limit, on_expiry: config.on_expiry };
        options.body_limit = usize::try_from(config.body_limit).unwrap_or(usize::MAX);
        let mode = match self.mode {
            Some(mode) => mode,
            None => match Mode::from_env(env)? {
                // Never in continuous integration, where from_env refuses to record as well.
                Mode::Replay if !in_ci(env) && options.max_age.calls_for_recording(&folder)? => {
                    eprintln!("traffic-recorder: {}: its tapes are too old and are recorded anew", location.test());
                    Mode::Record
                }
                mode => mode,
            },
        };
        let mut policy = Policy::from_config(&config, env)?;
        let mut redactor = std::mem::take(&mut policy.redactor);
        #[cfg(feature = "formats")]
        if options.as_is {
            redactor = Redactor::off();
        }
        for (name, value) in self.secrets.iter().filter(|(_, value)| !value.is_empty()) {
            redactor.register(name, value)?;
        }
        let seen = if mode.writes() { folder.snapshot()? } else { Snapshot::default() };
        let claim = Claim::new(&location, mode)?;
        let state = State {
            redactor,
            memo: Memo::default(),
            shelves: HashMap::new(),
            entries: Vec::new(),
            failure: None,
            warnings: Vec::new(),
            stopped: false,
            world: Kept::default(),
            echoed: vec![false; policy.echoes.len()],
            injected: Vec::new(),
        };
        let inner = Inner {
            location,
            mode,
            folder,
            seen,
            policy,
            options,
            state: Mutex::new(state),
            draining: AtomicUsize::new(0),
            handed_on: AtomicUsize::new(0),
        };
        Ok(Tapes::new(Session(Arc::new(inner), Seat::Program), claim))
    }

    /// Opens the tapes of a test.
    ///
    /// # Panics
    /// Where [`open`](Self::open) is an error, with its text.
    #[track_caller]
    pub fn start(self) -> Tapes {
        match self.open() {
            Ok(tapes) => tapes,
            Err(error) => panic!("{error}"),
        }
    }
}

fn config_file(location: &Location) -> PathBuf {
    let own = location.folder().join("recorder.yaml");
    if own.exists() { own } else { location.root().join("recorder.yaml") }
}

/// Rules may quote values, and secrets are: neither is shown.
impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Recorder");
        match &self.location {
            Ok(location) => shown.field("folder", &location.folder()),
            Err(error) => shown.field("location", error),
        };
        let secrets: Vec<&String> = self.secrets.iter().map(|(name, _)| name).collect();
        shown.field("mode", &self.mode).field("secrets", &secrets).finish_non_exhaustive()
    }
}

/// The folders that this process writes, and the test that does: two tests that record into one folder would each remove what
/// the other made.
static WRITERS: Mutex<Option<HashMap<PathBuf, Writer>>> = Mutex::new(None);

#[derive(Debug)]
struct Writer {
    thread: Option<String>,
    test: String,
    open: bool,
}

/// Holds a folder for one recorder.
#[derive(Debug)]
pub(super) struct Claim(Option<PathBuf>);

impl Claim {
    fn new(location: &Location, mode: Mode) -> Result<Self, Error> {
        if !mode.writes() {
            return Ok(Self(None));
        }
        let thread = std::thread::current().name().map(str::to_owned);
        let folder = location.folder().to_owned();
        let mut writers = lock(&WRITERS);
        let writers = writers.get_or_insert_default();
        if let Some(writer) = writers.get(&folder) {
            let other_test = location.is_derived() && writer.thread != thread;
            if writer.open || other_test {
                return Err(ErrorKind::InUse { folder, test: writer.test.clone() }.into());
            }
        }
        let (file, line) = location.source();
        writers.insert(folder.clone(), Writer { thread, test: format!("{file}:{line}"), open: true });
        Ok(Self(Some(folder)))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(folder) = &self.0
            && let Some(writer) = lock(&WRITERS).as_mut().and_then(|writers| writers.get_mut(folder))
        {
            writer.open = false;
        }
    }
}
