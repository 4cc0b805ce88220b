//! `tapes report`: what the last run of the tests left unused, as read from its ledger in the target folder.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::json;
use traffic_recorder::session::RunReport;

use crate::output::{print_json, say};
use crate::{Outcome, Verdict};

/// Reports on the newest run of the tests: answers that nobody asked for, tapes of tests that are gone, rules that never matched
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes report\n  tapes report --strict target\n\n\
    JSON: {sessions, unused: [text], orphans: [folder], idle: [folder], unmatched: [rule]}")]
pub(crate) struct Args {
    /// The cargo target folder
    #[arg(default_value = "target")]
    target: PathBuf,
    /// Exit code 1 where there is anything to report
    #[arg(long)]
    strict: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// The newest run below a target folder.
pub(crate) fn newest(target: &std::path::Path) -> anyhow::Result<RunReport> {
    RunReport::newest(target)
        .with_context(|| format!("failed to read the ledger below {}", target.display()))?
        .with_context(|| {
            format!("no run of the tests has used tapes below {}: run `cargo test` first", target.display())
        })
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let report = newest(&self.target)?;
        if self.json {
            print_json(&json!({
                "sessions": report.sessions, "unused": report.unused, "orphans": report.orphans, "idle": report.idle,
                "unmatched": report.unmatched,
            }))?;
        } else {
            say!("{report}");
        }
        Ok(Verdict::from(self.strict && !report.is_clean()))
    }
}
