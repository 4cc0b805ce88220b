//! What is wrong in a destination file or in an instance's configuration, and where.

use std::fmt;

use crate::nearest::nearest;

/// A mistake, its place, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The place as a JSON pointer (RFC 6901) into the file or the configuration; empty for the whole of it.
    pub at: String,
    /// What is wrong there and how to mend it, in lower case.
    pub message: String,
    /// The word that was probably meant instead of the one that stands there.
    pub suggestion: Option<String>,
}

impl Mistake {
    /// A mistake at a place.
    #[must_use]
    pub fn new(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at: at.into(), message: message.into(), suggestion: None }
    }

    /// A word at a place that is none of the known ones: `what` is what it should name (`setting`, `cast`).
    #[must_use]
    pub fn unknown(at: impl Into<String>, what: &str, word: &str, known: &[&str]) -> Self {
        let list = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
        let message = format!("there is no {what} {word:?}; known: {list}");
        Self { at: at.into(), message, suggestion: nearest(word, known).map(str::to_owned) }
    }

    /// The same mistake in a document in which this one's document stands at `place`.
    #[must_use]
    pub fn below(mut self, place: &str) -> Self {
        self.at.insert_str(0, place);
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.at.is_empty() { "/" } else { &self.at }, self.message)?;
        match &self.suggestion {
            Some(word) => write!(f, "; did you mean {word:?}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mistake {}

/// A pointer one step further down: `~` and `/` in the key are written `~0` and `~1`.
#[must_use]
pub fn pointer(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// An event that a destination does not take: nothing is sent, and the reason is kept with the event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_says_where_what_and_what_was_meant() {
        let mistake = Mistake::unknown("/actions/a", "setting", "projektToken", &["projectToken", "region"]);
        let text = mistake.below("/destinations/0").to_string();
        assert_eq!(
            text,
            "/destinations/0/actions/a: there is no setting \"projektToken\"; known: projectToken, region; did you mean \"projectToken\"?"
        );
    }

    #[test]
    fn pointers_escape_what_they_must() {
        assert_eq!(pointer("/a", "b/c~d"), "/a/b~1c~0d");
    }
}
