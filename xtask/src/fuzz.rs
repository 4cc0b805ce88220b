//! `cargo xtask fuzz`: the fuzzers, on the corpus in the repository; new inputs go to `target/fuzz/`, not into it.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::steps::{seconds, skip};
use crate::{Result, shell};

const TARGETS: [&str; 4] = ["read_tape", "canonical", "read_recording", "websocket"];

/// `cargo xtask fuzz [--seconds N] [TARGET...]`: all targets at the same time, each for that long.
///
/// # Errors
/// A finding, with the command that reproduces it.
pub(crate) fn run(args: &[String]) -> Result {
    let (time, targets) = arguments(args)?;
    if !shell::works(&mut cargo_fuzz("--version")) {
        skip("the fuzzers", "needs `cargo install cargo-fuzz`")?;
        return Ok(());
    }
    // No sanitizer: it finds what unsafe code does, and there is none here but in zlib-rs, which has fuzzers of its own. Without
    // it ours are several times faster.
    shell::run(&mut cargo_fuzz("build --sanitizer none"))?;

    let start = Instant::now();
    let folder = shell::target().join("fuzz");
    let mut running = Vec::new();
    for target in &targets {
        let found = folder.join(target);
        fs::create_dir_all(&found)?;
        let log = folder.join(format!("{target}.log"));
        let seeds = shell::root().join("fuzz/corpus").join(target);
        let limit = format!("-max_total_time={time}");
        let words = format!("-dict={}", shell::root().join(format!("fuzz/{target}.dict")).display());
        let mut command = cargo_fuzz("run --sanitizer none");
        command.arg(target).args([&found, &seeds]).args([
            "--",
            &limit,
            &words,
            "-timeout=10",
            "-rss_limit_mb=1024",
            "-print_final_stats=1",
        ]);
        println!("fuzzing {target} for {time} s, log in {}", log.display());
        let child = command.stdout(File::create(&log)?).stderr(File::options().append(true).open(&log)?).spawn()?;
        running.push((target, log, child));
    }
    let mut failed = Vec::new();
    for (target, log, mut child) in running {
        let passed = child.wait()?.success();
        println!("\n{target}: {}", if passed { "nothing found" } else { "FAILED" });
        tell(&log, passed)?;
        if !passed {
            failed.push(target.as_str());
        }
    }
    println!("\nfuzzed {} in {}", targets.join(", "), seconds(start.elapsed()));
    if failed.is_empty() { Ok(()) } else { Err(format!("the fuzzer broke: {}", failed.join(", ")).into()) }
}

/// `cargo fuzz`, which needs what only a nightly compiler allows, or one that is told to behave like it.
fn cargo_fuzz(arguments: &str) -> Command {
    let nightly = shell::works(&mut shell::command("cargo +nightly --version", []));
    let line = format!("cargo {}fuzz {arguments}", if nightly { "+nightly " } else { "" });
    let mut command = shell::command(&line, []);
    if !nightly {
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    command
}

fn arguments(args: &[String]) -> Result<(u32, Vec<String>)> {
    let (mut time, mut targets) = (60, Vec::new());
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if word == "--seconds" {
            let number = words.next().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
            time = number.ok_or("--seconds wants a whole number above 0")?;
        } else if TARGETS.contains(&word.as_str()) {
            targets.push(word.clone());
        } else {
            return Err(format!("there is no fuzz target '{word}'; there are: {}", TARGETS.join(" ")).into());
        }
    }
    if targets.is_empty() {
        targets = TARGETS.map(str::to_owned).to_vec();
    }
    Ok((time, targets))
}

/// What of a log is worth reading: its last lines, or what happened from the panic on, the long dump of the input left out.
fn tell(log: &Path, passed: bool) -> Result {
    let bytes = fs::read(log)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| line.len() < 500).collect();
    let from = match lines.iter().position(|line| line.contains("panicked at") || line.contains("ERROR: libFuzzer")) {
        Some(place) if !passed => place,
        _ => lines.len().saturating_sub(if passed { 6 } else { 40 }),
    };
    for line in lines[from..].iter().take_while(|line| !line.starts_with("Stack backtrace:")).take(60) {
        println!("  {line}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn all_targets_run_a_minute_unless_told_otherwise() {
        assert_eq!(arguments(&[]).unwrap(), (60, words("read_tape canonical read_recording websocket")));
        assert_eq!(arguments(&words("--seconds 5 canonical")).unwrap(), (5, words("canonical")));
    }

    #[test]
    fn a_wrong_word_names_the_right_ones() {
        let said = arguments(&words("canonicl")).unwrap_err().to_string();
        assert!(said.contains("read_tape canonical"), "{said}");
        assert!(arguments(&words("--seconds 0")).is_err());
    }
}
