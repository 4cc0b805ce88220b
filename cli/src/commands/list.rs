//! `tapes list`: a line for each tape.

use serde_json::{Value, json};
use traffic_recorder::tape::{Outcome, Tape};

use crate::output::{print_json, progress, say};
use crate::select::{Select, read};
use crate::{Outcome as Done, Verdict, parallel, words};

/// Lists tapes: what was asked, what came back, when it was recorded
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes list\n  tapes list tapes/orders --method POST --status 4xx\n\n\
    JSON: a list of {file, key, layer, method, url, takes: [{outcome, status, fault, bytes, at, elapsed_ms, from}]}")]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// Only requests with this method
    #[arg(long)]
    method: Option<String>,
    /// Only requests whose URL contains this
    #[arg(long, value_name = "TEXT")]
    url: Option<String>,
    /// Only tapes with an answer of this status: `404`, `4xx`, or `fault`
    #[arg(long)]
    status: Option<String>,
    /// Only tapes with an answer from there: live, import, simulated, docs
    #[arg(long)]
    from: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Done {
        let files = self.select.files()?;
        let bar = progress("reading", files.len());
        let tapes = parallel::map(&files, &bar, |file| read(file));
        let mut shown = Vec::new();
        for (file, tape) in files.iter().zip(tapes) {
            let tape = tape?;
            if self.wants(&tape) {
                shown.push((file, tape));
            }
        }
        if self.json {
            let list = shown.iter().map(|(file, tape)| entry(file, tape)).collect();
            print_json(&Value::Array(list))?;
            return Ok(Verdict::Fine);
        }
        let mut folder = None;
        for (file, tape) in &shown {
            if folder != Some(file.parent()) {
                folder = Some(file.parent());
                say!("{}", file.parent().unwrap_or(file).display());
            }
            let takes: Vec<_> = tape.takes.iter().map(words::outcome).collect();
            let at = tape.takes.first().map(|take| words::day(take.recorded.at)).unwrap_or_default();
            let (method, url) = (words::printable(&tape.request.method), words::printable(&tape.request.url));
            say!("  {} {at} {method:<6} {url} -> {}", tape.key.short(), takes.join(", "));
        }
        say!("{}", words::count(shown.len(), "tape"));
        Ok(Verdict::Fine)
    }

    fn wants(&self, tape: &Tape) -> bool {
        let method = self.method.as_ref().is_none_or(|method| tape.request.method.eq_ignore_ascii_case(method));
        let url = self.url.as_ref().is_none_or(|part| tape.request.url.contains(part));
        let from =
            self.from.as_ref().is_none_or(|from| tape.takes.iter().any(|t| t.recorded.from.to_string() == *from));
        let status = self.status.as_ref().is_none_or(|wanted| {
            tape.takes.iter().any(|take| match &take.outcome {
                Outcome::Fault(_) => wanted == "fault",
                Outcome::Answer(answer) => {
                    let status = answer.status.to_string();
                    *wanted == status || wanted.strip_suffix("xx").is_some_and(|class| status.starts_with(class))
                }
            })
        });
        method && url && from && status
    }
}

fn entry(file: &std::path::Path, tape: &Tape) -> Value {
    let takes: Vec<Value> = tape
        .takes
        .iter()
        .map(|take| {
            let (status, fault, bytes) = match &take.outcome {
                Outcome::Answer(answer) => {
                    let said = answer.transcript.as_ref().map_or(0, |transcript| transcript.len());
                    (Some(answer.status), None, answer.body.len() + said)
                }
                Outcome::Fault(fault) => (None, Some(fault.kind.to_string()), 0),
            };
            json!({
                "outcome": words::outcome(take), "status": status, "fault": fault, "bytes": bytes,
                "at": words::moment(take.recorded.at),
                "elapsed_ms": u64::try_from(take.recorded.elapsed.as_millis()).unwrap_or(u64::MAX),
                "from": take.recorded.from.to_string(),
            })
        })
        .collect();
    json!({
        "file": file.to_string_lossy(), "key": tape.key.hex(), "layer": tape.layer.to_string(),
        "method": tape.request.method, "url": tape.request.url, "takes": takes,
    })
}
