//! The session itself: decides what is to be done with each request.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::age::MaxAge;
#[cfg(feature = "proxy")]
use super::conversation::Conversation;
use super::memo::{Found, Memo};
use super::miss::{self, MissReason};
use super::playback::{Playback, Timing};
use super::prepared::Prepared;
use super::recording::{REQUEST_LIMIT, Raw, SharedSlot, Slot, lock};
use super::replay::{Repeat, Shelf};
use super::spool::Spooled;
use super::tap::Recording;
use super::world::Kept;
use super::{Error, ErrorKind, Head, Location, Mode};
use crate::codec::percent;
use crate::key::{self, Canonical};
use crate::policy::{Planned, Policy, Redactor, Reveal, UnusedRule, UrlGlob, WorldRule};
use crate::store::{Folder, Snapshot, tape_name};
use crate::tape::{Answer, Body, Key, Layer, Origin, Outcome, Request, Take, Tape};

/// One test's recorder, as the client seams see it. Clones are the same session.
#[derive(Clone)]
pub struct Session(pub(super) Arc<Inner>, pub(super) Seat);

/// Who asks a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    /// The program's own client, on its own threads.
    Program,
    /// The engine, on a thread of the recorder's own: the end of the test can wait for it.
    #[cfg(feature = "proxy")]
    Engine,
}

/// What the engine reads on of an answer whose connection the program closed: whether a client reads the page that comes with a redirect or
/// hangs up is a matter of microseconds, and no tape should depend on it.
#[cfg(feature = "proxy")]
const READ_ON: u64 = 64 * 1024;

/// How long the end of a test waits for that, and how long the engine reads on.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// The name of the engine's thread.
pub(crate) const ENGINE: &str = "traffic-recorder";

