//! The world of a test that holds still: the clock, the random numbers and the values that its recording had, kept in `world.yaml`
//! beside the tapes (R69). A test that makes ids or signs with the time sends the same requests while replaying.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::recording::lock;
use super::rng::{Rng, fresh_seed};
use super::state::{Inner, Session, State};
use super::{Error, ErrorKind, Mode, Tapes};
use crate::policy::{self, WorldRule};
use crate::store::Commit;
use crate::tape::{WORLD, WorldFile};

/// The clock, random numbers and named values of a test. Clones are the same world: give one to the program.
///
/// While recording they are made anew; while replaying they are those of the recording. `RECORD=missing`, `check` and `review` have those of
/// the recording as far as there are any, so that old and new answers fit together; `off` makes them anew and keeps nothing.
///
/// ```
/// # use traffic_recorder::{Mode, Recorder};
/// # let folder = std::env::temp_dir().join("traffic-recorder-docs");
/// # let tapes = Recorder::at(folder).mode(Mode::Off).open()?;
/// let world = tapes.world();
/// let clock = move || world.now();                   // what the program takes for its clock
/// assert_eq!(clock(), tapes.now());
/// # Ok::<(), traffic_recorder::Error>(())
/// ```
#[derive(Clone)]
pub struct World(Session);

/// What a session knows of its world.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// What the folder had; not read before it is needed.
    before: Option<WorldFile>,
    /// What this run used.
    used: WorldFile,
    /// How many streams of each name were handed out.
    streams: HashMap<String, u64>,
}

impl World {
    /// The instant of the recording, in whole seconds. It stands still: two calls of one test are equal, whichever thread makes them.
    ///
    /// # Panics
    /// While replaying, where the recording never asked for the time: the message has the command that records it.
    #[must_use]
    #[track_caller]
    pub fn now(&self) -> SystemTime {
        or_panic(self.0.now())
    }

    /// Random numbers of the recording. Each call begins a stream of its own, so that the second call has other numbers.
    ///
    /// # Panics
    /// As [`now`](Self::now).
    #[must_use]
    #[track_caller]
    pub fn rng(&self) -> Rng {
        self.rng_of("")
    }

    /// Random numbers with a name: what threads do under other names does not disturb them.
    ///
    /// # Panics
    /// As [`now`](Self::now).
    #[must_use]
    #[track_caller]
    pub fn rng_of(&self, name: &str) -> Rng {
        or_panic(self.0.rng(name))
    }

    /// The value that `make` gave while recording. It is kept as text, secrets replaced, and read back from there, while recording,
    /// too: what a test gets does not depend on the mode.
    ///
    /// ```
    /// # use traffic_recorder::{Mode, Recorder};
    /// # let folder = std::env::temp_dir().join("traffic-recorder-docs");
    /// # let tapes = Recorder::at(folder).mode(Mode::Off).open()?;
    /// let order: u32 = tapes.var("order_id", || std::process::id());
    /// # Ok::<(), traffic_recorder::Error>(())
    /// ```
    ///
    /// # Panics
    /// While replaying, where the recording had no value of this name; and where the text of a value cannot be read back.
    #[track_caller]
    pub fn var<T: FromStr + fmt::Display>(&self, name: &str, make: impl FnOnce() -> T) -> T {
        // Not under the lock: it may ask for the time.
        let known = or_panic(self.0.var(name));
        let text = known.unwrap_or_else(|| self.0.keep_var(name, make().to_string()));
        let read = text.parse();
        or_panic(read.map_err(|_| self.0.unreadable::<T>(name, &text)))
    }
}

#[track_caller]
fn or_panic<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

impl Tapes {
    /// The clock, random numbers and named values of this test, to be handed to the program.
    #[must_use]
    pub fn world(&self) -> World {
        World(self.session().clone())
    }

    /// The time, as [`World::now`] tells it.
    ///
    /// # Panics
    /// As that does.
    #[must_use]
    #[track_caller]
    pub fn now(&self) -> SystemTime {
        self.world().now()
    }

    /// Random numbers, as [`World::rng`] gives them.
    ///
    /// # Panics
    /// As that does.
    #[must_use]
    #[track_caller]
    pub fn rng(&self) -> Rng {
        self.world().rng()
    }

    /// A named value, as [`World::var`] keeps it.
    ///
    /// # Panics
    /// As that does.
    #[track_caller]
    pub fn var<T: FromStr + fmt::Display>(&self, name: &str, make: impl FnOnce() -> T) -> T {
        self.world().var(name, make)
    }
}

#[cfg(feature = "proxy")]
impl Session {
    /// As [`World::now`], for a caller that is no test.
    pub(crate) fn world_now(&self) -> Result<SystemTime, Error> {
        self.now()
    }

