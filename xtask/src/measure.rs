//! `cargo xtask bench` and `peers`: how fast, always beside something measured in the same run.

use std::fs;

use crate::{Result, shell};

/// The recorder's.
const BENCHES: [&str; 4] = ["replay", "first_use", "record", "engine"];

/// The router's own command, from a client to a partner.
const ROUTER_BENCH: &str = "router_bench";

/// `cargo xtask bench [NAME...]`: those named, or all.
///
/// # Errors
/// A name that is not there, a benchmark that fails.
pub(crate) fn bench(names: &[String]) -> Result {
    let routers = speeds()?;
    let known = || BENCHES.into_iter().chain(routers.iter().map(String::as_str)).chain([ROUTER_BENCH]);
    if let Some(name) = names.iter().find(|name| !known().any(|known| known == *name)) {
        return Err(
            format!("there is no benchmark '{name}'; there are: {}", known().collect::<Vec<_>>().join(" ")).into()
        );
    }
    for bench in known().filter(|bench| names.is_empty() || names.iter().any(|name| name == bench)) {
        shell::run(&mut match bench {
            ROUTER_BENCH => shell::command("cargo run --release -p destination-router --bin router -- bench", []),
            bench if BENCHES.contains(&bench) => {
                shell::command("cargo bench --package recorder-benches --bench", [bench])
            }
            example => shell::command("cargo run --release -p destination-router --example", [example]),
        })?;
    }
    Ok(())
}

/// The programs in `router/examples/` that measure, by name, sorted.
fn speeds() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(shell::root().join("router/examples"))? {
        let name = file?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".rs").filter(|name| name.ends_with("_speed")).map(str::to_owned));
    }
    names.sort();
    Ok(names)
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
