//! An action: which events it is for, and what is sent for them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::code::Code;
use super::super::fields::Fields;
use super::super::mistake::{Refusal, pointer};
use super::super::value::{Compiler, Expr, Known, Scope, Template};
use super::super::verdicts::Table;
use super::reachable;
use super::reader::Reader;
use super::request::Step;
use crate::filter::Filter;

/// An action of a destination.
pub(crate) struct Action {
    pub(crate) name: Box<str>,
    /// The events that it is for, unless an instance says otherwise.
    pub(crate) when: Option<Filter>,
    /// Whether it is on where an instance does not choose.
    pub(crate) preset: bool,
    pub(crate) fields: Option<Fields>,
    pub(crate) code: Option<&'static dyn Code>,
    pub(crate) require: Vec<Require>,
    /// One, unless it is a chain.
    pub(crate) steps: Vec<Step>,
    /// What is done instead for one event alone; empty where that is nothing else.
    pub(crate) alone: Vec<Step>,
    pub(crate) batch: bool,
    /// The table of verdicts where it has entries of its own.
    pub(crate) verdict: Option<Arc<Table>>,
}

/// What an event must have.
#[derive(Debug)]
pub(crate) struct Require {
    any: bool,
    values: Vec<Expr>,
    otherwise: Option<Template>,
    text: Box<str>,
}

impl Require {
    /// # Errors
    /// The text of the file, where the event does not have it.
    pub(crate) fn check(&self, scope: &Scope<'_>) -> Result<(), Refusal> {
        let mut held = false;
        for value in &self.values {
            held = value.holds(scope)?;
            if held == self.any {
                break;
            }
        }
        if held {
            return Ok(());
        }
        let text = match &self.otherwise {
            Some(template) => template.render(scope)?,
            None => None,
        };
        Err(Refusal(text.unwrap_or_else(|| self.text.to_string())))
    }
}

const KEYS: [&str; 19] = [
    "when",
    "preset",
    "batch",
    "fields",
    "code",
    "require",
    "verdict",
    "steps",
    "request",
    "query",
    "headers",
    "json",
    "form",
    "text",
    "each",
    "wrap",
    "alone",
    "ok",
    "description",
];

