//! From the text of a body to its events: one pass, in which the text of each event is found and judged, and nothing is copied.

use std::borrow::Cow;

use super::fields::{Fields, object_like, written};
use super::refusal::{Problem, Refusal};
use super::scan::{Kind, Notes, Scanner, Syntax};
use super::{Limits, MAX_DEPTH};

/// The calls of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Track,
    Identify,
    Page,
    Screen,
    Group,
    Alias,
}

impl Call {
    pub(super) const ALL: [Self; 6] = [Self::Track, Self::Identify, Self::Page, Self::Screen, Self::Group, Self::Alias];

    /// As it stands in `type` and in the path.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Identify => "identify",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }
}

/// What a path takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One event, of the type that the path names.
    One(Call),
    /// `{"batch": [..]}`.
    Batch,
}

/// What a body says.
#[derive(Debug, Default)]
pub(super) struct Reading<'a> {
    /// What a batch says for all its events: JSON objects.
    pub(super) context: Option<&'a str>,
    pub(super) integrations: Option<&'a str>,
    /// When it was sent, by the client's clock: any JSON value.
    pub(super) sent_at: Option<&'a str>,
    pub(super) write_key: Option<Cow<'a, str>>,
    pub(super) events: Vec<Read<'a>>,
    /// How many more events there were than a batch may have.
    pub(super) beyond: usize,
}

/// An event as it was found.
#[derive(Debug)]
pub(super) struct Read<'a> {
    /// All of it.
    pub(super) json: &'a str,
    pub(super) verdict: Result<(), Refusal>,
    /// Its `messageId`, where it has one that can stay as it is.
    pub(super) id: Option<Cow<'a, str>>,
    /// What must be changed before it is kept.
    pub(super) mend: Mend<'a>,
    pub(super) write_key: Option<Cow<'a, str>>,
    /// `context.direct`: the request comes from the user's own device.
    pub(super) direct: bool,
}

/// What must be changed in an event before it is kept; most often nothing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mend<'a> {
    /// The type that it is to have.
    pub(super) call: Option<Call>,
    /// A `messageId` that is a number: its digits become the text.
    pub(super) number: Option<&'a str>,
    /// Half a surrogate pair may stand in it.
    pub(super) surrogate: bool,
}

/// Reads a body.
pub(super) fn read<'a>(text: &'a str, shape: Shape, limits: &Limits) -> Result<Reading<'a>, Problem> {
    let mut scanner = Scanner::new(text);
    let mut reading = match shape {
        Shape::One(call) => one(&mut scanner, call, limits),
        Shape::Batch => batch(&mut scanner, limits)?,
    }
    .map_err(|mistake| describe(text, mistake))?;
    scanner.end().map_err(|mistake| describe(text, mistake))?;
    if let Shape::One(_) = shape
        && let Some(event) = reading.events.first_mut()
    {
        reading.write_key = event.write_key.take();
    }
    Ok(reading)
}

fn one<'a>(scanner: &mut Scanner<'a>, call: Call, limits: &Limits) -> Result<Reading<'a>, Syntax> {
    // What is no object is no event, and no shape that the endpoint takes.
    let (event, sent_at) = event(scanner, Some(call), 0, limits)?;
    Ok(Reading { sent_at, events: vec![event], ..Reading::default() })
}

/// The outer result is about the shape, the inner about JSON; JSON goes first.
fn batch<'a>(scanner: &mut Scanner<'a>, limits: &Limits) -> Result<Result<Reading<'a>, Syntax>, Problem> {
    let mut reading = Reading::default();
    let mut list = false;
    let mut wrong = None;
    let scanned = scanner.object(|scanner, name| {
        match name {
            "batch" => {
                // The last one counts, as in JavaScript.
                (reading.events, reading.beyond) = (Vec::new(), 0);
                list = scanner.kind()? == Kind::Array;
                if !list {
                    scanner.value()?;
                    return Ok(());
                }
                scanner.array(|scanner| {
                    if reading.events.len() == limits.batch_events {
                        reading.beyond += 1;
                        return scanner.value().map(drop);
                    }
                    reading.events.push(event(scanner, None, 2, limits)?.0);
                    Ok(())
                })?;
            }
            "context" => reading.context = object(scanner, "context", &mut wrong)?,
            "integrations" => reading.integrations = object(scanner, "integrations", &mut wrong)?,
            "sentAt" => reading.sent_at = Some(scanner.value()?),
            "writeKey" => reading.write_key = written(scanner)?,
            _ => {
                scanner.value()?;
            }
        }
        Ok(())
    });
    if scanned.is_err() {
        return Ok(scanned.map(|_| reading));
    }
    if !list {
        return Err(Problem::Json("`batch` is to be a list of events".to_owned()));
    }
    if let Some(refusal) = wrong {
        return Err(Problem::Event(refusal));
    }
    Ok(Ok(reading))
}

/// An object of a batch, and what it must not be besides.
fn object<'a>(
    scanner: &mut Scanner<'a>,
    field: &'static str,
    wrong: &mut Option<Refusal>,
) -> Result<Option<&'a str>, Syntax> {
    scanner.take_notes();
    let (kind, value) = (scanner.kind()?, scanner.value()?);
    let notes = scanner.take_notes();
    *wrong = if notes.depth > MAX_DEPTH {
        Some(Refusal::TooDeep)
    } else if notes.infinite {
        Some(Refusal::NumberOutOfRange)
    } else if !object_like(kind, value) {
        Some(Refusal::WrongType(field))
    } else {
        *wrong
    };
    Ok((kind == Kind::Object).then_some(value))
}

/// `base` is how deep the event lies in the body.
fn event<'a>(
    scanner: &mut Scanner<'a>,
    call: Option<Call>,
    base: usize,
    limits: &Limits,
) -> Result<(Read<'a>, Option<&'a str>), Syntax> {
    scanner.take_notes();
    let mut fields = Fields::default();
    if scanner.kind()? != Kind::Object {
        let json = scanner.value()?;
        return Ok((fields.finish(json, Err(Refusal::NotAnObject), Notes::default()), None));
    }
    let json = scanner.object(|scanner, name| fields.field(scanner, name))?;
    let notes = scanner.take_notes();
    let verdict = if json.len() > limits.event_bytes {
        Err(Refusal::TooLarge)
    } else if notes.depth > MAX_DEPTH + base {
        Err(Refusal::TooDeep)
    } else if notes.infinite {
        Err(Refusal::NumberOutOfRange)
    } else {
        fields.judge(call)
    };
    let sent_at = fields.sent_at;
    Ok((fields.finish(json, verdict, notes), sent_at))
}

/// Says where a mistake is, as an editor would.
fn describe(text: &str, mistake: Syntax) -> Problem {
    let before = text.as_bytes().get(..mistake.at).unwrap_or_default();
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
    Problem::Json(format!("line {line}, column {column}: expected {}", mistake.expected))
}
