//! What is said at the end of a run, on standard error: standard output is the program's.

use std::io::{self, Write as _};

use serde_json::{Value, json};
use traffic_recorder::Mode;
use traffic_recorder::proxy::{RunEnd, TestEnd};

use crate::words;

pub(super) struct Report<'a> {
    pub(super) mode: Mode,
    pub(super) code: u8,
    pub(super) ended: &'a RunEnd,
}

impl Report<'_> {
    /// Whether the recorder has something to say against a run that the program was content with.
    pub(super) fn has_errors(&self) -> bool {
        self.ended.errors().next().is_some() || !self.ended.refused.is_empty()
    }

    pub(super) fn print(&self) {
        let mut err = io::stderr().lock();
        // Nobody may be reading any more, and the exit code says it as well.
        let _ = err.write_all(self.text().as_bytes());
    }

    pub(super) fn print_json(&self) -> anyhow::Result<()> {
        let tests: Result<Vec<Value>, _> =
            self.ended.tests.iter().map(|test| serde_json::from_str(&test.json())).collect();
        let report = json!({
            "mode": self.mode.to_string(),
            "exit": self.code,
            "tests": tests?,
            "refused": self.ended.refused,
        });
        writeln!(io::stderr().lock(), "{report}")?;
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for test in self.ended.errors() {
            // A test that failed for it has shown it.
            if test.told && self.code != 0 {
                continue;
            }
            let error = test.error.as_ref().map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!("\ntraffic-recorder: {}\n{}\n", test.test, indented(&error)));
        }
        // A program sees a connection that ends, and no reason.
        for line in self.ended.tests.iter().flat_map(|test| &test.unanswered) {
            text.push_str(&format!("\ntraffic-recorder: no answer came to {line}\n"));
        }
        for reason in &self.ended.refused {
            text.push_str(&format!("\ntraffic-recorder: a request was refused\n{}\n", indented(reason)));
        }
        let sum = |count: fn(&TestEnd) -> usize| self.ended.tests.iter().map(count).sum::<usize>();
        let replayed = sum(|test| test.report.as_ref().map_or(0, |report| report.replayed));
        let live = sum(|test| test.report.as_ref().map_or(0, |report| report.live));
        let written = sum(|test| test.report.as_ref().map_or(0, |report| report.written.len()));
        let tests = words::count(self.ended.tests.len(), "test");
        let requests = |n| words::count(n, "request");
        text.push_str(&format!("\ntraffic-recorder ({}): {tests}", self.mode));
        if self.ended.tests.is_empty() && self.ended.refused.is_empty() {
            text.push_str(", no request came through the proxy");
        }
        if replayed > 0 {
            text.push_str(&format!(", {} answered from tapes", requests(replayed)));
        }
        if live > 0 {
            text.push_str(&format!(", {} sent", requests(live)));
        }
        if self.mode.writes() {
            text.push_str(&format!(", {} written", words::count(written, "tape")));
        }
        let against = self.ended.errors().count() + self.ended.refused.len();
        if against > 0 {
            text.push_str(&format!(", {}", words::count(against, "error")));
        }
        let given_up = self.ended.tests.iter().filter(|test| !test.passed).count();
        if given_up > 0 && self.mode.writes() {
            text.push_str(&format!(", tapes of {} left as they were", words::count(given_up, "failed test")));
        }
        text.push('\n');
        text
    }
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n").replace("\n  \n", "\n\n")
}