impl Reader<'_> {
    pub(super) fn actions(&mut self, based: bool) -> Vec<Action> {
        match self.file.get("actions") {
            Some(Value::Object(actions)) if !actions.is_empty() => {
                let actions = actions.iter().map(|(name, action)| self.action(name, action, based));
                actions.collect()
            }
            _ => {
                self.wrong("/actions", "a destination has `actions`: what it does with which events");
                Vec::new()
            }
        }
    }

    fn action(&mut self, name: &str, value: &Value, based: bool) -> Action {
        let at = pointer("/actions", name);
        let none = serde_json::Map::new();
        let fields = value.as_object().unwrap_or(&none);
        if fields.is_empty() {
            self.wrong(&*at, "an action is an object with a `when` and a `request`");
        }
        self.only(fields, &KEYS, "part of an action", &at);
        let when = self.when(fields.get("when"), &at);
        let preset = self.flag(fields, "preset", true, &at);
        let code = fields.get("code").and_then(|code| self.code(code, &pointer(&at, "code")));
        let event = self.bare();
        let stage =
            fields.get("fields").map(|value| Fields::compile(value, &event, &pointer(&at, "fields"), self.mistakes));
        if preset && let Some(missing) = stage.as_ref().and_then(|stage| stage.unmapped(None).next()) {
            let missing = missing.to_owned();
            self.wrong(
                pointer(&pointer(&at, "fields"), &missing),
                format!("{missing} is required and has no default: give it one, or write `preset: false` for an action that must be mapped"),
            );
        }
        // A hook may put anything into a payload.
        let names = stage.as_ref().filter(|_| !fields.contains_key("code")).map(Fields::names);
        let known = Known { fields: names, here_is_payload: stage.is_some(), ..event };
        let require =
            fields.get("require").map_or_else(Vec::new, |r| self.requires(r, &known, &pointer(&at, "require")));
        let own_requests = code.map_or(fields.contains_key("code") && !fields.contains_key("steps"), |code| {
            code.makes_requests() || code.chains()
        });
        let steps = self.steps(fields, &known, &at, based, own_requests);
        let alone = fields.get("alone").map_or_else(Vec::new, |alone| self.alone(alone, fields, &known, &at, based));
        let batches = own_requests || steps.iter().any(Step::batches);
        // A chain for several events at once is the exception.
        let batch = self.flag(fields, "batch", batches && !code.is_some_and(Code::chains), &at);
        if batch && !batches {
            self.wrong(
                pointer(&at, "batch"),
                "only an action with `each` can batch: it says what stands for one event in the list",
            );
        }
        let verdict = fields.get("verdict").map(|own| Arc::new(self.own_table(own, &pointer(&at, "verdict"), None)));
        Action { name: name.into(), when, preset, fields: stage, code, require, steps, alone, batch, verdict }
    }

    /// `alone: POST /entity`, or a request or steps of another kind. Without a body of its own, it is what `each` says.
    fn alone(
        &mut self,
        value: &Value,
        action: &serde_json::Map<String, Value>,
        known: &Known,
        at: &str,
        based: bool,
    ) -> Vec<Step> {
        let at = pointer(at, "alone");
        let Some(each) = action.get("each") else {
            self.wrong(at, "`alone` goes with `each`: it says what is sent where there is one event and not a list");
            return Vec::new();
        };
        let mut own = match value {
            Value::Object(own) => own.clone(),
            line => serde_json::Map::from_iter([("request".to_owned(), line.clone())]),
        };
        self.only(
            &own,
            &["request", "query", "headers", "json", "form", "text", "ok", "steps"],
            "part of `alone`",
            &at,
        );
        if !["json", "form", "text", "steps"].iter().any(|body| own.contains_key(*body)) {
            own.insert("json".to_owned(), each.clone());
        }
        self.steps(&own, known, &at, based, false)
    }

    /// A filter that at least some event fits.
    pub(super) fn when(&mut self, value: Option<&Value>, at: &str) -> Option<Filter> {
        let at = pointer(at, "when");
        let text = match value {
            None => return None,
            Some(Value::String(text)) => text,
            Some(_) => {
                self.wrong(at, "`when` is a text: type = \"track\"");
                return None;
            }
        };
        match reachable::filter(text, &at) {
            Ok(filter) => Some(filter),
            Err(mistake) => {
                self.mistakes.push(mistake);
                None
            }
        }
    }

    pub(super) fn code(&mut self, value: &Value, at: &str) -> Option<&'static dyn Code> {
        let name = value.as_str().unwrap_or_default();
        let found = (self.code)(name);
        if found.is_none() {
            self.wrong(
                at,
                format!(
                    "there is no Rust hook {name:?} for this destination: add it to router/src/destinations/mod.rs"
                ),
            );
        }
        found
    }

    fn requires(&mut self, value: &Value, known: &Known, at: &str) -> Vec<Require> {
        match value {
            Value::Array(several) => several
                .iter()
                .enumerate()
                .filter_map(|(i, one)| self.require(one, known, &format!("{at}/{i}")))
                .collect(),
            one => self.require(one, known, at).into_iter().collect(),
        }
    }

    fn require(&mut self, value: &Value, known: &Known, at: &str) -> Option<Require> {
        const FORM: &str =
            "`require` is {any: [values], else: text}, {all: [values], else: text} or {that: value, else: text}";
        let Some(fields) = value.as_object() else {
            self.wrong(at, FORM);
            return None;
        };
        let operator = !["any", "all", "that"].iter().any(|key| fields.contains_key(*key));
        if !operator {
            self.only(fields, &["any", "all", "that", "else"], "part of `require`", at);
        }
        // `{$present: $.email, else: …}`
        let rest: Map<String, Value> =
            fields.iter().filter(|(key, _)| *key != "else").map(|(k, v)| (k.clone(), v.clone())).collect();
        let rest = Value::Object(rest);
        let (any, key, values) = match (fields.get("any"), fields.get("all"), fields.get("that")) {
            (Some(Value::Array(values)), None, None) => (true, "any", values.as_slice()),
            (None, Some(Value::Array(values)), None) => (false, "all", values.as_slice()),
            (None, None, Some(value)) => (false, "that", std::slice::from_ref(value)),
            (None, None, None) if fields.len() > 1 => (false, "", std::slice::from_ref(&rest)),
            _ => {
                self.wrong(at, FORM);
                return None;
            }
        };
        let place = if key.is_empty() { at.to_owned() } else { pointer(at, key) };
        let values = values.iter().enumerate().map(|(i, value)| {
            let at = if matches!(key, "that" | "") { place.clone() } else { format!("{place}/{i}") };
            Expr::compile(value, known, &at, self.mistakes)
        });
        let values = values.collect();
        let text = match fields.get("else") {
            Some(Value::String(text)) => text.as_str(),
            _ => {
                self.wrong(at, "`require` needs an `else`: what to say where an event does not have it");
                ""
            }
        };
        let otherwise = Compiler::new(known, &pointer(at, "else"), self.mistakes).template(text);
        Some(Require { any, values, otherwise, text: text.into() })
    }
}
