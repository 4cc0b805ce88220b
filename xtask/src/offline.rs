//! The proof that replaying needs no network: the suite runs in a network namespace of its own, where the kernel has nothing
//! to send a packet through.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::steps::skip;
use crate::{Result, shell};

/// Tests with this in their name (module path included), and all tests of a target whose name starts with it, only replay: they
/// must pass with not even loopback up.
const REPLAYING: &str = "offline";

/// `cargo xtask offline`.
///
/// # Errors
/// A test that fails, or namespaces missing with `CI` set.
pub(crate) fn run() -> Result {
    println!("{}", prove()?);
    Ok(())
}

/// Runs the whole suite with loopback alone, then the replaying tests and the library's own with no interface at all.
///
/// # Errors
/// A test that fails; no test that carries the name; namespaces missing with `CI` set.
pub(crate) fn prove() -> Result<String> {
    if !shell::works(&mut namespace("ip link set lo up", "true", [])) {
        return skip("the offline proof", "this system gives us no network namespace (unshare -rn, ip)");
    }
    // Everything that needs a registry or a compiler's patience happens out here.
    shell::run(&mut shell::command("cargo test --workspace --no-run", []))?;

    println!("\nthe suite, with loopback alone:");
    let suite = shell::tests(&mut namespace("ip link set lo up && ip -brief address", "cargo test --workspace", []))?;

    println!("\nthe tests that only replay, with no interface up:");
    let mut named = namespace("ip -brief address", "cargo test --workspace --tests", ["--", REPLAYING]);
    let mut passed = shell::tests(&mut named)?.passed;
    if has_targets(&shell::root())? {
        let pattern = format!("{REPLAYING}*");
        let mut targets = namespace("ip -brief address", "cargo test --workspace --test", [pattern.as_str()]);
        passed += shell::tests(&mut targets)?.passed;
    }
    if passed == 0 {
        return Err(format!("no test has '{REPLAYING}' in its name: nothing was proved").into());
    }
    Ok(format!("{} passed on loopback alone, {passed} with no interface", suite.passed))
}

/// Whether any package of the workspace has a test target of that name (cargo takes a pattern without one for a mistake).
fn has_targets(root: &Path) -> Result<bool> {
    for package in fs::read_dir(root)? {
        let package = package?.path();
        for folder in [package.join("tests"), package] {
            let Ok(files) = fs::read_dir(&folder) else { continue };
            for file in files {
                let name = file?.file_name().to_string_lossy().into_owned();
                if name.starts_with(REPLAYING) && name.ends_with(".rs") {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// `line` in a network namespace of its own, after `setup`. We are its root, and only there.
fn namespace<'a>(setup: &str, line: &'a str, more: impl IntoIterator<Item = &'a str>) -> Command {
    let script = format!("{setup} && exec \"$@\"");
    let inner = ["sh", "-c", &script, "sh"].map(str::to_owned);
    let mut command = shell::command("unshare -rn", []);
    command.args(inner).args(line.split_whitespace()).args(more).env("CARGO_NET_OFFLINE", "true");
    command
}
