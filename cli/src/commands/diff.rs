//! `tapes diff`: what differs in meaning between two tapes, or two folders of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use traffic_recorder::tools::{Change, Settings, Weight, tapes_below};

use crate::output::{print_json, say};
use crate::select::{folder, one, read};
use crate::{Outcome, Verdict, words};

/// Says what differs in meaning: status, headers, JSON paths, events of streams; not dates and request ids
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  tapes diff old.yaml new.yaml\n  tapes diff 9c1d6f 4b7a23\n  tapes diff main/tapes branch/tapes --all\n\n\
    Two folders are compared tape by tape, by name. Exit code 1 where anything of meaning differs.\n\
    JSON: a list of {a, b, changes: [{place, before, after, meaning}]}; a or b is null where the tape is in one folder only"
)]
pub(crate) struct Args {
    /// A tape, the first digits of its key, or a folder
    a: PathBuf,
    /// What it is compared with
    b: PathBuf,
    /// Shows incidental differences, too: dates, request ids, headers that do not count
    #[arg(long)]
    all: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// One tape on both sides, or on one.
struct Pair {
    a: Option<PathBuf>,
    b: Option<PathBuf>,
    changes: Vec<Change>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let mut pairs = if self.a.is_dir() && self.b.is_dir() {
            folders(&self.a, &self.b)?
        } else {
            let ((a, old), (b, new)) = (one(&self.a)?, one(&self.b)?);
            let changes = Settings::for_folder(&folder(&b))?.compare(&old, &new);
            vec![Pair { a: Some(a), b: Some(b), changes }]
        };
        for pair in &mut pairs {
            pair.changes.retain(|change| self.all || change.weight == Weight::Meaning);
        }
        pairs.retain(|pair| pair.a.is_none() || pair.b.is_none() || !pair.changes.is_empty());
        let differs = pairs.iter().any(|pair| {
            pair.a.is_none() || pair.b.is_none() || pair.changes.iter().any(|change| change.weight == Weight::Meaning)
        });
        if self.json {
            print_json(&pairs.iter().map(document).collect())?;
            return Ok(differs.into());
        }
        for pair in &pairs {
            match (&pair.a, &pair.b) {
                (Some(a), Some(b)) if a.file_name() == b.file_name() => say!("{}", b.display()),
                (Some(a), Some(b)) => say!("{} -> {}", a.display(), b.display()),
                (Some(a), None) => say!("only {}", a.display()),
                (None, Some(b)) => say!("only {}", b.display()),
                (None, None) => {}
            }
            print(&pair.changes)?;
        }
        if !differs {
            say!("nothing of meaning differs");
        }
        Ok(Verdict::from(differs))
    }
}

/// The changes of one tape, indented.
pub(crate) fn print(changes: &[Change]) -> anyhow::Result<()> {
    for change in changes {
        let mark = if change.weight == Weight::Meaning { "" } else { " (incidental)" };
        say!("  {}{mark}", words::printable(&change.place));
        if let Some(before) = &change.before {
            say!("    - {}", words::printable(before));
        }
        if let Some(after) = &change.after {
            say!("    + {}", words::printable(after));
        }
    }
    Ok(())
}

/// The changes of one tape as JSON.
pub(crate) fn changes_document(changes: &[Change]) -> Value {
    let one = |change: &Change| {
        json!({
            "place": change.place, "before": change.before, "after": change.after,
            "meaning": change.weight == Weight::Meaning,
        })
    };
    changes.iter().map(one).collect()
}

fn document(pair: &Pair) -> Value {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    json!({"a": path(&pair.a), "b": path(&pair.b), "changes": changes_document(&pair.changes)})
}

fn folders(a: &Path, b: &Path) -> anyhow::Result<Vec<Pair>> {
    let mut pairs: BTreeMap<PathBuf, (Option<PathBuf>, Option<PathBuf>)> = BTreeMap::new();
    for file in tapes_below(a)? {
        let name = file.strip_prefix(a)?.to_owned();
        pairs.entry(name).or_default().0 = Some(file);
    }
    for file in tapes_below(b)? {
        let name = file.strip_prefix(b)?.to_owned();
        pairs.entry(name).or_default().1 = Some(file);
    }
    let mut compared = Vec::new();
    for (a, b) in pairs.into_values() {
        let changes = match (&a, &b) {
            (Some(a), Some(b)) => Settings::for_folder(&folder(b))?.compare(&read(a)?, &read(b)?),
            _ => Vec::new(),
        };
        compared.push(Pair { a, b, changes });
    }
    Ok(compared)
}