/// Waits until the engine has read what it hands on, or patience is at its end. On the engine's own thread there is nothing to wait for: it
/// would read meanwhile.
pub(crate) fn wait_for_engine(is_handing_on: impl Fn() -> bool) {
    if std::thread::current().name() == Some(ENGINE) {
        return;
    }
    let start = std::time::Instant::now();
    while is_handing_on() && start.elapsed() < PATIENCE {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// What a session is and what it knows.
pub(super) struct Inner {
    pub(super) location: Location,
    pub(super) mode: Mode,
    pub(super) folder: Folder,
    /// What the folder held when the session began; only where tapes are written.
    pub(super) seen: Snapshot,
    pub(super) policy: Policy,
    pub(super) options: Options,
    pub(super) state: Mutex<State>,
    pub(super) draining: AtomicUsize,
    /// Answers that the engine hands on.
    pub(super) handed_on: AtomicUsize,
}

/// An answer that is read on.
#[cfg(feature = "tokio")]
#[derive(Debug)]
pub(crate) struct Draining(Session);

#[cfg(feature = "tokio")]
impl Drop for Draining {
    fn drop(&mut self) {
        let Session(inner, seat) = &self.0;
        let count = if *seat == Seat::Program { &inner.draining } else { &inner.handed_on };
        count.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What the builder set.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) repeat: Repeat,
    /// `HOST/PATH` globs with a rule of their own, first match counts.
    pub(super) repeats: Vec<(UrlGlob, Repeat)>,
    pub(super) timing: Timing,
    pub(super) reveal: Reveal,
    pub(super) origin: Origin,
    pub(super) on_panic: super::OnPanic,
    pub(super) drain: u64,
    pub(super) unused: UnusedRule,
    pub(super) max_age: MaxAge,
    /// Nothing is hidden and nothing is searched for secrets.
    pub(super) as_is: bool,
    /// Another tool's recording comes in: nothing is printed, no run of tests hears of it, no take of before is kept, nothing is
    /// too old.
    pub(super) import: bool,
    /// The largest answer that is held in memory while recording, in bytes.
    pub(super) body_limit: usize,
    /// What recording does with the clock, the seed and the values of the recording before.
    pub(super) world: WorldRule,
    /// Redaction rules of the test, and of `recorder.yaml`.
    pub(super) own_rules: Vec<String>,
    pub(super) configured_rules: Vec<String>,
}

/// What changes while the test runs.
pub(super) struct State {
    pub(super) redactor: Redactor,
    pub(super) memo: Memo,
    pub(super) shelves: HashMap<Key, Arc<Shelf>>,
    /// Every request in the order of its start.
    pub(super) entries: Vec<Entry>,
    /// The first thing that went wrong: the test fails for it whatever the program made of it.
    pub(super) failure: Option<Error>,
    pub(super) warnings: Vec<String>,
    pub(super) stopped: bool,
    /// Clock, seed and named values.
    pub(super) world: Kept,
    /// Which echo rules changed an answer.
    pub(super) echoed: Vec<bool>,
    /// Requests that got a fault by rule.
    pub(super) injected: Vec<String>,
}

pub(super) enum Entry {
    /// Went out; compared with a take in [`Mode::Check`], where there is one.
    Live(SharedSlot, Option<Against>),
    /// Came from a tape.
    Played(Arc<Found>, usize),
    /// Another tool's recording.
    Imported(Box<Raw>),
    /// Given up before an answer.
    Gone,
}

pub(super) type Against = Option<(Arc<Shelf>, usize)>;

/// What a client does with a request.
#[derive(Debug)]
pub enum Step<'s> {
    /// Send it; it is not the recorder's business.
    Pass,
    /// Send it and tell the recording what happens.
    Record(Recording),
    /// Read the body, then [`Ask::answer`].
    Ask(Ask<'s>),
}

/// A request whose body decides about its answer.
#[derive(Debug)]
#[must_use = "give it the body"]
pub struct Ask<'s> {
    session: &'s Session,
    layer: Layer,
}

/// What comes of an [`Ask`].
#[derive(Debug)]
pub enum Reply {
    /// A tape answers.
    Play(Playback),
    /// No tape does, and this mode may send the request. The body is already noted.
    Record(Recording),
}

impl Session {
    /// What is to be done with a request. Asked at its start: the order of these calls is the order on the tapes.
    ///
    /// # Errors
    /// After the end of the test, and where the guard refuses to send the request live.
    pub fn start(&self, head: &Head<'_>, layer: Layer) -> Result<Step<'_>, Error> {
        let inner = &*self.0;
        if inner.mode == Mode::Off {
            return Ok(Step::Pass);
        }
        if inner.passes(head) {
            return Ok(Step::Pass);
        }
        match inner.mode {
            Mode::Record | Mode::Review => {
                let mut state = lock(&inner.state);
                inner.live(&state, head).map_err(|error| state.fail(error))?;
                let recording = self.record(&mut state, head, Spooled::default(), layer, None);
                Ok(Step::Record(recording))
            }
            _ => Ok(Step::Ask(self.ask(layer))),
        }
    }

    pub(crate) fn ask(&self, layer: Layer) -> Ask<'_> {
        Ask { session: self, layer }
    }

    /// The mode of this session.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// Whether a client of this session may open connections at all.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.0.mode == Mode::Replay && !self.0.policy.lets_any_through(true)
    }

    /// How many bytes of a body are still read after the program dropped it, while recording.
    #[must_use]
    pub fn drain_limit(&self) -> u64 {
        match self.1 {
            Seat::Program => self.0.options.drain,
            #[cfg(feature = "proxy")]
            Seat::Engine => self.0.options.drain.max(READ_ON),
        }
    }

    /// The same session for the engine.
    #[cfg(feature = "proxy")]
    pub(crate) fn for_engine(&self) -> Self {
        Self(Arc::clone(&self.0), Seat::Engine)
    }

    /// Counts an answer that the engine hands on, until the guard goes: it may have been given up, and is read on.
    #[cfg(feature = "tokio")]
    pub(crate) fn handing_on(&self) -> Option<Draining> {
        (self.1 != Seat::Program).then(|| {
            self.0.handed_on.fetch_add(1, Ordering::SeqCst);
            Draining(self.clone())
        })
    }

    /// Whether the engine still hands an answer on.
    pub(crate) fn is_handed_on(&self) -> bool {
        self.0.handed_on.load(Ordering::SeqCst) > 0
    }

    /// Counts an answer that is read on after the program dropped it, until the guard goes.
    #[cfg(feature = "tokio")]
    pub(crate) fn draining(&self) -> Draining {
        self.0.draining.fetch_add(1, Ordering::SeqCst);
        Draining(Self(Arc::clone(&self.0), Seat::Program))
    }

    /// Whether there are any.
    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst) > 0
    }

    /// Keeps an error that a seam found (a body that could not be read), so that the test fails for it.
    pub fn fail(&self, error: Error) -> Error {
        lock(&self.0.state).fail(error)
    }

    /// Adds an exchange that another tool recorded, as if it had just taken place: it is redacted, keyed, proved and saved like one.
    ///
    /// # Errors
    /// In a mode that writes no tapes, and after the end of the session.
    pub fn import(&self, request: Request, take: Take, layer: Layer) -> Result<(), Error> {
        let mut state = lock(&self.0.state);
        if state.stopped || !self.0.mode.writes() {
            let (method, url) = (request.method.clone(), state.redactor.url(&request.url));
            let reason = "tapes are imported by a recorder that records and has not ended".to_owned();
            return Err(ErrorKind::Request { method, url, reason }.into());
        }
        state.entries.push(Entry::Imported(Box::new(Raw { request, take, layer, temps: Vec::new() })));
        Ok(())
    }

    /// The exchange with every secret replaced that this session knows: what its tape has.
    #[cfg(feature = "formats")]
    pub(crate) fn masked(&self, request: &Request, outcome: &Outcome) -> (Request, Outcome) {
        let state = lock(&self.0.state);
        let outcome = match outcome {
            Outcome::Answer(answer) => Outcome::Answer(state.redactor.answer(answer).message),
            Outcome::Fault(fault) => {
                Outcome::Fault(crate::tape::Fault { message: state.redactor.text(&fault.message), ..fault.clone() })
            }
        };
        (state.redactor.request(request).message, outcome)
    }

    pub(super) fn forget(&self, entry: usize) {
        if let Some(entry) = lock(&self.0.state).entries.get_mut(entry) {
            *entry = Entry::Gone;
        }
    }

    fn record(
        &self,
        state: &mut State,
        head: &Head<'_>,
        body: Spooled,
        layer: Layer,
        against: Option<Against>,
    ) -> Recording {
        let inner = &*self.0;
        let (origin, limit) = (inner.options.origin, inner.options.body_limit);
        let slot = Slot::new(head.request(body.body), body.temp, layer, origin, limit);
        let slot = Arc::new(Mutex::new(slot));
        state.entries.push(Entry::Live(Arc::clone(&slot), against));
        Recording::new(self.clone(), slot, state.entries.len() - 1)
    }
}

