//! Whole messages: learning what they hold, and hiding it.

use bytes::Bytes;

use super::body::{Form, part_lengths};
use super::book::Book;
use super::edit::{self, Edits, apply};
use super::fields::{Field, Finder};
use super::rule::RuleSet;
use super::scan::{self, Spelling};
use super::{names, placeholder};
use crate::codec::coding::{self, NotDecoded};
use crate::tape::{Answer, Body, Headers, Request};

/// Compressed bodies are looked into up to this size.
const DECODED_LIMIT: u64 = 256 << 20;

/// A message without secrets, and what a reader of the tape must know of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redacted<T> {
    /// The message.
    pub(crate) message: T,
    /// A digest that no longer fits, a body that could not be looked into. For `Recorded::notes`.
    pub(crate) notes: Vec<String>,
}

/// A body with its content codings undone.
pub(super) struct Plain<'a> {
    pub(super) bytes: std::borrow::Cow<'a, [u8]>,
    pub(super) codings: Vec<coding::Coding>,
    /// Why it could not be looked into.
    pub(super) opaque: Option<NotDecoded>,
}

impl<'a> Plain<'a> {
    pub(super) fn of(headers: &Headers, body: &'a Bytes) -> Self {
        let as_it_is = |opaque| Self { bytes: body.as_ref().into(), codings: Vec::new(), opaque };
        if headers.first("content-encoding").is_none() || body.is_empty() {
            return as_it_is(None);
        }
        match coding::decode(headers.all("content-encoding"), body, DECODED_LIMIT) {
            Ok(decoded) => Self { bytes: decoded.bytes.into(), codings: decoded.codings, opaque: None },
            // Servers often name a coding that the body does not have.
            Err(NotDecoded::Empty | NotDecoded::Invalid { .. }) => as_it_is(None),
            Err(opaque) => as_it_is(Some(opaque)),
        }
    }
}

/// The rules and the book, while a message is looked at.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) book: &'a Book,
}

