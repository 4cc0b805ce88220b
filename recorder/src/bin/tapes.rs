//! `tapes report`: what the last run of the tests left unused, as read from its ledger in the target folder.

use std::path::PathBuf;
use std::process::ExitCode;

use traffic_recorder::session::RunReport;

const USAGE: &str = "\
usage: tapes report [--strict] [TARGET]

  Reports on the newest run of `cargo test` or `cargo nextest run` below the cargo target folder TARGET (./target):
  answers that nobody asked for, tapes of tests that no longer exist, rules that never matched.

  --strict   exit with 1 where there is anything to report";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (flags, words): (Vec<_>, Vec<_>) = args.iter().map(String::as_str).partition(|arg| arg.starts_with('-'));
    let strict = flags.contains(&"--strict");
    let target = match (words.as_slice(), flags.as_slice()) {
        (["report"], [] | ["--strict"]) => PathBuf::from("target"),
        (["report", target], [] | ["--strict"]) => PathBuf::from(target),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match RunReport::newest(&target) {
        Ok(Some(report)) => {
            println!("{report}");
            if strict && !report.is_clean() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Ok(None) => {
            eprintln!("no run of the tests has used tapes below {}: run `cargo test` first", target.display());
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("failed to read the ledger below {}: {error}", target.display());
            ExitCode::from(2)
        }
    }
}
