//! A destination file, compiled and checked.

mod action;
mod reachable;
mod reader;
mod request;

use std::sync::Arc;

use http::HeaderName;
use serde_json::Value;

pub(crate) use action::Action;
pub(crate) use reachable::filter as reachable;
pub(crate) use request::{Body, Each, Request, Step, Text, Wrap};

use self::reader::Reader;
use super::auth::Auth;
use super::code::Code;
use super::differs::Difference;
use super::limits::Given;
use super::mistake::{Mistake, pointer};
use super::settings::{self, Setting};
use super::value::Expr;
use super::verdicts::Table;

/// A destination: what a file says, read once.
pub struct Definition {
    slug: String,
    name: String,
    docs: Vec<String>,
    settings: Vec<Setting>,
    differs: Vec<Difference>,
    pub(super) base: Option<Expr>,
    pub(super) headers: Vec<(HeaderName, Expr)>,
    pub(super) auth: Auth<Expr>,
    pub(super) limits: Given,
    pub(super) verdict: Arc<Table>,
    pub(super) actions: Vec<Action>,
    /// Whether verdicts look events up by what they hold.
    pub(super) remembers_payloads: bool,
}

const KEYS: [&str; 10] =
    ["name", "docs", "settings", "base", "headers", "auth", "limits", "verdict", "differs", "actions"];

impl Definition {
    /// Reads a destination file that has been read as JSON or YAML; `slug` is its name without `.yaml`.
    ///
    /// # Errors
    /// Every mistake, with its place as a JSON pointer.
    pub fn compile(slug: &str, file: &Value) -> Result<Self, Vec<Mistake>> {
        Self::compile_with(slug, file, &|name| super::code::find(slug, name))
    }

    /// The same, with the Rust hooks that `code` finds by name.
    ///
    /// # Errors
    /// See [`compile`](Self::compile).
    pub fn compile_with(
        slug: &str,
        file: &Value,
        code: &dyn Fn(&str) -> Option<&'static dyn Code>,
    ) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let Some(fields) = file.as_object() else {
            return Err(vec![Mistake::new(
                "",
                "a destination is an object with `name`, `settings`, `base` and `actions`",
            )]);
        };
        for key in fields.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            mistakes.push(Mistake::unknown(pointer("", key), "part of a destination", key, &KEYS));
        }
        let settings =
            fields.get("settings").map_or_else(Vec::new, |s| settings::compile(s, "/settings", &mut mistakes));
        let mut reader = Reader::new(&settings, fields, code, &mut mistakes);
        let name = reader.text("name").unwrap_or_else(|| slug.to_owned());
        if !fields.contains_key("name") {
            reader.wrong("", "a destination has a `name`, as Segment calls it");
        }
        let docs = reader.docs();
        let base = reader.base();
        let headers =
            fields.get("headers").map_or_else(Vec::new, |headers| reader.headers(headers, "/headers", &reader.bare()));
        if fields.get("headers").is_some_and(|headers| headers.get(reader::SPREAD).is_some()) {
            reader.wrong("/headers/...", "headers can be spread where there is an event: in an action");
        }
        let auth = fields.get("auth").map_or_else(Auth::default, |auth| reader.auth(auth));
        let limits = reader.limits();
        let verdict = fields.get("verdict").map_or_else(Table::default, |table| reader.table(table, "/verdict"));
        let differs = reader.differs();
        let actions = reader.actions(base.is_some());
        let remembers_payloads = looks_events_up(file, false);
        let definition = Self {
            slug: slug.to_owned(),
            name,
            docs,
            settings,
            differs,
            base,
            headers,
            auth,
            limits,
            verdict: Arc::new(verdict),
            actions,
            remembers_payloads,
        };
        if mistakes.is_empty() { Ok(definition) } else { Err(mistakes) }
    }

    /// The name of its file: `mixpanel`.
    #[must_use]
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// Its name at Segment.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pages of the partner's documentation that the file follows.
    #[must_use]
    pub fn docs(&self) -> &[String] {
        &self.docs
    }

    /// What an instance must or may set.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Where it differs from Segment's own code.
    #[must_use]
    pub fn differs(&self) -> &[Difference] {
        &self.differs
    }

    /// The names of its actions, in the order of the file.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().map(|action| &*action.name)
    }
}

/// Whether a verdict finds an event by an id `of` its payload.
fn looks_events_up(value: &Value, in_verdict: bool) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(key, value)| {
            (in_verdict && key == "of" && fields.contains_key("id"))
                || looks_events_up(value, in_verdict || key == "verdict")
        }),
        Value::Array(items) => items.iter().any(|item| looks_events_up(item, in_verdict)),
        _ => false,
    }
}

impl std::fmt::Debug for Definition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let actions: Vec<&str> = self.actions().collect();
        f.debug_struct("Definition").field("slug", &self.slug).field("actions", &actions).finish_non_exhaustive()
    }
}
