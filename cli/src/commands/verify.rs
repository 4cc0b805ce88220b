//! `tapes verify`: every tape reads, renders to the same bytes, and has the key and the name of its request.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use traffic_recorder::tools::{WORLD_FILE, stray_bodies};

use crate::output::{print_json, progress, say};
use crate::select::{AllSettings, Select, folder};
use crate::{Outcome, parallel, words};

/// Checks that every tape reads, would be written with the same bytes, and has the key and the name of its request
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes verify\n  tapes verify tapes/orders --json\n\n\
    Findings: unreadable, form, key, name, rules, body, stray-body (a body file that no tape refers to), and custom-rule, which is no fault.\n\
    JSON: {tapes, findings: [{file, code, fault, text}]}")]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let files = self.select.files()?;
        let settings = AllSettings::of(&files)?;
        let bar = progress("verifying", files.len());
        let verified = parallel::map(&files, &bar, |file| settings.get(file).verify(file));
        let mut findings = Vec::new();
        for (file, found) in files.iter().zip(verified) {
            for finding in found {
                findings.push((file.clone(), finding.kind.code(), finding.kind.is_fault(), finding.text));
            }
        }
        for folder in files.iter().map(|file| folder(file)).collect::<BTreeSet<_>>() {
            if let Err(error) = settings.of_folder(&folder).check_world(&folder) {
                findings.push((folder.join(WORLD_FILE), "unreadable", true, error.to_string()));
            }
            for body in stray_bodies(&folder)? {
                let text = "no tape refers to this body: remove it, or run `tapes prune --bodies`".to_owned();
                findings.push((body, "stray-body", true, text));
            }
        }
        let faults = findings.iter().filter(|(_, _, fault, _)| *fault).count();
        if self.json {
            let list: Vec<Value> = findings
                .iter()
                .map(|(file, code, fault, text)| {
                    json!({"file": file.to_string_lossy(), "code": code, "fault": fault, "text": text})
                })
                .collect();
            print_json(&json!({"tapes": files.len(), "findings": list}))?;
            return Ok((faults > 0).into());
        }
        for (file, code, _, text) in &findings {
            // An error of reading names the file itself.
            let named = text.starts_with(&file.display().to_string());
            let place = if named { String::new() } else { format!("{}: ", file.display()) };
            say!("{place}{} ({code})", words::printable(text));
        }
        say!("{} verified, {} found", words::count(files.len(), "tape"), words::count(faults, "fault"));
        Ok((faults > 0).into())
    }
}
