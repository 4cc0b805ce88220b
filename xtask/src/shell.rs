//! Running other programs: each command is printed before it runs, and one that fails is an error that repeats it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Result;

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}

/// Where builds go: `CARGO_TARGET_DIR`, else `target/` in the workspace.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Whether this runs where nothing may be skipped.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// A command in the workspace's folder: `shell::command("cargo fmt --all", ["--check"])`.
pub(crate) fn command<'a>(line: &str, more: impl IntoIterator<Item = &'a str>) -> Command {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    // `cargo xtask` is run by one cargo; its children must be the same one, but `cargo +nightly` needs rustup's.
    let rustup = line.contains(" +");
    let program = match std::env::var("CARGO") {
        Ok(cargo) if program == "cargo" && !rustup => cargo,
        _ => program.to_owned(),
    };
    let mut command = Command::new(program);
    command.args(words).args(more).current_dir(root());
    command
}

/// Runs to the end, output going where ours goes.
pub(crate) fn run(command: &mut Command) -> Result {
    println!("$ {}", show(command));
    let status = command.status().map_err(|error| format!("cannot start {}: {error}", show(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", show(command)).into()) }
}

/// What a command wrote to standard output, nothing shown.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let out = command.output().map_err(|error| format!("cannot start {}: {error}", show(command)))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        return Err(format!("{} failed: {}\n{said}", show(command), out.status).into());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Whether a command can be started and succeeds; silent.
pub(crate) fn works(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// How many tests a run of libtest reported.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    pub(crate) ignored: u32,
}

/// Runs `cargo test ...`, passes its output on as it comes and adds up the `test result:` lines.
pub(crate) fn tests(command: &mut Command) -> Result<Tally> {
    println!("$ {}", show(command));
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("cannot start {}: {error}", show(command)))?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let mut line = line?;
            tally.add(&String::from_utf8_lossy(&line));
            line.push(b'\n');
            std::io::stdout().write_all(&line)?;
        }
    }
    let status = child.wait()?;
    if status.success() { Ok(tally) } else { Err(format!("{} failed: {status}", show(command)).into()) }
}

impl Tally {
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        for count in counts.split([';', '.']) {
            let mut words = count.split_whitespace();
            match (words.next().and_then(|number| number.parse::<u32>().ok()), words.next()) {
                (Some(number), Some("passed")) => self.passed += number,
                (Some(number), Some("ignored")) => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// The command as one would type it.
fn show(command: &Command) -> String {
    let mut line = String::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            line.push_str(&format!("{}={:?} ", name.to_string_lossy(), value.to_string_lossy()));
        }
    }
    let program = PathBuf::from(command.get_program());
    line.push_str(&program.file_name().unwrap_or_default().to_string_lossy());
    for arg in command.get_args() {
        let arg = arg.to_string_lossy();
        line.push(' ');
        let plain = !arg.is_empty() && arg.chars().all(|c| c.is_ascii_alphanumeric() || "-_=+./:,@".contains(c));
        if plain {
            line.push_str(&arg);
        } else {
            line.push_str(&format!("'{arg}'"));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_added_up_and_others_are_not() {
        let mut tally = Tally::default();
        tally.add("test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 5 filtered out; finished in 0.01s");
        tally.add("test a_name ... ok");
        tally.add("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        assert_eq!(tally, Tally { passed: 13, ignored: 3 });
    }

    #[test]
    fn a_shown_command_can_be_typed() {
        let command = command("unshare -rn", ["sh", "-c", "ip link set lo up"]);
        assert_eq!(show(&command), "unshare -rn sh -c 'ip link set lo up'");
    }
}
