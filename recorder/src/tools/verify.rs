//! Is this file what the recorder would write?

use std::fmt;
use std::path::Path;

use super::{Settings, files};
use crate::key::{self, Rules};
use crate::store::tape_name;
use crate::tape::{Body, Tape};

/// Something about a tape that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// A sentence that says what is wrong and how to mend it.
    pub text: String,
}

/// What can be wrong with a tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FindingKind {
    /// It cannot be read.
    Unreadable,
    /// It reads, and the recorder would write other bytes.
    Form,
    /// Its key is not that of its request under the rules that it names.
    Key,
    /// Its name is not that of its request.
    Name,
    /// Today's rules give its request another key.
    Rules,
    /// A body file has other bytes than the tape says.
    Body,
    /// It names a rule that is code, so that its key cannot be computed here. No fault.
    CustomRule,
}

impl FindingKind {
    /// A stable word for it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Form => "form",
            Self::Key => "key",
            Self::Name => "name",
            Self::Rules => "rules",
            Self::Body => "body",
            Self::CustomRule => "custom-rule",
        }
    }

    /// Whether it is a fault, and not just something to know.
    #[must_use]
    pub fn is_fault(self) -> bool {
        self != Self::CustomRule
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.kind.code())
    }
}

impl Settings {
    /// Everything that is not right about the tape in `file`: it reads, it renders to the same bytes, its key is that of its
    /// request, its name is that of its key, its body files are those that were recorded.
    #[must_use]
    pub fn verify(&self, file: &Path) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut found = |kind, text: String| findings.push(Finding { kind, text });
        let tape = match Tape::read(file) {
            Ok(Some(tape)) => tape,
            Ok(None) => {
                found(FindingKind::Unreadable, "there is no such file".to_owned());
                return findings;
            }
            Err(error) => {
                found(FindingKind::Unreadable, error.to_string());
                return findings;
            }
        };
        if let Err(text) = form(&tape, file) {
            found(FindingKind::Form, text);
        }
        for body in files::bodies(&tape) {
            if let Err(text) = body_is_whole(body) {
                found(FindingKind::Body, text);
            }
        }
        if let Some(custom) = tape.rules.iter().find(|rule| is_custom(rule)) {
            let text =
                format!("its key depends on code (`{custom}`): the test that has this rule can check it, this cannot");
            found(FindingKind::CustomRule, text);
            return findings;
        }
        match self.config.rules.named(&tape.rules) {
            Ok(rules) => self.keys(&tape, file, &rules, &mut found),
            Err(error) => found(FindingKind::Key, format!("a rule on it is none: {error}")),
        }
        findings
    }

    fn keys(&self, tape: &Tape, file: &Path, named: &Rules, found: &mut impl FnMut(FindingKind, String)) {
        let canonical = key::canonical(&tape.request, named);
        let key = canonical.key();
        if key != tape.key {
            let text = format!(
                "its key is {} and that of its request {}: undo the change by hand, or run `tapes rekey`",
                tape.key.short(),
                key.short()
            );
            found(FindingKind::Key, text);
            return;
        }
        let name = tape_name(canonical.method(), canonical.host(), canonical.path(), &key);
        if file.file_name().is_none_or(|own| own != name.as_str()) {
            found(FindingKind::Name, format!("it would be found under the name {name}: run `tapes rekey`"));
        }
        let mut today = named.clone();
        today.extend(self.config.rules.iter().filter(|rule| !tape.rules.contains(&rule.to_string())).cloned());
        let canonical = key::canonical(&tape.request, &today);
        if canonical.key() != tape.key {
            let news: Vec<_> = canonical.applied().iter().filter(|rule| !tape.rules.contains(rule)).collect();
            let news = news.iter().map(|rule| format!("`{rule}`")).collect::<Vec<_>>().join(", ");
            let text = format!("rules that were added later give it another key ({news}): run `tapes rekey`");
            found(FindingKind::Rules, text);
        }
    }
}

/// Whether a rule is code.
pub(super) fn is_custom(rule: &str) -> bool {
    rule.starts_with("custom ")
}

fn form(tape: &Tape, file: &Path) -> Result<(), String> {
    let rendered = tape.render().map_err(|error| format!("it cannot be written again: {error}"))?;
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let text = text.replace("\r\n", "\n");
    if text == rendered.yaml {
        return Ok(());
    }
    let (mut lines, mut line) = (text.lines(), 0);
    let same = |again: &str| {
        line += 1;
        lines.next() == Some(again)
    };
    let all = rendered.yaml.lines().all(same);
    let line = if all { line + 1 } else { line };
    Err(format!("line {line} is not as the recorder writes it: run `tapes rekey`, which writes it anew"))
}

/// The hash of what lies in a file of its own is not checked by reading the tape.
fn body_is_whole(body: &Body) -> Result<(), String> {
    let Body::File(file) = body else { return Ok(()) };
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    let hash = crate::codec::digest::sha256_of_file(&file.path)
        .map_err(|error| format!("the body file {name} cannot be read: {error}"))?;
    if hash == file.sha256 {
        return Ok(());
    }
    Err(format!("the body file {name} is not the one that was recorded: restore it, or record again"))
}
