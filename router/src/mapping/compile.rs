//! From a JSON value to a [`Node`]: every mistake found here is one that no event will meet.

use serde_json::{Map, Value};

use super::MAX_DEPTH;
use super::compiler::{self, Compiler};
use super::error::{MappingError, Problem, kind};
use super::liquid::LiquidTemplate;
use super::node::{ArrayPath, Flatten, If, Merge, Node, Replace, Test, Transform};
use super::replace::Replacement;
use super::template::Template;
use crate::js;
use crate::nearest::nearest;
use crate::path::Path;

const DIRECTIVES: [&str; 13] = [
    "@path",
    "@if",
    "@template",
    "@arrayPath",
    "@merge",
    "@case",
    "@replace",
    "@json",
    "@flatten",
    "@transform",
    "@excludeWhenNull",
    "@liquid",
    "@literal",
];

/// The key under which Segment keeps a directive that takes all the other fields of the mapping as its own `mapping`.
const ROOT_DIRECTIVE: &str = "__segment_internal_directive";

/// Reads a mapping; gives all mistakes.
pub(super) fn compile(mapping: &Value) -> Result<Node, Vec<MappingError>> {
    let mut compiler = Compiler::default();
    let root = compiler.whole(mapping);
    if compiler.errors.is_empty() { Ok(root) } else { Err(compiler.errors) }
}

impl Compiler {
    /// A mapping by itself: the outermost, or what `@transform` applies.
    fn whole(&mut self, mapping: &Value) -> Node {
        let Some((fields, root)) = mapping.as_object().and_then(|fields| Some((fields, fields.get(ROOT_DIRECTIVE)?)))
        else {
            return self.node(mapping);
        };
        let others = fields.iter().filter(|(key, _)| *key != ROOT_DIRECTIVE);
        let others: Map<String, Value> = others.map(|(key, value)| (key.clone(), value.clone())).collect();
        let mut directive = root.clone();
        match directive.as_object_mut().filter(|d| d.len() == 1).and_then(|d| d.values_mut().next()) {
            Some(Value::Object(options)) => {
                options.insert("mapping".to_owned(), Value::Object(others));
            }
            _ => {
                let expected = "one directive with an object of options";
                return self.below(ROOT_DIRECTIVE, |c| c.wrong(expected, kind(Some(root))));
            }
        }
        self.below(ROOT_DIRECTIVE, |c| c.node(&directive))
    }

    pub(super) fn node(&mut self, value: &Value) -> Node {
        if self.depth > MAX_DEPTH {
            return self.fail(Problem::TooDeep);
        }
        match value {
            Value::Object(fields) => match fields.keys().find(|key| key.starts_with('@')) {
                Some(name) => self.directive(name, fields),
                None => {
                    let fields: Box<[_]> = fields.iter().map(|(k, v)| (k.as_str().into(), self.child(k, v))).collect();
                    match fields.iter().all(|(_, node)| matches!(node, Node::Constant(_))) {
                        true => Node::Constant(value.clone()),
                        false => Node::Object(fields),
                    }
                }
            },
            Value::Array(items) => {
                let items = self.items(items);
                match items.iter().all(|node| matches!(node, Node::Constant(_))) {
                    true => Node::Constant(value.clone()),
                    false => Node::Array(items),
                }
            }
            plain => Node::Constant(plain.clone()),
        }
    }

    fn items(&mut self, items: &[Value]) -> Box<[Node]> {
        items.iter().enumerate().map(|(i, item)| self.child(&i.to_string(), item)).collect()
    }

