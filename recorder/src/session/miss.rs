//! A miss explains itself: what was looked for, the nearest tapes and how they differ, and what to do.

use std::fmt;
use std::path::PathBuf;

use super::state::{Inner, State};
use super::{Error, ErrorKind};
use crate::key::{self, Canonical, Difference};
use crate::store::tape_name;
use crate::tape::{Request, Tape};

/// A request that no tape answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Miss {
    /// The method.
    pub method: String,
    /// The URL, secrets masked.
    pub url: String,
    /// The test, with the source line that opened its tapes where it is one of Rust.
    pub test: String,
    /// The tape that was looked for.
    pub wanted: PathBuf,
    /// Why there is no answer.
    pub reason: MissReason,
    /// The nearest tapes, best first.
    pub candidates: Vec<Candidate>,
    /// How many tapes the test has.
    pub tapes: usize,
    /// The command that adds this request to the tapes.
    pub command: String,
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissReason {
    /// There is no tape of this request.
    NoTape,
    /// There is one, and every take of it was replayed already.
    UsedUp {
        /// The tape.
        file: String,
        /// How many takes it has.
        takes: usize,
    },
    /// What the program says in a conversation is not what was recorded. The only candidate is that recording.
    Message {
        /// Which of the program's messages, from 1.
        number: usize,
        /// How many of them were recorded.
        recorded: usize,
    },
}

/// A tape that nearly matches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// The tape.
    pub file: String,
    /// Whether this test has replayed it already.
    pub seen: bool,
    /// What differs, method and path first.
    pub differences: Vec<Difference>,
}

/// How many tapes are read to find the nearest ones.
const READ: usize = 200;
/// How many are shown.
const SHOWN: usize = 3;
/// How many differences of one tape are shown.
const DIFFERENCES: usize = 6;

pub(super) fn explain(
    inner: &Inner,
    state: &State,
    request: &Request,
    canonical: &Canonical,
    reason: MissReason,
) -> ErrorKind {
    ErrorKind::Miss(Box::new(describe(inner, state, request, canonical, reason)))
}

/// The miss itself.
pub(super) fn describe(
    inner: &Inner,
    state: &State,
    request: &Request,
    canonical: &Canonical,
    reason: MissReason,
) -> Miss {
    let name = tape_name(canonical.method(), canonical.host(), canonical.path(), &canonical.key());
    let names = inner.folder.tapes().unwrap_or_default();
    let tapes = names.len();
    let candidates = match reason {
        MissReason::NoTape => nearest(inner, state, canonical, &name, names),
        MissReason::UsedUp { .. } | MissReason::Message { .. } => Vec::new(),
    };
    Miss {
        method: request.method.clone(),
        url: request.url.clone(),
        test: inner.location.described(),
        wanted: inner.folder.file(&name),
        reason,
        candidates,
        tapes,
        command: inner.location.command("missing"),
    }
}

/// A tape whose key is that of other rules than today's, and which is the request's by today's: a rule that was just added
/// need not cost a recording. Only looked for where nothing else is left but a miss.
pub(super) fn of_older_rules(inner: &Inner, sent: &Canonical) -> Result<Option<(String, Tape)>, Error> {
    if inner.policy.rules.is_empty() {
        return Ok(None);
    }
    let name = tape_name(sent.method(), sent.host(), sent.path(), &sent.key());
    for file in by_likeness(&name, inner.folder.tapes()?).into_iter().take(READ) {
        let Some(tape) = inner.folder.load(&file)? else { continue };
        if key::canonical(&tape.request, &inner.policy.rules).key() == sent.key() {
            return Ok(Some((file, tape)));
        }
    }
    Ok(None)
}

/// Names that agree longest come first: same method, same host, same path.
fn by_likeness(name: &str, mut names: Vec<String>) -> Vec<String> {
    let shared = |other: &str| name.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    names.sort_by_key(|other| std::cmp::Reverse(shared(other)));
    names
}

