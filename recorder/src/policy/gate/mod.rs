//! The last gate: nothing is written while a known value or something that looks like a secret is left.
//!
//! It reads what is about to be written, twice: the tape with all encodings undone, place by place, and the finished text of
//! the file. It knows three kinds of find: values that the redactor knows, in any encoding; tokens whose shape is known
//! (`patterns`); and text too random to be anything but a key (`entropy`). The first kind is never let through, the other two
//! by a line under `allow`.

mod allow;
mod entropy;
mod patterns;
mod places;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::path::Path;

pub use allow::AllowError;
pub(crate) use allow::{Allow, Allowance};

use super::redact::Redactor;
use crate::tape::Tape;

/// Something that must not be written. It says where and what, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} holds {what}: nothing was written. {mend}")]
pub struct Leak {
    /// `request header x-key`, `takes[0].body $.a.b`, `line 12`, `bytes 4096 and on`.
    pub(crate) place: String,
    /// What it looks like, and a masked hint of it.
    pub(crate) what: String,
    /// What to do.
    pub(crate) mend: String,
}

/// A find within one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Find<'t> {
    /// The name of the pattern: `github-token`, `random`.
    pub(super) pattern: &'static str,
    /// What was found.
    pub(super) text: &'t str,
}

/// Lets a tape pass, and the text that it will be written as.
///
/// # Errors
/// With the first thing found.
pub(crate) fn check(tape: &Tape, rendered: &str, redactor: &Redactor, allow: &Allow) -> Result<(), Leak> {
    let gate = Gate { redactor, allow, let_pass: RefCell::default(), known: ON_THE_WAY };
    places::each(tape, &mut |place| gate.place(place))?;
    gate.rendered(rendered)
}

/// Lets a text pass that stands beside the tapes; `of` and `part` say where.
///
/// # Errors
/// With the first thing found.
pub(crate) fn check_text(of: &str, part: &str, text: &str, redactor: &Redactor, allow: &Allow) -> Result<(), Leak> {
    let gate = Gate { redactor, allow, let_pass: RefCell::default(), known: ON_THE_WAY };
    gate.place(&places::Place::of_text(of, part, text))
}

/// Everything in a tape that the gate would stop at: a find for each place, and one in the text of the file where no place of
/// the tape has any.
#[cfg(feature = "tools")]
pub(crate) fn find_all(tape: &Tape, rendered: &str, redactor: &Redactor, allow: &Allow) -> Vec<Leak> {
    let gate = Gate { redactor, allow, let_pass: RefCell::default(), known: ON_DISK };
    let mut found = Vec::new();
    let every_place = places::each(tape, &mut |place| {
        found.extend(gate.place(place).err());
        Ok(())
    });
    found.extend(every_place.err());
    if found.is_empty() {
        found.extend(gate.rendered(rendered).err());
    }
    found
}

/// The first thing in a text that the gate would stop at; places are its lines.
#[cfg(feature = "tools")]
pub(crate) fn find_in_text(text: &str, redactor: &Redactor, allow: &Allow) -> Option<Leak> {
    Gate { redactor, allow, let_pass: RefCell::default(), known: ON_DISK }.rendered(text).err()
}

/// Lets a body that lies in a file pass; `place` says whose body it is.
///
/// # Errors
/// Where the file cannot be read; with the first thing found as the answer.
pub(crate) fn check_file(place: &str, file: &Path, redactor: &Redactor, allow: &Allow) -> io::Result<Option<Leak>> {
    let gate = Gate { redactor, allow, let_pass: RefCell::default(), known: ON_THE_WAY };
    redactor.scan_file(io::BufReader::new(std::fs::File::open(file)?), |offset, piece| {
        if let Some((at, name)) = redactor.find(piece) {
            let place = format!("{place}, at byte {},", offset + at as u64);
            return Some(gate.known(
                place,
                &name,
                "such a body is too large to be changed; answer with less, or pass it through",
            ));
        }
        let (at, find) = patterns::find(piece, &|find| gate.passes(place, find))?;
        Some(gate.looks(format!("{place}, at byte {},", offset + at as u64), place, &find))
    })
}

struct Gate<'a> {
    redactor: &'a Redactor,
    allow: &'a Allow,
    /// What was let pass at its place, and passes in the finished text, too.
    let_pass: RefCell<HashSet<String>>,
    /// What to do about a value that the redactor knows.
    known: &'static str,
}

