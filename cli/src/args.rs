//! The command line: one enum, whose variants are the commands. Help, completions, man page and the documentation are made of it.

use clap::{Parser, Subcommand};

use crate::commands;

/// Reads, checks, compares, reviews, tidies, serves, imports and exports the tapes of traffic-recorder.
#[derive(Parser, Debug)]
#[command(
    name = "tapes",
    version,
    disable_help_subcommand = true,
    max_term_width = 110,
    after_help = "Exit codes: 0 nothing to mend, 1 something was found or differs, 2 the command could not run.\n\
                  Without PATH, the folders named `tapes` in and below this one are meant."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    List(commands::list::Args),
    Show(commands::show::Args),
    Diff(commands::diff::Args),
    Explain(commands::explain::Args),
    Verify(commands::verify::Args),
    Scan(commands::scan::Args),
    Prune(commands::prune::Args),
    Rekey(commands::rekey::Args),
    Check(commands::check::Args),
    Run(commands::run::Args),
    Serve(commands::serve::Args),
    Review(commands::review::Args),
    View(commands::view::Args),
    Stats(commands::stats::Args),
    Import(commands::import::Args),
    Export(commands::export::Args),
    Report(commands::report::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
}