impl Ask<'_> {
    /// How many bytes of the body must be given; of a longer one length and digest are enough.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        REQUEST_LIMIT
    }

    /// Whether the request cannot go out, so that of a large body only the digest is needed.
    pub(crate) fn is_offline(&self) -> bool {
        self.session.is_offline()
    }

    /// The body could not be read.
    pub(crate) fn unreadable(&self, head: &Head<'_>, reason: &crate::client::BoxError) -> Error {
        let mut state = lock(&self.session.0.state);
        let (method, url) = (head.method.to_owned(), state.redactor.url(&head.url()));
        state.fail(ErrorKind::Request { method, url, reason: format!("its body: {reason}") }.into())
    }

    /// The body as it would be sent.
    ///
    /// # Errors
    /// A miss, and every way in which a tape cannot be used. The session keeps the first error: the test fails for it even
    /// where the program does not.
    pub fn answer(self, head: &Head<'_>, body: Body) -> Result<Reply, Error> {
        self.answer_spooled(head, Spooled { body, temp: None })
    }

    pub(crate) fn answer_spooled(self, head: &Head<'_>, body: Spooled) -> Result<Reply, Error> {
        let inner = &*self.session.0;
        let mut state = lock(&inner.state);
        if state.stopped {
            return Err(inner.stopped(&state, head));
        }
        let result = self.find(&mut state, head, body);
        result.map_err(|error| state.fail(error))
    }

    fn find(&self, state: &mut State, head: &Head<'_>, body: Spooled) -> Result<Reply, Error> {
        let inner = &*self.session.0;
        let found = match state.memo.look_up(head, &body.body) {
            Some(found) => Arc::clone(found),
            None => match inner.open(state, head, &body.body)? {
                Ok(found) => {
                    state.memo.remember(head, &body.body, Arc::clone(&found));
                    found
                }
                Err((request, canonical)) => return self.without_tape(state, head, body, request, &canonical),
            },
        };
        found.shelf.check_layer(&inner.folder, self.layer)?;
        if inner.mode == Mode::Check {
            let take = found.shelf.choose().unwrap_or(found.shelf.tape.takes.len() - 1);
            found.shelf.used(take);
            inner.live(state, head)?;
            return Ok(Reply::Record(self.session.record(
                state,
                head,
                body,
                self.layer,
                Some(Some((Arc::clone(&found.shelf), take))),
            )));
        }
        let Some(take) = found.shelf.choose() else {
            if inner.mode == Mode::Missing {
                inner.live(state, head)?;
                return Ok(Reply::Record(self.session.record(state, head, body, self.layer, None)));
            }
            let canonical = key::canonical(&found.request, &inner.policy.rules);
            let reason = MissReason::UsedUp { file: found.shelf.name.clone(), takes: found.shelf.tape.takes.len() };
            return Err(miss::explain(inner, state, &found.request, &canonical, reason).into());
        };
        let planned = match inner.mode {
            Mode::Replay => inner.policy.faults.plan(&found.shelf.name, &found.request.url),
            _ => Planned::default(),
        };
        if let (Some(fault), Some(rule)) = (planned.fault, &planned.rule) {
            // It stays for the retry, and is none that nobody asked for.
            found.shelf.dropped(take);
            state.injected.push(format!("{} {}: {rule}", found.request.method, found.request.url));
            return Ok(Reply::Play(Playback::faulty(found, take, fault, planned.delay)?));
        }
        let mut playback = Playback::new(Arc::clone(&found), take, inner.options.timing);
        #[cfg(feature = "proxy")]
        if let Some(conversation) = Conversation::of(self.session, &found, take) {
            playback.converse(conversation);
        }
        playback.keep_back(planned.delay);
        if let Some(answer) = self.changed(state, head, &body.body, &found, take)? {
            playback.reveal(prepared(&found.request, &answer)?);
        }
        state.entries.push(Entry::Played(found, take));
        Ok(Reply::Play(playback))
    }

    /// The answer as this request gets it, where that is not as the tape has it: with secrets put back, with values of the request in it.
    fn changed(
        &self,
        state: &mut State,
        head: &Head<'_>,
        body: &Body,
        found: &Found,
        take: usize,
    ) -> Result<Option<Answer>, Error> {
        let inner = &*self.session.0;
        let Outcome::Answer(answer) = &found.shelf.tape.takes[take].outcome else { return Ok(None) };
        let mut changed = None;
        if found.shelf.prepared(take).placeholders {
            state.redactor.note_placeholders(answer);
            if inner.options.reveal == Reveal::Value {
                changed = Some(state.redactor.reveal_answer(answer, Reveal::Value));
            }
        }
        if !inner.policy.echoes.is_empty() {
            let request = head.request(body.clone());
            for (echo, used) in inner.policy.echoes.iter().zip(&mut state.echoed) {
                let mut echoed = changed.clone().unwrap_or_else(|| answer.clone());
                if echo.apply(&request, &mut echoed).map_err(|reason| refused(&found.request, reason))? {
                    *used = true;
                    changed = Some(echoed);
                }
            }
        }
        Ok(changed)
    }

    fn without_tape(
        &self,
        state: &mut State,
        head: &Head<'_>,
        body: Spooled,
        request: Request,
        canonical: &Canonical,
    ) -> Result<Reply, Error> {
        let inner = &*self.session.0;
        match inner.mode {
            Mode::Missing => {
                inner.live(state, head)?;
                Ok(Reply::Record(self.session.record(state, head, body, self.layer, None)))
            }
            Mode::Check => {
                inner.live(state, head)?;
                Ok(Reply::Record(self.session.record(state, head, body, self.layer, Some(None))))
            }
            _ => Err(miss::explain(inner, state, &request, canonical, MissReason::NoTape).into()),
        }
    }
}

