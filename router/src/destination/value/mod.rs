//! The value language of destination files: what stands in a request, written as the request's own shape.
//!
//! ```yaml
//! event: [$.event, "Viewed {{$.name}}", Loaded a Page]      # the first that is there
//! time: {$: $.timestamp, as: unix_ms, required: true}
//! properties: {...: $.properties, plan: $settings.plan}      # everything in properties, and one more
//! ```
//!
//! A value is compiled once ([`Expr::compile`]) and run for each event over a [`Scope`]: the things that paths may begin at. An
//! object with one `@…` key is a Segment directive; from there down [`crate::mapping`] is in charge.

mod cast;
mod compile;
mod operators;
mod part;
mod run;
mod scope;
#[cfg(test)]
mod tests;
mod text;
mod uses;

pub(crate) use cast::time;
pub(crate) use compile::{Compiler, Known};
pub(crate) use run::Trouble;
pub(crate) use scope::Scope;
pub(crate) use text::{Template, percent, to_text};
pub(crate) use uses::Uses;

use serde_json::Value;

use self::part::Part;
use super::Mistake;
use crate::mapping::Out;

/// The names of all operators and casts.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    operators::names().chain(cast::names())
}

/// A compiled value.
#[derive(Debug)]
pub(crate) struct Expr {
    root: Part,
    uses: Uses,
    settings: Box<[Box<str>]>,
    plain_batches: Option<usize>,
}

impl Expr {
    /// Reads a value that stands at `at`, with paths that may begin at what is `known`; mistakes are added to `mistakes`.
    pub(crate) fn compile(value: &Value, known: &Known, at: &str, mistakes: &mut Vec<Mistake>) -> Self {
        let mut compiler = Compiler::new(known, at, mistakes);
        let root = compiler.value(value);
        let uses = compiler.uses();
        let (settings, plain_batches) = compiler.finish();
        Self { root, uses, settings: settings.into(), plain_batches }
    }

    /// What it is where everything in it is fixed.
    pub(crate) fn constant(&self) -> Option<&Value> {
        match &self.root {
            Part::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// What it asks for when it runs.
    pub(crate) fn uses(&self) -> Uses {
        self.uses
    }

    /// The settings that it asks for.
    pub(crate) fn settings(&self) -> &[Box<str>] {
        &self.settings
    }

    /// How often `$batch` stands in it; `None` where something is made of it.
    pub(crate) fn plain_batches(&self) -> Option<usize> {
        self.plain_batches
    }

    /// The text with values in it, where it is one.
    pub(crate) fn into_template(self) -> Option<Template> {
        match self.root {
            Part::Text(template) => Some(template),
            _ => None,
        }
    }

    /// The value for a scope. Parts of the event are borrowed.
    ///
    /// # Errors
    /// The event does not have what the value cannot do without, or a cast cannot work on it.
    pub(crate) fn run<'a>(&'a self, scope: &Scope<'a>) -> Result<Out<'a>, Trouble> {
        run::run(&self.root, scope)
    }

    /// The value for a scope, by itself. `None` is absent.
    ///
    /// # Errors
    /// See [`run`](Self::run).
    pub(crate) fn value(&self, scope: &Scope<'_>) -> Result<Option<Value>, Trouble> {
        Ok(self.run(scope)?.finish(scope.budget)?)
    }

    /// The value for a scope as a text: numbers and booleans as JavaScript writes them, objects and lists as JSON. `None` where it
    /// is absent or null.
    ///
    /// # Errors
    /// See [`run`](Self::run).
    pub(crate) fn text(&self, scope: &Scope<'_>) -> Result<Option<String>, Trouble> {
        Ok(self.value(scope)?.filter(|value| !value.is_null()).map(|value| text::to_text(&value)))
    }

    /// Whether it holds: there, and neither null, false, 0 nor an empty text.
    ///
    /// # Errors
    /// See [`run`](Self::run).
    pub(crate) fn holds(&self, scope: &Scope<'_>) -> Result<bool, Trouble> {
        Ok(run::is_truthy(&self.run(scope)?))
    }
}
