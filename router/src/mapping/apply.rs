//! Running a compiled mapping on an event.

use serde_json::Value;
use std::borrow::Cow;

use super::ApplyError;
use super::flatten;
use super::node::{ArrayPath, Flatten, If, Merge, Node, Replace, Test, Transform};
use super::out::{Budget, Out};
use super::template::Template;
use crate::js;
use crate::path::{Found, Path};

/// See [`super::Mapping::apply`].
pub(super) fn apply(root: &Node, event: &Value) -> Result<Option<Value>, ApplyError> {
    let budget = Budget::new();
    Run { budget: &budget, event: Some(event) }.node(root)?.finish(&budget)
}

/// See [`super::Mapping::run`].
pub(super) fn run<'a>(root: &'a Node, event: Option<&'a Value>, budget: &'a Budget) -> Result<Out<'a>, ApplyError> {
    Run { budget, event }.node(root)
}

/// What paths begin at: the event, an item of a list, or what `@transform` made; and what may still be made.
#[derive(Clone, Copy)]
struct Run<'a> {
    budget: &'a Budget,
    event: Option<&'a Value>,
}

type Result_<'a> = Result<Out<'a>, ApplyError>;

impl<'a> Run<'a> {
    fn node(self, node: &'a Node) -> Result_<'a> {
        Ok(match node {
            Node::Nothing => Out::Undefined,
            Node::Constant(value) => Out::Value(Cow::Borrowed(value)),
            Node::Path(path) => self.path(path),
            Node::Object(fields) => {
                let field = |(key, node): &'a (Box<str>, Node)| Ok((Cow::Borrowed(&**key), self.node(node)?));
                Out::Object(fields.iter().map(field).collect::<Result<_, ApplyError>>()?)
            }
            Node::Array(items) => Out::Array(items.iter().map(|item| self.node(item)).collect::<Result<_, _>>()?),
            Node::If(it) => self.condition(it)?,
            Node::Template(template) => self.made(template.render(self.event))?,
            Node::ArrayPath(it) => self.array_path(it)?,
            Node::Merge(it) => self.merge(it)?,
            Node::Case { upper, value } => self.case(*upper, value)?,
            Node::Replace(it) => self.replace(it)?,
            Node::Json { encode: true, value } => match self.node(value)?.finish(self.budget)? {
                Some(value) => self.made(js::to_json(&value))?,
                None => Out::Undefined,
            },
            Node::Json { encode: false, value } => self.decode(value)?,
            Node::Flatten(it) => self.flatten(it)?,
            Node::Transform(it) => self.transform(it)?,
            Node::WithoutNulls(value) => self.without_nulls(self.node(value)?)?,
            Node::Liquid(template) => self.made(template.render(self.event)?)?,
            Node::PathFrom(from) => {
                let text = self.text("@path", from)?;
                let path = Path::parse(&text)
                    .ok_or(ApplyError::Text { directive: "@path", problem: super::Problem::Path { text } })?;
                self.path(&path)
            }
            Node::TemplateFrom(from) => {
                let text = self.text("@template", from)?;
                let template =
                    Template::parse(&text).map_err(|problem| ApplyError::Text { directive: "@template", problem })?;
                self.made(template.render(self.event))?
            }
        })
    }

    fn path(self, path: &Path) -> Out<'a> {
        match path.get(self.event) {
            Found::Nothing => Out::Undefined,
            Found::Part(value) => Out::Value(Cow::Borrowed(value)),
            Found::Made(value) => Out::owned(value),
        }
    }

