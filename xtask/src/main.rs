//! `cargo xtask`: everything a developer of this repository repeats, with the same steps here and in CI.

mod build_times;
mod ci;
mod fuzz;
mod measure;
mod offline;
mod package;
mod router;
mod shell;
mod steps;

use std::process::ExitCode;

/// Errors are for people at a terminal: one text, already complete.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci [STEP...]                       everything that must pass, or the named steps: format clippy features test nextest
                                     offline router demo docs package crates
  docs [--open]                      the documentation, warnings as errors
  offline                            the suite with loopback alone, the replaying tests with no network at all
  bench [NAME...]                    our benchmarks beside their floors: the recorder's replay first_use record engine, the
                                     router's router/examples/*_speed.rs by their names, and router_bench
  peers [--rounds N] [NAME...]       the workload on other libraries and on us
  build-times                        clean build times and crate counts by feature
  fuzz [--seconds N] [TARGET...]     the fuzzers on the corpus in the repository (60 seconds each)

With CI set in the environment, what cannot run here is a failure; without, it is skipped and named.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result {
    let Some((command, rest)) = args.split_first() else {
        return Err(format!("no command given\n\n{USAGE}").into());
    };
    match command.as_str() {
        "ci" => ci::run(rest),
        "docs" => ci::docs(rest),
        "offline" => nothing_more(rest).and_then(|()| offline::run()),
        "bench" => measure::bench(rest),
        "peers" => measure::peers(rest),
        "build-times" => nothing_more(rest).and_then(|()| build_times::run()),
        "fuzz" => fuzz::run(rest),
        "help" | "-h" | "--help" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(format!("there is no command '{other}'\n\n{USAGE}").into()),
    }
}

fn nothing_more(rest: &[String]) -> Result {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(format!("'{extra}' is one argument too many\n\n{USAGE}").into()),
    }
}
