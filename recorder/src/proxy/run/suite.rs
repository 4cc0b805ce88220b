//! The tests of a run: which are on, whose a request is, how each ended.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use crate::codec::digest::{hex, sha256};
use crate::session::{Error, Mode, Recorder, Report, Session, Tapes, lock};
use crate::store::folder_of_any;

/// What a suite is and what it knows.
#[derive(Default)]
pub(super) struct Suite {
    plan: OnceLock<Plan>,
    door: OnceLock<Door>,
    state: Mutex<State>,
}

/// Where the engine is, known when it runs.
#[derive(Debug)]
struct Door {
    address: SocketAddr,
    /// Like that of no other run.
    run: String,
}

/// How a run was set up.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) root: PathBuf,
    /// The mode that the caller set; none: the environment's, which `mode` has.
    pub(super) forced: Option<Mode>,
    pub(super) mode: Mode,
    pub(super) command: String,
    pub(super) unnamed: String,
}

#[derive(Default)]
struct State {
    /// In the order of their beginnings.
    on: Vec<Test>,
    ended: Vec<TestEnd>,
    /// Whose a folder is, and whether its tapes were saved or judged in this run.
    folders: HashMap<PathBuf, Owner>,
    refused: Vec<String>,
    count: u64,
    over: bool,
}

/// A test that is on.
struct Test {
    name: String,
    /// Stands for the name where that would have to be escaped.
    id: String,
    /// A runner said so: it will say when it ends.
    begun: bool,
    tapes: Tapes,
}

struct Owner {
    name: String,
    passed: bool,
}

/// What a runner hears of a test that begins.
pub(super) struct Begun {
    pub(super) id: String,
    pub(super) folder: PathBuf,
    pub(super) mode: Mode,
    pub(super) proxy: String,
}

/// How a test of a run ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TestEnd {
    /// Its name.
    pub test: String,
    /// The folder of its tapes.
    pub folder: PathBuf,
    /// What it did with requests.
    pub mode: Mode,
    /// Whether it passed by itself.
    pub passed: bool,
    /// What was done with its tapes; of a test that did not pass, nothing was.
    pub report: Option<Report>,
    /// What is wrong with its tapes, or what it was refused.
    pub error: Option<Error>,
    /// Requests that went out and got no answer, each with the reason. They are on the tapes like answers.
    pub unanswered: Vec<String>,
    /// Whether its runner was told.
    pub told: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RunEnd {
    /// Every test, in the order in which they ended. A test that was tried again is there twice.
    pub tests: Vec<TestEnd>,
    /// Requests that could belong to no test, each with the reason.
    pub refused: Vec<String>,
}

impl RunEnd {
    /// Tests that passed but for their tapes.
    pub fn errors(&self) -> impl Iterator<Item = &TestEnd> {
        self.tests.iter().filter(|test| test.passed && test.error.is_some())
    }
}

impl Suite {
    /// Before the first request.
    pub(super) fn set(&self, plan: Plan) {
        let _ = self.plan.set(plan);
    }

    /// Before the first request that is answered.
    pub(super) fn listens_at(&self, address: SocketAddr, authority: &[u8]) {
        let _ = self.door.set(Door { address, run: hex(&sha256(authority)[..4]) });
    }

    pub(super) fn mode(&self) -> Mode {
        self.plan.get().map_or(Mode::Replay, |plan| plan.mode)
    }

    /// The session of a request that names a test by its name or id, or none.
    pub(super) fn session(&self, test: Option<&str>) -> Result<Session, String> {
        let mut state = lock(&self.state);
        let found = self.find(&mut state, test);
        if let Err(reason) = &found {
            state.refuse(reason);
        }
        found
    }

    fn find(&self, state: &mut State, test: Option<&str>) -> Result<Session, String> {
        let Some(plan) = self.plan.get().filter(|_| !state.over) else { return Err("the run is over".to_owned()) };
        let begun: Vec<&Test> = state.on.iter().filter(|test| test.begun).collect();
        let name = match (test, begun.len()) {
            (Some(name), _) => name,
            (None, 0) => &plan.unnamed,
            (None, 1) => return Ok(begun[0].tapes.session().clone()),
            (None, on) => {
                return Err(format!(
                    "{on} tests are on at once ({}, {} …), and the request says of none that it is its own. Let its client use the \
                     `proxy` that /test/begin answers with, or send the `id` in x-tapes-test",
                    begun[0].name, begun[1].name
                ));
            }
        };
        if let Some(test) = state.on.iter().find(|test| test.name == name || test.id == name) {
            return Ok(test.tapes.session().clone());
        }
        if let Some(ended) = state.ended.iter().rev().find(|test| test.test == name) {
            return Err(format!(
                "{} has ended, and a request came after that. Wait for what the test has started before it ends",
                ended.test
            ));
        }
        if name.starts_with("tapes-") && self.door.get().is_some_and(|door| name.ends_with(&format!("-{}", door.run))) {
            return Err(format!("the test {name} has ended, and a request came after that"));
        }
        let name = name.to_owned();
        let test = self.open(plan, state, &name, false)?;
        Ok(test.tapes.session().clone())
    }

