//! What all directives need while they are compiled: the place, the mistakes so far, and options of the usual kinds.

use serde_json::{Map, Value};

use super::error::{MappingError, Problem, kind};
use super::node::Node;
use super::replace;
use crate::nearest::nearest;

/// Segment's editor keeps notes beside a directive.
pub(super) const NOTES: &str = "_metadata";

#[derive(Default)]
pub(super) struct Compiler {
    /// The place as a JSON pointer.
    at: String,
    pub(super) depth: usize,
    pub(super) errors: Vec<MappingError>,
}

impl Compiler {
    pub(super) fn child(&mut self, key: &str, value: &Value) -> Node {
        self.below(key, |c| c.node(value))
    }

    /// The option `value` of a directive that works on texts. Segment takes an empty one for none.
    pub(super) fn text_option(&mut self, options: &Map<String, Value>) -> Option<Node> {
        match options.get("value")? {
            Value::String(text) if text.is_empty() => None,
            value @ (Value::String(_) | Value::Object(_)) => Some(self.child("value", value)),
            other => Some(self.below("value", |c| c.wrong("a text or a directive", kind(Some(other))))),
        }
    }

    /// A short text that is there and not empty.
    pub(super) fn short(&mut self, options: &Map<String, Value>, name: &str) -> Option<Box<str>> {
        match options.get(name)? {
            Value::Null => None,
            Value::String(text) => {
                let length = text.encode_utf16().count();
                if length > replace::MAX_LENGTH {
                    self.below(name, |c| c.fail(Problem::TooLong { length, limit: replace::MAX_LENGTH }));
                }
                (length > 0).then(|| text.as_str().into())
            }
            other => {
                self.below(name, |c| c.wrong("a text", kind(Some(other))));
                // The mistake is noted; a pattern keeps it from being noted as missing as well.
                Some("?".into())
            }
        }
    }

    pub(super) fn flag(&mut self, options: &Map<String, Value>, name: &str, default: bool) -> bool {
        match options.get(name) {
            None | Some(Value::Null) => default,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.below(name, |c| c.wrong("true or false", kind(Some(other))));
                default
            }
        }
    }

    /// Runs `read` on an object of options, once it is known that there are no others.
    pub(super) fn with_options(
        &mut self,
        directive: &'static str,
        value: &Value,
        known: &[&'static str],
        read: fn(&mut Self, &Map<String, Value>) -> Node,
    ) -> Node {
        let Some(options) = value.as_object() else { return self.wrong("an object of options", kind(Some(value))) };
        for name in options.keys().filter(|name| !known.contains(&name.as_str()) && *name != NOTES) {
            let nearest = nearest(name, known);
            let options = known.join(", ");
            self.below(name, |c| c.fail(Problem::UnknownOption { directive, name: name.clone(), nearest, options }));
        }
        read(self, options)
    }

    /// Runs `read` one level further down.
    pub(super) fn below<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let here = self.at.len();
        self.at.push('/');
        self.at.push_str(&key.replace('~', "~0").replace('/', "~1"));
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        self.at.truncate(here);
        result
    }

    pub(super) fn missing(&mut self, directive: &'static str, option: &'static str) -> Node {
        self.fail(Problem::Missing { directive, option })
    }

    pub(super) fn wrong(&mut self, expected: &'static str, found: &str) -> Node {
        self.fail(Problem::Kind { expected, found: found.to_owned() })
    }

    pub(super) fn fail(&mut self, problem: Problem) -> Node {
        self.errors.push(MappingError::new(self.at.clone(), problem));
        Node::Nothing
    }

    /// Fails at the object that holds the key `name`, not at the key's value.
    pub(super) fn fail_above(&mut self, name: &str, problem: Problem) -> Node {
        let key = 1 + name.replace('~', "~0").replace('/', "~1").len();
        let above = self.at[..self.at.len() - key].to_owned();
        self.errors.push(MappingError::new(above, problem));
        Node::Nothing
    }
}
