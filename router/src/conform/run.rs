//! All cases of a folder, one after the other.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Listed;
use super::case::{Case, Suite};
use super::diff::diff;
use super::planner::{CannotPlan, Planner};
use super::sent;
use super::summary::{Absent, Checked, CheckedCase, Difference, Summary};
use crate::destination::differs::below;
use crate::destination::document::Report;

/// Which cases, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these destinations; all where it is empty.
    pub only: Vec<String>,
}

/// Compares every case in the files `*.json` of a folder (or in one file).
///
/// # Errors
/// The folder cannot be read or has no cases, or a file is not as it should be: each with its place.
pub fn run(planner: &dyn Planner, folder: &Path, options: &Options) -> Result<Summary, Report> {
    let (mut summary, mut wrong) = (Summary::default(), Report::default());
    for path in files(folder)? {
        let suite = match Suite::read(&path) {
            Ok(suite) => suite,
            Err(report) => {
                wrong.append(report);
                continue;
            }
        };
        if !options.only.is_empty() && !options.only.contains(&suite.slug) {
            continue;
        }
        match planner.destination(&suite.slug) {
            Some(listed) => summary.checked.push(check(planner, &suite, listed)),
            None => summary.absent.push(Absent { slug: suite.slug, cases: suite.cases.len() }),
        }
    }
    wrong.or(summary)
}

/// Compares the cases of one destination.
fn check(planner: &dyn Planner, suite: &Suite, listed: Vec<Listed>) -> Checked {
    let mut used = vec![false; listed.len()];
    let mut cases = Vec::with_capacity(suite.cases.len());
    for case in &suite.cases {
        let mut differences = compare(planner, suite, case);
        for difference in &mut differences {
            let meant = listed.iter().position(|l| l.is_for(&case.action, &case.name) && l.covers(&difference.at));
            if let Some(meant) = meant {
                used[meant] = true;
                difference.why = Some(listed[meant].why.clone());
            }
        }
        cases.push(CheckedCase { action: case.action.clone(), name: case.name.clone(), differences });
    }
    let stale = listed.into_iter().zip(used).filter(|(_, used)| !used).map(|(listed, _)| listed).collect();
    Checked { slug: suite.slug.clone(), cases, stale }
}

fn compare(planner: &dyn Planner, suite: &Suite, case: &Case) -> Vec<Difference> {
    let exchange = match planner.case(&suite.slug, &case.action, &suite.settings, &case.event) {
        Ok(exchange) => exchange,
        Err(error) => {
            let at = match error {
                CannotPlan::NoAction(_) => "/action",
                CannotPlan::Settings(_) => "/settings",
            };
            return vec![Difference {
                at: at.to_owned(),
                ours: Some(error.to_string().into()),
                theirs: None,
                why: None,
            }];
        }
    };
    let ours: Vec<Value> = exchange.requests.iter().map(sent::ours).collect();
    let theirs: Vec<Value> = case.requests.iter().map(sent::theirs).collect();
    let mut differences = Vec::new();
    diff(Some(&ours.into()), Some(&theirs.into()), "/requests", &mut differences);
    differences.retain(|difference| !case.volatile.iter().any(|volatile| is_volatile(volatile, &difference.at)));
    // Two refusals are the same, whatever their words.
    if exchange.refused.is_some() != case.error.is_some() {
        let [ours, theirs] = [&exchange.refused, &case.error].map(|why| why.as_deref().map(Value::from));
        differences.push(Difference { at: "/error".to_owned(), ours, theirs, why: None });
    }
    differences
}

/// Whether a place is in what differs from run to run. What a case calls `text` may be a form, and is then compared as one.
fn is_volatile(volatile: &str, at: &str) -> bool {
    let as_form = volatile.replacen("/text", "/form", 1);
    [volatile, &as_form].iter().any(|volatile| below(&format!("/requests{volatile}"), at))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Report> {
    let problem = |message: String| Report::without_place(&folder.display().to_string(), message);
    if folder.is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| problem(format!("cannot be read: {error}")))? {
        let path = entry.map_err(|error| problem(format!("cannot be read: {error}")))?.path();
        if path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        let inner = folder.join("cases");
        let hint = if inner.is_dir() { format!(": did you mean {}?", inner.display()) } else { String::new() };
        return Err(problem(format!("holds no cases (*.json){hint}")));
    }
    files.sort();
    Ok(files)
}
