//! `tapes completions`: what a shell needs to complete this command.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::{Outcome, Verdict};

/// Writes what a shell needs to complete this command
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  tapes completions bash > ~/.local/share/bash-completion/completions/tapes\n  \
    tapes completions fish > ~/.config/fish/completions/tapes.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "tapes", &mut text);
        std::io::Write::write_all(&mut std::io::stdout().lock(), &text)?;
        Ok(Verdict::Fine)
    }
}
