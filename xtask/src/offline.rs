//! The proof that replaying needs no network: the suite runs in a network namespace of its own, where the kernel has nothing
//! to send a packet through.

use std::process::Command;

use crate::steps::skip;
use crate::{Result, shell};

/// Test targets that only replay, by name: they must pass with not even loopback up. `offline` is the recorder's over every client,
/// `shop` the suite of the example program, `destinations` the tapes of the router's partners.
const REPLAYING: [&str; 3] = ["offline", "shop", "destinations"];

/// `cargo xtask offline`: both proofs.
///
/// # Errors
/// A test that fails, or namespaces missing with `CI` set.
pub(crate) fn run() -> Result {
    println!("{}", suite()?);
    println!("{}", replaying()?);
    Ok(())
}

/// The whole suite with loopback alone, under nextest where it is installed: then every test has a process of its own as well.
///
/// # Errors
/// A test that fails; nextest or namespaces missing with `CI` set.
pub(crate) fn suite() -> Result<String> {
    let nextest = shell::works(&mut shell::command("cargo nextest --version", []));
    let alone = has_namespaces();
    let mut notes = Vec::new();
    if !nextest {
        notes.push(skip("the suite under nextest", "cargo-nextest is not installed")?);
    }
    if !alone {
        notes.push(skip("the suite with loopback alone", NO_NAMESPACES)?);
    }
    if !nextest && !alone {
        return Ok(notes.join(", "));
    }
    build()?;
    let line = if nextest { "cargo nextest run --workspace --profile ci" } else { "cargo test --workspace" };
    let setup = "ip link set lo up && ip -brief address";
    shell::run(&mut if alone { namespace(setup, line) } else { shell::command(line, []) })?;
    Ok(notes.join(", "))
}

/// The tests that only replay, with no interface at all.
///
/// # Errors
/// A test that fails; namespaces missing with `CI` set.
pub(crate) fn replaying() -> Result<String> {
    if !has_namespaces() {
        return skip("replaying without any network", NO_NAMESPACES);
    }
    build()?;
    let targets = REPLAYING.map(|target| format!(" --test {target}")).concat();
    let line = format!("cargo test --workspace{targets}");
    let tally = shell::tests(&mut namespace("ip -brief address", &line))?;
    Ok(format!("{} passed with no interface up", tally.passed))
}

const NO_NAMESPACES: &str = "this system gives us no network namespace (unshare -rn, ip)";

fn has_namespaces() -> bool {
    shell::works(&mut namespace("ip link set lo up", "true"))
}

/// Everything that needs a registry or a compiler's patience happens out here.
fn build() -> Result {
    shell::run(&mut shell::command("cargo test --workspace --no-run --quiet", []))
}

/// `line` in a network namespace of its own, after `setup`. We are its root, and only there.
fn namespace(setup: &str, line: &str) -> Command {
    let script = format!("{setup} && exec \"$@\"");
    let inner = ["sh", "-c", &script, "sh"].map(str::to_owned);
    let mut command = shell::command("unshare -rn", []);
    command.args(inner).args(line.split_whitespace()).env("CARGO_NET_OFFLINE", "true");
    command
}
