//! `cargo xtask ci`: what must pass before a change goes in.

use crate::steps::{Steps, skip};
use crate::{Result, offline, package, shell};

const STEPS: [&str; 10] =
    ["format", "clippy", "features", "test", "nextest", "docs", "demo", "package", "crates", "offline"];

/// The workspaces beside the root one: their dependencies must not reach its lock file.
const OTHER_WORKSPACES: [&str; 2] = ["benches/peers/Cargo.toml", "fuzz/Cargo.toml"];

/// All steps, or those named.
///
/// # Errors
/// The first step that fails.
pub(crate) fn run(wanted: &[String]) -> Result {
    let mut steps = Steps::new(wanted, &STEPS)?;
    steps.step("format", "rustfmt changes nothing", format)?;
    steps.step("clippy", "no warning, with default and with all features", clippy)?;
    steps.step("features", "the library builds with each feature alone", features)?;
    steps.step("test", "the README's own command", test)?;
    steps.step("nextest", "the same suite with a process for each test", nextest)?;
    steps.step("docs", "no warning, and every example in them runs", documentation)?;
    steps.step("demo", "the README's first command", demo)?;
    steps.step("package", "the library could be published", package::publishes)?;
    steps.step("crates", "a user's build stays small", package::stays_small)?;
    steps.step("offline", "replaying needs no network", offline::prove)?;
    steps.finish();
    Ok(())
}

/// `cargo xtask docs [--open]`.
///
/// # Errors
/// A warning of rustdoc.
pub(crate) fn docs(args: &[String]) -> Result {
    let open = match args {
        [] => None,
        [word] if word == "--open" => Some("--open"),
        _ => return Err("usage: cargo xtask docs [--open]".into()),
    };
    shell::run(
        shell::command("cargo doc --workspace --no-deps --all-features", open).env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn format() -> Result<String> {
    shell::run(&mut shell::command("cargo fmt --all --check", []))?;
    for manifest in OTHER_WORKSPACES {
        shell::run(&mut shell::command("cargo fmt --all --check --manifest-path", [manifest]))?;
    }
    Ok(String::new())
}

fn clippy() -> Result<String> {
    for features in [None, Some("--all-features")] {
        let more = features.into_iter().chain(["--", "-D", "warnings"]);
        shell::run(&mut shell::command("cargo clippy --workspace --all-targets", more))?;
    }
    // The workspace's other members turn features on; a user's default build has none of those.
    shell::run(&mut shell::command("cargo clippy -p traffic-recorder -- -D warnings", []))?;
    Ok(String::new())
}

fn features() -> Result<String> {
    let features = package::features()?;
    for feature in &features {
        let line = "cargo check --quiet -p traffic-recorder --no-default-features --features";
        shell::run(shell::command(line, [feature.as_str()]).env("RUSTFLAGS", "-D warnings"))?;
    }
    Ok(format!("{} features", features.len()))
}

fn test() -> Result<String> {
    let tally = shell::tests(&mut shell::command("cargo test --workspace", []))?;
    Ok(format!("{} passed, {} ignored", tally.passed, tally.ignored))
}

fn nextest() -> Result<String> {
    if !shell::works(&mut shell::command("cargo nextest --version", [])) {
        return skip("the suite under nextest", "cargo-nextest is not installed");
    }
    shell::run(&mut shell::command("cargo nextest run --workspace --profile ci", []))?;
    Ok(String::new())
}

fn documentation() -> Result<String> {
    docs(&[])?;
    let tally = shell::tests(&mut shell::command("cargo test --doc -p traffic-recorder --all-features", []))?;
    Ok(format!("{} examples", tally.passed))
}

fn demo() -> Result<String> {
    shell::run(&mut shell::command("cargo run --quiet --example demo", []))?;
    Ok(String::new())
}