    /// As [`World::var`], of a text that was made already; it counts where there is none yet.
    pub(crate) fn world_var(&self, name: &str, made: String) -> Result<String, Error> {
        Ok(self.var(name)?.unwrap_or_else(|| self.keep_var(name, made)))
    }
}

impl Session {
    fn now(&self) -> Result<SystemTime, Error> {
        let state = &mut *lock(&self.0.state);
        let now = recorded(&self.0, state, "`now`", |file| file.now)?;
        let now = now.unwrap_or_else(|| whole_seconds(SystemTime::now()));
        state.world.used.now = Some(now);
        Ok(now)
    }

    fn rng(&self, name: &str) -> Result<Rng, Error> {
        let state = &mut *lock(&self.0.state);
        let seed = recorded(&self.0, state, "`seed`", |file| file.seed)?.unwrap_or_else(fresh_seed);
        state.world.used.seed = Some(seed);
        let stream = state.world.streams.entry(name.to_owned()).or_default();
        let rng = Rng::new(seed, *stream, name);
        *stream += 1;
        Ok(rng)
    }

    /// The text of this name; `None` where it is to be made.
    fn var(&self, name: &str) -> Result<Option<String>, Error> {
        let state = &mut *lock(&self.0.state);
        let known = recorded(&self.0, state, &format!("`vars.{name}`"), |file| file.vars.get(name).cloned())?;
        if let Some(known) = &known {
            state.world.used.vars.insert(name.to_owned(), known.clone());
        }
        Ok(known)
    }

    /// Keeps a text that was made. Where another thread was faster, its text counts.
    fn keep_var(&self, name: &str, made: String) -> String {
        lock(&self.0.state).world.used.vars.entry(name.to_owned()).or_insert(made).clone()
    }

    fn unreadable<T>(&self, name: &str, text: &str) -> Error {
        let state = &mut *lock(&self.0.state);
        let (text, wanted) = (state.redactor.text(text), std::any::type_name::<T>());
        state.fail(
            ErrorKind::WorldValue { name: name.to_owned(), text, wanted, command: self.0.location.command("1") }.into(),
        )
    }
}

/// What this run used before, else what the recording had, where that counts; `None` where it is to be made.
fn recorded<T>(
    inner: &Inner,
    state: &mut State,
    what: &str,
    read: impl Fn(&WorldFile) -> Option<T>,
) -> Result<Option<T>, Error> {
    if let Some(value) = read(&state.world.used) {
        return Ok(Some(value));
    }
    let anew = inner.mode == Mode::Off || (inner.mode == Mode::Record && inner.options.world == WorldRule::New);
    if anew {
        return Ok(None);
    }
    let found = read(before(inner, state)?);
    if found.is_none() && inner.mode == Mode::Replay {
        let (file, command) = (inner.folder.file(WORLD), inner.location.command("1"));
        return Err(state.fail(ErrorKind::World { file, what: what.to_owned(), command }.into()));
    }
    Ok(found)
}

/// What the folder had when the session began.
fn before<'s>(inner: &Inner, state: &'s mut State) -> Result<&'s WorldFile, Error> {
    if state.world.before.is_none() {
        let read = WorldFile::read(&inner.folder.file(WORLD)).map_err(Error::from);
        state.world.before = Some(read.map_err(|error| state.fail(error))?.unwrap_or_default());
    }
    Ok(state.world.before.get_or_insert_default())
}

/// Puts the world of this run into the commit. While every tape stayed as it is, so does a world that has the same names: what
/// differs made no difference.
pub(super) fn stage(inner: &Inner, state: &mut State, commit: &mut Commit, tapes_stay: bool) -> Result<(), Error> {
    if inner.options.import || (state.world.used.is_empty() && inner.mode != Mode::Record) {
        return Ok(());
    }
    let old = before(inner, state)?.clone();
    let mut new = state.world.used.clone();
    for (name, value) in &mut new.vars {
        *value = state.redactor.text(value);
        if !inner.options.as_is {
            let part = format!("vars.{name}");
            let checked = policy::check_text("world", &part, value, &state.redactor, &inner.policy.allow);
            checked.map_err(|leak| ErrorKind::Leak(Box::new(leak)))?;
        }
    }
    if inner.mode != Mode::Record {
        new.now = new.now.or(old.now);
        new.seed = new.seed.or(old.seed);
        for (name, value) in &old.vars {
            new.vars.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    if new == old || (tapes_stay && same_names(&new, &old)) {
        return Ok(());
    }
    match new.is_empty() {
        true => commit.remove(WORLD.to_owned()),
        false => commit.write(WORLD.to_owned(), new.render()?.into_bytes()),
    }
    Ok(())
}

fn same_names(new: &WorldFile, old: &WorldFile) -> bool {
    new.now.is_some() == old.now.is_some()
        && new.seed.is_some() == old.seed.is_some()
        && new.vars.keys().eq(old.vars.keys())
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "World({})", self.0.0.location.test())
    }
}