/// # Errors
/// Where a status or a header field is none that HTTP allows.
fn prepared(request: &Request, answer: &Answer) -> Result<Prepared, Error> {
    Prepared::of_answer(answer).map_err(|reason| refused(request, reason))
}

fn refused(request: &Request, reason: String) -> Error {
    ErrorKind::Request { method: request.method.clone(), url: request.url.clone(), reason }.into()
}

/// The outer error is a tape that cannot be read, the inner one that there is none.
type Opened = Result<Result<Arc<Found>, (Request, Canonical)>, Error>;

impl Inner {
    /// Finds the tape of a request that was not seen before.
    fn open(&self, state: &mut State, head: &Head<'_>, body: &Body) -> Opened {
        let raw = head.request(body.clone());
        state.redactor.learn_request(&raw);
        let request = state.redactor.request(&raw).message;
        let canonical = key::canonical(&request, &self.policy.rules);
        let key = canonical.key();
        if let Some(shelf) = state.shelves.get(&key) {
            return Ok(Ok(Arc::new(Found { shelf: Arc::clone(shelf), request })));
        }
        let mut name = tape_name(canonical.method(), canonical.host(), canonical.path(), &key);
        let tape = match self.load(&name, &key)? {
            Some(tape) => tape,
            None => match miss::of_older_rules(self, &canonical)? {
                Some((file, tape)) => {
                    state.warnings.push(format!(
                        "{file} was recorded before today's match rules and answers by them; record it again to name it anew: {}",
                        self.location.command("1")
                    ));
                    name = file;
                    tape
                }
                None => return Ok(Err((request, canonical))),
            },
        };
        state.warnings.extend(self.options.max_age.judge(&tape, &name, &self.folder, &self.location)?);
        let shelf = Arc::new(Shelf::new(name, tape, self.repeat(&request.url))?);
        state.shelves.insert(key, Arc::clone(&shelf));
        Ok(Ok(Arc::new(Found { shelf, request })))
    }