    fn directive(&mut self, name: &str, fields: &Map<String, Value>) -> Node {
        if let Some(other) = fields.keys().find(|key| *key != name && *key != compiler::NOTES) {
            return self.fail(Problem::NotAlone { directive: name.to_owned(), other: other.clone() });
        }
        let value = fields.get(name).unwrap_or(&Value::Null);
        self.below(name, |c| match name {
            "@path" => c.path(value),
            "@template" => c.template(value),
            "@literal" => c.node(value),
            "@excludeWhenNull" => Node::WithoutNulls(Box::new(c.node(value))),
            "@liquid" => c.liquid(value),
            "@arrayPath" => c.array_path(value),
            "@if" => c.with_options("@if", value, &["exists", "blank", "then", "else"], Self::condition),
            "@case" => c.with_options("@case", value, &["operator", "value"], Self::case),
            "@json" => c.with_options("@json", value, &["mode", "value"], Self::json),
            "@merge" => c.with_options("@merge", value, &["objects", "direction"], Self::merge),
            "@transform" => c.with_options("@transform", value, &["apply", "mapping"], Self::transform),
            "@flatten" => c.with_options("@flatten", value, &["value", "separator", "omitArrays"], Self::flatten),
            "@replace" => {
                let options = ["pattern", "replacement", "pattern2", "replacement2", "value", "ignorecase", "global"];
                c.with_options("@replace", value, &options, Self::replace)
            }
            _ => {
                let nearest = nearest(name, &DIRECTIVES);
                c.fail_above(name, Problem::UnknownDirective { name: name.to_owned(), nearest })
            }
        })
    }

    fn path(&mut self, value: &Value) -> Node {
        match value {
            Value::String(text) => match Path::parse(text) {
                Some(path) => Node::Path(path),
                None => self.fail(Problem::Path { text: text.clone() }),
            },
            Value::Object(_) => Node::PathFrom(Box::new(self.node(value))),
            _ => self.wrong("a text or a directive", kind(Some(value))),
        }
    }

    fn template(&mut self, value: &Value) -> Node {
        match value {
            Value::String(text) => match Template::parse(text) {
                Ok(template) => match template.constant() {
                    Some(text) => Node::Constant(text.into()),
                    None => Node::Template(template),
                },
                Err(problem) => self.fail(problem),
            },
            Value::Object(_) => Node::TemplateFrom(Box::new(self.node(value))),
            _ => self.wrong("a text or a directive", kind(Some(value))),
        }
    }

    fn liquid(&mut self, value: &Value) -> Node {
        let Some(text) = value.as_str() else { return self.wrong("a text", kind(Some(value))) };
        match LiquidTemplate::parse(text) {
            Ok(template) => Node::Liquid(Box::new(template)),
            Err(problem) => self.fail(problem),
        }
    }

    fn array_path(&mut self, value: &Value) -> Node {
        let (root, shape) = match value.as_array().map(Vec::as_slice) {
            Some([root]) => (root, &Value::Null),
            Some([root, shape]) => (root, shape),
            _ => return self.wrong("a list of a path and, perhaps, a shape", kind(Some(value))),
        };
        let root = self.below("0", |c| c.path(root));
        // A computed root is the list itself, not a path to it.
        let root = if let Node::PathFrom(inner) = root { *inner } else { root };
        let shape = match shape {
            Value::Null => None,
            Value::Object(fields) if fields.is_empty() => None,
            Value::Object(_) => Some(self.child("1", shape)),
            other => return self.below("1", |c| c.wrong("an object or a directive", kind(Some(other)))),
        };
        Node::ArrayPath(Box::new(ArrayPath { root, shape }))
    }

    fn condition(&mut self, options: &Map<String, Value>) -> Node {
        let (test, name, value) = match (options.get("exists"), options.get("blank")) {
            (Some(value), _) => (Test::Exists, "exists", value),
            (None, Some(value)) => (Test::Blank, "blank", value),
            (None, None) => return self.missing("@if", "\"exists\" or \"blank\""),
        };
        if !options.values().zip(options.keys()).any(|(v, k)| matches!(&**k, "exists" | "blank") && js::is_truthy(v)) {
            return self.below(name, |c| c.wrong("something that an event can lack", &value.to_string()));
        }
        let value = self.child(name, value);
        let then = options.get("then").map_or(Node::Nothing, |then| self.child("then", then));
        // Segment takes an "else" that is false, 0, "" or null for none.
        let otherwise = options.get("else").filter(|otherwise| js::is_truthy(otherwise));
        let otherwise = otherwise.map_or(Node::Nothing, |otherwise| self.child("else", otherwise));
        Node::If(Box::new(If { test, value, then, otherwise }))
    }

