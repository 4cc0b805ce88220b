//! What must be there: a tape for every action, and the failures that every partner has.

use std::path::Path;

use libtest_mimic::Trial;

use super::case::{Destination, folders};
use super::instance;

/// The folders that every destination has: what goes wrong anywhere, and what events look like anywhere.
const USUAL: [&str; 11] = [
    "a_required_field_is_missing",
    "bad_request",
    "unauthorized",
    "forbidden",
    "too_many_requests",
    "server_error",
    "no_answer",
    "the_connection_breaks",
    "too_large",
    "unicode",
    "null_and_absent_fields",
];

/// For destinations that send several events at once.
const OF_BATCHES: [&str; 1] = ["a_batch_partly_fails"];

pub(crate) fn trials(destination: &Destination) -> Vec<Trial> {
    let (first, second) = (destination.clone(), destination.clone());
    let slug = &destination.slug;
    vec![
        Trial::test(format!("{slug}::every_action_has_a_tape"), move || Ok(every_action_has_a_tape(&first)?)),
        Trial::test(format!("{slug}::every_usual_failure_has_a_case"), move || Ok(every_usual_failure(&second)?)),
    ]
}

fn every_action_has_a_tape(destination: &Destination) -> Result<(), String> {
    let mut taped = Vec::new();
    for name in folders(&destination.folder)? {
        let case = destination.case(&name)?;
        if case.expectation.is_delivered() && case.scenario.is_empty() && has_tapes(&case.folder)? {
            taped.push(case.action);
        }
    }
    let without: Vec<_> = instance::actions(&destination.slug)?.into_iter().filter(|action| !taped.contains(action)).collect();
    if without.is_empty() {
        return Ok(());
    }
    Err(format!("no case in {} delivers and has a tape for: {}", destination.folder.display(), without.join(", ")))
}

fn every_usual_failure(destination: &Destination) -> Result<(), String> {
    let there = folders(&destination.folder)?;
    let of_batches = if instance::batches(&destination.slug)? { &OF_BATCHES[..] } else { &[] };
    let missing = USUAL.iter().chain(of_batches).filter(|name| !there.iter().any(|folder| folder == *name));
    let missing: Vec<_> = missing.copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("{} has no {}", destination.folder.display(), missing.join(", no ")))
}

/// Folders that belong to no destination or hold no case. That a tape in them is asked for is each case's own affair.
pub(crate) fn nothing_lies_about(tapes: &Path) -> Result<(), String> {
    let known = instance::slugs()?;
    let mut strange = Vec::new();
    for slug in folders(tapes)? {
        if !known.contains(&slug) {
            strange.push(format!("{slug} is no destination"));
        }
        for case in folders(&tapes.join(&slug))? {
            if !tapes.join(&slug).join(&case).join("case.yaml").exists() {
                strange.push(format!("{slug}/{case} has no case.yaml"));
            }
        }
    }
    let missing = known.iter().filter(|slug| !tapes.join(slug).exists());
    strange.extend(missing.map(|slug| format!("{slug} has no tapes")));
    if strange.is_empty() { Ok(()) } else { Err(format!("{}: {}", tapes.display(), strange.join("; "))) }
}

fn has_tapes(folder: &Path) -> Result<bool, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.into_iter().any(|name| name.ends_with(".yaml") && name != "case.yaml"))
}
