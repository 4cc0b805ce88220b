//! What `tapes run` adds to the start of a program: `cargo run --release -p traffic-recorder-cli --example run_speed [TIMES]`.
//!
//! Runs `true` by itself and under `tapes run`, in turns, and prints the median of each. Build the command first:
//! `cargo build --release -p traffic-recorder-cli`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let times: usize = std::env::args().nth(1).map_or(Ok(100), |n| n.parse())?;
    // The command lies beside the folder of the examples.
    let own = std::env::current_exe()?;
    let tapes = own.parent().and_then(|examples| examples.parent()).ok_or("no target folder")?.join("tapes");
    let (mut alone, mut under) = (Vec::new(), Vec::new());
    for _ in 0..times {
        alone.push(time(&mut Command::new("true"))?);
        under.push(time(Command::new(&tapes).args(["run", "--", "true"]).env_remove("RECORD"))?);
    }
    let (alone, under) = (median(alone), median(under));
    println!("true             {alone:>10.1?}");
    println!("tapes run, true  {under:>10.1?}");
    println!("added            {:>10.1?}, median of {times}", under.saturating_sub(alone));
    Ok(())
}

fn time(command: &mut Command) -> Result<Duration, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let status =
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().map_err(|e| format!("{command:?}: {e}"))?;
    let elapsed = start.elapsed();
    if status.success() { Ok(elapsed) } else { Err(format!("{command:?} ended with {status}").into()) }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
