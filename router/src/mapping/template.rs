//! `@template`: a text with `{{paths}}` in it.

use serde_json::Value;

use super::Problem;
use crate::js;
use crate::path::{Found, Path};

/// A template taken apart once.
#[derive(Debug)]
pub(super) struct Template {
    parts: Box<[Part]>,
}

#[derive(Debug)]
enum Part {
    Text(Box<str>),
    Path(Path),
}

impl Template {
    /// Two braces or three mean the same: nothing is escaped for HTML. Braces that do not pair up are text.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            match placeholder(rest, 3).or_else(|| placeholder(rest, 2)) {
                Some((name, after)) => {
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain).into()));
                    }
                    let path =
                        Path::parse(name.trim()).ok_or_else(|| Problem::Path { text: name.trim().to_owned() })?;
                    parts.push(Part::Path(path));
                    rest = after;
                }
                None => {
                    plain.push('{');
                    rest = &rest[1..];
                }
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into()));
        }
        Ok(Self { parts: parts.into() })
    }

    /// The text for an event; what is absent or null is an empty text.
    pub(super) fn render(&self, event: Option<&Value>) -> String {
        let mut out = String::with_capacity(32);
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Path(path) => match path.get(event) {
                    Found::Nothing | Found::Part(Value::Null) => {}
                    Found::Part(value) => js::push_text(&mut out, value),
                    Found::Made(value) => js::push_text(&mut out, &value),
                },
            }
        }
        out
    }

    /// The text of a template that asks for nothing.
    pub(super) fn constant(&self) -> Option<&str> {
        match &*self.parts {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// The name between so many braces at the start of `text`, and what comes after.
fn placeholder(text: &str, braces: usize) -> Option<(&str, &str)> {
    const OPEN: &str = "{{{";
    const CLOSE: &str = "}}}";
    let inside = text.strip_prefix(&OPEN[..braces])?;
    let end = inside.find('}')?;
    let after = inside[end..].strip_prefix(&CLOSE[..braces])?;
    (end > 0).then_some((&inside[..end], after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(template: &str, event: Value) -> String {
        Template::parse(template).expect("a template").render(Some(&event))
    }

    #[test]
    fn names_are_replaced_wherever_they_stand() {
        let event = json!({ "a": { "b": 1.0 }, "list": ["x", null, 2], "off": false, "none": null });
        assert_eq!(render("{{a.b}}/{{ list }}/{{off}}/{{none}}/{{gone.x}}", event), "1/x,,2/false//");
    }

    #[test]
    fn a_path_may_begin_at_the_root() {
        assert_eq!(render("{{$.a}}{{{ $.a }}}", json!({ "a": "é" })), "éé");
    }

    #[test]
    fn nothing_is_escaped_and_nothing_is_rendered_twice() {
        assert_eq!(render("{{a}}", json!({ "a": "<i>&{{b}}", "b": "no" })), "<i>&{{b}}");
    }

    #[test]
    fn lone_braces_are_text() {
        assert_eq!(render("{a} {{}} {{a} {{a", json!({ "a": 1 })), "{a} {{}} {{a} {{a");
        assert_eq!(render("{{a}}} {{{a}}", json!({ "a": 1 })), "1} ");
    }

    #[test]
    fn a_placeholder_without_a_name_is_refused() {
        assert_eq!(Template::parse("x {{ [.] }}").err(), Some(Problem::Path { text: "[.]".to_owned() }));
    }
}
