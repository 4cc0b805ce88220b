//! `cargo xtask build-times`: what a clean build of the library costs a user, by feature.

use std::time::Instant;

use crate::steps::seconds;
use crate::{Result, package, shell};

/// Builds the library from nothing, once with default features and once with each client, and prints a table.
///
/// # Errors
/// A build that fails.
pub(crate) fn run() -> Result {
    let mut features: Vec<String> = vec![String::new()];
    features.extend(package::features()?.into_iter().filter(|name| name != "tower" && name != "codings"));

    // Downloads are not what is measured.
    shell::run(&mut shell::command("cargo fetch --quiet --locked", []))?;
    let folder = shell::target().join("build-times");
    let mut rows = Vec::new();
    for feature in &features {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let line = "cargo build --quiet --offline -p traffic-recorder --features";
        let start = Instant::now();
        shell::run(shell::command(line, [feature.as_str()]).env("CARGO_TARGET_DIR", &folder))?;
        let name = if feature.is_empty() { "default" } else { feature };
        rows.push(format!("| {name} | {} | {} |", package::crates(feature)?.len(), seconds(start.elapsed())));
    }
    std::fs::remove_dir_all(&folder)?;

    let cores = std::thread::available_parallelism()?;
    println!("\nA clean debug build of the library, {cores} cores:\n");
    println!("| features | other crates | time |\n|---|---:|---:|");
    rows.iter().for_each(|row| println!("{row}"));
    Ok(())
}
