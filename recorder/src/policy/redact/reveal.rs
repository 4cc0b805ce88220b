//! What the program sees on replay: placeholders, or the values behind them (R48).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use memchr::memmem;

use super::body::{Form, part_lengths};
use super::book::Book;
use super::edit::{Edit, Edits, apply};
use super::message::{Plain, correct_length, set_body};
use super::placeholder;
use super::redactor::Redactor;
use super::scan::Spelling;
#[cfg(feature = "tools")]
use crate::tape::Request;
use crate::tape::{Answer, Body, Headers, Message};

/// What a program sees where a tape has a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Reveal {
    /// The placeholder itself. The same with and without the secret at hand.
    #[default]
    Placeholder,
    /// The value, where the session knows it: registered by the test, or sent by the program itself. Others stay placeholders.
    Value,
}

const BASE64: &[u8] = b"{{base64:";

impl Redactor {
    /// The answer as the program is to see it. Of base64 of binary data (`{{secret:NAME;base64}}`) only the value comes back, not
    /// what stood around it in the same group of three bytes; lengths, codings and frames are corrected.
    pub(crate) fn reveal_answer(&self, answer: &Answer, reveal: Reveal) -> Answer {
        let mut shown = answer.clone();
        if reveal == Reveal::Placeholder {
            return shown;
        }
        if let Some(url) = &mut shown.url {
            *url = text(&self.book, url, Spelling::Url);
        }
        if let Some(reason) = &mut shown.reason {
            *reason = text(&self.book, reason, Spelling::Header);
        }
        headers(&self.book, &mut shown.headers);
        headers(&self.book, &mut shown.trailers);
        if let Some(transcript) = &mut shown.transcript {
            transcript.messages.iter_mut().for_each(|said| message(&self.book, said));
        }
        let Body::Bytes(wire) = &answer.body else { return shown };
        let plain = Plain::of(&answer.headers, wire);
        let form = Form::of(&plain.bytes, answer.headers.text("content-type"));
        let mut edits = edits(&self.book, &plain.bytes, form.spelling());
        if edits.is_empty() {
            return shown;
        }
        if let Form::Multipart(boundary) = &form {
            part_lengths(&plain.bytes, boundary, &mut edits);
        }
        // A coding that was undone here can be applied here.
        if let Ok(changed) = set_body(apply(&plain.bytes, &edits), &plain, &mut shown.frames, &edits) {
            correct_length(&mut shown.headers, wire.len(), changed.len());
            shown.body = Body::Bytes(changed.into());
        }
        shown
    }
}

#[cfg(feature = "tools")]
impl Redactor {
    /// The request as a program would send it: with the values that are known in place of their placeholders.
    ///
    /// # Errors
    /// With the names of those that are not, sorted.
    pub(crate) fn reveal_request(&self, request: &Request) -> Result<Request, Vec<String>> {
        let mut shown = request.clone();
        shown.url = text(&self.book, &request.url, Spelling::Url);
        headers(&self.book, &mut shown.headers);
        let mut left = self.unknown(shown.url.as_bytes());
        for (_, value) in shown.headers.iter() {
            left.extend(self.unknown(value));
        }
        if let Body::Bytes(wire) = &request.body {
            let plain = Plain::of(&request.headers, wire);
            left.extend(self.unknown(&plain.bytes));
            let form = Form::of(&plain.bytes, request.headers.text("content-type"));
            let mut edits = edits(&self.book, &plain.bytes, form.spelling());
            if let Form::Multipart(boundary) = &form {
                part_lengths(&plain.bytes, boundary, &mut edits);
            }
            if !edits.is_empty()
                && let Ok(changed) = set_body(apply(&plain.bytes, &edits), &plain, &mut Vec::new(), &edits)
            {
                correct_length(&mut shown.headers, wire.len(), changed.len());
                shown.body = Body::Bytes(changed.into());
            }
        }
        if left.is_empty() { Ok(shown) } else { Err(left.into_iter().collect()) }
    }

    /// The names of placeholders in a text that have no value here.
    fn unknown(&self, text: &[u8]) -> std::collections::BTreeSet<String> {
        let found = placeholder::all(text).map(|(_, found)| found.name);
        found.filter(|name| self.book.value_of(name).is_none()).collect()
    }
}

/// A message of a conversation.
pub(super) fn message(book: &Book, message: &mut Message) {
    let edits = edits(book, &message.data, Form::of(&message.data, None).spelling());
    if !edits.is_empty() {
        message.data = apply(&message.data, &edits).into();
    }
}

fn headers(book: &Book, headers: &mut Headers) {
    for (name, value) in headers.iter_mut() {
        let location = ["location", "content-location"].iter().any(|n| name.eq_ignore_ascii_case(n));
        let edits = edits(book, value, if location { Spelling::Url } else { Spelling::Header });
        if !edits.is_empty() {
            *value = apply(value, &edits).into();
        }
    }
}

fn text(book: &Book, text: &str, spelling: Spelling) -> String {
    let edits = edits(book, text.as_bytes(), spelling);
    String::from_utf8(apply(text.as_bytes(), &edits)).unwrap_or_else(|_| text.to_owned())
}

fn edits(book: &Book, text: &[u8], spelling: Spelling) -> Edits {
    let mut out = Edits::new();
    let mut at = 0;
    while let Some(found) = memmem::find(&text[at..], b"{{").map(|found| at + found) {
        at = found + 1;
        if text[found..].starts_with(BASE64)
            && let Some(end) = closing(text, found)
        {
            let inside = inner(&text[found + BASE64.len()..end - 2], spelling);
            let inner = edits(book, &inside, Spelling::Raw);
            if !inner.is_empty() {
                let url = spelling == Spelling::Url || text.get(end) == Some(&b'.') || text[..found].ends_with(b".");
                let engine = if url { &URL_SAFE_NO_PAD } else { &STANDARD };
                out.push(edit(found..end, engine.encode(apply(&inside, &inner)).into_bytes()));
                at = end;
            }
            continue;
        }
        let Some(placeholder) = placeholder::at(text, found) else { continue };
        if let Some(value) = book.value_of(&placeholder.name) {
            let value = match placeholder.base64 {
                true => STANDARD.encode(value).into_bytes(),
                false => spelling.spell(value),
            };
            out.push(edit(found..placeholder.end, value));
        }
        at = placeholder.end;
    }
    out
}

fn edit(span: std::ops::Range<usize>, with: Vec<u8>) -> Edit {
    Edit { span, with, hides: false }
}

/// Where the braces that open at `at` are all closed.
fn closing(text: &[u8], at: usize) -> Option<usize> {
    let mut open = 0;
    for (offset, byte) in text[at..].iter().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at + offset + 1);
        }
    }
    None
}

/// The text inside `{{base64:…}}`, the spelling of its place undone.
fn inner(text: &[u8], spelling: Spelling) -> Vec<u8> {
    match spelling {
        Spelling::Url => crate::codec::percent::decode(text).into_owned(),
        Spelling::Json => match crate::codec::json::parse(&[b"\"", text, b"\""].concat()).map(|node| node.kind) {
            Ok(crate::codec::json::Kind::String(text)) => text.as_bytes().to_vec(),
            _ => text.to_vec(),
        },
        _ => text.to_vec(),
    }
}
