//! The tags, blocks and filters of `@liquid`: those that Segment leaves on and this engine has, and three written here because
//! the engine's own let a template of a thousand characters fill the memory.

use liquid_core::error::Error;
use liquid_core::parser::{FilterArguments, ParameterReflection, ParseBlock, ParseFilter, ParseTag};
use liquid_core::{Expression, Filter, FilterReflection, Language, Result, Runtime, Value, ValueView};
use liquid_lib::stdlib;
use std::fmt;
use std::io::{self, Write};

/// The longest text that a variable or a filter may make, in bytes.
pub(super) const MAX_TEXT: usize = 256 * 1024;

/// All that a template may use. What is missing here is unknown to the parser, and refused when the mapping is loaded.
pub(super) fn language() -> Language {
    let mut language = Language::empty();
    let tags: [Box<dyn ParseTag>; 4] =
        [stdlib::AssignTag.into(), stdlib::CycleTag.into(), stdlib::IncrementTag.into(), stdlib::DecrementTag.into()];
    for tag in tags {
        language.tags.register(tag.reflection().tag().to_owned(), tag);
    }
    let blocks: [Box<dyn ParseBlock>; 5] = [
        stdlib::IfBlock.into(),
        stdlib::UnlessBlock.into(),
        stdlib::CaptureBlock.into(),
        stdlib::CommentBlock.into(),
        stdlib::RawBlock.into(),
    ];
    for block in blocks {
        language.blocks.register(block.reflection().start_tag().to_owned(), block);
    }
    for filter in filters() {
        language.filters.register(filter.reflection().name().to_owned(), filter);
    }
    language
}

fn filters() -> Vec<Box<dyn ParseFilter>> {
    vec![
        stdlib::Abs.into(),
        stdlib::Append.into(),
        stdlib::AtLeast.into(),
        stdlib::AtMost.into(),
        stdlib::Capitalize.into(),
        stdlib::Ceil.into(),
        stdlib::Compact.into(),
        stdlib::Default.into(),
        stdlib::DividedBy.into(),
        stdlib::Downcase.into(),
        stdlib::Escape.into(),
        stdlib::EscapeOnce.into(),
        stdlib::First.into(),
        stdlib::Floor.into(),
        stdlib::Last.into(),
        stdlib::Lstrip.into(),
        stdlib::Minus.into(),
        stdlib::Modulo.into(),
        stdlib::Plus.into(),
        stdlib::Prepend.into(),
        stdlib::Remove.into(),
        stdlib::RemoveFirst.into(),
        stdlib::ReplaceFirst.into(),
        stdlib::Round.into(),
        stdlib::Rstrip.into(),
        stdlib::Size.into(),
        stdlib::Slice.into(),
        stdlib::Split.into(),
        stdlib::Strip.into(),
        stdlib::StripHtml.into(),
        stdlib::StripNewlines.into(),
        stdlib::Times.into(),
        stdlib::Truncate.into(),
        stdlib::TruncateWords.into(),
        stdlib::Upcase.into(),
        stdlib::UrlDecode.into(),
        stdlib::UrlEncode.into(),
        stdlib::Where.into(),
        Ours { name: "date", parameters: 1, make: date }.into(),
        Ours { name: "join", parameters: 1, make: |of| Ok(Box::new(Bounded { name: "join", of, run: join })) }.into(),
        Ours { name: "replace", parameters: 2, make: |of| Ok(Box::new(Bounded { name: "replace", of, run: replace })) }
            .into(),
    ]
}

/// A filter made from its arguments.
#[derive(Clone, Copy)]
struct Ours {
    name: &'static str,
    /// How many arguments there are at most.
    parameters: usize,
    make: fn(Vec<Expression>) -> Result<Box<dyn Filter>>,
}

impl FilterReflection for Ours {
    fn name(&self) -> &str {
        self.name
    }

    fn description(&self) -> &str {
        ""
    }

    fn positional_parameters(&self) -> &'static [ParameterReflection] {
        &[]
    }

    fn keyword_parameters(&self) -> &'static [ParameterReflection] {
        &[]
    }
}

impl ParseFilter for Ours {
    fn parse(&self, mut arguments: FilterArguments<'_>) -> Result<Box<dyn Filter>> {
        let arguments_: Vec<Expression> = arguments.positional.collect();
        if arguments_.len() > self.parameters || arguments.keyword.next().is_some() {
            return Err(Error::with_msg(format!(
                "the filter {:?} has at most {} arguments",
                self.name, self.parameters
            )));
        }
        (self.make)(arguments_)
    }

    fn reflection(&self) -> &dyn FilterReflection {
        self
    }
}

