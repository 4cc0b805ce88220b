//! The end of a session: what was recorded is saved, what was replayed is judged, the run's ledger gets its line.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use super::recording::lock;
use super::state::{Entry, Inner, Session, State};
use super::{Error, ErrorKind, Mode, check, run, save};
use crate::policy::UnusedRule;
use crate::tape::Outcome;

/// What a session did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Requests answered from tapes.
    pub replayed: usize,
    /// Requests that went out and were recorded or compared.
    pub live: usize,
    /// Exchanges that another tool had recorded.
    pub imported: usize,
    /// Tapes that were written because they are new or changed.
    pub written: Vec<String>,
    /// Tapes that were recorded again and stayed as they are.
    pub unchanged: usize,
    /// Requests that got a fault by rule: method, URL and the rule.
    pub injected: Vec<String>,
    /// What is worth knowing and no reason to fail.
    pub warnings: Vec<String>,
}

/// Answers that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct Unused {
    /// The test.
    pub test: String,
    /// The folder of its tapes.
    pub folder: PathBuf,
    /// A line for each tape: its name, and which takes where some were used.
    pub tapes: Vec<String>,
    /// The command that records the test anew.
    pub command: String,
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} did not ask for every answer on its tapes in {}:", self.test, self.folder.display())?;
        for tape in &self.tapes {
            writeln!(f, "  {tape}")?;
        }
        write!(
            f,
            "If the program rightly sends less than before, record it anew: {}\n\
             If the order of its requests varies: recorder!().unused(UnusedRule::Warn), or `unused: warn` in recorder.yaml",
            self.command
        )
    }
}

/// Ends a session whose test still runs well.
pub(super) fn finish(session: &Session) -> Result<Report, Error> {
    let inner = &*session.0;
    let mut state = lock(&inner.state);
    let state = &mut *state;
    state.stopped = true;
    let mut report = count(state);
    if let Some(error) = &state.failure {
        if !inner.options.import {
            run::note(inner, state, &[]);
        }
        return Err(error.clone());
    }
    let mut unused = Vec::new();
    let mut result = Ok(());
    match inner.mode {
        Mode::Record | Mode::Missing | Mode::Review => {
            let saved = save::save(inner, state)?;
            if !saved.written.is_empty() && inner.location.root().ends_with("tapes") {
                crate::store::guard_line_ends(inner.location.root())?;
            }
            report.written = saved.written;
            report.unchanged = saved.unchanged;
            if saved.pending > 0 {
                let (tapes, wait) = if saved.pending == 1 { ("tape", "waits") } else { ("tapes", "wait") };
                report.warnings.push(format!("{} {tapes} {wait} for `tapes review`", saved.pending));
            }
        }
        Mode::Check => result = check::judge(inner, state),
        Mode::Replay => {
            unused = find_unused(inner, state)?;
            result = judge_unused(inner, &unused, &mut report);
        }
        Mode::Off => {}
    }
    if inner.mode != Mode::Off {
        match_rules_of_played_answers(inner, state);
        report.warnings.append(&mut state.warnings);
        let unmatched = state.redactor.unmatched().into_iter().filter(|rule| inner.options.own_rules.contains(rule));
        report.warnings.extend(unmatched.map(|rule| format!("the rule `{rule}` never matched")));
    }
    if inner.mode == Mode::Replay {
        report.warnings.extend(idle_echoes(inner, state));
    }
    if inner.options.import {
        return result.map(|()| report);
    }
    for warning in &report.warnings {
        eprintln!("traffic-recorder: {}: {warning}", inner.location.test());
    }
    run::note(inner, state, &unused);
    result.map(|()| report)
}

/// Echo rules of the test that found nothing to copy.
fn idle_echoes<'a>(inner: &'a Inner, state: &'a State) -> impl Iterator<Item = String> + 'a {
    let all = inner.policy.echoes.iter().zip(&state.echoed);
    let idle = all.filter(|(echo, used)| !**used && inner.options.own_rules.contains(&echo.to_string()));
    idle.map(|(echo, _)| format!("the echo rule `{echo}` never found both a value and a place for it"))
}

/// Rules did their work on a replayed answer when it was recorded: whether they match is told from what they left there.
fn match_rules_of_played_answers(inner: &Inner, state: &mut State) {
    let (own, configured) = (&inner.options.own_rules, &inner.options.configured_rules);
    if (own.is_empty() && configured.is_empty()) || state.redactor.unmatched().is_empty() {
        return;
    }
    for entry in &state.entries {
        if let Entry::Played(found, take) = entry
            && let Outcome::Answer(answer) = &found.shelf.tape.takes[*take].outcome
        {
            state.redactor.learn_answer(answer);
        }
    }
}

/// Ends a session whose test is panicking: the failure of the test is the news, not ours.
pub(super) fn abandon(session: &Session, save: bool) {
    let inner = &*session.0;
    let mut state = lock(&inner.state);
    state.stopped = true;
    if save
        && inner.mode.writes()
        && state.failure.is_none()
        && let Err(error) = save::save(inner, &mut state)
    {
        eprintln!("traffic-recorder: {}: {error}", inner.location.test());
    }
    run::note(inner, &state, &[]);
}

fn count(state: &State) -> Report {
    let mut report = Report { injected: state.injected.clone(), ..Report::default() };
    for entry in &state.entries {
        match entry {
            Entry::Played(..) => report.replayed += 1,
            Entry::Live(..) => report.live += 1,
            Entry::Imported(_) => report.imported += 1,
            Entry::Gone => {}
        }
    }
    report
}

fn find_unused(inner: &Inner, state: &State) -> Result<Vec<String>, Error> {
    let mut unused = Vec::new();
    for shelf in state.shelves.values() {
        let takes = shelf.unused();
        if !takes.is_empty() {
            let numbers: Vec<_> = takes.iter().map(|take| (take + 1).to_string()).collect();
            let all = shelf.tape.takes.len();
            unused.push(format!("{} (take {} of {all})", shelf.name, numbers.join(", ")));
        }
    }
    let opened: HashSet<&str> = state.shelves.values().map(|shelf| shelf.name.as_str()).collect();
    unused.extend(inner.folder.tapes()?.into_iter().filter(|name| !opened.contains(name.as_str())));
    unused.sort();
    Ok(unused)
}

fn judge_unused(inner: &Inner, unused: &[String], report: &mut Report) -> Result<(), Error> {
    if unused.is_empty() || inner.options.unused == UnusedRule::Allow {
        return Ok(());
    }
    let unused = Unused {
        test: inner.location.test().to_owned(),
        folder: inner.folder.path().to_owned(),
        tapes: unused.to_vec(),
        command: inner.location.command("1"),
    };
    if inner.options.unused == UnusedRule::Warn {
        report.warnings.push(unused.to_string());
        return Ok(());
    }
    Err(ErrorKind::Unused(unused).into())
}