    /// The tape of this key. One under its name that has another is an error: it is neither missing nor to be overwritten.
    pub(super) fn load(&self, name: &str, key: &Key) -> Result<Option<Tape>, Error> {
        let Some(tape) = self.folder.load(name)? else { return Ok(None) };
        if tape.key == *key {
            return Ok(Some(tape));
        }
        let (file, command) = (self.folder.file(name), self.location.command("1"));
        Err(ErrorKind::Key { file, found: tape.key, wanted: *key, command }.into())
    }

    /// Whether the test has replayed this file.
    pub(super) fn was_opened(&self, state: &State, name: &str) -> bool {
        state.shelves.values().any(|shelf| shelf.name == name)
    }

    fn repeat(&self, url: &str) -> Repeat {
        let own = self.options.repeats.iter().find(|(glob, _)| glob.covers(url));
        own.map_or(self.options.repeat, |(_, repeat)| *repeat)
    }

    /// Whether the request may go out.
    fn live(&self, state: &State, head: &Head<'_>) -> Result<(), Error> {
        if state.stopped {
            return Err(self.stopped(state, head));
        }
        let url = head.url();
        let host = percent::split_url(&url).map(|parts| url[parts.host].to_owned()).unwrap_or_default();
        self.policy.allowed(head.method, &host).map_err(|refusal| ErrorKind::Guard(refusal).into())
    }

    /// Whether the request goes out and leaves no tape.
    fn passes(&self, head: &Head<'_>) -> bool {
        let replaying = self.mode == Mode::Replay;
        self.policy.lets_any_through(replaying)
            && self.policy.pass_through(&head.url()).is_some_and(|rule| rule.in_replay || !replaying)
    }

    fn stopped(&self, state: &State, head: &Head<'_>) -> Error {
        let error: Error = ErrorKind::Stopped {
            test: self.location.test().to_owned(),
            method: head.method.to_owned(),
            url: state.redactor.url(&head.url()),
        }
        .into();
        // Its test has ended: nobody else may be there to hear it.
        eprintln!("traffic-recorder: {error}");
        error
    }
}

impl State {
    /// Keeps the first error.
    pub(super) fn fail(&mut self, error: Error) -> Error {
        self.failure.get_or_insert_with(|| error.clone());
        error
    }
}

impl Shelf {
    /// A tape above redirects and decompression differs from one below only where there were any.
    fn check_layer(&self, folder: &Folder, asked: Layer) -> Result<(), Error> {
        let recorded = self.layer;
        let differs = || {
            self.tape.takes.iter().any(|take| match &take.outcome {
                Outcome::Answer(answer) => {
                    answer.url.is_some()
                        || answer.headers.first("content-encoding").is_some()
                        || (answer.headers.first("location").is_some() && (300..400).contains(&answer.status))
                }
                Outcome::Fault(_) => false,
            })
        };
        if recorded != asked && differs() {
            return Err(ErrorKind::Layer { file: folder.file(&self.name), recorded, asked }.into());
        }
        Ok(())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}, {})", self.0.location.test(), self.0.mode)
    }
}
