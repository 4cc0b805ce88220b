//! YAML into a tree whose every node knows its line: the only place that knows the YAML library.
//!
//! A tape is strict and bounded YAML: one document, no anchors, no aliases, no tags, no directives, no key twice. The tree is
//! built from the parser's events and not by serde, because a body written as JSON needs what serde does not hand on: whether a
//! scalar was quoted, and the digits of a number as they were written.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag, options};

use super::error::{At, Problem};

/// More values than this in one tape are refused.
const MAX_VALUES: usize = 4_000_000;
/// Deeper nesting than this is refused. What is written stays far below.
const MAX_DEPTH: usize = 128;
/// From this many keys on, a map's keys are compared by hash.
const MANY_KEYS: usize = 16;

/// One value of the file.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) place: Place,
    pub(super) kind: Kind<'a>,
}

/// What a [`Node`] is.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    Scalar(Scalar<'a>),
    Seq(Vec<Node<'a>>),
    Map(Vec<(Key<'a>, Node<'a>)>),
}

/// A scalar and whether it stood without quotes.
#[derive(Debug)]
pub(super) struct Scalar<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) plain: bool,
}

/// The key of a map; only scalars can be one.
#[derive(Debug)]
pub(super) struct Key<'a> {
    pub(super) place: Place,
    pub(super) text: Cow<'a, str>,
}

/// Line and column, both from 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Place {
    pub(super) fn err(self, problem: Problem) -> At {
        At { line: self.line, column: self.column, problem }
    }
}

impl Node<'_> {
    /// What it is, for error texts.
    pub(super) fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(scalar) if scalar.is_null() => "nothing",
            Kind::Scalar(_) => "a single value",
            Kind::Seq(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}

impl Scalar<'_> {
    /// Whether it says that there is no value. The parser gives `~` where nothing stands at all.
    pub(super) fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_ref(), "" | "~" | "null")
    }
}

/// Reads one document. Texts that need no unescaping are borrowed.
pub(super) fn parse(text: &str) -> Result<Node<'_>, At> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = options! {
        disallow_directives: true,
        emit_comments: false,
        block_nesting_limit: MAX_DEPTH,
        flow_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder { parser: Parser::new_from_str_with_options(text, options), left: MAX_VALUES };
    let mut root = None;
    loop {
        let (event, place) = builder.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            _ if root.is_some() => return Err(place.err(Problem::Unsupported("several documents"))),
            event => root = Some(builder.node(event, place)?),
        }
    }
    root.ok_or_else(|| Place { line: 1, column: 1 }.err(Problem::Syntax("the file is empty".to_owned())))
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    left: usize,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Place), At> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place(&span))),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, Place { line: 1, column: 1 })),
        }
    }

    /// Depth is bounded by the parser's options, and with it the recursion.
    fn node(&mut self, event: Event<'a>, place: Place) -> Result<Node<'a>, At> {
        self.left = self.left.checked_sub(1).ok_or_else(|| place.err(Problem::TooManyValues(MAX_VALUES)))?;
        let kind = match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse(place, anchor, tag.as_deref())?;
                Kind::Scalar(Scalar { text, plain: style == ScalarStyle::Plain })
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse(place, anchor, tag.as_deref())?;
                Kind::Seq(self.seq()?)
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse(place, anchor, tag.as_deref())?;
                Kind::Map(self.map()?)
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) | Event::Anchor(..) => {
                return Err(place.err(Problem::Unsupported("anchors and aliases")));
            }
            _ => return Err(place.err(Problem::Syntax("a value was expected".to_owned()))),
        };
        Ok(Node { place, kind })
    }

    fn seq(&mut self) -> Result<Vec<Node<'a>>, At> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, place) => items.push(self.node(event, place)?),
            }
        }
    }

    fn map(&mut self) -> Result<Vec<(Key<'a>, Node<'a>)>, At> {
        let mut entries = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, style, anchor, tag), place) => {
                    refuse(place, anchor, tag.as_deref())?;
                    if style == ScalarStyle::Plain && text == "<<" {
                        return Err(place.err(Problem::Unsupported("merge keys")));
                    }
                    Key { place, text }
                }
                (_, place) => return Err(place.err(Problem::Unsupported("keys that are no text"))),
            };
            let (event, place) = self.next()?;
            entries.push((key, self.node(event, place)?));
        }
        no_key_twice(&entries)?;
        Ok(entries)
    }
}

