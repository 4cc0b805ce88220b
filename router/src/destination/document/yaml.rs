//! YAML (and with it JSON) into a value and its marks: the only place of the router that knows the YAML library.

use std::collections::HashSet;

use serde_json::{Map, Value};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span as Scanned, StrInput, Tag, options};

use super::marks::{Location, Mark, Span};
use super::scalar;

/// More values than this in one file are refused.
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
    let mut builder = Builder { parser: Parser::new_from_str_with_options(text, options), text, left: MAX_VALUES };
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
            let message = format!("this goes more than {MAX_DEPTH} levels deep");
            return Err(Fault { span, message, help: None });
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Fault::new(span, format!("the file holds more than {MAX_VALUES} values"), "write several files")
        })?;
        let mut parts = Vec::new();
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse(span, anchor, tag.as_deref())?;
                if style == ScalarStyle::Plain {
                    scalar::plain(&text).map_err(|(message, how)| Fault::new(span, message, how))?
                } else {
                    Value::String(text.into_owned())
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse(span, anchor, tag.as_deref())?;
                Value::Array(self.list(&mut parts, depth)?)
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse(span, anchor, tag.as_deref())?;
                Value::Object(self.object(&mut parts, depth)?)
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) | Event::Anchor(..) => return Err(aliased(span)),
            _ => return Err(Fault { span, message: "a value was expected".into(), help: None }),
        };
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

    fn object(&mut self, parts: &mut Vec<Mark>, depth: usize) -> Result<Map<String, Value>, Fault> {
        let mut fields = Map::new();
        let mut seen: HashSet<Box<str>> = HashSet::new();
        loop {
            let (key, at) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(fields),
                (Event::Scalar(text, style, anchor, tag), span) => {
                    refuse(span, anchor, tag.as_deref())?;
                    if style == ScalarStyle::Plain && text == "<<" {
                        return Err(Fault::new(span, "merge keys are not read here", "write the fields out"));
                    }
                    (Box::<str>::from(text), span)
                }
                (_, span) => {
                    let how = "put a text that begins with { or [ in quotes";
                    return Err(Fault::new(span, "a key must be a text", how));
                }
            };
            if !seen.insert(key.clone()) {
                return Err(Fault::new(at, format!("{key:?} stands here twice"), "remove one of the two"));
            }
            let (event, span) = self.next()?;
            let (value, mark) = self.node(event, span, Some((key.clone(), at)), depth + 1)?;
            fields.insert(key.into_string(), value);
            parts.push(mark);
        }
    }
}

fn refuse(span: Span, anchor: usize, tag: Option<&Tag>) -> Result<(), Fault> {
    if anchor != 0 {
        Err(aliased(span))
    } else if tag.is_some() {
        Err(Fault::new(span, "tags (!) are not read here", "put a text that begins with ! in quotes"))
    } else {
        Ok(())
    }
}

fn aliased(span: Span) -> Fault {
    Fault::new(
        span,
        "anchors (&) and aliases (*) are not read here",
        "write the value out, or in quotes if a text is meant",
    )
}

fn span(scanned: &Scanned) -> Span {
    let at = location(scanned.start.line(), scanned.start.col());
    let one_line = scanned.start.line() == scanned.end.line();
    let width = if one_line { scanned.end.col().saturating_sub(scanned.start.col()) } else { 1 };
    Span { at, width: small(width.max(1)) }
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
