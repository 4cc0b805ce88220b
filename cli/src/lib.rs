//! The command `tapes`, also `cargo tapes`: everything that is done with tapes outside of a test.
//!
//! Each command is a file in `commands/`; what they share stands beside it: `select` (which tapes are meant), `output` (text or JSON,
//! progress), `parallel`, `words`. What is asked of tapes is answered by `traffic_recorder::tools`: there is no second copy of matching,
//! redaction or storage here.
//!
//! This library has no interface of its own: it is the inside of two commands.

mod args;
mod commands;
mod output;
mod parallel;
mod select;
mod words;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use args::{Cli, Command};

/// What a command found: its exit code where it ran at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing to mend. Exit code 0.
    Fine,
    /// Something was found, or differs. Exit code 1.
    Found,
    /// A program was run and ended so, with another code than 0.
    Ended(u8),
}

/// What a command comes to; the error is one that kept it from running, exit code 2.
type Outcome = anyhow::Result<Verdict>;

impl From<bool> for Verdict {
    /// Whether something was found.
    fn from(found: bool) -> Self {
        if found { Self::Found } else { Self::Fine }
    }
}

/// Runs the command with these arguments, the first of which is its name.
pub fn main(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if asked { 0 } else { 2 });
        }
    };
    match cli.command.run() {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::Found) => ExitCode::from(1),
        Ok(Verdict::Ended(code)) => ExitCode::from(code),
        // Whoever reads has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {}", told(&error));
            ExitCode::from(2)
        }
    }
}

/// An error and its causes; a cause that already stands at the end of the error before it is not told again.
fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.ends_with(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

impl Command {
    fn run(self) -> Outcome {
        match self {
            Self::List(args) => args.run(),
            Self::Show(args) => args.run(),
            Self::Diff(args) => args.run(),
            Self::Explain(args) => args.run(),
            Self::Verify(args) => args.run(),
            Self::Scan(args) => args.run(),
            Self::Prune(args) => args.run(),
            Self::Rekey(args) => args.run(),
            Self::Check(args) => args.run(),
            Self::Run(args) => args.run(),
            Self::Serve(args) => args.run(),
            Self::Review(args) => args.run(),
            Self::View(args) => args.run(),
            Self::Stats(args) => args.run(),
            Self::Import(args) => args.run(),
            Self::Export(args) => args.run(),
            Self::Report(args) => args.run(),
            Self::Completions(args) => args.run(),
            Self::Man(args) => args.run(),
        }
    }
}
