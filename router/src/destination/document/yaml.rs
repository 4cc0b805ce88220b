//! YAML (and with it JSON) into a value and its marks: the only place of the router that knows the YAML library.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use serde_saphyr::granit_parser::{
    Event, Parser, ScalarStyle, ScanError, Span as Scanned, StrInput, StructureStyle, Tag, options,
};

use super::marks::{Location, Mark, Span};
use super::scalar;

/// More values than this in one file are refused, those that aliases repeat included.
const MAX_VALUES: usize = 500_000;
/// Deeper nesting than this is refused, and with it the recursion bounded.
pub(super) const MAX_DEPTH: usize = 64;

/// What is wrong with a text, where, and how to mend it.
pub(super) struct Fault {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Fault {
    fn new(span: Span, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: Some(help.into()) }
    }
}

/// Reads one document.
pub(super) fn parse(text: &str) -> Result<(Value, Mark), Fault> {
    let options = options! {
        disallow_directives: true,
        emit_comments: false,
        // One more than ours, so that ours speaks first.
        block_nesting_limit: MAX_DEPTH + 1,
        flow_nesting_limit: MAX_DEPTH + 1,
    };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { parser, text, left: MAX_VALUES, anchored: HashMap::new() };
    let mut root = None;
    loop {
        let (event, span) = builder.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) if root.is_none() => {}
            Event::StreamEnd => break,
            _ if root.is_some() => {
                return Err(Fault::new(span, "a second document begins here", "write one file for each"));
            }
            event => root = Some(builder.node(event, span, None, 0)?),
        }
    }
    root.ok_or_else(|| Fault { span: Span::point(Location::START), message: "the file is empty".into(), help: None })
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a str,
    left: usize,
    /// What aliases may repeat, by the parser's numbers.
    anchored: HashMap<usize, Anchored>,
}

struct Anchored {
    value: Value,
    mark: Mark,
    values: usize,
    depth: usize,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, scanned))) => Ok((event, span(&scanned))),
            Some(Err(error)) => Err(syntax(&error, self.text)),
            None => Ok((Event::StreamEnd, Span::point(Location::START))),
        }
    }

    fn node(
        &mut self,
        event: Event<'a>,
        span: Span,
        key: Option<(Box<str>, Span)>,
        depth: usize,
    ) -> Result<(Value, Mark), Fault> {
        if depth > MAX_DEPTH {
            return Err(too_deep(span));
        }
        self.take(1, span)?;
        let mut parts = Vec::new();
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                no_tag(span, tag.as_deref())?;
                let value = if style == ScalarStyle::Plain {
                    scalar::plain(&text).map_err(|(message, how)| Fault::new(span, message, how))?
                } else {
                    Value::String(text.into_owned())
                };
                (value, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                no_tag(span, tag.as_deref())?;
                (Value::Array(self.list(&mut parts, depth)?), anchor)
            }
            Event::MappingStart(style, anchor, tag) => {
                no_tag(span, tag.as_deref())?;
                (Value::Object(self.object(&mut parts, depth, style == StructureStyle::Flow)?), anchor)
            }
            Event::Alias(anchor) => return self.alias(anchor, span, key, depth),
            _ => return Err(Fault { span, message: "a value was expected".into(), help: None }),
        };
        let mark = Mark { key, value: span, parts };
        if anchor != 0 {
            let (values, depth) = mark.size();
            self.take(values, span)?;
            self.anchored.insert(anchor, Anchored { value: value.clone(), mark: mark.clone(), values, depth });
        }
        Ok((value, mark))
    }

    fn take(&mut self, values: usize, span: Span) -> Result<(), Fault> {
        let left = self.left.checked_sub(values);
        self.left = left.ok_or_else(|| {
            Fault::new(span, format!("the file holds more than {MAX_VALUES} values"), "write several files")
        })?;
        Ok(())
    }

    /// What stands at the anchor; its parts keep the places where they are written.
    fn alias(
        &mut self,
        anchor: usize,
        span: Span,
        key: Option<(Box<str>, Span)>,
        depth: usize,
    ) -> Result<(Value, Mark), Fault> {
        let Some(found) = self.anchored.get(&anchor) else {
            return Err(Fault::new(span, "this alias stands inside of what it repeats", "write the value out"));
        };
        if depth + found.depth > MAX_DEPTH {
            return Err(too_deep(span));
        }
        let (value, parts, values) = (found.value.clone(), found.mark.parts.clone(), found.values);
        self.take(values, span)?;
        Ok((value, Mark { key, value: span, parts }))
    }

    fn list(&mut self, parts: &mut Vec<Mark>, depth: usize) -> Result<Vec<Value>, Fault> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(items);
            }
            let (value, mark) = self.node(event, span, None, depth + 1)?;
            items.push(value);
            parts.push(mark);
        }
    }

    fn object(&mut self, parts: &mut Vec<Mark>, depth: usize, in_braces: bool) -> Result<Map<String, Value>, Fault> {
        let mut fields = Map::new();
        let mut written: HashSet<Box<str>> = HashSet::new();
        loop {
            let (key, at, plain) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(fields),
                (Event::Scalar(text, style, anchor, tag), span) => {
                    no_tag(span, tag.as_deref())?;
                    if anchor != 0 {
                        return Err(Fault::new(span, "a key has no anchor", "put the anchor before the value"));
                    }
                    (Box::<str>::from(text), span, style == ScalarStyle::Plain)
                }
                (_, span) => {
                    let how = "put a text that begins with { or [ in quotes";
                    return Err(Fault::new(span, "a key must be a text", how));
                }
            };
            if !written.insert(key.clone()) {
                return Err(Fault::new(at, format!("{key:?} stands here twice"), "remove one of the two"));
            }
            let (event, span) = self.next()?;
            // Most often the rest of a text with a comma in it.
            if in_braces && span.width == 0 && matches!(event, Event::Scalar(..)) {
                let help = "put a text with a comma in it in quotes, or write null";
                return Err(Fault::new(at, format!("{key:?} has no value"), help));
            }
            let (value, mark) = self.node(event, span, Some((key.clone(), at)), depth + 1)?;
            if plain && &*key == "<<" {
                merge(value, mark, &mut fields, parts)?;
            } else if fields.insert(key.into_string(), value).is_none() {
                parts.push(mark);
            } else if let Some(merged) = parts.iter_mut().find(|part| part.key_text() == mark.key_text()) {
                *merged = mark;
            }
        }
    }
}

