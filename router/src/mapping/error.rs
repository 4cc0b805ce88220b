//! What can be wrong with a mapping, and with an event for a mapping.

/// A mistake in a mapping, found when it is compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", if .at.is_empty() { "the mapping itself" } else { .at })]
pub struct MappingError {
    at: String,
    problem: Problem,
}

impl MappingError {
    pub(crate) fn new(at: String, problem: Problem) -> Self {
        Self { at, problem }
    }

    /// The place as a JSON pointer (RFC 6901) into the mapping; empty for the mapping itself.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.at
    }

    /// What is wrong there.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

/// What is wrong at a place of a mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A key begins with `@` and is no directive.
    #[error("there is no directive {name:?}{}", did_you_mean(*.nearest))]
    UnknownDirective {
        /// The key as written.
        name: String,
        /// The directive that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A directive shares its object with other keys.
    #[error(
        "a directive stands alone in its object, but {directive:?} shares it with {other:?}: move one of them a level down"
    )]
    NotAlone {
        /// The directive.
        directive: String,
        /// One of the other keys.
        other: String,
    },
    /// An option that the directive does not have.
    #[error("{directive} has no option {name:?}{}; it has {options}", did_you_mean(*.nearest))]
    UnknownOption {
        /// The directive.
        directive: &'static str,
        /// The option as written.
        name: String,
        /// The option that was probably meant.
        nearest: Option<&'static str>,
        /// All options of the directive.
        options: String,
    },
    /// An option that the directive cannot do without.
    #[error("{directive} needs {option}")]
    Missing {
        /// The directive.
        directive: &'static str,
        /// The option.
        option: &'static str,
    },
    /// A value of a kind that cannot stand here.
    #[error("expected {expected}, found {found}")]
    Kind {
        /// What may stand here.
        expected: &'static str,
        /// What stands here: its kind, or its text where that says more.
        found: String,
    },
    /// A text that is no path.
    #[error("{text:?} holds no name: write a path like $.properties.total, or \"\" for the whole event")]
    Path {
        /// The text.
        text: String,
    },
    /// A text that is longer than Segment allows.
    #[error("the text has {length} characters, and {limit} is the most allowed here")]
    TooLong {
        /// Its length in characters of JavaScript (UTF-16 units).
        length: usize,
        /// The greatest length.
        limit: usize,
    },
    /// A Liquid template that cannot be read, or uses what is switched off.
    #[error("this Liquid template cannot be used: {message}")]
    Liquid {
        /// What the parser says.
        message: String,
    },
    /// Deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("the mapping goes more than {} levels deep", super::MAX_DEPTH)]
    TooDeep,
}

/// An event that a mapping refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A directive got a kind of value that it cannot work on.
    #[error("{directive} needs {expected}, and this event gives it {found}")]
    Kind {
        /// The directive.
        directive: &'static str,
        /// What it needs.
        expected: &'static str,
        /// The kind of what it got.
        found: &'static str,
    },
    /// A path or template that was itself taken from the event makes no sense.
    #[error("{directive} got a text from this event that it cannot read: {problem}")]
    Text {
        /// The directive.
        directive: &'static str,
        /// What is wrong with the text.
        problem: Problem,
    },
    /// A Liquid template failed on this event.
    #[error("the Liquid template fails on this event: {message}")]
    Liquid {
        /// What the engine says.
        message: String,
    },
    /// The output would be larger than [`MAX_OUTPUT`](super::MAX_OUTPUT).
    #[error("the mapping makes more than {} bytes of this event", super::MAX_OUTPUT)]
    TooLarge,
    /// A value in the event goes deeper than [`MAX_DEPTH`](super::MAX_DEPTH) times four.
    #[error("a value in this event goes more than {} levels deep", super::MAX_DEPTH * 4)]
    TooDeep,
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |word| format!("; did you mean {word:?}?"))
}

/// What a value is called in an error.
pub(super) fn kind(value: Option<&serde_json::Value>) -> &'static str {
    use serde_json::Value;
    match value {
        None => "nothing",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "a text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    }
}
