//! The proof that replaying needs no network: the suite runs in a network namespace of its own, where the kernel has nothing
//! to send a packet through.

use std::process::Command;

use crate::steps::skip;
use crate::{Result, shell};

/// Tests with this in their name (module path included) only replay: they must pass with not even loopback up.
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
    let replaying =
        shell::tests(&mut namespace("ip -brief address", "cargo test --workspace --tests", ["--", REPLAYING]))?;
    if replaying.passed == 0 {
        return Err(format!("no test has '{REPLAYING}' in its name: nothing was proved").into());
    }
    Ok(format!("{} passed on loopback alone, {} with no interface", suite.passed, replaying.passed))
}

/// `line` in a network namespace of its own, after `setup`. We are its root, and only there.
fn namespace<'a>(setup: &str, line: &'a str, more: impl IntoIterator<Item = &'a str>) -> Command {
    let script = format!("{setup} && exec \"$@\"");
    let inner = ["sh", "-c", &script, "sh"].map(str::to_owned);
    let mut command = shell::command("unshare -rn", []);
    command.args(inner).args(line.split_whitespace()).args(more).env("CARGO_NET_OFFLINE", "true");
    command
}
