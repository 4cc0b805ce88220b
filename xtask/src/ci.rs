//! `cargo xtask ci`: what must pass before a change goes in.

use crate::steps::Steps;
use crate::{Result, offline, package, router, shell};

const STEPS: [&str; 11] =
    ["format", "clippy", "features", "test", "nextest", "offline", "router", "demo", "docs", "package", "crates"];

/// The workspaces beside the root one: their dependencies must not reach its lock file.
const OTHER_WORKSPACES: [&str; 2] = ["benches/peers/Cargo.toml", "fuzz/Cargo.toml"];

/// All steps, or those named.
///
/// # Errors
/// The first step that fails.
pub(crate) fn run(wanted: &[String]) -> Result {
    let mut steps = Steps::new(wanted, &STEPS)?;
    steps.step("format", "rustfmt changes nothing", format)?;
    steps.step("clippy", "no warning in any package, test, example or benchmark", clippy)?;
    steps.step("features", "no warning in the library by itself, with each feature alone", features)?;
    steps.step("test", "the README's own command", test)?;
    steps.step("nextest", "the same suite with a process for each test and loopback alone", offline::suite)?;
    steps.step("offline", "replaying needs no network at all", offline::replaying)?;
    steps.step("router", "its command has nothing against the files here", router::looks_at_its_files)?;
    steps.step("demo", "the README's first commands", demo)?;
    steps.step("docs", "no warning", || docs(&[]).map(|()| String::new()))?;
    steps.step("package", "the library could be published", package::publishes)?;
    steps.step("crates", "a user's build stays small", package::stays_small)?;
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

/// With all features, which is the default here but for one command: the members of the workspace turn on each other's.
fn clippy() -> Result<String> {
    shell::run(&mut shell::command("cargo clippy --workspace --all-targets --all-features -- -D warnings", []))?;
    Ok(String::new())
}

/// A user's build has none of the features that other members of the workspace turn on.
fn features() -> Result<String> {
    let features = package::features()?;
    shell::run(&mut shell::command("cargo clippy --quiet -p traffic-recorder -- -D warnings", []))?;
    for feature in &features {
        let line = "cargo clippy --quiet -p traffic-recorder --no-default-features --features";
        shell::run(&mut shell::command(line, [feature.as_str(), "--", "-D", "warnings"]))?;
    }
    Ok(format!("{} features", features.len()))
}

fn test() -> Result<String> {
    let tally = shell::tests(&mut shell::command("cargo test --workspace", []))?;
    Ok(format!("{} passed, {} ignored", tally.passed, tally.ignored))
}

fn demo() -> Result<String> {
    for example in ["demo", "recorder"] {
        shell::run(&mut shell::command("cargo run --quiet --example", [example]))?;
    }
    Ok(String::new())
}