/// The engine pads a date to any width it is told, so the format must be written in the template and have none worth mention.
fn date(of: Vec<Expression>) -> Result<Box<dyn Filter>> {
    let format = match of.first() {
        Some(Expression::Literal(format)) => format.to_kstr().into_owned(),
        _ => return Err(Error::with_msg("the filter \"date\" needs a format that is written in the template")),
    };
    let digits =
        |part: &str| part.trim_start_matches(['-', '_', '^', '#', ':']).bytes().take_while(u8::is_ascii_digit).count();
    if format.split('%').skip(1).any(|part| digits(part) > 2) {
        return Err(Error::with_msg("a width in the format of a date has at most two digits"));
    }
    let arguments = FilterArguments { positional: Box::new(of.into_iter()), keyword: Box::new(std::iter::empty()) };
    Ok(Box::new(Date { inner: stdlib::Date.parse(arguments)? }))
}

/// The engine's dates without its clock: what is sent for an event is the same whenever it is sent.
#[derive(Debug)]
struct Date {
    inner: Box<dyn Filter>,
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Filter for Date {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<Value> {
        match input.to_kstr().trim() {
            now if now.eq_ignore_ascii_case("now") || now.eq_ignore_ascii_case("today") => {
                Err(Error::with_msg("there is no clock here: format a time of the event, like its timestamp"))
            }
            text => match iso_8601(text).map(Value::scalar).filter(is_date) {
                Some(date) => self.inner.evaluate(&date, runtime),
                None => self.inner.evaluate(input, runtime),
            },
        }
    }
}

fn is_date(value: &Value) -> bool {
    value.as_scalar().is_some_and(|scalar| scalar.to_date_time().is_some())
}

/// The engine reads many forms of dates, but not the one that events have.
fn iso_8601(text: &str) -> Option<String> {
    let (date, rest) = text.split_at_checked(10)?;
    let digit = |(i, b): (usize, u8)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() };
    if !date.bytes().enumerate().all(digit) {
        return None;
    }
    if rest.is_empty() {
        return Some(format!("{date} 00:00:00 +0000"));
    }
    let rest = rest.strip_prefix(['T', 't'])?;
    let (time, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len()));
    let seconds = if time.len() == 5 { ":00" } else { "" };
    let zone = match zone {
        "" | "Z" | "z" => "+0000".to_owned(),
        offset => offset.replace(':', ""),
    };
    Some(format!("{date} {time}{seconds} {zone}"))
}

/// A filter that makes a text no longer than [`MAX_TEXT`].
#[derive(Debug)]
struct Bounded {
    name: &'static str,
    of: Vec<Expression>,
    run: fn(&dyn ValueView, &[String], &mut Limited) -> io::Result<()>,
}

impl fmt::Display for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Filter for Bounded {
    fn evaluate(&self, input: &dyn ValueView, runtime: &dyn Runtime) -> Result<Value> {
        let argument = |of: &Expression| Ok(of.evaluate(runtime)?.to_kstr().as_str().to_owned());
        let arguments = self.of.iter().map(argument).collect::<Result<Vec<String>>>()?;
        let mut out = Limited::new();
        match (self.run)(input, &arguments, &mut out) {
            Ok(()) => Ok(Value::scalar(out.into_text())),
            Err(_) => Err(Error::with_msg(format!("the filter {:?} makes more than {MAX_TEXT} bytes", self.name))),
        }
    }
}

fn join(input: &dyn ValueView, arguments: &[String], out: &mut Limited) -> io::Result<()> {
    let separator = arguments.first().map_or(" ", String::as_str);
    let Some(items) = input.as_array() else { return out.write_all(input.to_kstr().as_bytes()) };
    for (i, item) in items.values().enumerate() {
        if i > 0 {
            out.write_all(separator.as_bytes())?;
        }
        out.write_all(item.to_kstr().as_bytes())?;
    }
    Ok(())
}

fn replace(input: &dyn ValueView, arguments: &[String], out: &mut Limited) -> io::Result<()> {
    let text = input.to_kstr();
    let search = arguments.first().map_or("", String::as_str);
    let with = arguments.get(1).map_or("", String::as_str);
    for (i, part) in text.split(search).enumerate() {
        if i > 0 {
            out.write_all(with.as_bytes())?;
        }
        out.write_all(part.as_bytes())?;
    }
    Ok(())
}

/// A text that takes no more than [`MAX_TEXT`] bytes.
#[derive(Debug, Default)]
pub(super) struct Limited {
    bytes: Vec<u8>,
    full: bool,
}

impl Limited {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn into_text(self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > MAX_TEXT {
            self.full = true;
            return Err(io::Error::other("too much text"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
