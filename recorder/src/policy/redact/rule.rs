//! The user's rules: what else is hidden, what is shown after all, and where a dummy stands in.
//!
//! ```text
//! hide header x-device          hide query sig           hide form pin          hide json $.user.email
//! show header x-csrf-token      show query token         show cookie theme      show json $..session
//! dummy json $.expires_in as 3600        dummy json $.id_token as eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.x
//! ```
//!
//! A later rule has precedence over an earlier one, and every rule over the defaults.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::placeholder;
use crate::codec::json::Node;
use crate::key::JsonPath;

/// One rule of redaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedactRule {
    action: Action,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Hide,
    Show,
    Dummy(String),
}

/// Names of headers are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Header(String),
    Cookie(String),
    Query(String),
    Form(String),
    Json(JsonPath),
}

/// A line that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{rule}` is no rule of redaction: {why}. Rules are `hide PLACE`, `show PLACE` and `dummy PLACE as VALUE`; a place is \
     `header NAME`, `cookie NAME`, `query NAME`, `form NAME` or `json PATH`"
)]
pub struct RuleError {
    rule: String,
    why: String,
}

impl FromStr for RedactRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        parse(text.trim()).map_err(|why| RuleError { rule: text.trim().to_owned(), why })
    }
}

fn parse(text: &str) -> Result<RedactRule, String> {
    let (action, rest) = word(text);
    if !matches!(action, "hide" | "show" | "dummy") {
        return Err(match action {
            "" => "it is empty".to_owned(),
            other => format!("`{other}` is not `hide`, `show` or `dummy`"),
        });
    }
    let (kind, rest) = word(rest);
    let (place, rest) = match kind {
        "json" => {
            let (path, len) = JsonPath::parse(rest)
                .map_err(|(at, why)| format!("in the path, at `{}`: {why}", rest.get(at..).unwrap_or_default()))?;
            (Place::Json(path), rest[len..].trim_start())
        }
        "header" | "cookie" | "query" | "form" => {
            let (name, rest) = word(rest);
            if name.is_empty() {
                return Err(format!("the name of the {kind} is missing"));
            }
            let place = match kind {
                "header" => Place::Header(name.to_ascii_lowercase()),
                "cookie" => Place::Cookie(name.to_owned()),
                "query" => Place::Query(name.to_owned()),
                _ => Place::Form(name.to_owned()),
            };
            (place, rest)
        }
        "" => return Err("the place is missing".to_owned()),
        other => return Err(format!("`{other}` is no place")),
    };
    if action != "dummy" {
        let action = if action == "hide" { Action::Hide } else { Action::Show };
        return if rest.is_empty() { Ok(RedactRule { action, place }) } else { Err(format!("`{rest}` is too much")) };
    }
    match word(rest) {
        ("as", value) if !value.is_empty() => {
            if placeholder::all(value.as_bytes()).next().is_some() {
                return Err("the dummy is a placeholder: `hide` gives one".to_owned());
            }
            Ok(RedactRule { action: Action::Dummy(value.to_owned()), place })
        }
        _ => Err("`as VALUE` is missing".to_owned()),
    }
}

fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

impl fmt::Display for RedactRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.action {
            Action::Hide => "hide",
            Action::Show => "show",
            Action::Dummy(_) => "dummy",
        })?;
        match &self.place {
            Place::Header(name) => write!(f, " header {name}")?,
            Place::Cookie(name) => write!(f, " cookie {name}")?,
            Place::Query(name) => write!(f, " query {name}")?,
            Place::Form(name) => write!(f, " form {name}")?,
            Place::Json(path) => write!(f, " json {path}")?,
        }
        match &self.action {
            Action::Dummy(value) => write!(f, " as {value}"),
            _ => Ok(()),
        }
    }
}

/// What a rule says of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    Hide,
    Show,
    Dummy(&'a str),
}

/// All rules, and which of them were ever of use.
#[derive(Debug, Default)]
pub(super) struct RuleSet {
    rules: Vec<(RedactRule, AtomicBool)>,
}

impl RuleSet {
    pub(super) fn new(rules: impl IntoIterator<Item = RedactRule>) -> Self {
        Self { rules: rules.into_iter().map(|rule| (rule, AtomicBool::new(false))).collect() }
    }