fn no_key_twice(entries: &[(Key<'_>, Node<'_>)]) -> Result<(), At> {
    let twice = |key: &Key<'_>| key.place.err(Problem::Duplicate(key.text.to_string()));
    if entries.len() < MANY_KEYS {
        for (i, (key, _)) in entries.iter().enumerate() {
            if entries[..i].iter().any(|(earlier, _)| earlier.text == key.text) {
                return Err(twice(key));
            }
        }
    } else {
        let mut seen = HashSet::with_capacity(entries.len());
        for (key, _) in entries {
            if !seen.insert(key.text.as_ref()) {
                return Err(twice(key));
            }
        }
    }
    Ok(())
}

fn refuse(place: Place, anchor: usize, tag: Option<&Tag>) -> Result<(), At> {
    if anchor != 0 {
        Err(place.err(Problem::Unsupported("anchors and aliases")))
    } else if tag.is_some() {
        Err(place.err(Problem::Unsupported("tags")))
    } else {
        Ok(())
    }
}

fn place(span: &Span) -> Place {
    at(span.start.line(), span.start.col())
}

fn at(line: usize, col: usize) -> Place {
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { line: small(line), column: small(col + 1) }
}

fn syntax(error: &ScanError) -> At {
    at(error.marker().line(), error.marker().col()).err(Problem::Syntax(error.info()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Problem {
        parse(text).unwrap_err().problem
    }

    #[test]
    fn keeps_digits_quotes_and_places() {
        let root = parse("a: 1.0\nb:\n- '1.0'\n").unwrap();
        let Kind::Map(entries) = root.kind else { panic!("a map") };
        let Kind::Scalar(a) = &entries[0].1.kind else { panic!("a scalar") };
        assert_eq!((a.text.as_ref(), a.plain), ("1.0", true));
        let Kind::Seq(items) = &entries[1].1.kind else { panic!("a list") };
        let Kind::Scalar(b) = &items[0].kind else { panic!("a scalar") };
        assert_eq!((b.text.as_ref(), b.plain), ("1.0", false));
        assert_eq!((items[0].place.line, items[0].place.column), (3, 3));
    }

    #[test]
    fn r57_nothing_but_plain_data_is_read() {
        assert_eq!(problem("a: &x 1\nb: *x\n"), Problem::Unsupported("anchors and aliases"));
        assert_eq!(problem("a: !!python/object/apply:os.system [x]\n"), Problem::Unsupported("tags"));
        assert_eq!(problem("a: {<<: {b: 1}}\n"), Problem::Unsupported("merge keys"));
        assert_eq!(problem("a: 1\n---\nb: 1\n"), Problem::Unsupported("several documents"));
        assert_eq!(problem("{[a]: 1}\n"), Problem::Unsupported("keys that are no text"));
        assert!(matches!(problem("%YAML 1.2\n---\na: 1\n"), Problem::Syntax(_)));
        assert!(matches!(problem("a: *nowhere\n"), Problem::Syntax(_)));
        assert!(matches!(problem(&"[".repeat(100_000)), Problem::Syntax(_)));
        assert!(matches!(problem(&"- ".repeat(100_000)), Problem::Syntax(_)));
        assert!(matches!(problem(""), Problem::Syntax(_)));
    }

    #[test]
    fn no_key_stands_twice_at_any_depth() {
        assert_eq!(problem("a: {b: 1, 'b': 2}\n"), Problem::Duplicate("b".into()));
        let many: String = (0..100).map(|i| format!("k{i}: 1\n")).collect();
        assert!(parse(&many).is_ok());
        assert_eq!(problem(&format!("{many}k7: 1\n")), Problem::Duplicate("k7".into()));
    }
}
