//! What must be there: a tape for every action, and the failures that every partner has.

use std::collections::BTreeMap;
use std::path::Path;

use libtest_mimic::Trial;

use super::case::{Destination, folders, read};
use super::instance;

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
    let without: Vec<_> =
        instance::actions(&destination.slug)?.into_iter().filter(|action| !taped.contains(action)).collect();
    if without.is_empty() {
        return Ok(());
    }
    Err(format!("no case in {} delivers and has a tape for: {}", destination.folder.display(), without.join(", ")))
}

/// `tapes/usual.yaml` has them, and `examples/usual_cases.rs` writes them.
fn every_usual_failure(destination: &Destination) -> Result<(), String> {
    let there = folders(&destination.folder)?;
    let usual: BTreeMap<String, String> = read(&destination.folder.join("../usual.yaml"))?;
    let missing: Vec<_> = usual.into_keys().filter(|name| !there.contains(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let slug = &destination.slug;
    let mend = format!("cargo run -p destination-router --example usual_cases -- {slug}");
    Err(format!("{} has no {}; to write them: {mend}", destination.folder.display(), missing.join(", no ")))
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
