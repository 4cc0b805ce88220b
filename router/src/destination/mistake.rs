//! A mistake in a destination's file or in a configuration, at its place.

/// What is wrong, where, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The place as a JSON pointer (RFC 6901) into the file; a `#` behind it means the key itself.
    pub at: String,
    /// What is wrong there.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}