/// `<<`: the fields of another map (or of several, the first before the next) where this one has none of the name.
fn merge(value: Value, mark: Mark, fields: &mut Map<String, Value>, parts: &mut Vec<Mark>) -> Result<(), Fault> {
    match value {
        Value::Object(merged) => {
            for ((name, value), mark) in merged.into_iter().zip(mark.parts) {
                if !fields.contains_key(&name) {
                    fields.insert(name, value);
                    parts.push(mark);
                }
            }
            Ok(())
        }
        Value::Array(several) if several.iter().all(Value::is_object) => {
            several.into_iter().zip(mark.parts).try_for_each(|(value, mark)| merge(value, mark, fields, parts))
        }
        _ => Err(Fault::new(mark.value, "<< merges a map into this one", "write an alias of a map: <<: *name")),
    }
}

fn no_tag(span: Span, tag: Option<&Tag>) -> Result<(), Fault> {
    match tag {
        Some(_) => Err(Fault::new(span, "tags (!) are not read here", "put a text that begins with ! in quotes")),
        None => Ok(()),
    }
}

fn too_deep(span: Span) -> Fault {
    Fault { span, message: format!("this goes more than {MAX_DEPTH} levels deep"), help: None }
}

fn span(scanned: &Scanned) -> Span {
    let at = location(scanned.start.line(), scanned.start.col());
    let one_line = scanned.start.line() == scanned.end.line();
    let width = if one_line { scanned.end.col().saturating_sub(scanned.start.col()) } else { 1 };
    // What is not written takes no room.
    Span { at, width: small(width) }
}

fn location(line: usize, column: usize) -> Location {
    Location { line: small(line), column: small(column + 1) }
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// What the parser says, and what people most often meant to write there.
fn syntax(error: &ScanError, text: &str) -> Fault {
    let at = location(error.marker().line(), error.marker().col());
    let message = error.info();
    let line = text.lines().nth(error.marker().line().saturating_sub(1)).unwrap_or_default();
    let help = if message.contains("unexpected character: `@'") || message.contains("unexpected character: ``'") {
        Some("put names and texts that begin with @ or ` in quotes")
    } else if message.contains("mapping values are not allowed") {
        Some("put a text that has \": \" in it in quotes")
    } else if message.contains("tabs disallowed") {
        Some("indent with spaces")
    } else if message.contains("unknown escape") {
        Some("in single quotes, \\ is itself")
    } else if line.contains("${") || line.contains("{{") {
        Some("between { } and between [ ], put texts with { or [ in quotes")
    } else {
        None
    };
    Fault { span: Span::point(at), message: format!("this is no YAML: {message}"), help: help.map(str::to_owned) }
}
