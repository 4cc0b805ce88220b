//! From a JSON value to a [`Part`]: every mistake found here is one that no event will meet.

use serde_json::{Map, Value};

use super::operators;
use super::part::{Key, Part, Root};
use super::text::{Piece, Template};
use super::uses::Uses;
use crate::destination::mistake::{Mistake, pointer};
use crate::mapping::{Mapping, Problem};
use crate::path::Path;

/// How deep values may lie in each other.
const MAX_DEPTH: usize = 64;

/// The key that spreads an object.
const SPREAD: &str = "...";

/// What paths may begin at, where a value stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The settings, `None` where they are not known.
    pub(crate) settings: Option<Vec<String>>,
    /// The fields of the payload, where only these can be there.
    pub(crate) fields: Option<Vec<String>>,
    /// Whether `$.` is the payload and not the event.
    pub(crate) here_is_payload: bool,
    /// The names of the steps whose answers are there.
    pub(crate) steps: Vec<String>,
    /// Whether there is a `$batch`.
    pub(crate) batch: bool,
    /// Whether at least its size is known.
    pub(crate) count: bool,
}

/// Compiles one value.
pub(crate) struct Compiler<'c> {
    known: &'c Known,
    at: String,
    depth: usize,
    /// Inside `$each`: `$.` is an item there.
    items: usize,
    /// Inside an operator that makes something of what it gets.
    operators: usize,
    uses: Uses,
    settings: Vec<Box<str>>,
    /// How often `$batch` stands in it, and whether something is made of it somewhere.
    batches: usize,
    plain_batch: bool,
    mistakes: &'c mut Vec<Mistake>,
}

impl<'c> Compiler<'c> {
    pub(crate) fn new(known: &'c Known, at: &str, mistakes: &'c mut Vec<Mistake>) -> Self {
        Self {
            known,
            at: at.to_owned(),
            depth: 0,
            items: 0,
            operators: 0,
            uses: Uses::default(),
            settings: Vec::new(),
            batches: 0,
            plain_batch: true,
            mistakes,
        }
    }

    pub(super) fn uses(&self) -> Uses {
        self.uses
    }

    /// The settings that are asked for, and how often `$batch` stands in it, where nothing is made of it.
    pub(super) fn finish(self) -> (Vec<Box<str>>, Option<usize>) {
        (self.settings, self.plain_batch.then_some(self.batches))
    }

