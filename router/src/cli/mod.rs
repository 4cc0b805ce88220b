//! The command `router`: one small file for each subcommand. All of them end with 0 (done), 1 (mistakes were found, or the router
//! says no) or 2 (it could not run at all).

mod ask;
mod bench;
mod check;
mod conform;
mod dead_letters;
mod explain;
mod gates;
mod logs;
mod run;
mod status;

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::control::StartError;
use crate::control::dead_letters::ListError;
use crate::control::offline::OfflineError;
use crate::destination::document::Report;
use crate::log::LogError;

/// Takes customer events in the form of Segment's specification and forwards each to the partner APIs that want it.
#[derive(Debug, Parser)]
#[command(name = "router", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  router run                         start with ./router.yaml
  router check                       look for mistakes in ./router.yaml
  router explain 5f1c-checkout-17    the way of one event
  router dead-letters list           what could not be delivered, and why

Exit codes: 0 done, 1 mistakes found or refused, 2 could not run.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Check(check::Check),
    Conform(conform::Conform),
    Explain(explain::Explain),
    DeadLetters(dead_letters::DeadLetters),
    Status(status::Status),
    Pause(gates::Pause),
    Resume(gates::Resume),
    Bench(bench::Bench),
}

/// Where the configuration is, for every subcommand that runs or asks a router.
#[derive(Debug, Clone, Args)]
struct Where {
    /// The configuration file
    #[arg(short, long, value_name = "FILE", default_value = "router.yaml", env = "ROUTER_CONFIG")]
    config: PathBuf,
    /// More folders of definition files, besides `destinations_from` of the configuration
    #[arg(long, value_name = "DIR")]
    destinations: Vec<PathBuf>,
}

/// Why a command did not do what it was asked to. It reads what, where, and how to mend it.
#[derive(Debug)]
struct Failed {
    code: u8,
    text: String,
}

impl Failed {
    /// Mistakes were found, or the router says no.
    fn refused(text: impl fmt::Display) -> Self {
        Self { code: 1, text: text.to_string() }
    }

    /// Mistakes in files, each with its place.
    fn mistakes(report: &Report) -> Self {
        Self::refused(format_args!(
            "{}\n{}",
            counted(report.problems().len(), "mistake"),
            report.to_string().trim_end()
        ))
    }

    /// It could not run at all.
    fn could_not(text: impl fmt::Display) -> Self {
        Self { code: 2, text: text.to_string() }
    }
}

impl From<StartError> for Failed {
    fn from(error: StartError) -> Self {
        match &error {
            StartError::Log(LogError::InUse { .. }) => Self::refused(error),
            _ => Self::could_not(error),
        }
    }
}

impl From<OfflineError> for Failed {
    fn from(error: OfflineError) -> Self {
        match error {
            OfflineError::Log(error) => error.into(),
            error => Self::could_not(error),
        }
    }
}

impl From<LogError> for Failed {
    fn from(error: LogError) -> Self {
        Self::could_not(error)
    }
}

impl From<ListError> for Failed {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Log(error) => error.into(),
            error => Self::refused(error),
        }
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(run) => run.main(),
        Command::Check(check) => check.main(),
        Command::Conform(conform) => conform.main(),
        Command::Explain(explain) => explain.main(),
        Command::DeadLetters(letters) => letters.main(),
        Command::Status(status) => status.main(),
        Command::Pause(pause) => pause.main(),
        Command::Resume(resume) => resume.main(),
        Command::Bench(bench) => bench.main(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed { code, text }) => {
            eprintln!("error: {text}");
            ExitCode::from(code)
        }
    }
}

/// Prints what a command found: as JSON, or for people. A reader that has seen enough (`| head`) is no error.
fn print<T: Serialize + fmt::Display>(found: &T, json: bool) -> Result<(), Failed> {
    let text = if json { serde_json::to_string_pretty(found).map_err(Failed::could_not)? } else { found.to_string() };
    say(&text)
}

/// Prints a text and ends its line.
fn say(text: &str) -> Result<(), Failed> {
    let line = if text.ends_with('\n') { "" } else { "\n" };
    match write!(std::io::stdout().lock(), "{text}{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failed::could_not(error)),
        _ => Ok(()),
    }
}

/// `1 source`, `2 sources`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The configuration must be there; else it is no mistake in it, but another name.
fn existing(file: &Path) -> Result<&Path, Failed> {
    if file.is_file() {
        return Ok(file);
    }
    Err(Failed::could_not(format_args!(
        "there is no {}: name the configuration with `--config FILE`; router.example.yaml is one to begin with",
        file.display()
    )))
}

/// A runtime for commands that ask or work for a moment.
fn runtime() -> Result<tokio::runtime::Runtime, Failed> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::could_not(format_args!("the runtime does not start: {error}")))
}