    pub(super) fn header(&self, name: &str) -> Option<Verdict<'_>> {
        self.last(|place| matches!(place, Place::Header(n) if n.eq_ignore_ascii_case(name)))
    }

    pub(super) fn cookie(&self, name: &[u8]) -> Option<Verdict<'_>> {
        self.last(|place| matches!(place, Place::Cookie(n) if n.as_bytes() == name))
    }

    pub(super) fn query(&self, name: &[u8]) -> Option<Verdict<'_>> {
        self.last(|place| matches!(place, Place::Query(n) if n.as_bytes() == name))
    }

    pub(super) fn form(&self, name: &[u8]) -> Option<Verdict<'_>> {
        self.last(|place| matches!(place, Place::Form(n) if n.as_bytes() == name))
    }

    /// Verdicts for values of a document, by the byte where each begins, sorted.
    pub(super) fn json(&self, root: &Node<'_>) -> Vec<(usize, Verdict<'_>)> {
        let mut found: Vec<(usize, Verdict<'_>)> = Vec::new();
        let mut places = Vec::new();
        for (rule, used) in &self.rules {
            let Place::Json(path) = &rule.place else { continue };
            places.clear();
            path.find(root, &mut places);
            if !places.is_empty() {
                used.store(true, Ordering::Relaxed);
            }
            found.extend(places.iter().map(|&at| (at, rule.verdict())));
        }
        // Stable, so that the last of those for one place is that of the latest rule.
        found.sort_by_key(|(at, _)| *at);
        found.reverse();
        found.dedup_by_key(|(at, _)| *at);
        found.reverse();
        found
    }

    /// The dummies of all rules.
    pub(super) fn dummies(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter_map(|(rule, _)| match &rule.action {
            Action::Dummy(value) => Some(value.as_str()),
            _ => None,
        })
    }

    /// The rules that never applied to anything.
    pub(super) fn unmatched(&self) -> Vec<String> {
        self.rules.iter().filter(|(_, used)| !used.load(Ordering::Relaxed)).map(|(rule, _)| rule.to_string()).collect()
    }

    fn last(&self, fits: impl Fn(&Place) -> bool) -> Option<Verdict<'_>> {
        let mut last = None;
        for (rule, used) in &self.rules {
            if fits(&rule.place) {
                used.store(true, Ordering::Relaxed);
                last = Some(rule.verdict());
            }
        }
        last
    }
}

impl RedactRule {
    fn verdict(&self) -> Verdict<'_> {
        match &self.action {
            Action::Hide => Verdict::Hide,
            Action::Show => Verdict::Show,
            Action::Dummy(value) => Verdict::Dummy(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_read_back_as_themselves() {
        for text in [
            "hide header x-device",
            "show cookie theme",
            "hide query sig",
            "show form pin",
            "hide json $.a[*]..b",
            "dummy json $.expires_in as 3600",
            "dummy header authorization as a b",
        ] {
            assert_eq!(text.parse::<RedactRule>().expect(text).to_string(), text);
        }
        assert_eq!("hide  header  X-Device".parse::<RedactRule>().unwrap().to_string(), "hide header x-device");
    }

    #[test]
    fn r52_a_wrong_rule_is_refused_with_what_is_wrong() {
        for (text, why) in [
            ("", "it is empty"),
            ("mask header a", "`mask` is not `hide`, `show` or `dummy`"),
            ("hide", "the place is missing"),
            ("hide body a", "`body` is no place"),
            ("hide query", "the name of the query is missing"),
            ("hide query a b", "`b` is too much"),
            ("dummy json $.a", "`as VALUE` is missing"),
            ("dummy json $.a as {{secret:a}}", "the dummy is a placeholder: `hide` gives one"),
        ] {
            let error = text.parse::<RedactRule>().unwrap_err();
            assert_eq!(error.why, why);
            assert!(error.to_string().contains(&format!("`{text}` is no rule of redaction")));
        }
        let error = "hide json $.a[x]".parse::<RedactRule>().unwrap_err();
        assert!(error.why.starts_with("in the path, at `[x]`"), "{error}");
    }

    #[test]
    fn a_later_rule_has_precedence() {
        let rules = ["hide query a", "show query a"].map(|rule| rule.parse().unwrap());
        assert_eq!(RuleSet::new(rules).query(b"a"), Some(Verdict::Show));
    }
}