    pub(super) fn value(&mut self, value: &Value) -> Part {
        if self.depth > MAX_DEPTH {
            return self.wrong(format!("values lie more than {MAX_DEPTH} levels deep in each other here"));
        }
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => match self.made(|c| c.list(items)) {
                parts if parts.len() == 1 => parts.into_iter().next().unwrap_or(Part::Constant(Value::Null)),
                parts if parts.is_empty() => Part::Constant(Value::Array(Vec::new())),
                parts => Part::First(parts.into()),
            },
            Value::Object(fields) if fields.keys().any(|key| key.starts_with('@')) => self.segment(value),
            Value::Object(fields) => match operators::find(fields) {
                Some(operator @ ("$object" | "$list")) => operators::compile(self, operator, fields),
                Some(operator) => self.made(|c| operators::compile(c, operator, fields)),
                None => {
                    operators::check_spelling(self, fields);
                    self.object(fields)
                }
            },
            plain => Part::Constant(plain.clone()),
        }
    }

    pub(super) fn list(&mut self, items: &[Value]) -> Vec<Part> {
        items.iter().enumerate().map(|(i, item)| self.below(&i.to_string(), |c| c.value(item))).collect()
    }

    pub(super) fn child(&mut self, key: &str, value: &Value) -> Part {
        self.below(key, |c| c.value(value))
    }

    /// A value in which `$.` is an item of a list.
    pub(super) fn item(&mut self, key: &str, value: &Value) -> Part {
        self.items += 1;
        let part = self.child(key, value);
        self.items -= 1;
        part
    }

    pub(super) fn object(&mut self, fields: &Map<String, Value>) -> Part {
        let mut entries = Vec::with_capacity(fields.len());
        for (key, value) in fields {
            if key == SPREAD {
                match value {
                    Value::Array(several) => {
                        let parts = self.made(|c| c.below(key, |c| c.list(several)));
                        entries.extend(parts.into_iter().map(|part| (Key::Spread, part)));
                    }
                    one => entries.push((Key::Spread, self.made(|c| c.child(key, one)))),
                }
                continue;
            }
            let name = match self.template(key) {
                Some(template) => Key::Text(template),
                None => Key::Name(key.as_str().into()),
            };
            entries.push((name, self.child(key, value)));
        }
        let fixed = entries.iter().all(|(key, part)| matches!((key, part), (Key::Name(_), Part::Constant(_))));
        if !fixed {
            return Part::Object(entries.into());
        }
        let constant = entries.into_iter().filter_map(|entry| match entry {
            (Key::Name(name), Part::Constant(value)) => Some((name.into(), value)),
            _ => None,
        });
        Part::Constant(Value::Object(constant.collect()))
    }

    fn segment(&mut self, value: &Value) -> Part {
        self.uses.add(Uses::EVENT);
        match Mapping::compile_all(value) {
            Ok(mapping) => Part::Segment(Box::new(mapping)),
            Err(errors) => {
                for error in errors {
                    let suggestion = match error.problem() {
                        Problem::UnknownDirective { nearest, .. } | Problem::UnknownOption { nearest, .. } => *nearest,
                        _ => None,
                    };
                    let message = error.problem().to_string();
                    let message = message.split("; did you mean").next().unwrap_or_default().to_owned();
                    let at = format!("{}{}", self.at, error.pointer());
                    self.mistakes.push(Mistake { at, message, suggestion: suggestion.map(str::to_owned) });
                }
                Part::Constant(Value::Null)
            }
        }
    }

    fn text(&mut self, text: &str) -> Part {
        if let Some((root, rest)) = root_of(text) {
            return self.path(text, root, rest);
        }
        match self.template(text) {
            Some(template) => Part::Text(template),
            None => Part::Constant(text.into()),
        }
    }

    /// A text with `{{paths}}`; `None` for one without.
    pub(crate) fn template(&mut self, text: &str) -> Option<Template> {
        if !text.contains("{{") {
            return None;
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (raw, inside) = match after.strip_prefix('{') {
                Some(inside) => (true, inside),
                None => (false, after),
            };
            let Some((name, after)) = inside.split_once(if raw { "}}}" } else { "}}" }) else {
                self.wrong(format!("the braces of {:?} do not close", format!("{{{{{after}")));
                return None;
            };
            if !before.is_empty() {
                pieces.push(Piece::Plain(before.into()));
            }
            let name = name.trim();
            let part = self.placeholder(name);
            pieces.push(Piece::Value { part, source: name.into(), raw });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Plain(rest.into()));
        }
        Some(Template { pieces: pieces.into() })
    }

    /// `path`, or `path | cast | cast`.
    fn placeholder(&mut self, text: &str) -> Part {
        let mut parts = text.split('|').map(str::trim);
        let path = parts.next().unwrap_or_default();
        let value = self.made(|c| match root_of(path) {
            Some((root, rest)) => c.path(path, root, rest),
            None => c.path(path, "", path),
        });
        let casts: Vec<Value> = parts.map(Value::from).collect();
        if casts.is_empty() { value } else { operators::cast(self, value, &Value::Array(casts)) }
    }

    fn path(&mut self, whole: &str, root: &str, rest: &str) -> Part {
        let Some(path) = Path::parse(rest) else {
            return self.wrong(format!("{whole:?} is no path: write one like $.properties.total"));
        };
        let root = match root {
            "" => {
                self.uses.add(Uses::EVENT);
                if self.known.here_is_payload && self.items == 0 {
                    self.check_field(&path);
                }
                Root::Here
            }
            "event" => {
                self.uses.add(Uses::EVENT);
                Root::Event
            }
            "payload" => {
                self.uses.add(Uses::EVENT);
                self.check_field(&path);
                Root::Payload
            }
            "settings" => {
                self.uses.add(Uses::SETTINGS);
                self.settings.extend(path.first().map(Box::from));
                if let (Some(known), Some(name)) = (&self.known.settings, path.first()) {
                    self.check("setting", name, known);
                }
                Root::Settings
            }
            "batch" if self.known.batch => {
                self.uses.add(Uses::BATCH);
                self.batches += 1;
                self.plain_batch &= self.operators == 0 && path.is_whole();
                Root::Batch
            }
            "now" | "uuid" if path.is_whole() => {
                self.uses.add(Uses::ENV);
                if root == "uuid" {
                    self.uses.add(Uses::EVENT);
                }
                return if root == "now" { Part::Now } else { Part::Uuid };
            }
            "index" if path.is_whole() => {
                self.uses.add(Uses::EVENT);
                return Part::Index;
            }
            step => match self.known.steps.iter().position(|name| name == step) {
                Some(place) => {
                    self.uses.add(Uses::STEPS);
                    Root::Step(place)
                }
                None => return self.unknown_root(whole, step),
            },
        };
        Part::Path(root, path)
    }

    /// `{$size: $batch}`
    pub(super) fn count(&mut self) -> Part {
        if !self.known.batch && !self.known.count {
            return self.unknown_root("$batch", "batch");
        }
        self.uses.add(Uses::COUNT);
        self.plain_batch = false;
        Part::Count
    }

    fn unknown_root(&mut self, whole: &str, root: &str) -> Part {
        let mut known: Vec<&str> = vec!["event", "payload", "settings", "index", "now", "uuid"];
        known.extend(self.known.batch.then_some("batch"));
        known.extend(self.known.steps.iter().map(String::as_str));
        let mut mistake = Mistake::unknown(self.at.clone(), "root", root, &known);
        let names: Vec<String> = known.iter().map(|name| format!("${name}")).collect();
        mistake.message = format!(
            "nothing here is called ${root}; there are $. and {}; if the text itself is meant, write {{$literal: {whole:?}}}",
            names.join(", ")
        );
        mistake.suggestion = mistake.suggestion.map(|name| format!("${name}"));
        self.mistakes.push(mistake);
        Part::Constant(Value::Null)
    }

    fn check_field(&mut self, path: &Path) {
        if let (Some(known), Some(name)) = (&self.known.fields, path.first()) {
            self.check("field", name, known);
        }
    }

    fn check(&mut self, what: &str, name: &str, known: &[String]) {
        if !known.iter().any(|k| k == name) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let mistake = Mistake::unknown(self.at.clone(), what, name, &known);
            self.mistakes.push(mistake);
        }
    }

    /// Runs `read` where something is made of the values.
    fn made<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        self.operators += 1;
        let result = read(self);
        self.operators -= 1;
        result
    }

    /// Runs `read` one level further down.
    pub(super) fn below<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let deeper = pointer(&self.at, key);
        let here = std::mem::replace(&mut self.at, deeper);
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        self.at = here;
        result
    }

    pub(super) fn wrong(&mut self, message: impl Into<String>) -> Part {
        self.mistakes.push(Mistake::new(self.at.clone(), message));
        Part::Constant(Value::Null)
    }

    pub(super) fn unknown(&mut self, what: &str, word: &str, known: &[&str]) -> Part {
        self.mistakes.push(Mistake::unknown(self.at.clone(), what, word, known));
        Part::Constant(Value::Null)
    }
}

/// The root and the rest of a path: `("", "x")` of `$.x`, `("settings", "key")` of `$settings.key`. `None` for a text that is no path.
fn root_of(text: &str) -> Option<(&str, &str)> {
    let after = text.strip_prefix('$')?;
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
    let (root, rest) = after.split_at(end);
    if root.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match rest.strip_prefix('.') {
        Some(rest) => Some((root, rest)),
        None if rest.is_empty() || rest.starts_with('[') => Some((root, rest)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::root_of;

    #[test]
    fn paths_are_told_from_texts() {
        assert_eq!(root_of("$.a.b"), Some(("", "a.b")));
        assert_eq!(root_of("$"), Some(("", "")));
        assert_eq!(root_of("$[0]"), Some(("", "[0]")));
        assert_eq!(root_of("$settings.key"), Some(("settings", "key")));
        assert_eq!(root_of("$now"), Some(("now", "")));
        for text in ["$5 off", "$ 5", "costs $.5", "$set this", "a"] {
            assert_eq!(root_of(text), None, "{text}");
        }
    }
}
