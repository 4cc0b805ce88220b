//! The program that is run: it has the terminal to itself, and signals reach it.

use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;

use anyhow::Context as _;
use tokio::process::{Child, Command};

/// Runs a program to its end and says with which code; 128 and the number of the signal that ended it.
pub(super) async fn run(command: &[OsString], environment: Vec<(String, OsString)>) -> anyhow::Result<u8> {
    let [program, arguments @ ..] = command else { anyhow::bail!("no program is named") };
    // From here on a signal ends the program, not us: what it made of its tests is judged and saved.
    let mut signals = Signals::new()?;
    let mut child = Command::new(program);
    let child = child.args(arguments).envs(environment).spawn();
    let mut child = child.with_context(|| format!("failed to run {}", program.display()))?;
    loop {
        let number = tokio::select! {
            status = child.wait() => return Ok(code(status?)),
            number = signals.next() => number,
        };
        pass_on(number, &child);
    }
}

/// Waits for Ctrl-C, or whatever else asks a program to end, after something was said that others may answer with just that.
pub(super) async fn until_interrupted(say: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    say()?;
    signals.next().await;
    Ok(())
}

#[cfg(unix)]
fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or_else(|| status.signal().map(|number| 128 + number));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(not(unix))]
fn code(status: ExitStatus) -> u8 {
    // There are codes of 32 bits; none that is not 0 may become 0.
    status.code().map_or(1, |code| u8::try_from(code).unwrap_or(1))
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> rustix::process::Signal {
        use rustix::process::Signal;
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv() => Signal::HUP,
        }
    }
}

/// A terminal gives Ctrl-C to all of its programs; twice is not the same as once to most test runners. What comes to us alone is passed on.
#[cfg(unix)]
fn pass_on(signal: rustix::process::Signal, child: &Child) {
    use std::io::IsTerminal as _;
    let at_a_terminal = io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal();
    if signal == rustix::process::Signal::INT && at_a_terminal {
        return;
    }
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // A program that has ended by itself needs none.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The console gives Ctrl-C to all of its programs.
#[cfg(not(unix))]
fn pass_on((): (), _: &Child) {}
