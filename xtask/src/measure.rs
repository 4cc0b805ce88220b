//! `cargo xtask bench` and `peers`: how fast, always beside something measured in the same run.

use crate::{Result, shell};

const BENCHES: [&str; 3] = ["replay", "first_use", "record"];

/// `cargo xtask bench [NAME...]`.
///
/// # Errors
/// A name that is not there, a benchmark that fails.
pub(crate) fn bench(names: &[String]) -> Result {
    if let Some(name) = names.iter().find(|name| !BENCHES.contains(&name.as_str())) {
        return Err(format!("there is no benchmark '{name}'; there are: {}", BENCHES.join(" ")).into());
    }
    let wanted = BENCHES.into_iter().filter(|bench| names.is_empty() || names.iter().any(|name| name == bench));
    for bench in wanted {
        shell::run(&mut shell::command("cargo bench --package recorder-benches --bench", [bench]))?;
    }
    Ok(())
}

/// `cargo xtask peers [--rounds N] [NAME...]`: the arguments are those of the driver in `benches/peers/`, which explains them.
///
/// # Errors
/// A build that fails, or the driver.
pub(crate) fn peers(args: &[String]) -> Result {
    // A workspace of its own has a target folder of its own: ours may be shared with debug builds of other features.
    let target = shell::target().join("peers");
    let line = "cargo build --release --locked --manifest-path benches/peers/Cargo.toml --bins --target-dir";
    shell::run(shell::command(line, []).arg(&target))?;
    let drive = target.join("release").join(format!("drive{}", std::env::consts::EXE_SUFFIX));
    shell::run(std::process::Command::new(drive).args(args).current_dir(shell::root()))
}
