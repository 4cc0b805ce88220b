//! `tapes man`: the man page, of the whole or of one command.

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::args::Cli;
use crate::{Outcome, Verdict};

/// Writes the man page
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes man | man -l -\n  tapes man scan > tapes-scan.1")]
pub(crate) struct Args {
    /// The page of this command alone
    command: Option<String>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let mut all = Cli::command();
        all.build();
        let command = match &self.command {
            None => all,
            Some(name) => {
                let found = all.find_subcommand(name).cloned();
                found.with_context(|| format!("there is no command `{name}`; `tapes --help` lists them"))?
            }
        };
        let mut text = Vec::new();
        clap_mangen::Man::new(command).render(&mut text)?;
        std::io::Write::write_all(&mut std::io::stdout().lock(), &text)?;
        Ok(Verdict::Fine)
    }
}
