//! `tapes check`: does the live service still answer like the tapes? What `RECORD=check` asks in a test, asked without one.

mod send;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use traffic_recorder::session::{Change, ErrorKind};
use traffic_recorder::tape::{Layer, Request, Take, Tape};
use traffic_recorder::tools::{Settings, recorder};
use traffic_recorder::{Mode, Tapes};

use crate::output::{print_json, progress, say};
use crate::select::{Select, folder, read};
use crate::{Outcome, Verdict, words};
use send::Sender;

/// Sends the requests of tapes to the live service and says where the answers have drifted: fields that are new, gone or of another
/// type, statuses, events of streams. Values are not compared, tapes are not touched
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  tapes check tapes/status\n  tapes check tapes/orders --methods POST --secret shop=SHOP_KEY\n  \
    tapes check --to https://staging.example.com --json\n\n\
    Only GET, HEAD, OPTIONS and TRACE are sent, unless --methods names more. Placeholders become the values of environment variables: \
    those that recorder.yaml names, those of the placeholder's own name, and those of --secret. A request whose secret has no value is \
    left out and named. Exit code 1 where something has drifted.\n\
    JSON: {asked, left_out: [{file, reason}], changes: [{folder, request, place, kind: added|removed|changed, recorded, live}]}"
)]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// Methods that may be sent besides the safe ones; `all` for any
    #[arg(long, value_name = "METHOD", value_delimiter = ',')]
    methods: Vec<String>,
    /// Sends the requests there, scheme, host and port alone: `https://staging.example.com`
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// A placeholder and the environment variable that has its value
    #[arg(long = "secret", value_name = "NAME=VARIABLE")]
    secrets: Vec<String>,
    /// How long an answer may take
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

const SAFE: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];

/// What came of all folders.
#[derive(Default)]
struct Checked {
    asked: usize,
    left_out: Vec<(PathBuf, String)>,
    changes: Vec<(PathBuf, Change)>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let files = self.select.files()?;
        let secrets = self.secrets()?;
        let sender = Sender::new(self.timeout, self.to.as_deref())?;
        let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for file in files {
            folders.entry(folder(&file)).or_default().push(file);
        }
        let bar = progress("asking", folders.len());
        let mut checked = Checked::default();
        for (folder, files) in &folders {
            self.check(folder, files, &secrets, &sender, &mut checked)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        if self.json {
            print_json(&checked.document())?
        } else {
            checked.print()?
        }
        Ok(Verdict::from(!checked.changes.is_empty()))
    }

    fn secrets(&self) -> anyhow::Result<Vec<(String, String)>> {
        let one = |word: &String| {
            let (name, variable) =
                word.split_once('=').with_context(|| format!("--secret {word} is not NAME=VARIABLE"))?;
            let value =
                std::env::var(variable).with_context(|| format!("the environment variable {variable} is not set"))?;
            Ok((name.to_owned(), value))
        };
        self.secrets.iter().map(one).collect()
    }

    fn may_send(&self, method: &str) -> bool {
        SAFE.contains(&method) || self.methods.iter().any(|m| m == "all" || m.eq_ignore_ascii_case(method))
    }

    /// Asks again whatever one folder has, in the order of its recording.
    fn check(
        &self,
        folder: &Path,
        files: &[PathBuf],
        secrets: &[(String, String)],
        sender: &Sender,
        checked: &mut Checked,
    ) -> anyhow::Result<()> {
        let settings = Settings::for_folder(folder)?;
        let mut asked: Vec<(std::time::SystemTime, Request, Layer)> = Vec::new();
        for file in files {
            let tape = read(file)?;
            if let Err(reason) = self.fits(&tape) {
                checked.left_out.push((file.clone(), reason));
                continue;
            }
            match settings.live_request(&tape.request, secrets)? {
                Ok(request) => {
                    asked.extend(tape.takes.iter().map(|take| (take.recorded.at, request.clone(), tape.layer)));
                }
                Err(names) => {
                    let names =
                        names.iter().map(|name| format!("{{{{secret:{name}}}}}")).collect::<Vec<_>>().join(", ");
                    let reason = format!(
                        "{names} has no value here: set the variable of this name, or give --secret NAME=VARIABLE"
                    );
                    checked.left_out.push((file.clone(), reason));
                }
            }
        }
        asked.sort_by_key(|(at, ..)| *at);
        let mut recorder = recorder(folder)?.mode(Mode::Check);
        for (name, value) in secrets {
            recorder = recorder.secret(name, value);
        }
        let tapes = recorder.open()?;
        for (_, request, layer) in &asked {
            sender.send(&tapes, request, *layer)?;
        }
        checked.asked += asked.len();
        drifted(tapes, folder, checked)
    }

    fn fits(&self, tape: &Tape) -> Result<(), String> {
        let method = &tape.request.method;
        if !self.may_send(method) {
            return Err(format!("{method} may change the service: --methods {method} sends it"));
        }
        if let Some(custom) = tape.rules.iter().find(|rule| rule.starts_with("custom ")) {
            return Err(format!("its key depends on code (`{custom}`): RECORD=check in its test can check it"));
        }
        let talks = |take: &Take| words::answer(take).is_some_and(|answer| answer.transcript.is_some());
        if tape.takes.iter().any(talks) {
            return Err("it is a conversation over WebSocket: RECORD=check in its test can check it".to_owned());
        }
        Ok(())
    }
}

fn drifted(tapes: Tapes, folder: &Path, checked: &mut Checked) -> anyhow::Result<()> {
    let Err(error) = tapes.finish() else { return Ok(()) };
    match error.kind() {
        ErrorKind::Drift(drift) => {
            checked.changes.extend(drift.changes.iter().map(|change| (folder.to_owned(), change.clone())));
            Ok(())
        }
        _ => Err(error.into()),
    }
}

fn kind(change: &Change) -> &'static str {
    match (&change.recorded, &change.live) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    }
}

impl Checked {
    fn print(&self) -> anyhow::Result<()> {
        for (file, reason) in &self.left_out {
            say!("{} left out: {}", file.display(), words::printable(reason));
        }
        let mut last = None;
        for (folder, change) in &self.changes {
            if last != Some((folder, &change.request)) {
                last = Some((folder, &change.request));
                say!("{}: {}", folder.display(), words::printable(&change.request));
            }
            let place = words::printable(&change.place);
            match (&change.recorded, &change.live) {
                (None, Some(live)) => say!("  added   {place}: {live}"),
                (Some(recorded), None) => say!("  removed {place}: was {recorded}"),
                (Some(recorded), Some(live)) => say!("  changed {place}: was {recorded}, is {live}"),
                (None, None) => {}
            }
        }
        let (asked, changes) = (words::count(self.asked, "request"), words::count(self.changes.len(), "change"));
        say!("{asked} sent, {changes} found, {} left out", words::count(self.left_out.len(), "tape"));
        Ok(())
    }

    fn document(&self) -> Value {
        let left: Vec<Value> =
            self.left_out.iter().map(|(file, reason)| json!({"file": file, "reason": reason})).collect();
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|(folder, c)| {
                json!({
                    "folder": folder, "request": c.request, "place": c.place, "kind": kind(c), "recorded": c.recorded,
                    "live": c.live,
                })
            })
            .collect();
        json!({"asked": self.asked, "left_out": left, "changes": changes})
    }
}