    fn condition(self, it: &'a If) -> Result_<'a> {
        let value = self.node(&it.value)?;
        let holds = !value.is_nothing()
            && match (it.test, &value) {
                (Test::Exists, _) => true,
                (Test::Blank, Out::Value(value)) => !js::is_loosely_empty(value),
                (Test::Blank, Out::Array(_)) => {
                    !value.finish(self.budget)?.is_some_and(|value| js::is_loosely_empty(&value))
                }
                (Test::Blank, _) => true,
            };
        self.node(if holds { &it.then } else { &it.otherwise })
    }

    fn array_path(self, it: &'a ArrayPath) -> Result_<'a> {
        let root = self.node(&it.root)?;
        let Some(shape) = &it.shape else { return Ok(root) };
        let shaped = |item: &'a Value| Run { event: Some(item), ..self }.node(shape);
        Ok(match root {
            Out::Value(Cow::Borrowed(Value::Array(items))) => {
                Out::Array(items.iter().map(shaped).collect::<Result<_, _>>()?)
            }
            Out::Value(Cow::Borrowed(item @ Value::Object(_))) => Out::Array(vec![shaped(item)?]),
            made @ (Out::Array(_) | Out::Object(_) | Out::Value(Cow::Owned(Value::Array(_) | Value::Object(_)))) => {
                let items = match made.finish(self.budget)? {
                    Some(Value::Array(items)) => items,
                    Some(item) => vec![item],
                    None => Vec::new(),
                };
                // The items live only here, so what is made of them must not borrow.
                let item = |item: Value| self.on(&item, shape);
                Out::Array(items.into_iter().map(item).collect::<Result<_, _>>()?)
            }
            other => other,
        })
    }

    /// A node run on something that does not outlive this call.
    fn on(self, event: &Value, node: &Node) -> Result_<'a> {
        let made = Run { budget: self.budget, event: Some(event) }.node(node)?.finish(self.budget)?;
        Ok(made.map_or(Out::Undefined, Out::owned))
    }

    fn merge(self, it: &'a Merge) -> Result_<'a> {
        let left = self.node(&it.direction)?.as_str() == Some("left");
        let mut objects = it.objects.iter().map(|object| self.node(object)).collect::<Result<Vec<_>, _>>()?;
        if left {
            objects.reverse();
        }
        let mut merged = Vec::new();
        for object in objects {
            object.assign(&mut merged, self.budget)?;
        }
        Ok(Out::Object(merged))
    }

    fn case(self, upper: bool, value: &'a Node) -> Result_<'a> {
        let value = self.node(value)?;
        match value.as_str() {
            Some(text) if upper => self.made(text.to_uppercase()),
            Some(text) => self.made(text.to_lowercase()),
            None => Ok(value),
        }
    }

    fn replace(self, it: &'a Replace) -> Result_<'a> {
        let mut text = String::new();
        match self.node(&it.value)? {
            Out::Value(value) if matches!(*value, Value::String(_) | Value::Bool(_) | Value::Number(_)) => {
                js::push_text(&mut text, &value);
            }
            // Segment makes an empty text of everything else, of what is absent too.
            _ => return self.made(text),
        }
        for replacement in [Some(&it.first), it.second.as_ref()].into_iter().flatten() {
            text = replacement.apply(&text, self.budget.left())?;
        }
        self.made(text)
    }

    fn decode(self, value: &'a Node) -> Result_<'a> {
        let value = self.node(value)?;
        let Some(text) = value.as_str() else { return Ok(value) };
        self.budget.spend(text.len())?;
        // A text that is no JSON stands for itself.
        Ok(match serde_json::from_str(text) {
            Ok(decoded) => Out::owned(decoded),
            Err(_) => value,
        })
    }

    fn flatten(self, it: &'a Flatten) -> Result_<'a> {
        let separator = self.text("@flatten", &it.separator)?;
        let value = self.node(&it.value)?;
        let flat = match &value {
            Out::Value(value) => flatten::flatten(Some(value), &separator, it.keep_lists, self.budget)?,
            _ => {
                let value = value.finish(self.budget)?;
                flatten::flatten(value.as_ref(), &separator, it.keep_lists, self.budget)?
            }
        };
        Ok(Out::owned(flat))
    }

    fn transform(self, it: &'a Transform) -> Result_<'a> {
        let event = self.node(&it.apply)?.finish(self.budget)?;
        let made = Run { budget: self.budget, event: event.as_ref() }.node(&it.mapping)?.finish(self.budget)?;
        Ok(made.map_or(Out::Undefined, Out::owned))
    }

    /// Fields that are null become `undefined`, in objects in objects too, but not inside lists.
    fn without_nulls(self, value: Out<'a>) -> Result_<'a> {
        let fields = match value {
            value if value.is_null() => return Ok(Out::Undefined),
            Out::Object(fields) => fields,
            Out::Value(Cow::Owned(Value::Object(fields))) => {
                fields.into_iter().map(|(key, value)| (Cow::Owned(key), Out::owned(value))).collect()
            }
            Out::Value(Cow::Borrowed(Value::Object(fields))) => {
                let borrow = |(key, value): (&'a String, &'a Value)| {
                    (Cow::Borrowed(key.as_str()), Out::Value(Cow::Borrowed(value)))
                };
                fields.iter().map(borrow).collect()
            }
            other => return Ok(other),
        };
        let clean = |(key, value)| Ok((key, self.without_nulls(value)?));
        Ok(Out::Object(fields.into_iter().map(clean).collect::<Result<_, ApplyError>>()?))
    }

    /// A node that must give a text.
    fn text(self, directive: &'static str, node: &'a Node) -> Result<String, ApplyError> {
        let value = self.node(node)?;
        match value.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(ApplyError::Kind { directive, expected: "a text", found: value.kind() }),
        }
    }

    fn made(self, text: String) -> Result_<'a> {
        self.budget.spend(text.len())?;
        Ok(Out::text(text))
    }
}