impl View<'_> {
    pub(super) fn request_fields(&self, request: &Request) -> Vec<Field> {
        let mut finder = Finder::new(self.rules, self.book);
        finder.url(request.url.as_bytes());
        self.headers_into(&mut finder, &request.headers);
        self.body_into(&mut finder, &request.headers, &request.body);
        self.headers_into(&mut finder, &request.trailers);
        finder.out
    }

    pub(super) fn answer_fields(&self, answer: &Answer) -> Vec<Field> {
        let mut finder = Finder::new(self.rules, self.book);
        if let Some(url) = &answer.url {
            finder.url(url.as_bytes());
        }
        self.headers_into(&mut finder, &answer.headers);
        self.body_into(&mut finder, &answer.headers, &answer.body);
        self.headers_into(&mut finder, &answer.trailers);
        let mut fields = finder.out;
        fields.extend(answer.transcript.iter().flat_map(|transcript| self.transcript_fields(transcript)));
        fields
    }

    fn headers_into(&self, finder: &mut Finder<'_>, headers: &Headers) {
        for (name, value) in headers.iter() {
            finder.header(name, value);
        }
    }

    fn body_into(&self, finder: &mut Finder<'_>, headers: &Headers, body: &Body) {
        if let Some(bytes) = body.bytes() {
            let plain = Plain::of(headers, bytes);
            finder.body(&plain.bytes, 0..plain.bytes.len(), &Form::of(&plain.bytes, headers.text("content-type")));
        }
    }

    pub(super) fn request(&self, request: &Request) -> Redacted<Request> {
        let mut notes = Vec::new();
        let mut message = request.clone();
        message.url = self.url(&request.url);
        self.headers(&mut message.headers);
        self.headers(&mut message.trailers);
        self.body(&mut message.headers, &request.headers, &mut message.body, &mut Vec::new(), &mut notes);
        if message.url != request.url {
            digest_notes(&request.headers, "the URL", &mut notes);
        }
        Redacted { message, notes }
    }

    pub(super) fn answer(&self, answer: &Answer) -> Redacted<Answer> {
        let mut notes = Vec::new();
        let mut message = answer.clone();
        message.url = answer.url.as_deref().map(|url| self.url(url));
        message.reason = answer.reason.as_deref().map(|reason| self.text(reason));
        self.headers(&mut message.headers);
        self.headers(&mut message.trailers);
        let Answer { headers, body, frames, .. } = &mut message;
        self.body(headers, &answer.headers, body, frames, &mut notes);
        if let Some(transcript) = &mut message.transcript {
            self.transcript(transcript);
        }
        Redacted { message, notes }
    }

    pub(super) fn url(&self, url: &str) -> String {
        let mut finder = Finder::new(self.rules, self.book);
        finder.url(url.as_bytes());
        match self.rewrite(url.as_bytes(), finder.out, Spelling::Url) {
            edits if edits.is_empty() => url.to_owned(),
            edits => lossy(apply(url.as_bytes(), &edits)),
        }
    }

    pub(super) fn text(&self, text: &str) -> String {
        scan::replaced(self.book, text.as_bytes(), Spelling::Raw).map_or_else(|| text.to_owned(), lossy)
    }

    fn headers(&self, headers: &mut Headers) {
        for (name, value) in headers.iter_mut() {
            let mut finder = Finder::new(self.rules, self.book);
            finder.header(name, value);
            let edits = self.rewrite(value, finder.out, Spelling::Header);
            if !edits.is_empty() {
                *value = apply(value, &edits).into();
            }
        }
    }

    /// The edits that hide the fields, and every known value between them.
    pub(super) fn rewrite(&self, text: &[u8], mut fields: Vec<Field>, spelling: Spelling) -> Edits {
        fields.sort_by_key(|field| field.span.start);
        let mut edits = Edits::new();
        let mut at = 0;
        for field in fields {
            if field.span.start < at {
                continue;
            }
            let Some(with) = self.instead_of(&field) else { continue };
            edits.extend(scan::edits(self.book, text, at..field.span.start, spelling));
            at = field.span.end;
            if text[field.span.clone()] != *with {
                edits.push(edit::Edit { span: field.span, with, hides: true });
            }
        }
        edits.extend(scan::edits(self.book, text, at..text.len(), spelling));
        edits
    }

    fn instead_of(&self, field: &Field) -> Option<Vec<u8>> {
        if let Some(name) = placeholder::whole(&field.value) {
            return Some(placeholder::written(&name).into_bytes());
        }
        if let Some(dummy) = &field.dummy {
            return Some(spell_dummy(dummy, field.spelling));
        }
        let shown = self.book.shown(&field.value)?;
        Some(field.spelling.spell(shown.text().as_bytes()))
    }

    fn body(
        &self,
        headers: &mut Headers,
        sent: &Headers,
        body: &mut Body,
        frames: &mut Vec<u64>,
        notes: &mut Vec<String>,
    ) {
        let Body::Bytes(wire) = &*body else { return };
        let plain = Plain::of(sent, wire);
        if let Some(why) = &plain.opaque {
            notes.push(format!("secrets were not looked for inside the body: {why}"));
        }
        let form = Form::of(&plain.bytes, sent.text("content-type"));
        let mut finder = Finder::new(self.rules, self.book);
        finder.body(&plain.bytes, 0..plain.bytes.len(), &form);
        let mut edits = self.rewrite(&plain.bytes, finder.out, form.spelling());
        if edits.is_empty() {
            return;
        }
        if let Form::Multipart(boundary) = &form {
            part_lengths(&plain.bytes, boundary, &mut edits);
        }
        let changed = apply(&plain.bytes, &edits);
        let changed = match set_body(changed, &plain, frames, &edits) {
            Ok(changed) => changed,
            Err(why) => {
                notes.push(format!("the redacted body is stored without its content coding: {why}"));
                headers.retain(|name, _| !name.eq_ignore_ascii_case("content-encoding"));
                let changed = apply(&plain.bytes, &edits);
                *frames = edit::scaled(frames, changed.len() as u64);
                changed
            }
        };
        correct_length(headers, wire.len(), changed.len());
        digest_notes(sent, "the body", notes);
        *body = Body::Bytes(changed.into());
    }
}

/// A dummy at its own field. JSON of its own (`3600`, `"x"`) stands as it is where a JSON value stands.
fn spell_dummy(dummy: &str, spelling: Spelling) -> Vec<u8> {
    match spelling {
        Spelling::JsonValue if crate::codec::json::parse(dummy.as_bytes()).is_ok() => dummy.as_bytes().to_vec(),
        spelling => spelling.spell(dummy.trim_matches('"').as_bytes()),
    }
}

/// The changed body with its codings applied again, and its frames corrected.
pub(super) fn set_body(
    changed: Vec<u8>,
    plain: &Plain<'_>,
    frames: &mut Vec<u64>,
    edits: &Edits,
) -> Result<Vec<u8>, NotDecoded> {
    if plain.codings.is_empty() {
        *frames = edit::frames(frames, edits);
        return Ok(changed);
    }
    let encoded = coding::encode(&plain.codings, &changed)?;
    *frames = edit::scaled(frames, encoded.len() as u64);
    Ok(encoded)
}

/// Corrects `content-length` where it was right before.
pub(super) fn correct_length(headers: &mut Headers, old: usize, new: usize) {
    for (name, value) in headers.iter_mut() {
        if name.eq_ignore_ascii_case("content-length") && value.trim_ascii() == old.to_string().as_bytes() {
            *value = new.to_string().into();
        }
    }
}

fn digest_notes(headers: &Headers, what: &str, notes: &mut Vec<String>) {
    for (name, _) in headers.iter().filter(|(name, _)| names::is_digest(name)) {
        let note = format!("`{}` was computed before secrets in {what} were replaced", name.to_ascii_lowercase());
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}
