//! From the slots of a recording to tapes on disk: learn all secrets in the order of the requests, mask them everywhere, group
//! by key, keep what did not change, prove, pass the gate, commit.

use std::collections::{HashMap, HashSet};

use super::quiet;
use super::recording::{Raw, lock};
use super::state::{Entry, Inner, State};
use super::{Error, ErrorKind, Mode, world};
use crate::key;
use crate::policy::{self, Leak, Redactor};
use crate::store::{Commit, pending, tape_name};
use crate::tape::{Body, Cut, Key, Layer, Outcome, Request, Take, Tape};

/// What a save did.
#[derive(Debug, Default)]
pub(super) struct Saved {
    pub(super) written: Vec<String>,
    pub(super) unchanged: usize,
    /// Changes that wait for a review.
    pub(super) pending: usize,
}

struct Group {
    name: String,
    tape: Tape,
    /// Takes that this run added; the ones before them are not to be touched.
    kept: usize,
}

pub(super) fn save(inner: &Inner, state: &mut State) -> Result<Saved, Error> {
    let mut raws = Vec::new();
    for entry in &mut state.entries {
        let slot = match entry {
            Entry::Live(slot, _) => slot,
            Entry::Imported(_) => {
                if let Entry::Imported(raw) = std::mem::replace(entry, Entry::Gone) {
                    raws.push(*raw);
                }
                continue;
            }
            Entry::Played(..) | Entry::Gone => continue,
        };
        let mut slot = lock(slot);
        match slot.take()? {
            Some(raw) => raws.push(raw),
            None => state.warnings.push(unanswered(&slot.view().0, &state.redactor)),
        }
    }
    for raw in &raws {
        state.redactor.learn_request(&raw.request);
        if let Outcome::Answer(answer) = &raw.take.outcome {
            state.redactor.learn_answer(answer);
        }
    }
    let groups = group(inner, state, &raws)?;
    let mut commit = Commit::default();
    let mut saved = Saved::default();
    let names: HashSet<String> = groups.iter().map(|group| group.name.clone()).collect();
    for group in groups {
        stage(inner, &state.redactor, group, &mut commit, &mut saved)?;
    }
    let prune = inner.mode == Mode::Record;
    if prune {
        refuse_to_lose_unreadable(inner, &names)?;
    }
    if inner.mode == Mode::Review {
        refuse_to_lose_unreadable(inner, &names)?;
        for name in inner.folder.tapes()?.into_iter().filter(|name| !names.contains(name)) {
            commit.write(pending::removal_of(&name), Vec::new());
        }
        saved.pending = commit.written().filter(|name| pending::tape_of(name).is_some()).count();
    }
    let tapes_stay = saved.written.is_empty() && inner.folder.tapes()?.iter().all(|name| names.contains(name));
    world::stage(inner, state, &mut commit, tapes_stay)?;
    // What waited from an earlier run is out of date.
    if inner.mode != Mode::Missing {
        inner.folder.pending()?.into_iter().for_each(|name| commit.remove(name));
    }
    commit.apply(&inner.folder, &inner.seen, prune)?;
    Ok(saved)
}

/// A request that somebody still waits for when the test is over.
fn unanswered(request: &Request, redactor: &Redactor) -> String {
    let (method, url) = (&request.method, redactor.url(&request.url));
    format!(
        "{method} {url} had no answer yet when the test ended and is not on its tapes. Wait for the task that sent it, or \
         end the task before the test"
    )
}

