//! What a table may ask of an answer: the seam to the language in which values are written.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::destination::mistake::Mistake;
use crate::path::{Found, Path};

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
    /// The answer's body as JSON; null where it is none.
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

/// The least language of values: a text that begins with `$.` (or is `$`) is a path, all else is itself.
///
/// # Errors
/// A path that holds no name.
pub(crate) fn simple_value(value: &Value, pointer: &str) -> Result<Box<dyn Probe>, Mistake> {
    let path = value.as_str().filter(|text| *text == "$" || text.starts_with("$."));
    let Some(text) = path else {
        let value = value.clone();
        return Ok(Box::new(move |_: &View<'_>| Some(value.clone())));
    };
    let path = Path::parse(text.strip_prefix('$').unwrap_or_default()).ok_or_else(|| {
        Mistake::new(pointer, format!("{text:?} holds no name: a path is $.error.message, or $ for the whole answer"))
    })?;
    Ok(Box::new(move |view: &View<'_>| match path.get(Some(view.root)) {
        Found::Nothing => None,
        Found::Part(value) => Some(value.clone()),
        Found::Made(value) => Some(value),
    }))
}
