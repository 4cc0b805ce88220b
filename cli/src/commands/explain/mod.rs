//! `tapes explain`: the canonical form and the key of a request, from a tape or from curl's arguments.

mod curl;

use std::path::PathBuf;

use anyhow::bail;
use serde_json::json;
use traffic_recorder::key::{Difference, canonical, differences, distance};
use traffic_recorder::tape::{Request, Tape};
use traffic_recorder::tools::{Explained, Settings, tapes_below};

use crate::output::{print_json, say};
use crate::select::{folder, one};
use crate::{Outcome, Verdict, words};

/// Shows the canonical form and the key of a request, from a tape or from curl's arguments
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes explain 9c1d6f\n  \
    tapes explain -- curl -X POST https://api.example.com/orders -H 'content-type: application/json' -d '{\"id\":1}'\n  \
    tapes explain --in tapes/orders/created -- curl https://api.example.com/orders?page=2\n\n\
    With --in, exit code 1 where no tape in that folder answers; the nearest one and what differs are shown.\n\
    JSON: {key, file, rules, canonical, answered_by, nearest: {file, differences: [{place, recorded, sent, rule}]}}")]
pub(crate) struct Args {
    /// A tape, or the first digits of its key
    #[arg(value_name = "TAPE", conflicts_with = "curl")]
    tape: Option<PathBuf>,
    /// Says which tape below this folder answers, or is nearest
    #[arg(long = "in", value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// A match rule besides those of recorder.yaml
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    /// curl and its arguments, after `--`
    #[arg(last = true, value_name = "CURL")]
    curl: Vec<String>,
}

/// The tape that comes nearest.
struct Nearest {
    file: PathBuf,
    differences: Vec<Difference>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let (mut settings, request, named) = match (&self.tape, self.curl.is_empty()) {
            (Some(tape), _) => {
                let (file, tape) = one(tape)?;
                (Settings::for_folder(&folder(&file))?, tape.request, tape.rules)
            }
            (None, false) => {
                let place = self.folder.clone().unwrap_or_else(|| PathBuf::from("tapes"));
                (Settings::for_folder(&place)?, curl::request(&self.curl)?, Vec::new())
            }
            (None, true) => bail!("name a tape, or give curl's arguments after `--`"),
        };
        for rule in named.iter().filter(|rule| !rule.starts_with("custom ")).chain(&self.rules) {
            if !settings.rules().iter().any(|known| known.to_string() == **rule) {
                settings.add_rule(rule)?;
            }
        }
        let explained = settings.explain(&request)?;
        let nearest = match &self.folder {
            Some(folder) => Some(nearest(folder, &settings, &explained)?),
            None => None,
        };
        let answered_by = nearest.as_ref().and_then(Option::as_ref).filter(|n| n.differences.is_empty());
        if self.json {
            print_json(&document(&explained, &nearest))?;
        } else {
            print(&explained, &named)?;
            match (&nearest, answered_by) {
                (None, _) => {}
                (Some(_), Some(tape)) => say!("\nanswered by {}", tape.file.display()),
                (Some(None), None) => say!("\nthere is no tape"),
                (Some(Some(near)), None) => print_nearest(near)?,
            }
        }
        Ok(Verdict::from(nearest.is_some() && answered_by.is_none()))
    }
}

fn nearest(folder: &std::path::Path, settings: &Settings, sent: &Explained) -> anyhow::Result<Option<Nearest>> {
    let mut best: Option<(u32, PathBuf, Request)> = None;
    for file in tapes_below(folder)? {
        let Some(tape) = Tape::read(&file)? else { continue };
        let far = distance(&canonical(&tape.request, settings.rules()), &sent.canonical);
        if best.as_ref().is_none_or(|(least, ..)| far < *least) {
            best = Some((far, file, tape.request));
        }
    }
    Ok(best.map(|(_, file, request)| Nearest {
        file,
        differences: differences(&canonical(&request, settings.rules()), &sent.canonical),
    }))
}

fn print(explained: &Explained, named: &[String]) -> anyhow::Result<()> {
    let canonical = &explained.canonical;
    say!("key  {}", canonical.key());
    say!("file {}", explained.file);
    for rule in canonical.applied() {
        say!("rule {}", words::printable(rule));
    }
    for rule in named.iter().filter(|rule| rule.starts_with("custom ")) {
        say!("rule {} (code: left out here)", words::printable(rule));
    }
    say!("\n{}", words::printable(canonical.text().trim_end()));
    Ok(())
}

fn print_nearest(near: &Nearest) -> anyhow::Result<()> {
    say!("\nno tape answers; the nearest is {}", near.file.display());
    for difference in &near.differences {
        let side = |value: &Option<String>| value.as_deref().map_or_else(|| "(nothing)".to_owned(), words::printable);
        say!("  {}", words::printable(&difference.place));
        say!("    recorded: {}", side(&difference.recorded));
        say!("    sent:     {}", side(&difference.sent));
        if let Some(rule) = &difference.rule {
            say!("    would match with: {}", words::printable(rule));
        }
    }
    Ok(())
}

fn document(explained: &Explained, nearest: &Option<Option<Nearest>>) -> serde_json::Value {
    let near = nearest.as_ref().and_then(Option::as_ref);
    let answered_by = near.filter(|near| near.differences.is_empty()).map(|near| near.file.to_string_lossy());
    let nearest = near.filter(|near| !near.differences.is_empty()).map(|near| {
        let one = |d: &Difference| json!({"place": d.place, "recorded": d.recorded, "sent": d.sent, "rule": d.rule});
        json!({"file": near.file.to_string_lossy(), "differences": near.differences.iter().map(one).collect::<Vec<_>>()})
    });
    json!({
        "key": explained.canonical.key().hex(), "file": explained.file, "rules": explained.canonical.applied(),
        "canonical": explained.canonical.text(), "answered_by": answered_by, "nearest": nearest,
    })
}
