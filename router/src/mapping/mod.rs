//! The mapping language: what is sent, as a JSON value with directives in it.
//!
//! A mapping is any JSON value. An object with one key that begins with `@` is a *directive* and is replaced by what it finds
//! or makes; everything else stands for itself. A field whose directive finds nothing is left out, a `null` stays.
//!
//! | directive | gives |
//! |---|---|
//! | `@path` | the value at a path: `$.properties.products[0].sku` |
//! | `@if` | `then` where `exists` (or `blank`) holds, else `else` |
//! | `@template` | a text with `{{paths}}` in it |
//! | `@arrayPath` | the list at a path, each item mapped by a shape whose paths begin at the item |
//! | `@merge` | several objects as one; `direction` says whose fields win |
//! | `@case` | a text in `lower` or `upper` case |
//! | `@replace` | a text with one or two short patterns replaced |
//! | `@json` | a value as JSON text (`encode`), or the value of such a text (`decode`) |
//! | `@flatten` | an object of objects as one of `a.b.c` |
//! | `@transform` | `mapping`, run on what `apply` makes of the event |
//! | `@excludeWhenNull` | its value without nulls |
//! | `@liquid` | a Liquid template, without loops |
//! | `@literal` | its value |
//!
//! They mean what they mean at Segment, to the letter: a mapping that was exported from a workspace sends what it sent there.
//! Where Segment finds a mistake when an event comes by, [`Mapping::compile`] finds it when the mapping is loaded.

mod apply;
mod compile;
mod compiler;
mod error;
mod flatten;
mod liquid;
mod liquid_parts;
mod node;
mod out;
mod replace;
mod template;

use serde_json::Value;
use std::fmt;

pub use error::{ApplyError, MappingError, Problem};
pub(crate) use out::{Budget, Fields, Out};

/// How deep directives, objects and arrays may lie in each other in a mapping.
pub const MAX_DEPTH: usize = 64;

/// How much one event may become, in bytes of text and 16 for each value: a mapping that multiplies its input stops here.
pub const MAX_OUTPUT: usize = 8 * 1024 * 1024;

/// A compiled mapping: made once, then run for each event, from any thread.
#[must_use = "a mapping does nothing until it is applied to an event"]
pub struct Mapping {
    root: node::Node,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// The first mistake, with its place as a JSON pointer. [`Mapping::compile_all`] gives all of them.
    pub fn compile(mapping: &Value) -> Result<Self, MappingError> {
        Self::compile_all(mapping).map_err(|mut errors| errors.swap_remove(0))
    }

    /// Reads a mapping and goes on after a mistake, for whoever wants to mend them all at once.
    ///
    /// # Errors
    /// Every mistake, in the order of the mapping; never empty.
    pub fn compile_all(mapping: &Value) -> Result<Self, Vec<MappingError>> {
        compile::compile(mapping).map(|root| Self { root })
    }

    /// What the mapping makes of an event. `None` is JavaScript's `undefined`: the mapping is one directive and it found nothing.
    ///
    /// # Errors
    /// What Segment refuses when it sees the event: a directive got a kind of value it cannot work on, or the output would be
    /// larger than [`MAX_OUTPUT`].
    pub fn apply(&self, event: &Value) -> Result<Option<Value>, ApplyError> {
        apply::apply(&self.root, event)
    }

    /// Runs the mapping as a part of something larger: nothing is copied before that is finished, and `budget` is shared.
    pub(crate) fn run<'a>(&'a self, event: Option<&'a Value>, budget: &'a Budget) -> Result<Out<'a>, ApplyError> {
        apply::run(&self.root, event, budget)
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A mapping may hold a customer's constants, tokens among them.
        f.debug_struct("Mapping").field("parts", &self.root.size()).finish()
    }
}

/// Renders a `{{path}}` template once; [`Mapping`] compiles its templates and keeps them.
///
/// # Errors
/// [`Problem::Path`] where a placeholder holds no path.
pub fn render(template: &str, event: &Value) -> Result<String, MappingError> {
    let template = template::Template::parse(template).map_err(|problem| MappingError::new(String::new(), problem))?;
    Ok(template.render(Some(event)))
}

/// An object of objects as one object whose keys are paths: `{"a": {"b": 1}}` becomes `{"a.b": 1}` with the separator `.`.
/// Lists are taken apart as well, unless `keep_lists`.
///
/// # Errors
/// [`ApplyError`] if there is nothing to take apart (`null`), or the keys would exceed [`MAX_OUTPUT`].
pub fn flatten(value: &Value, separator: &str, keep_lists: bool) -> Result<Value, ApplyError> {
    let budget = out::Budget::new();
    flatten::flatten(Some(value), separator, keep_lists, &budget)
}
