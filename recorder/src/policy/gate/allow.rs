//! What the gate lets pass: the lines under `allow`.

use std::fmt;
use std::str::FromStr;

use super::{Find, patterns};
use crate::policy::glob::fits;

/// One line: `pattern NAME`, `place GLOB` or `value GLOB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// A kind of token, everywhere.
    Pattern(String),
    /// Whatever stands in a place.
    Place(String),
    /// A value, everywhere.
    Value(String),
}

/// A line that is no allowance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}; write `pattern NAME`, `place PLACE` (as the refusal named it) or `value GLOB`")]
pub struct AllowError {
    why: String,
}

impl FromStr for Allowance {
    type Err = AllowError;

    fn from_str(text: &str) -> Result<Self, AllowError> {
        let (kind, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let rest = rest.trim();
        match kind {
            "pattern" if patterns::names().any(|name| name == rest) => Ok(Self::Pattern(rest.to_owned())),
            "pattern" => {
                let all: Vec<&str> = patterns::names().collect();
                Err(AllowError { why: format!("`{rest}` is no pattern; there are {}", all.join(", ")) })
            }
            "place" if !rest.is_empty() => Ok(Self::Place(rest.to_owned())),
            "value" if rest.trim_matches('*').len() >= 4 => Ok(Self::Value(rest.to_owned())),
            "value" => Err(AllowError { why: "a value needs four characters besides `*`".to_owned() }),
            // The line may hold the value itself: it must not be printed.
            _ => Err(AllowError { why: "the line begins with none of `pattern`, `place`, `value`".to_owned() }),
        }
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(name) => write!(f, "pattern {name}"),
            Self::Place(place) => write!(f, "place {place}"),
            Self::Value(value) => write!(f, "value {value}"),
        }
    }
}

/// All lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Allow(Vec<Allowance>);

impl Allow {
    pub(crate) fn new(lines: Vec<Allowance>) -> Self {
        Self(lines)
    }

    /// Adds a line of the test's own.
    pub(crate) fn push(&mut self, line: Allowance) {
        self.0.push(line);
    }

    pub(super) fn lets(&self, place: &str, find: &Find<'_>) -> bool {
        self.0.iter().any(|line| match line {
            Allowance::Pattern(name) => name == find.pattern,
            Allowance::Place(glob) => fits(glob, place),
            Allowance::Value(glob) => fits(glob, find.text),
        })
    }
}
