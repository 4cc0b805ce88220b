//! The fields of an event by which it is judged.

use std::borrow::Cow;

use super::read::{Call, Mend, Read};
use super::refusal::Refusal;
use super::scan::{self, Kind, Notes, Scanner, Syntax};

/// What of an event's fields is needed to judge it.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    kind: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    id_number: Option<&'a str>,
    user: Ident,
    anonymous: Ident,
    event: Ident,
    /// A field with a kind of value that it cannot have, one for each field that is looked at.
    wrong: [Option<&'static str>; 10],
    pub(super) sent_at: Option<&'a str>,
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
    pub(super) fn field(&mut self, scanner: &mut Scanner<'a>, name: &str) -> Result<(), Syntax> {
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

    pub(super) fn judge(&mut self, call: Option<Call>) -> Result<(), Refusal> {
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

    pub(super) fn finish(self, json: &'a str, verdict: Result<(), Refusal>, notes: Notes) -> Read<'a> {
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
pub(super) fn written<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Cow<'a, str>>, Syntax> {
    let (kind, value) = (scanner.kind()?, scanner.value()?);
    Ok((kind == Kind::Text).then(|| scan::text(value)).filter(|text| !text.is_empty()))
}

/// An object, `null`, or the empty list that PHP makes of an empty map.
pub(super) fn object_like(kind: Kind, value: &str) -> bool {
    match kind {
        Kind::Object | Kind::Null => true,
        Kind::Array => value.get(1..value.len() - 1).is_some_and(|inside| inside.trim_ascii().is_empty()),
        _ => false,
    }
}
