//! A run of named steps: each is announced, timed and told again at the end; the first failure ends the run.

use std::time::{Duration, Instant};

use crate::{Result, shell};

/// The steps of one run.
pub(crate) struct Steps<'a> {
    wanted: &'a [String],
    started: Instant,
    done: Vec<Done>,
}

struct Done {
    name: &'static str,
    took: Duration,
    /// What is worth telling again: counts, sizes, why it was skipped.
    note: String,
}

impl<'a> Steps<'a> {
    /// Only the steps in `wanted` will run; all of them where it is empty.
    ///
    /// # Errors
    /// A word that is not in `known`.
    pub(crate) fn new(wanted: &'a [String], known: &[&str]) -> Result<Self> {
        match wanted.iter().find(|word| !known.contains(&word.as_str())) {
            Some(word) => Err(format!("there is no step '{word}'; there are: {}", known.join(" ")).into()),
            None => Ok(Self { wanted, started: Instant::now(), done: Vec::new() }),
        }
    }

    /// Runs a step; what it returns is noted in the summary.
    ///
    /// # Errors
    /// Those of the step, after the summary of what ran before it.
    pub(crate) fn step(&mut self, name: &'static str, what: &str, run: impl FnOnce() -> Result<String>) -> Result {
        if !self.wanted.is_empty() && !self.wanted.iter().any(|word| word == name) {
            return Ok(());
        }
        println!("\n=== {name}: {what}");
        let start = Instant::now();
        let result = run();
        let took = start.elapsed();
        match result {
            Ok(note) => {
                println!("--- {name}: ok in {}{}{note}", seconds(took), if note.is_empty() { "" } else { ", " });
                self.done.push(Done { name, took, note });
                Ok(())
            }
            Err(error) => {
                self.done.push(Done { name, took, note: "FAILED".into() });
                self.summary();
                Err(format!("step '{name}' failed after {}: {error}", seconds(took)).into())
            }
        }
    }

    /// Prints the summary of a run in which nothing failed.
    pub(crate) fn finish(self) {
        self.summary();
        let names: Vec<&str> = self.done.iter().map(|step| step.name).collect();
        println!("\npassed: {}", names.join(" "));
    }

    fn summary(&self) {
        println!("\n| step | time | |\n|---|---:|---|");
        for Done { name, took, note } in &self.done {
            println!("| {name} | {} | {note} |", seconds(*took));
        }
        println!("| together | {} | |", seconds(self.started.elapsed()));
    }
}

/// Says that something cannot run here: a note for the summary, or a failure where nothing may be skipped.
///
/// # Errors
/// With `CI` set.
pub(crate) fn skip(what: &str, lacks: &str) -> Result<String> {
    if shell::in_ci() {
        return Err(format!("{what} cannot run: {lacks}; with CI set nothing is skipped").into());
    }
    println!("skipped: {what}: {lacks}");
    Ok(format!("skipped: {lacks}"))
}

/// A time as one would say it.
pub(crate) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 100.0 { format!("{seconds:.1} s") } else { format!("{:.1} min", seconds / 60.0) }
}