    fn case(&mut self, options: &Map<String, Value>) -> Node {
        let Some(operator) = options.get("operator") else { return self.missing("@case", "an \"operator\"") };
        let upper = match operator.as_str() {
            Some("upper") => true,
            Some("lower") => false,
            _ => return self.below("operator", |c| c.wrong("\"lower\" or \"upper\"", &operator.to_string())),
        };
        match self.text_option(options) {
            Some(value) => Node::Case { upper, value: Box::new(value) },
            None => Node::Nothing,
        }
    }

    fn replace(&mut self, options: &Map<String, Value>) -> Node {
        if !options.contains_key("value") {
            return self.missing("@replace", "a \"value\"");
        }
        let ignore_case = self.flag(options, "ignorecase", false);
        let everywhere = self.flag(options, "global", true);
        let mut replacement = |pattern: &str, with: &str| {
            let pattern = self.short(options, pattern)?;
            let replacement = self.short(options, with).unwrap_or_default();
            Some(Replacement { pattern, replacement, ignore_case, everywhere })
        };
        let Some(first) = replacement("pattern", "replacement") else {
            return self.missing("@replace", "a \"pattern\" of one character or more");
        };
        let second = replacement("pattern2", "replacement2");
        match self.text_option(options) {
            Some(value) => Node::Replace(Box::new(Replace { value, first, second })),
            None => Node::Nothing,
        }
    }

    fn json(&mut self, options: &Map<String, Value>) -> Node {
        let Some(mode) = options.get("mode") else { return self.missing("@json", "a \"mode\"") };
        let encode = match mode.as_str() {
            Some("encode") => true,
            Some("decode") => false,
            _ => return self.below("mode", |c| c.wrong("\"encode\" or \"decode\"", &mode.to_string())),
        };
        match options.get("value") {
            Some(value) => Node::Json { encode, value: Box::new(self.child("value", value)) },
            None => self.missing("@json", "a \"value\""),
        }
    }

    fn merge(&mut self, options: &Map<String, Value>) -> Node {
        let Some(direction) = options.get("direction") else { return self.missing("@merge", "a \"direction\"") };
        if !direction.is_object() && !matches!(direction.as_str(), Some("left" | "right")) {
            return self.below("direction", |c| c.wrong("\"left\" or \"right\"", &direction.to_string()));
        }
        let direction = self.child("direction", direction);
        match options.get("objects") {
            Some(Value::Array(objects)) => {
                let objects = self.below("objects", |c| c.items(objects));
                Node::Merge(Box::new(Merge { objects, direction }))
            }
            Some(other) => self.below("objects", |c| c.wrong("a list", kind(Some(other)))),
            None => self.missing("@merge", "\"objects\""),
        }
    }

    fn transform(&mut self, options: &Map<String, Value>) -> Node {
        let apply = match options.get("apply") {
            Some(apply @ Value::Object(_)) => self.below("apply", |c| c.whole(apply)),
            Some(other) => return self.below("apply", |c| c.wrong("an object", kind(Some(other)))),
            None => return self.missing("@transform", "\"apply\""),
        };
        match options.get("mapping").filter(|mapping| js::is_truthy(mapping)) {
            Some(mapping) => {
                let mapping = self.child("mapping", mapping);
                Node::Transform(Box::new(Transform { apply, mapping }))
            }
            None => self.missing("@transform", "a \"mapping\""),
        }
    }

    fn flatten(&mut self, options: &Map<String, Value>) -> Node {
        let separator = match options.get("separator") {
            Some(text @ Value::String(s)) if !s.is_empty() => self.child("separator", text),
            Some(directive @ Value::Object(_)) => self.child("separator", directive),
            _ => return self.missing("@flatten", "a \"separator\" of one character or more"),
        };
        let keep_lists = options.get("omitArrays").is_some_and(js::is_truthy);
        match options.get("value") {
            Some(value) => {
                let value = self.child("value", value);
                Node::Flatten(Box::new(Flatten { value, separator, keep_lists }))
            }
            None => self.missing("@flatten", "a \"value\""),
        }
    }
}
