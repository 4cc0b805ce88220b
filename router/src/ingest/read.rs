//! From the text of a body to its events: one pass, in which the text of each event is found and judged, and nothing is copied.

use std::borrow::Cow;

use super::refusal::{Problem, Refusal};
use super::scan::{self, Kind, Notes, Scanner, Syntax};
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

/// What of an event's fields is needed to judge it.
#[derive(Debug, Default)]
struct Fields<'a> {
    kind: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    id_number: Option<&'a str>,
    user: Ident,
    anonymous: Ident,
    event: Ident,
    /// A field with a kind of value that it cannot have, one for each field that is looked at.
    wrong: [Option<&'static str>; 10],
    sent_at: Option<&'a str>,
    write_key: Option<Cow<'a, str>>,
    direct: bool,
    /// The type is the one that the path names.
    call: Option<Call>,
}

/// Whether there is an id or a name, of whatever kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Ident {
    /// No field, `null` or an empty text.
    #[default]
    Absent,
    There,
}

impl<'a> Fields<'a> {
    fn field(&mut self, scanner: &mut Scanner<'a>, name: &str) -> Result<(), Syntax> {
        match name {
            "type" => {
                self.kind = written(scanner)?;
            }
            "messageId" => {
                let (kind, value) = (scanner.kind()?, scanner.value()?);
                self.id = (kind == Kind::Text).then(|| scan::text(value)).filter(|id| !id.is_empty());
                self.id_number = (kind == Kind::Number).then_some(value);
                self.note(0, "messageId", matches!(kind, Kind::Text | Kind::Number | Kind::Null));
            }
            "userId" => self.user = self.ident(scanner, 1, "userId")?,
            "anonymousId" => self.anonymous = self.ident(scanner, 2, "anonymousId")?,
            "event" => self.event = self.ident(scanner, 3, "event")?,
            "groupId" => {
                self.ident(scanner, 4, "groupId")?;
            }
            "previousId" => {
                self.ident(scanner, 5, "previousId")?;
            }
            "context" => {
                if scanner.kind()? == Kind::Object {
                    self.direct = false;
                    self.note(6, "context", true);
                    scanner.object(|scanner, name| {
                        let value = scanner.value()?;
                        if name == "direct" {
                            self.direct = value == "true";
                        }
                        Ok(())
                    })?;
                } else {
                    self.shape(scanner, 6, "context")?;
                }
            }
            "integrations" => self.shape(scanner, 7, "integrations")?,
            "properties" => self.shape(scanner, 8, "properties")?,
            "traits" => self.shape(scanner, 9, "traits")?,
            "sentAt" => self.sent_at = Some(scanner.value()?),
            "writeKey" => self.write_key = written(scanner)?,
            _ => {
                scanner.value()?;
            }
        }
        Ok(())
    }

    /// Reads an id: a text, or a number that is going to be one.
    fn ident(&mut self, scanner: &mut Scanner<'a>, place: usize, field: &'static str) -> Result<Ident, Syntax> {
        let (kind, value) = (scanner.kind()?, scanner.value()?);
        self.note(place, field, matches!(kind, Kind::Text | Kind::Number | Kind::Null));
        Ok(if kind == Kind::Null || value == "\"\"" { Ident::Absent } else { Ident::There })
    }

    fn shape(&mut self, scanner: &mut Scanner<'a>, place: usize, field: &'static str) -> Result<(), Syntax> {
        let (kind, value) = (scanner.kind()?, scanner.value()?);
        self.note(place, field, object_like(kind, value));
        Ok(())
    }

    fn note(&mut self, place: usize, field: &'static str, right: bool) {
        if let Some(wrong) = self.wrong.get_mut(place) {
            *wrong = (!right).then_some(field);
        }
    }

    fn judge(&mut self, call: Option<Call>) -> Result<(), Refusal> {
        let written = self.kind.as_deref().map(|kind| Call::ALL.into_iter().find(|call| call.name() == kind));
        let call = match (call, written) {
            (Some(call), written) => {
                // The path says what it is.
                self.call = (written != Some(Some(call))).then_some(call);
                call
            }
            (None, None) => return Err(Refusal::NoType),
            (None, Some(None)) => return Err(Refusal::UnknownType),
            (None, Some(Some(call))) => call,
        };
        if let Some(field) = self.wrong.iter().flatten().next() {
            return Err(Refusal::WrongType(field));
        }
        if self.user == Ident::Absent && self.anonymous == Ident::Absent {
            return Err(Refusal::NoUser);
        }
        if call == Call::Track && self.event == Ident::Absent {
            return Err(Refusal::NoEventName);
        }
        Ok(())
    }

    fn finish(self, json: &'a str, verdict: Result<(), Refusal>, notes: Notes) -> Read<'a> {
        Read {
            json,
            verdict,
            id: self.id,
            mend: Mend { call: self.call, number: self.id_number, surrogate: notes.surrogate },
            write_key: self.write_key,
            direct: self.direct,
        }
    }
}

/// A text that is not empty; anything else is as good as absent.
fn written<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Cow<'a, str>>, Syntax> {
    let (kind, value) = (scanner.kind()?, scanner.value()?);
    Ok((kind == Kind::Text).then(|| scan::text(value)).filter(|text| !text.is_empty()))
}

/// An object, `null`, or the empty list that PHP makes of an empty map.
fn object_like(kind: Kind, value: &str) -> bool {
    match kind {
        Kind::Object | Kind::Null => true,
        Kind::Array => value.get(1..value.len() - 1).is_some_and(|inside| inside.trim_ascii().is_empty()),
        _ => false,
    }
}

/// Says where a mistake is, as an editor would.
fn describe(text: &str, mistake: Syntax) -> Problem {
    let before = text.as_bytes().get(..mistake.at).unwrap_or_default();
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
    Problem::Json(format!("line {line}, column {column}: expected {}", mistake.expected))
}
