//! What can be wrong with a filter, and where.

use std::fmt;

/// A mistake in the text of a filter. Its text shows the line with a caret below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    line: usize,
    column: usize,
    width: usize,
    /// The line of the filter that the mistake is in.
    source: String,
    problem: FilterProblem,
}

/// What is wrong in the text of a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterProblem {
    /// Nothing but blanks.
    #[error("the filter is empty: write for instance type = \"track\"")]
    Empty,
    /// Longer than [`MAX_LENGTH`](super::MAX_LENGTH).
    #[error("the filter is longer than {} bytes", super::MAX_LENGTH)]
    TooLong,
    /// More parentheses than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("more than {} parentheses are open here", super::MAX_DEPTH)]
    TooDeep,
    /// A character that begins nothing.
    #[error("{character:?} begins nothing here{}", if matches!(.character, '\'' | '“' | '”') { ": texts stand in \"double quotes\"" } else { "" })]
    Character {
        /// The character.
        character: char,
    },
    /// A text without its closing quote.
    #[error("the text that begins here has no closing quote")]
    Unclosed,
    /// A number that is none.
    #[error("{text:?} is not a number")]
    Number {
        /// As written.
        text: String,
    },
    /// Something else should stand here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What should stand here.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// A field that events do not have.
    #[error("events have no field {name:?}{}", .nearest.map_or_else(String::new, |n| format!("; did you mean {n:?}?")))]
    Field {
        /// As written.
        name: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// `and` and `or` in one row: Segment takes the last one for all of them.
    #[error(
        "\"and\" and \"or\" are mixed: set parentheses, for Segment reads this row as if every joint in it were the last one"
    )]
    Mixed,
    /// `!= true` and `!= false`: true for every boolean at Segment.
    #[error("this holds for true and for false alike: write = {opposite}")]
    NotBoolean {
        /// The other boolean.
        opposite: bool,
    },
    /// `event = null`: Segment compares with the word "null".
    #[error("Segment compares {field:?} with the word \"null\" here, which no event has: leave the condition out")]
    NeverNull {
        /// The field.
        field: &'static str,
    },
    /// A pattern of `match` that is not a text with one `*` at one end.
    #[error(
        "a pattern has one * at its beginning or at its end: \"Order *\", \"* Completed\"; for a part in the middle there is contains()"
    )]
    Pattern,
    /// `!` before something that cannot be negated.
    #[error("! stands before contains(…) or match(…) only: turn the comparison itself around")]
    Negation,
}

impl FilterError {
    /// `start` and `end` are places in bytes.
    pub(super) fn new(text: &str, start: usize, end: usize, problem: FilterProblem) -> Self {
        let start = floor(text, start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let source = text[line_start..].lines().next().unwrap_or_default();
        let column = text[line_start..start].chars().count();
        let end = floor(text, end).clamp(start, line_start + source.len().max(start - line_start));
        Self {
            line: text[..line_start].matches('\n').count() + 1,
            column: column + 1,
            width: text[start..end].chars().count().max(1),
            source: source.to_owned(),
            problem,
        }
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong there.
    #[must_use]
    pub fn problem(&self) -> &FilterProblem {
        &self.problem
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, width, source, problem } = self;
        writeln!(f, "line {line}, column {column}: {problem}")?;
        // A tab before the caret is as wide as the tab above it.
        let indent: String = source.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "  {source}\n  {indent}{}", "^".repeat(*width))
    }
}

impl std::error::Error for FilterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        None
    }
}

/// The nearest place before `at` that is no place inside a character.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
