//! What goes to the terminal: text or JSON on standard output, progress on standard error where somebody watches.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

/// Prints a line.
macro_rules! say {
    ($($word:tt)*) => { std::io::Write::write_fmt(&mut std::io::stdout().lock(), format_args!("{}\n", format_args!($($word)*)))? };
}
pub(crate) use say;

/// Prints one JSON document, indented.
pub(crate) fn print_json(value: &Value) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// A bar on standard error, where that is a terminal; after half a second, so that quick work shows none.
pub(crate) fn progress(what: &'static str, all: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(all as u64), ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
