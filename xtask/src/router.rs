//! What the router's own command says of the files in this repository.

use std::fs;
use std::process::Command;

use crate::{Result, shell};

/// `router check` over every built-in destination, its tapes, and the example configuration; `router conform` where the cases are.
///
/// # Errors
/// A mistake, a difference that is not listed; what cargo finds.
pub(crate) fn looks_at_its_files() -> Result<String> {
    // The binary that the tests run: a build for itself would have other features, and compile everything once more.
    shell::run(&mut shell::command("cargo test --workspace --no-run --quiet", []))?;

    let folder = shell::root().join("router/destinations");
    let mut files = Vec::new();
    for file in fs::read_dir(&folder)? {
        files.push(format!("router/destinations/{}", file?.file_name().to_string_lossy()));
    }
    files.sort();
    shell::run(router(["check", "--tapes", "tapes"]).args(&files))?;
    shell::run(&mut router(["check", "--config", "router/router.example.yaml"]))?;

    let note = format!("{} destinations", files.len());
    let Some(shared) = std::env::var_os("SHARED") else {
        println!("skipped: conformance with Segment's own code: SHARED does not name the folder with oracle/cases");
        return Ok(format!("{note}; conformance skipped: SHARED is not set"));
    };
    let cases = std::path::Path::new(&shared).join("oracle/cases");
    shell::run(router(["conform"]).arg(cases))?;
    Ok(format!("{note}, conforming"))
}

fn router<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command =
        Command::new(shell::target().join("debug").join(format!("router{}", std::env::consts::EXE_SUFFIX)));
    command.args(arguments).current_dir(shell::root());
    command
}
