//! What a table may ask of an answer: the seam to the language in which values are written.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::destination::mistake::Mistake;

/// A value taken from an answer.
pub(crate) trait Probe: Send + Sync {
    /// The value, `None` where it is absent.
    fn probe(&self, view: &View<'_>) -> Option<Value>;
}

impl<F: Fn(&View<'_>) -> Option<Value> + Send + Sync> Probe for F {
    fn probe(&self, view: &View<'_>) -> Option<Value> {
        self(view)
    }
}

/// What there is to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    /// What `$.` means: the body, an item of the list that `each` goes through, or the payload of an event.
    pub(crate) root: &'a Value,
    /// The answer's status.
    pub(crate) status: StatusCode,
    /// The answer's headers.
    pub(crate) headers: &'a HeaderMap,
    /// The answer's body as JSON; where it is none, as a text; null where it is neither.
    pub(crate) body: &'a Value,
}

impl<'a> View<'a> {
    /// The same answer with another `$.`.
    #[must_use]
    pub(crate) fn at(self, root: &'a Value) -> Self {
        Self { root, ..self }
    }
}

/// Compiles a value that stands at a JSON pointer of the file.
pub(crate) type CompileValue<'a> = dyn FnMut(&Value, &str) -> Result<Box<dyn Probe>, Mistake> + 'a;
