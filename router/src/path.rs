//! The way to a value inside an event: `properties.products[0].sku`.

use serde_json::Value;
use std::fmt;

use crate::js;

/// A path taken apart once. Dots and brackets separate names, as in lodash; an empty path is the whole event.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Path {
    names: Box<[Name]>,
}

#[derive(Clone, PartialEq, Eq)]
struct Name {
    key: Box<str>,
    /// The name read as a place in an array or a string.
    index: Option<usize>,
}

/// What stands at the end of a path: most often a part of the event, sometimes a value that is only there in JavaScript
/// (`products.length`, a character of a string).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found<'v> {
    Nothing,
    Part(&'v Value),
    Made(Value),
}

impl Path {
    /// Reads a path, with or without its leading `$.`. `None` where it has separators but no name (`[.]`).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // The first `$.`, wherever it stands: that is what Segment's own reader drops.
        let text = match text.split_once("$.") {
            Some((before, after)) => &format!("{before}{after}"),
            None => text,
        };
        if text.is_empty() || text == "." {
            return Some(Self { names: Box::default() });
        }
        let path = Self::of_names(text.split(['.', '[', ']']).filter(|name| !name.is_empty()));
        (!path.names.is_empty()).then_some(path)
    }

    /// A path of names as they are; a name may hold dots.
    pub(crate) fn of_names<S: Into<Box<str>>>(names: impl Iterator<Item = S>) -> Self {
        let names = names.map(|name| {
            let key = name.into();
            Name { index: index(&key), key }
        });
        Self { names: names.collect() }
    }

    /// Walks from `start` to the end of the path.
    ///
    /// A value on the way that JavaScript holds for false (`null`, `false`, `0`, `""`) ends the walk and is what was found:
    /// Segment's mappings depend on it, for a parent that is null makes its children null and not absent.
    pub(crate) fn get<'v>(&self, start: Option<&'v Value>) -> Found<'v> {
        let Some(mut here) = start else { return Found::Nothing };
        for (at, name) in self.names.iter().enumerate() {
            here = match here {
                Value::Object(fields) => match fields.get(&*name.key) {
                    Some(value) => value,
                    None => return Found::Nothing,
                },
                Value::Array(items) => match name.index.and_then(|i| items.get(i)) {
                    Some(value) => value,
                    None => return self.made(at, (&*name.key == "length").then(|| items.len().into())),
                },
                other if !js::is_truthy(other) => return Found::Part(other),
                Value::String(text) => {
                    let mut units = text.encode_utf16();
                    let value = match name.index {
                        Some(i) => units.nth(i).map(|unit| String::from_utf16_lossy(&[unit]).into()),
                        None => (&*name.key == "length").then(|| units.count().into()),
                    };
                    return self.made(at, value);
                }
                _ => return Found::Nothing,
            };
        }
        Found::Part(here)
    }

    /// Whether it is the way to the start itself.
    pub(crate) fn is_whole(&self) -> bool {
        self.names.is_empty()
    }

    /// The first name.
    pub(crate) fn first(&self) -> Option<&str> {
        self.names.first().map(|name| &*name.key)
    }

    /// `length` and characters have nothing below them that a mapping could ask for.
    fn made<'v>(&self, at: usize, value: Option<Value>) -> Found<'v> {
        let last = at + 1 == self.names.len();
        value.filter(|_| last).map_or(Found::Nothing, Found::Made)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            f.write_str(&name.key)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({self})")
    }
}

/// `7` but neither `07` nor `+7`: those are names of fields.
fn index(key: &str) -> Option<usize> {
    let plain = key.bytes().all(|b| b.is_ascii_digit()) && (key == "0" || !key.starts_with('0'));
    if plain { key.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn get(path: &str, event: &Value) -> Option<Value> {
        match Path::parse(path).expect("a path").get(Some(event)) {
            Found::Nothing => None,
            Found::Part(value) => Some(value.clone()),
            Found::Made(value) => Some(value),
        }
    }

    #[test]
    fn names_are_separated_by_dots_and_brackets() {
        let event = json!({ "cart": { "lines": [{ "sku": "a" }, { "sku": "b" }] } });
        for path in ["$.cart.lines[1].sku", "cart.lines.1.sku", "cart[lines][1][sku]", "$.cart..lines[1].sku"] {
            assert_eq!(get(path, &event), Some(json!("b")), "{path}");
        }
        assert_eq!(get("cart.lines[2].sku", &event), None);
        assert_eq!(get("cart.lines[01]", &event), None);
    }

    #[test]
    fn an_empty_path_is_the_event() {
        let event = json!({ "a": 1 });
        for path in ["", ".", "$."] {
            assert_eq!(get(path, &event), Some(event.clone()), "{path:?}");
        }
        assert!(Path::parse("[]").is_none());
    }

    #[test]
    fn a_parent_that_is_null_or_false_stands_for_its_children() {
        let event = json!({ "page": null, "flag": false, "n": 0, "text": "", "seven": 7 });
        assert_eq!(get("page.url.host", &event), Some(json!(null)));
        assert_eq!(get("flag.x", &event), Some(json!(false)));
        assert_eq!(get("n.x", &event), Some(json!(0)));
        assert_eq!(get("text.x", &event), Some(json!("")));
        assert_eq!(get("seven.x", &event), None);
        assert_eq!(get("absent.x", &event), None);
    }

    #[test]
    fn lengths_and_characters_are_found_as_javascript_finds_them() {
        let event = json!({ "list": [1, 2, 3], "word": "añb" });
        assert_eq!(get("list.length", &event), Some(json!(3)));
        assert_eq!(get("word.length", &event), Some(json!(3)));
        assert_eq!(get("word[1]", &event), Some(json!("ñ")));
        assert_eq!(get("word[9]", &event), None);
        assert_eq!(get("word.size", &event), None);
        assert_eq!(get("list.length.x", &event), None);
    }

    #[test]
    fn names_given_apart_may_hold_dots() {
        let path = Path::of_names(["a.b", "c"].into_iter());
        assert_eq!(path.get(Some(&json!({ "a.b": { "c": 1 } }))), Found::Part(&json!(1)));
    }
}
