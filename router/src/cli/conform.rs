//! `router conform`: what we would send beside what Segment's own code sends.

use std::path::PathBuf;

use clap::Args;

use super::Failed;
use crate::conform::{self, Options};
use crate::destination::Catalog;

/// Compare what we would send with recorded cases of Segment's own code
///
/// Reads the cases DIR/<name>.json and compares method, address, credentials, content type and body. Differences that are meant are
/// listed in a destination's file, with a reason.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  router conform oracle/cases
  router conform oracle/cases --only mixpanel --only braze
  router conform oracle/cases --json | jq '.checked[] | select(.unlisted > 0)'

Exit codes: 0 nothing differs but what is listed, 1 something does, 2 could not compare.")]
pub(super) struct Conform {
    /// The folder with the cases
    #[arg(value_name = "DIR")]
    cases: PathBuf,
    /// More definition files, besides those that are built in
    #[arg(long, value_name = "DIR")]
    destinations: Vec<PathBuf>,
    /// These destinations alone
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// A destination that has cases and no definition counts as a difference
    #[arg(long)]
    all: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

impl Conform {
    pub(super) fn main(&self) -> Result<(), Failed> {
        let mut catalog = Catalog::embedded().map_err(|report| Failed::mistakes(&report))?;
        for folder in &self.destinations {
            catalog.add_folder(folder).map_err(|report| Failed::mistakes(&report))?;
        }
        let options = Options { only: self.only.clone() };
        let summary = conform::run(&catalog, &self.cases, &options).map_err(Failed::could_not)?;
        let text = if self.json { format!("{:#}", summary.to_json()) } else { summary.to_string() };
        super::say(&text)?;
        if summary.passed(self.all) {
            return Ok(());
        }
        Err(Failed::refused(
            "something differs and is not listed: mend the destination's file, or list it there under `differs` with a reason",
        ))
    }
}
