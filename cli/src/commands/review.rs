//! `tapes review`: what `RECORD=review` recorded, one by one: what changed in meaning; accept, reject, skip.

use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;

use serde_json::{Value, json};
use traffic_recorder::tape::Tape;
use traffic_recorder::tools::{Change, Pending, PendingKind, Settings, Weight, pending_below};

use super::diff;
use crate::output::{print_json, say};
use crate::select::{Select, folder};
use crate::{Outcome, Verdict, words};

/// Goes through what `RECORD=review cargo test` recorded: shows what would change in meaning, and takes it over or not
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  RECORD=review cargo test; tapes review\n  tapes review tapes/orders --accept-all\n  tapes review --list --json\n\n\
    Answers: a accept, r reject, s skip, A accept this and all that follow, R reject this and all that follow, q quit. What is skipped \
    goes on waiting; exit code 1 where anything does.\n\
    JSON: a list of {tape, kind: new|changed|removed, done: accepted|rejected|null, changes: [{place, before, after, meaning}]}"
)]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// Takes all of it over
    #[arg(long, conflicts_with_all = ["reject_all", "list"])]
    accept_all: bool,
    /// Drops all of it
    #[arg(long, conflicts_with = "list")]
    reject_all: bool,
    /// Only shows what waits
    #[arg(long)]
    list: bool,
    /// Shows incidental differences, too: dates, request ids, headers that do not count
    #[arg(long)]
    all: bool,
    /// Prints JSON; with --list, --accept-all or --reject-all
    #[arg(long)]
    json: bool,
}

/// What is done with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Accept,
    Reject,
    Skip,
    Quit,
}

/// A change that waits, looked at.
struct Looked {
    pending: Pending,
    changes: Vec<Change>,
    after: Option<Tape>,
    done: Option<&'static str>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        if self.json && !(self.list || self.accept_all || self.reject_all) {
            anyhow::bail!("--json asks no questions: add --list, --accept-all or --reject-all");
        }
        let mut waiting = Vec::new();
        for root in self.select.roots()? {
            let root: PathBuf = if root.is_file() { folder(&root) } else { root };
            for pending in pending_below(&root)? {
                waiting.push(self.look(pending)?);
            }
        }
        let all = waiting.len();
        let mut always = match (self.accept_all, self.reject_all, self.list) {
            (true, ..) => Some(Answer::Accept),
            (_, true, _) => Some(Answer::Reject),
            (_, _, true) => Some(Answer::Skip),
            _ => None,
        };
        for (at, looked) in waiting.iter_mut().enumerate() {
            if !self.json {
                show(at, all, looked)?;
            }
            let answer = match always {
                Some(answer) => answer,
                None => ask(&mut always)?,
            };
            match answer {
                Answer::Accept => {
                    looked.pending.accept()?;
                    looked.done = Some("accepted");
                }
                Answer::Reject => {
                    looked.pending.reject()?;
                    looked.done = Some("rejected");
                }
                Answer::Skip => {}
                Answer::Quit => break,
            }
        }
        let count = |word| waiting.iter().filter(|looked| looked.done == word).count();
        let left = count(None);
        if self.json {
            print_json(&waiting.iter().map(document).collect())?;
        } else if all == 0 {
            say!("nothing waits for a review; `RECORD=review cargo test` records for one");
        } else {
            say!("{} accepted, {} rejected, {left} waiting", count(Some("accepted")), count(Some("rejected")));
        }
        Ok(Verdict::from(left > 0))
    }

    fn look(&self, pending: Pending) -> anyhow::Result<Looked> {
        let (before, after) = (pending.before()?, pending.after()?);
        let mut changes = match (&before, &after) {
            (Some(before), Some(after)) => Settings::for_folder(&folder(&pending.tape))?.compare(before, after),
            _ => Vec::new(),
        };
        if !self.all {
            changes.retain(|change| change.weight == Weight::Meaning);
        }
        Ok(Looked { pending, changes, after: after.or(before), done: None })
    }
}

fn show(at: usize, all: usize, looked: &Looked) -> anyhow::Result<()> {
    let Looked { pending, changes, after, .. } = looked;
    say!("\n[{} of {all}] {} {}", at + 1, word(pending.kind), pending.tape.display());
    if let Some(tape) = after {
        let takes: Vec<_> = tape.takes.iter().map(words::outcome).collect();
        let (method, url) = (words::printable(&tape.request.method), words::printable(&tape.request.url));
        say!("  {method} {url} -> {}", takes.join(", "));
    }
    match pending.kind {
        PendingKind::New => {}
        PendingKind::Removed => say!("  the recording did not ask this"),
        PendingKind::Changed if changes.is_empty() => say!("  nothing of meaning (--all shows the rest)"),
        PendingKind::Changed => diff::print(changes)?,
    }
    Ok(())
}

fn word(kind: PendingKind) -> &'static str {
    match kind {
        PendingKind::New => "new",
        PendingKind::Changed => "changed",
        PendingKind::Removed => "removed",
    }
}

/// Asks until there is an answer. The end of the input is one: quit.
fn ask(always: &mut Option<Answer>) -> anyhow::Result<Answer> {
    loop {
        write!(io::stdout(), "accept, reject, skip, quit? [a/r/s/A/R/q] ")?;
        io::stdout().flush()?;
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Ok(Answer::Quit);
        }
        let (answer, for_all) = match line.trim() {
            "a" | "accept" => (Answer::Accept, false),
            "r" | "reject" => (Answer::Reject, false),
            "s" | "skip" => (Answer::Skip, false),
            "A" => (Answer::Accept, true),
            "R" => (Answer::Reject, true),
            "q" | "quit" => (Answer::Quit, false),
            _ => continue,
        };
        if for_all {
            *always = Some(answer);
        }
        return Ok(answer);
    }
}

fn document(looked: &Looked) -> Value {
    json!({
        "tape": looked.pending.tape, "kind": word(looked.pending.kind), "done": looked.done,
        "changes": diff::changes_document(&looked.changes),
    })
}
