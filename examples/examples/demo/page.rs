//! What both demonstrations look like, this one and `../recorder/`: colours on a terminal that wants them, plain text anywhere else.

use std::io::IsTerminal;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

/// Where it is printed.
pub(crate) struct Page {
    title: Style,
    quiet: Style,
    good: Style,
    marked: Style,
}

impl Page {
    pub(crate) fn of_stdout() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if no_color || !std::io::stdout().is_terminal() {
            let plain = Style::new();
            return Self { title: plain, quiet: plain, good: plain, marked: plain };
        }
        Self {
            title: Style::new().bold(),
            quiet: Style::new().dimmed(),
            good: AnsiColor::Green.on_default(),
            marked: AnsiColor::Yellow.on_default(),
        }
    }

    pub(crate) fn title(&self, text: &str) {
        let style = self.title;
        println!("\n{style}{text}{style:#}\n");
    }

    pub(crate) fn blank(&self) {
        println!();
    }

    pub(crate) fn text(&self, text: &str) {
        println!("  {text}");
    }

    pub(crate) fn file(&self, name: &str, size: u64) {
        let style = self.quiet;
        println!("    {name:<58} {style}{size:>9} bytes{style:#}");
    }

    pub(crate) fn equal(&self, what: &str, answer: &str, verdict: &str) {
        let style = self.good;
        println!("    {what:<22} {answer:<49} {style}{verdict}{style:#}");
    }

    /// A file, its placeholders marked.
    pub(crate) fn yaml(&self, name: &str, text: &str) {
        let (quiet, mark) = (self.quiet, self.marked);
        println!("    {quiet}{name}{quiet:#}");
        let text = text.replace("{{secret:", &format!("{mark}{{{{secret:"));
        self.quote(&text.replace("}}", &format!("}}}}{mark:#}")));
    }

    pub(crate) fn quote(&self, text: &str) {
        for line in text.lines() {
            println!("{}", format!("    {line}").trim_end());
        }
    }

    pub(crate) fn times(&self, what: &str, live: &str, replayed: &str) {
        let style = self.good;
        println!("    {what:<22} {live:>12} {style}{replayed:>12}{style:#}");
    }

    pub(crate) fn total(&self, what: &str, live: &str, replayed: &str) {
        let style = self.title;
        println!("    {style}{what:<22} {live:>12} {replayed:>12}{style:#}");
    }
}

/// Three digits: `412 µs`, `1.24 ms`, `128 ms`.
pub(crate) fn duration(elapsed: Duration) -> String {
    let micros = elapsed.as_secs_f64() * 1e6;
    match micros {
        ..1e3 => format!("{micros:.0} µs"),
        ..1e4 => format!("{:.2} ms", micros / 1e3),
        ..1e5 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.0} ms", micros / 1e3),
    }
}
