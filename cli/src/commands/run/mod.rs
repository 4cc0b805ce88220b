//! `tapes run`: any program's tests behind the recorder.

mod process;
mod report;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use traffic_recorder::Mode;
use traffic_recorder::proxy::Run;

use crate::output::say;
use crate::{Outcome, Verdict};

/// Runs a program's tests behind the recorder, in whatever language: recorded once, answered from tapes afterwards
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  RECORD=1 tapes run -- pytest\n  tapes run -- pytest -n 4\n  \
    tapes run --into e2e/tapes --no-proxy .internal -- npm test\n  tapes run --print-env\n\n\
    RECORD means what it means in Rust: unset (replay), 1 or all, missing, review, check, off. The program gets the variables that make \
    clients use a proxy and trust its authority (docs/tapes-run.md lists them), and TAPES_CONTROL, where a plugin of its test runner says which \
    test is on: POST /test/begin and /test/end. Requests of no test have the tapes of --name.\n\
    Exit codes: that of the program where it is not 0 (128 and the number of a signal); else 1 where a request had no tape, a tape was not asked \
    for or could not be saved; else 0; and 2 where the program could not be run.\n\
    JSON, on standard error: {mode, exit, tests: [{test, folder, mode, passed, ok, replayed, live, written, unchanged, warnings, unanswered, error, code}], \
    refused}")]
pub(crate) struct Args {
    /// The folder of all tapes, with the recorder.yaml for them
    #[arg(long, default_value = "tapes", value_name = "FOLDER")]
    into: PathBuf,
    /// Whose tapes they are that belong to no test
    #[arg(long, default_value = "run", value_name = "NAME")]
    name: String,
    /// Answers from tapes, whatever RECORD says
    #[arg(long)]
    offline: bool,
    /// Trusts the authorities in this file when it asks services, besides those that browsers and this system trust
    #[arg(long, value_name = "PEM")]
    trust: Vec<PathBuf>,
    /// A host that the program reaches without the recorder; `.example.com` for all below
    #[arg(long, value_name = "HOST")]
    no_proxy: Vec<String>,
    /// Where the recorder listens; port 0 is a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Lets --listen name an address that other machines reach
    #[arg(long)]
    reachable: bool,
    /// Runs nothing: prints the variables for a shell, and records or replays until it is interrupted
    #[arg(long, conflicts_with = "command")]
    print_env: bool,
    /// Prints the report as JSON
    #[arg(long)]
    json: bool,
    /// The program and its arguments
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required_unless_present = "print_env",
        value_name = "COMMAND"
    )]
    command: Vec<OsString>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let run = self.start()?;
        let environment = run.environment(&self.no_proxy)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let code = if self.print_env {
            runtime.block_on(process::until_interrupted(|| {
                for (name, value) in &environment {
                    say!("export {name}='{}'", value.to_string_lossy().replace('\'', r"'\''"));
                }
                Ok(())
            }))?;
            0
        } else {
            // Whatever keeps the program from running, the tapes stay as they are: the run goes without an end.
            runtime.block_on(process::run(&self.command, environment))?
        };
        let mode = run.mode();
        let ended = run.finish(code == 0);
        let report = report::Report { mode, code, ended: &ended };
        if self.json {
            report.print_json()?
        } else {
            report.print()
        }
        Ok(match code {
            0 => Verdict::from(report.has_errors()),
            code => Verdict::Ended(code),
        })
    }

    fn start(&self) -> anyhow::Result<Run> {
        anyhow::ensure!(
            self.reachable || self.listen.ip().is_loopback(),
            "--listen {}: other machines reach that, and who does reads the tapes and sends requests from here. \
             Listen at 127.0.0.1, or add --reachable if it is meant",
            self.listen
        );
        let mut builder = Run::builder(&self.into).command(self.written()).unnamed(&self.name).listen(self.listen);
        if self.offline {
            builder = builder.mode(Mode::Replay);
        }
        if self.reachable {
            builder = builder.reachable();
        }
        for file in &self.trust {
            let named = || format!("--trust {}", file.display());
            let pem = std::fs::read_to_string(file).with_context(named)?;
            builder = builder.trust_pem(&pem).with_context(named)?;
        }
        Ok(builder.start()?)
    }

    /// This command, to be written behind `RECORD=1`.
    fn written(&self) -> String {
        let mut text = "tapes run".to_owned();
        for (option, value, usual) in
            [("--into", self.into.to_string_lossy(), "tapes"), ("--name", (&*self.name).into(), "run")]
        {
            if value != usual {
                text = format!("{text} {option} {}", in_a_shell(&value));
            }
        }
        if self.print_env {
            return format!("{text} --print-env");
        }
        self.command
            .iter()
            .fold(format!("{text} --"), |text, word| format!("{text} {}", in_a_shell(&word.to_string_lossy())))
    }
}

fn in_a_shell(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