    /// A runner says that a test begins.
    pub(super) fn begin(&self, name: &str) -> Result<Begun, String> {
        let mut state = lock(&self.state);
        let Some(plan) = self.plan.get().filter(|_| !state.over) else { return Err("the run is over".to_owned()) };
        if let Some(at) = state.on.iter().position(|test| test.name == name) {
            if state.on[at].begun {
                return Err(format!("{name} is on already: two tests with one name would have one folder of tapes"));
            }
            state.on[at].begun = true;
            return Ok(self.begun(&state.on[at]));
        }
        let test = self.open(plan, &mut state, name, true)?;
        Ok(self.begun(test))
    }

    fn begun(&self, test: &Test) -> Begun {
        let address = self.door.get().map(|door| door.address.to_string()).unwrap_or_default();
        Begun {
            id: test.id.clone(),
            folder: test.tapes.folder().to_owned(),
            mode: test.tapes.mode(),
            // Without a password, requests (of Python) leaves the user out as well.
            proxy: format!("http://{}:x@{address}", test.id),
        }
    }

    fn open<'s>(&self, plan: &Plan, state: &'s mut State, name: &str, begun: bool) -> Result<&'s Test, String> {
        let folder = folder_of_any(name);
        if let Some(owner) = state.folders.get(&folder) {
            if owner.name != name {
                return Err(format!("{name} would have the folder of {}: {}", owner.name, folder.display()));
            }
            // A runner that tries a failed test again begins it again; what passed is not recorded over.
            if owner.passed && plan.mode.writes() {
                return Err(format!(
                    "{name} has recorded its tapes in this run and would record over them: give the second test of this name another one"
                ));
            }
        }
        let recorder = Recorder::below(&plan.root, name).run_by(&plan.command);
        let recorder = if let Some(mode) = plan.forced { recorder.mode(mode) } else { recorder };
        let tapes = recorder.open().map_err(|error| error.to_string())?;
        state.folders.insert(folder, Owner { name: name.to_owned(), passed: false });
        state.count += 1;
        let run = self.door.get().map_or("", |door| &door.run);
        // Of characters that a URL takes in a user's name, and like no name that a test has.
        let id = format!("tapes-{}-{run}", state.count);
        state.on.push(Test { name: name.to_owned(), id, begun, tapes });
        state.on.last().ok_or_else(|| "the run is over".to_owned())
    }

    /// A runner says that a test ends: the one of this name or id, or the only one.
    pub(super) fn end(&self, name: Option<&str>, passed: bool) -> Result<TestEnd, String> {
        let mut state = lock(&self.state);
        let at = match name {
            Some(name) => state.on.iter().position(|test| test.name == name || test.id == name),
            None if state.on.iter().filter(|test| test.begun).count() == 1 => {
                state.on.iter().position(|test| test.begun)
            }
            None => return Err("say which test ends: {\"name\": …}".to_owned()),
        };
        let Some(at) = at else {
            return Err(format!("no test is on that is called {}", name.unwrap_or_default()));
        };
        Ok(state.end(at, passed, true))
    }

    /// Ends every test that is still on.
    pub(super) fn finish(&self, passed: bool) -> RunEnd {
        let mut state = lock(&self.state);
        while !state.on.is_empty() {
            state.end(0, passed, false);
        }
        state.over = true;
        RunEnd { tests: std::mem::take(&mut state.ended), refused: std::mem::take(&mut state.refused) }
    }

    /// Whether an answer to a test that is on is still handed on.
    pub(super) fn is_handing_on(&self) -> bool {
        lock(&self.state).on.iter().any(|test| test.tapes.session().is_handed_on())
    }

    /// As if every test that is still on had failed.
    pub(super) fn give_up(&self) {
        self.finish(false);
    }
}

impl State {
    fn end(&mut self, at: usize, passed: bool, told: bool) -> TestEnd {
        let Test { name, tapes, .. } = self.on.remove(at);
        let (folder, mode, unanswered) = (tapes.folder().to_owned(), tapes.mode(), tapes.unanswered());
        let (report, error) = match passed {
            true => match tapes.finish() {
                Ok(report) => (Some(report), None),
                Err(error) => (None, Some(error)),
            },
            false => (None, tapes.abandon()),
        };
        if let Some(owner) = self.folders.get_mut(&folder_of_any(&name)) {
            owner.passed = passed && error.is_none();
        }
        let ended = TestEnd { test: name, folder, mode, passed, report, error, unanswered, told };
        self.ended.push(ended.clone());
        ended
    }

    fn refuse(&mut self, reason: &str) {
        // A client that tries for ever must not fill the memory.
        const KEPT: usize = 20;
        if self.refused.len() < KEPT && !self.refused.iter().any(|known| known == reason) {
            self.refused.push(reason.to_owned());
        }
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Suite({:?})", self.plan.get())
    }
}