/// It was masked and is there all the same.
const ON_THE_WAY: &str = "this is a fault of the recorder: please report it";

/// It was written by another hand, or before there was a rule.
#[cfg(feature = "tools")]
const ON_DISK: &str = "Record the test again, or write its placeholder in its place by hand and run `tapes rekey`; if the \
    repository was shared, revoke the value";

#[cfg(feature = "tools")]
impl Leak {
    /// Where: `request header x-key`, `takes[0].body $.a.b`, `line 12`.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What it looks like, and a masked hint of it; never the value.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What to do.
    #[must_use]
    pub fn mend(&self) -> &str {
        &self.mend
    }
}

impl Gate<'_> {
    fn place(&self, place: &places::Place<'_>) -> Result<(), Leak> {
        if let Some((_, name)) = self.redactor.find(place.text) {
            return Err(self.known(place.name(), &name, self.known));
        }
        let found = patterns::find(place.text, &|find| self.passes(&place.name(), find)).map(|(_, find)| find);
        let random = || match place.may_be_random() {
            true => None,
            // A token that was let pass under its own name is not stopped for being random.
            false => entropy::find(place.text, &|find| {
                patterns::find(find.text.as_bytes(), &|_| false).is_some() || self.passes(&place.name(), find)
            }),
        };
        match found.or_else(random) {
            Some(find) => Err(self.looks(place.name(), &place.name(), &find)),
            None => Ok(()),
        }
    }

    /// Places in the file are lines; those of the recorder's own facts (hashes, times) are left out.
    fn rendered(&self, text: &str) -> Result<(), Leak> {
        const OWN: [&str; 8] = ["tape:", "key:", "recorded:", "at:", "elapsed:", "sha256:", "file:", "- at:"];
        let line_of = |at: usize| 1 + text.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count();
        let own = |at: usize| {
            let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
            OWN.iter().any(|own| text[start..].trim_start().starts_with(own))
        };
        let mut from = 0;
        while let Some((at, name)) = self.redactor.find(&text.as_bytes()[from..]) {
            let at = from + at;
            if !own(at) {
                return Err(self.known(format!("line {}", line_of(at)), &name, self.known));
            }
            from = text[at..].find('\n').map_or(text.len(), |end| at + end);
        }
        let passes = |find: &Find<'_>| self.let_pass.borrow().contains(find.text) || self.passes("", find);
        let mut from = 0;
        while let Some((at, find)) = patterns::find(&text.as_bytes()[from..], &passes) {
            let at = from + at;
            if !own(at) {
                return Err(self.looks(format!("line {}", line_of(at)), "*", &find));
            }
            from = text[at..].find('\n').map_or(text.len(), |end| at + end);
        }
        Ok(())
    }

    fn passes(&self, place: &str, find: &Find<'_>) -> bool {
        let passes = self.allow.lets(place, find) || self.redactor.is_dummy(find.text.as_bytes());
        if passes {
            self.let_pass.borrow_mut().insert(find.text.to_owned());
        }
        passes
    }

    fn known(&self, place: String, name: &str, mend: &str) -> Leak {
        Leak { place, what: format!("the secret `{name}`"), mend: mend.to_owned() }
    }

    fn looks(&self, place: String, allowed_as: &str, find: &Find<'_>) -> Leak {
        let what = match find.pattern {
            "random" => format!("what looks like a key, {}", hint(find.text, 3)),
            pattern => format!("what looks like a {}, {}", pattern.replace('-', " "), hint(find.text, 4)),
        };
        let hide = places::rule_for(allowed_as)
            .map(|rule| format!("hide it with `{rule}` under `redact`, "))
            .unwrap_or_default();
        let mend = format!(
            "Register the value with `tapes.secret(..)`, {hide}or, if it is no secret, let it pass with `place {allowed_as}` or \
             `pattern {}` under `allow` in tapes/recorder.yaml",
            find.pattern
        );
        Leak { place, what, mend }
    }
}

/// The first characters and the length: `ghp_…(40 characters)`.
fn hint(text: &str, shown: usize) -> String {
    let head: String = text.chars().take(shown).collect();
    format!("`{head}…` ({} characters)", text.chars().count())
}
