//! `tapes rekey`: keys computed anew from the stored requests.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use traffic_recorder::tools::{Rekeyed, Rekeying};

use crate::output::{print_json, progress, say};
use crate::select::{AllSettings, Select, folder};
use crate::{Outcome, Verdict, words};

/// Computes the keys of tapes anew from their requests, by today's rules, and names the files after them. Needs no network
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  tapes rekey\n  tapes rekey tapes/orders --yes\n  tapes rekey --without 'ignore query page' --yes\n\n\
    Only says what would change, unless --yes is given; exit code 1 where something would. Rules are those that each tape names and \
    those of recorder.yaml. Tapes whose requests become the same become one, with the takes of all. Tapes whose key depends on code stay.\n\
    JSON: {done, changes: [{folder, from, to, key_changed, takes}], left: [{file, rule}]}"
)]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// A rule that no longer holds, though tapes name it
    #[arg(long = "without", value_name = "RULE")]
    without: Vec<String>,
    /// A rule besides those of recorder.yaml
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// Writes the new tapes and removes the old
    #[arg(long)]
    yes: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let files = self.select.files()?;
        let all = AllSettings::of(&files)?;
        let folders: BTreeSet<_> = files.iter().map(|file| folder(file)).collect();
        let bar = progress("computing keys", folders.len());
        let mut plans: Vec<Rekeying> = Vec::new();
        // All is computed before anything is written: one folder that cannot be read stops the whole.
        for folder in &folders {
            let mut settings = all.of_folder(folder).clone();
            for rule in &self.rules {
                settings.add_rule(rule)?;
            }
            plans.push(settings.rekey(folder, &self.without)?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let (mut changes, mut left) = (Vec::new(), Vec::new());
        for plan in plans {
            let folder = plan.folder().to_owned();
            left.extend(plan.left.iter().map(|(file, rule)| (folder.join(file), rule.clone())));
            let done = if self.yes { plan.apply()? } else { plan.changes };
            changes.extend(done.into_iter().map(|change| (folder.clone(), change)));
        }
        let found = !self.yes && !changes.is_empty();
        if self.json {
            let changes: Vec<Value> = changes
                .iter()
                .map(|(folder, c)| json!({"folder": folder, "from": c.from, "to": c.to, "key_changed": c.key_changed, "takes": c.takes}))
                .collect();
            let left: Vec<Value> = left.iter().map(|(file, rule)| json!({"file": file, "rule": rule})).collect();
            print_json(&json!({"done": self.yes, "changes": changes, "left": left}))?;
            return Ok(Verdict::from(found));
        }
        for (folder, change) in &changes {
            print(&folder.display().to_string(), change)?;
        }
        for (file, rule) in &left {
            say!("{} stays: its key depends on code (`{}`)", file.display(), words::printable(rule));
        }
        match (changes.len(), self.yes) {
            (0, _) => say!("{} have the keys of today's rules", words::count(files.len(), "tape")),
            (n, true) => say!("{} written anew", words::count(n, "tape")),
            (n, false) => say!("{} would be written anew; `tapes rekey --yes` does it", words::count(n, "tape")),
        }
        Ok(Verdict::from(found))
    }
}

fn print(folder: &str, change: &Rekeyed) -> anyhow::Result<()> {
    let why = match (change.from.len(), change.key_changed) {
        (1, true) => String::new(),
        (1, false) if change.from[0] == change.to => " (form)".to_owned(),
        (1, false) => " (name)".to_owned(),
        _ => format!(" (one request now, {})", words::count(change.takes, "take")),
    };
    say!("{folder}: {} -> {}{why}", change.from.join(" + "), change.to);
    Ok(())
}
