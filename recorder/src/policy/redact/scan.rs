//! Looking for known values in a text, in every encoding, and saying what takes their place.

use std::ops::Range;

use super::book::{Book, Shown};
use super::edit::{Edit, Edits, apply};
use super::placeholder::{self, BASE64};
use super::run::{self, Run};
use super::units::{may_escape, may_open};

/// Base64 inside base64 is followed this deep.
const MAX_DEPTH: usize = 4;

/// How text must be spelled at a place, where it is more than a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As it is.
    Raw,
    /// Inside a JSON string.
    Json,
    /// As a JSON value of its own, quotes included.
    JsonValue,
    /// In a URL or a form: percent-encoded.
    Url,
    /// In a header value: no control characters.
    Header,
}

impl Spelling {
    /// Spells `text` for this place. Placeholders in it stay readable.
    pub(super) fn spell(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Raw => text.to_vec(),
            Self::Header => text.iter().map(|&b| if b < 0x20 || b == 0x7f { b' ' } else { b }).collect(),
            Self::Json => json(text),
            Self::JsonValue => [b"\"", json(text).as_slice(), b"\""].concat(),
            Self::Url => url(text),
        }
    }
}

/// The edits that hide every known value in `text[within]`.
pub(super) fn edits(book: &Book, text: &[u8], within: Range<usize>, spelling: Spelling) -> Edits {
    let mut scan = Scan::new(book, text, spelling);
    scan.all(within);
    scan.out
}

/// The text with every known value hidden; none where nothing changes.
pub(super) fn replaced(book: &Book, text: &[u8], spelling: Spelling) -> Option<Vec<u8>> {
    let edits = edits(book, text, 0..text.len(), spelling);
    (!edits.is_empty()).then(|| apply(text, &edits))
}

struct Scan<'a> {
    book: &'a Book,
    text: &'a [u8],
    spelling: Spelling,
    depth: usize,
    out: Edits,
    run: Run,
    buffer: Vec<u8>,
}

impl<'a> Scan<'a> {
    fn new(book: &'a Book, text: &'a [u8], spelling: Spelling) -> Self {
        Self { book, text, spelling, depth: 0, out: Vec::new(), run: Run::default(), buffer: Vec::new() }
    }

    fn all(&mut self, within: Range<usize>) {
        let text = &self.text[..within.end];
        let mut at = within.start;
        // Up to here base64 was looked at.
        let mut decoded_to = within.start;
        while at < text.len() {
            let byte = text[at];
            if may_open(byte)
                && let Some(found) = placeholder::at(text, at)
            {
                if !found.plain {
                    self.out.push(Edit { span: at..found.end, with: found.written().into_bytes(), hides: false });
                }
                at = found.end;
                continue;
            }
            if at >= decoded_to && run::is_base64(byte) {
                let reach = run::reach(text, at);
                match self.run_at(text, at, reach) {
                    Some(edit) => {
                        // Values that stand plainly before the base64 in the same run of characters.
                        let before = at..edit.span.start;
                        (at, decoded_to) = (edit.span.end, edit.span.end);
                        self.plain(before);
                        self.out.push(edit);
                        continue;
                    }
                    None => decoded_to = self.run.end().max(reach),
                }
            }
            at = self.one(text, at);
        }
    }

    /// Values in clear text only.
    fn plain(&mut self, within: Range<usize>) {
        let text = &self.text[..within.end];
        let mut at = within.start;
        while at < text.len() {
            at = self.one(text, at);
        }
    }

    #[inline]
    fn one(&mut self, text: &[u8], at: usize) -> usize {
        let Some((end, id)) = self.book.longest_at(text, at) else { return at + 1 };
        let with = match self.book.shown_of(id) {
            shown @ Shown::Name(_) => shown.text().into_bytes(),
            // A dummy of JSON's own shape (`"2030-01-01"`, `3600`) stands so only at its own field.
            Shown::Dummy(dummy) => self.spelling.spell(dummy.trim_matches('"').as_bytes()),
        };
        self.out.push(Edit { span: at..end, with, hides: true });
        end
    }

    /// Looks into the run at `at`, whose plain characters reach to `reach`.
    fn run_at(&mut self, text: &[u8], at: usize, reach: usize) -> Option<Edit> {
        let goes_on = text.get(reach).is_some_and(|&b| may_escape(b));
        let shortest = run::SHORTEST.max(run::characters(self.book.least()));
        if self.depth == MAX_DEPTH || (reach - at < shortest && !goes_on) {
            return None;
        }
        self.run.collect(text, at);
        if self.run.len() < shortest {
            return None;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let edit = self.inside(&mut buffer);
        self.buffer = buffer;
        edit
    }

    /// What takes the place of base64 that hides a value or a placeholder, at whatever alignment.
    fn inside(&self, buffer: &mut Vec<u8>) -> Option<Edit> {
        let run = &self.run;
        for skip in 0..4 {
            run.decode(skip, buffer);
            if buffer.len() < 4 {
                continue;
            }
            let text = run::is_text(buffer);
            let Some(found) = self.first_in(buffer, text) else { continue };
            let groups = run::groups(&found, buffer.len());
            let readable = if text { 0..buffer.len() } else { run::readable(buffer, &groups) };
            if !run::is_text(&buffer[groups.clone()]) {
                let name = self.name_in(buffer, &found);
                let with = placeholder::written(&format!("{name}{BASE64}")).into_bytes();
                return Some(Edit { span: run.source(skip, &groups, buffer.len()), with, hides: true });
            }
            let inner = &buffer[readable.clone()];
            let deeper = self.deeper(inner);
            let hides = deeper.iter().any(|edit| edit.hides);
            let text = [b"{{base64:", apply(inner, &deeper).as_slice(), b"}}"].concat();
            let span = run.source(skip, &readable, buffer.len());
            return Some(Edit { span, with: self.spelling.spell(&text), hides });
        }
        None
    }

    /// The first value or placeholder in decoded bytes; deeper base64 only where they are text.
    fn first_in(&self, buffer: &[u8], text: bool) -> Option<Range<usize>> {
        if text {
            let plain = || placeholder::all(buffer).next().map(|(start, found)| start..found.end);
            return self.deeper(buffer).first().map(|edit| edit.span.clone()).or_else(plain);
        }
        (0..buffer.len()).find_map(|at| {
            if let Some((end, _)) = self.book.longest_at(buffer, at) {
                return Some(at..end);
            }
            let found = (buffer[at] == b'{').then(|| placeholder::at(buffer, at)).flatten();
            found.map(|found| at..found.end)
        })
    }

    fn deeper(&self, text: &[u8]) -> Edits {
        let mut scan = Scan::new(self.book, text, Spelling::Raw);
        scan.depth = self.depth + 1;
        scan.all(0..text.len());
        scan.out
    }

    fn name_in(&self, buffer: &[u8], found: &Range<usize>) -> String {
        if let Some(placeholder) = placeholder::at(buffer, found.start) {
            return placeholder.name;
        }
        match self.book.longest_at(buffer, found.start).map(|(_, id)| self.book.shown_of(id)) {
            Some(Shown::Name(name)) => name.clone(),
            _ => "dummy".to_owned(),
        }
    }
}

/// A JSON string's inside.
fn json(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0..0x20 => out.extend(format!("\\u{byte:04x}").bytes()),
            _ => out.push(byte),
        }
    }
    out
}

/// Percent-encoded, but for unreserved characters and what makes a placeholder readable.
fn url(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for &byte in text {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'{' | b'}' | b':' | b';') {
            out.push(byte);
        } else {
            out.extend(format!("%{byte:02X}").bytes());
        }
    }
    out
}