fn nearest(inner: &Inner, state: &State, sent: &Canonical, name: &str, names: Vec<String>) -> Vec<Candidate> {
    let mut found = Vec::new();
    for file in by_likeness(name, names).into_iter().take(READ) {
        // A tape that cannot be read is reported when it is asked for.
        let Ok(Some(tape)) = inner.folder.load(&file) else { continue };
        let recorded = key::canonical(&tape.request, &inner.policy.rules);
        found.push((key::distance(&recorded, sent), file, recorded));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    let shown = found.into_iter().take(SHOWN);
    let candidates = shown.map(|(_, file, recorded)| Candidate {
        differences: only_useful_rules(key::differences(&recorded, sent)),
        seen: inner.was_opened(state, &file),
        file,
    });
    without_far_ones(candidates.collect())
}

/// Rules that leave a difference which none of them mends would not make the tape match.
pub(super) fn only_useful_rules(mut differences: Vec<Difference>) -> Vec<Difference> {
    if differences.iter().any(|difference| difference.rule.is_none()) {
        differences.iter_mut().for_each(|difference| difference.rule = None);
    }
    differences
}

/// Beside a tape of the same method and path, tapes of other ones are noise.
fn without_far_ones(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let elsewhere = |c: &Candidate| c.differences.iter().any(|d| matches!(d.place.as_str(), "method" | "path"));
    if candidates.first().is_some_and(|best| !elsewhere(best)) {
        candidates.retain(|candidate| !elsewhere(candidate));
    }
    candidates
}

impl From<Miss> for Error {
    fn from(miss: Miss) -> Self {
        ErrorKind::Miss(Box::new(miss)).into()
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, url, .. } = self;
        match &self.reason {
            MissReason::NoTape => writeln!(f, "no tape answers {method} {url}")?,
            MissReason::UsedUp { file, takes } => {
                let (answers, them) = if *takes == 1 { ("answer", "it was") } else { ("answers", "all were") };
                writeln!(f, "recorded {takes} {answers} to {method} {url}, {them} consumed")?;
                writeln!(f, "  tape:   {file}")?;
            }
            MissReason::Message { number, recorded } if number > recorded => {
                writeln!(f, "message {number} to {url} is one more than the {recorded} that were recorded")?;
            }
            MissReason::Message { number, recorded } => {
                writeln!(f, "message {number} of {recorded} to {url} is not the recorded one")?;
            }
        }
        writeln!(f, "  test:   {}", self.test)?;
        if self.reason == MissReason::NoTape {
            writeln!(f, "  wanted: {}", self.wanted.display())?;
            match (self.tapes, self.candidates.len()) {
                (0, _) => writeln!(f, "\nThis test has no tapes yet.")?,
                (1, _) => writeln!(f, "\nThe only tape of this test:")?,
                (all, 1) => writeln!(f, "\nThe nearest of {all} tapes:")?,
                (all, shown) => writeln!(f, "\nThe nearest {} of {all} tapes:", shown.min(all))?,
            }
        }
        if matches!(self.reason, MissReason::Message { .. }) {
            writeln!(f, "\nThe recorded conversation:")?;
        }
        for candidate in &self.candidates {
            let seen = if candidate.seen { "asked for already" } else { "not asked for yet" };
            writeln!(f, "  {} ({seen})", candidate.file)?;
            if candidate.differences.is_empty() {
                writeln!(f, "    the same request, recorded under other rules: record the test again, RECORD=1")?;
            }
            for difference in candidate.differences.iter().take(DIFFERENCES) {
                writeln!(f, "    {}", difference.place)?;
                let none = "(nothing)";
                writeln!(f, "      recorded: {}", difference.recorded.as_deref().unwrap_or(none))?;
                writeln!(f, "      sent:     {}", difference.sent.as_deref().unwrap_or(none))?;
                if let Some(rule) = &difference.rule {
                    writeln!(f, "      would match with: {rule}")?;
                }
            }
            if candidate.differences.len() > DIFFERENCES {
                writeln!(f, "    and {} more", candidate.differences.len() - DIFFERENCES)?;
            }
        }
        if self.candidates.iter().flat_map(|c| &c.differences).any(|d| d.rule.is_some()) {
            writeln!(
                f,
                "\nA rule goes into tapes/recorder.yaml under `match:`, or into the test: recorder!().rule(\"…\")"
            )?;
        }
        match self.reason {
            MissReason::NoTape => write!(f, "\nTo record it: {}", self.command),
            MissReason::Message { .. } => write!(f, "\nTo record the conversation anew: {}", self.command),
            MissReason::UsedUp { .. } => write!(
                f,
                "\nTo record one more: {}\nTo answer again with what is there: recorder!().repeat(Repeat::Last) or Repeat::Cycle",
                self.command
            ),
        }
    }
}

impl std::error::Error for Miss {}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(place: &str, rule: Option<&str>) -> Difference {
        Difference { place: place.to_owned(), recorded: None, sent: None, rule: rule.map(str::to_owned) }
    }

    #[test]
    fn r68_a_rule_is_shown_only_where_it_would_make_the_tape_match() {
        let fits = vec![difference("query page", Some("ignore query page"))];
        assert_eq!(only_useful_rules(fits.clone()), fits);
        let far = vec![difference("method", None), difference("body", Some("ignore body"))];
        assert!(only_useful_rules(far).iter().all(|difference| difference.rule.is_none()));
    }

    #[test]
    fn r68_a_tape_of_the_same_request_under_other_rules_says_so() {
        let miss = Miss {
            method: "GET".to_owned(),
            url: "https://a.test/".to_owned(),
            test: "orders::created (tests/orders.rs:7)".to_owned(),
            wanted: PathBuf::from("tapes/x.yaml"),
            reason: MissReason::NoTape,
            candidates: vec![Candidate { file: "y.yaml".to_owned(), seen: false, differences: Vec::new() }],
            tapes: 1,
            command: "RECORD=missing cargo test".to_owned(),
        };
        assert!(miss.to_string().contains("under other rules: record the test again"), "{miss}");
    }

    #[test]
    fn r68_tapes_of_another_path_are_shown_only_where_there_is_nothing_nearer() {
        let tape = |place| Candidate { file: String::new(), seen: false, differences: vec![difference(place, None)] };
        assert_eq!(without_far_ones(vec![tape("body $.a"), tape("path")]).len(), 1);
        assert_eq!(without_far_ones(vec![tape("path"), tape("method")]).len(), 2);
    }
}
