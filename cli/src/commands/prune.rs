//! `tapes prune`: removes tapes of tests that are gone, as the ledger of the last run tells.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Value, json};
use traffic_recorder::tools::{Removal, remove_tapes, stray_bodies};

use super::report::newest;
use crate::output::{print_json, say};
use crate::select::{Select, folder};
use crate::{Outcome, Verdict, words};

/// Removes tapes of tests that no longer exist, as the last run of the tests tells; and bodies that no tape refers to
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  cargo test && tapes prune\n  tapes prune --yes\n  tapes prune --bodies --yes\n\n\
    Only says what would go, unless --yes is given; exit code 1 where something would. A folder with a tape that cannot be read is left \
    alone: it may be a newer release's. Files that are no tapes stay.\n\
    JSON: {done, folders: [{folder, why, tapes, bodies, error}], stray_bodies: [file]}")]
pub(crate) struct Args {
    /// The cargo target folder, with the ledger of the last run
    #[arg(long, default_value = "target", value_name = "FOLDER")]
    target: PathBuf,
    /// Removes folders with a name of their own, too, that the last run did not use. Only after a run of all tests
    #[arg(long)]
    idle: bool,
    /// Looks only for bodies that no tape refers to; needs no run
    #[arg(long, conflicts_with = "idle")]
    bodies: bool,
    /// Removes them
    #[arg(long)]
    yes: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// A folder that goes.
struct Gone {
    folder: PathBuf,
    why: &'static str,
    removal: Result<Removal, String>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let mut gone = Vec::new();
        if !self.bodies {
            let report = newest(&self.target)?;
            let idle = if self.idle { report.idle } else { Vec::new() };
            let orphans = report.orphans.into_iter().map(|folder| (folder, "its test is gone"));
            for (folder, why) in orphans.chain(idle.into_iter().map(|folder| (folder, "the last run did not use it"))) {
                let removal = remove_tapes(&folder, !self.yes).map_err(|error| error.to_string());
                gone.push(Gone { folder, why, removal });
            }
        }
        let mut strays = Vec::new();
        let files = Select { paths: Vec::new() }.files().unwrap_or_default();
        for folder in files.iter().map(|file| folder(file)).collect::<BTreeSet<_>>() {
            strays.extend(stray_bodies(&folder)?);
        }
        if self.yes {
            for body in &strays {
                std::fs::remove_file(body).with_context(|| format!("failed to remove {}", body.display()))?;
            }
        }
        let anything = gone.iter().any(|gone| gone.removal.is_ok()) || !strays.is_empty();
        let failed = gone.iter().any(|gone| gone.removal.is_err());
        if self.json {
            let folders: Vec<Value> = gone.iter().map(document).collect();
            print_json(&json!({"done": self.yes, "folders": folders, "stray_bodies": strays}))?;
        } else {
            for gone in &gone {
                match &gone.removal {
                    Ok(removal) => {
                        let (tapes, bodies) = (removal.tapes.len(), removal.bodies.len());
                        let (tapes, bodies) = (words::count(tapes, "tape"), words::count(bodies, "body"));
                        say!("{}: {tapes}, {bodies}: {}", gone.folder.display(), gone.why);
                    }
                    Err(error) => say!("{} stays: {}", gone.folder.display(), words::printable(error)),
                }
            }
            strays.iter().try_for_each(|body| anyhow::Ok(say!("{}: no tape refers to it", body.display())))?;
            match (anything, self.yes) {
                (false, _) => say!("nothing to remove"),
                (true, true) => say!("removed"),
                (true, false) => say!("nothing was removed yet: `tapes prune --yes` does it"),
            }
        }
        Ok(Verdict::from(failed || (anything && !self.yes)))
    }
}

fn document(gone: &Gone) -> Value {
    let (removal, error) = match &gone.removal {
        Ok(removal) => (Some(removal), None),
        Err(error) => (None, Some(error)),
    };
    json!({
        "folder": gone.folder, "why": gone.why, "tapes": removal.map(|r| &r.tapes), "bodies": removal.map(|r| &r.bodies),
        "error": error,
    })
}
