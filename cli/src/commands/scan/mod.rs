//! `tapes scan`: secrets in tapes, and in the tapes of the repository's history.

mod history;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use traffic_recorder::policy::Leak;
use traffic_recorder::tools::WORLD_FILE;

use crate::output::{print_json, progress, say};
use crate::select::{AllSettings, Select, folder};
use crate::{Outcome, parallel, words};

/// Looks for secrets in tapes: what today's redaction would hide, tokens of a known shape, text too random to be anything but a key
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes scan\n  tapes scan --history\n  tapes scan tapes/orders --json\n\n\
    Exit code 1 where something is found. Values are never printed, only their first characters. What is no secret is let pass by a \
    line under `allow` in recorder.yaml. With --history, every version of every tape and body file that git knows on any branch is \
    searched, too.\n\
    JSON: {tapes, history, timings: {read_ms}, findings: [{file, commit, place, what, mend}]}; commit is null for files on disk")]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// Looks through the tapes in the history of the git repository, too
    #[arg(long)]
    history: bool,
    /// Says on standard error how long it took
    #[arg(long)]
    timings: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Something that was found.
pub(crate) struct Finding {
    pub(crate) file: PathBuf,
    /// The commit that has it, where it is not on disk.
    pub(crate) commit: Option<String>,
    pub(crate) leak: Leak,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let start = std::time::Instant::now();
        let files = self.select.files()?;
        let settings = AllSettings::of(&files)?;
        let bar = progress("scanning", files.len());
        let scanned = parallel::map(&files, &bar, |file| settings.get(file).scan_file(file));
        let mut findings = Vec::new();
        for (file, found) in files.iter().zip(scanned) {
            findings.extend(found?.into_iter().map(|leak| Finding { file: file.clone(), commit: None, leak }));
        }
        for folder in files.iter().map(|file| folder(file)).collect::<BTreeSet<_>>() {
            if let Some(leak) = settings.of_folder(&folder).check_world(&folder)? {
                findings.push(Finding { file: folder.join(WORLD_FILE), commit: None, leak });
            }
        }
        let took = start.elapsed();
        if self.timings {
            let each = took.as_secs_f64() * 1e6 / files.len() as f64;
            eprintln!("{} in {:.2} s, {each:.0} µs each", words::count(files.len(), "tape"), took.as_secs_f64());
        }
        let mut versions = 0;
        if self.history {
            let found = history::scan(&self.select.roots()?)?;
            versions = found.versions;
            findings.extend(found.findings);
        }
        if self.json {
            let list: Vec<Value> = findings.iter().map(document).collect();
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            print_json(&json!({
                "tapes": files.len(), "history": self.history.then_some(versions), "timings": {"read_ms": ms}, "findings": list,
            }))?;
        } else {
            for finding in &findings {
                let commit = finding.commit.as_ref().map(|commit| format!(" in commit {commit}")).unwrap_or_default();
                let (place, what) = (words::printable(finding.leak.place()), words::printable(finding.leak.what()));
                say!("{}{commit}: {place} holds {what}", finding.file.display());
                say!("    {}", words::printable(finding.leak.mend()));
            }
            let old = if self.history { format!(" and {versions} older versions") } else { String::new() };
            say!(
                "{}{old} scanned, {} found",
                words::count(files.len(), "tape"),
                words::count(findings.len(), "secret")
            );
        }
        Ok((!findings.is_empty()).into())
    }
}

fn document(finding: &Finding) -> Value {
    json!({
        "file": finding.file.to_string_lossy(), "commit": finding.commit, "place": finding.leak.place(),
        "what": finding.leak.what(), "mend": finding.leak.mend(),
    })
}