/// One tape for each key, in the order of first start.
fn group(inner: &Inner, state: &mut State, raws: &[Raw]) -> Result<Vec<Group>, Error> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for raw in raws {
        let (request, take) = mask(inner, &state.redactor, raw)?;
        let canonical = key::canonical(&request, &inner.policy.rules);
        let key = canonical.key();
        match places.get(&key) {
            Some(&place) => {
                let group = &mut groups[place];
                group.tape.takes.push(take);
                if raw.layer == Layer::Logical {
                    group.tape.layer = Layer::Logical;
                }
            }
            None => {
                let name = tape_name(canonical.method(), canonical.host(), canonical.path(), &key);
                places.insert(key, groups.len());
                let (layer, rules) = (raw.layer, canonical.applied().to_vec());
                let tape = Tape { key, layer, rules, request, takes: vec![take] };
                groups.push(Group { name, tape, kept: 0 });
            }
        }
    }
    if inner.mode == Mode::Missing {
        for group in &mut groups {
            if let Some(old) = inner.load(&group.name, &group.tape.key)? {
                let new = std::mem::replace(&mut group.tape, old);
                group.kept = group.tape.takes.len();
                group.tape.takes.extend(new.takes);
            }
        }
    }
    Ok(groups)
}

/// The request and the take with every secret replaced.
fn mask(inner: &Inner, redactor: &Redactor, raw: &Raw) -> Result<(Request, Take), Error> {
    for (side, body) in [("request body", Some(&raw.request.body)), ("body of the answer", answer_body(&raw.take))] {
        if let Some(Body::File(file)) = body
            && !inner.options.as_is
        {
            let place = format!("{side} ({} {})", raw.request.method, redactor.url(&raw.request.url));
            let found = policy::check_file(&place, &file.path, redactor, &inner.policy.allow);
            if let Some(found) = found.map_err(|source| ErrorKind::Spool { source })? {
                return Err(leak(found));
            }
        }
    }
    let mut take = raw.take.clone();
    match &mut take.outcome {
        Outcome::Answer(answer) => {
            let masked = redactor.answer(answer);
            *answer = masked.message;
            take.recorded.notes.extend(masked.notes);
            if let Some(Cut::Fault(fault)) = &mut answer.cut {
                fault.message = redactor.text(&fault.message);
            }
        }
        Outcome::Fault(fault) => fault.message = redactor.text(&fault.message),
    }
    let request = redactor.request(&raw.request);
    take.recorded.notes.extend(request.notes);
    Ok((request.message, take))
}

fn answer_body(take: &Take) -> Option<&Body> {
    match &take.outcome {
        Outcome::Answer(answer) => Some(&answer.body),
        Outcome::Fault(_) => None,
    }
}

fn leak(leak: Leak) -> Error {
    ErrorKind::Leak(Box::new(leak)).into()
}

/// Renders one tape, proves it, looks for secrets, and puts what changed into the commit.
fn stage(
    inner: &Inner,
    redactor: &Redactor,
    group: Group,
    commit: &mut Commit,
    saved: &mut Saved,
) -> Result<(), Error> {
    let Group { name, mut tape, kept } = group;
    let old = inner.load(&name, &tape.key)?;
    if let Some(old) = &old
        && kept == 0
        && !inner.options.import
    {
        tape = quiet::keep_what_did_not_change(old, tape, &inner.policy);
    }
    let rendered = tape.render()?;
    if !inner.options.as_is {
        policy::check(&tape, &rendered.yaml, redactor, &inner.policy.allow).map_err(leak)?;
    }
    let unchanged = old.is_some() && inner.folder.has(&name, &rendered.yaml);
    for file in rendered.files {
        match file.content {
            _ if unchanged => commit.keep(file.name),
            Body::Absent => {}
            Body::Bytes(bytes) => commit.write(file.name, bytes.to_vec()),
            Body::File(body) if body.path == inner.folder.file(&file.name) => commit.keep(file.name),
            Body::File(body) => commit.write_file(file.name, body.path),
        }
    }
    if unchanged {
        saved.unchanged += 1;
        commit.keep(name);
    } else {
        let name = if inner.mode == Mode::Review { pending::change_of(&name) } else { name };
        saved.written.push(name.clone());
        commit.write(name, rendered.yaml.into_bytes());
    }
    Ok(())
}

/// A tape that this build cannot read may be a newer one's: it is not removed as stale.
fn refuse_to_lose_unreadable(inner: &Inner, kept: &HashSet<String>) -> Result<(), Error> {
    for name in inner.folder.tapes()?.into_iter().filter(|name| !kept.contains(name)) {
        inner.folder.load(&name)?;
    }
    Ok(())
}
