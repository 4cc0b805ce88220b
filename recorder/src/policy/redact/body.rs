//! Secret fields in bodies: JSON (also line by line, in event streams, or cut short), forms, multipart.

use std::ops::Range;

use super::edit::{Edit, Edits};
use super::fields::{Field, Finder, base64, scheme};
use super::names;
use super::rule::Verdict;
use super::scan::Spelling;
use crate::codec::json::{self, Kind, Node};
use crate::codec::media::{self, Media};
use crate::codec::multipart;

/// A number under a secret name is a credential only with so many digits; fewer are counts and codes.
const SHORTEST_NUMBER: usize = 6;
/// Multipart inside multipart is followed this deep.
const MAX_DEPTH: usize = 4;

/// What a body is, as far as looking for fields goes.
pub(super) enum Form {
    Json,
    Pairs,
    Multipart(String),
    Text,
}

impl Form {
    /// By content type, or by its looks where there is none.
    pub(super) fn of(body: &[u8], content_type: Option<&str>) -> Self {
        let essence = content_type.map(media::essence).unwrap_or_default();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Self::Pairs;
        }
        if media::is_multipart(essence) {
            let boundary = content_type.and_then(Media::parse).and_then(|m| m.param("boundary").map(str::to_owned));
            return boundary.map_or(Self::Text, Self::Multipart);
        }
        if media::is_json(essence) || matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
            return Self::Json;
        }
        let bare =
            essence.is_empty() && body.contains(&b'=') && !body.iter().any(|b| b.is_ascii_whitespace() || *b == b'<');
        if bare { Self::Pairs } else { Self::Text }
    }

    /// How a text in such a body is spelled.
    pub(super) fn spelling(&self) -> Spelling {
        match self {
            Self::Json => Spelling::Json,
            Self::Pairs => Spelling::Url,
            Self::Multipart(_) | Self::Text => Spelling::Raw,
        }
    }
}

impl Finder<'_> {
    /// The fields of `text[within]`.
    pub(super) fn body(&mut self, text: &[u8], within: Range<usize>, form: &Form) {
        self.body_at(text, within, form, 0);
    }

    fn body_at(&mut self, text: &[u8], within: Range<usize>, form: &Form, depth: usize) {
        match form {
            Form::Pairs => self.pairs(text, within, false),
            Form::Multipart(boundary) if depth < MAX_DEPTH => match parts(&text[within.clone()], boundary) {
                Some(parts) => {
                    for part in parts {
                        self.part(text, within.start, &part, depth);
                    }
                }
                None => self.lines(text, within),
            },
            Form::Json => match json::parse(&text[within.clone()]) {
                Ok(root) => self.json(text, within.start, &root),
                Err(_) => self.lines(text, within),
            },
            Form::Multipart(_) | Form::Text => self.lines(text, within),
        }
    }

    fn part(&mut self, text: &[u8], base: usize, part: &multipart::Part, depth: usize) {
        let span = base + part.body.start..base + part.body.end;
        let body = &text[span.clone()];
        let header = |name| part.header(&text[base..], name).and_then(|value| std::str::from_utf8(value).ok());
        // `Media` reads types; a disposition is given one's shape.
        let disposition = header("content-disposition").map(|value| format!("x/{value}"));
        let media = disposition.as_deref().and_then(Media::parse);
        if let Some(name) = media.as_ref().and_then(|media| media.param("name")) {
            let verdict = self.rules.form(name.as_bytes());
            let secret = || names::is_secret_field(name.as_bytes()).then_some(Verdict::Hide);
            match verdict.or_else(secret) {
                Some(Verdict::Show) => return,
                Some(verdict) => return self.out.push(Field::new(span, body, name, Spelling::Raw).or_dummy(verdict)),
                None => {}
            }
        }
        let form = match header("content-type") {
            // Without a type a part is text, whatever it looks like.
            None if !matches!(Form::of(body, None), Form::Json) => Form::Text,
            content_type => Form::of(body, content_type),
        };
        self.body_at(text, span, &form, depth + 1);
    }

    fn json(&mut self, text: &[u8], base: usize, root: &Node<'_>) {
        let rules = self.rules;
        let verdicts = rules.json(root);
        let document = Document { text, base, verdicts: &verdicts };
        self.node(&document, root, "value", None, false);
    }

    fn node(&mut self, document: &Document<'_>, node: &Node<'_>, name: &str, by: Option<Verdict<'_>>, asked: bool) {
        let own = document.verdicts.binary_search_by_key(&node.span.start, |(at, _)| *at).ok();
        let (by, asked) = match own {
            Some(found) => (Some(document.verdicts[found].1), true),
            None => (by, asked),
        };
        match &node.kind {
            Kind::Object(members) => {
                for member in members {
                    // A rule for the whole object holds for all in it; a secret name does not (`"session": {..}`).
                    let secret = || names::is_secret_field(member.name.as_bytes()).then_some(Verdict::Hide);
                    let by = if asked { by } else { secret() };
                    self.node(document, &member.value, &member.name, by, asked);
                }
            }
            Kind::Array(items) => items.iter().for_each(|item| self.node(document, item, name, by, asked)),
            kind => {
                match by.filter(|by| *by != Verdict::Show) {
                    Some(verdict) => self.scalar(document, node, kind, name, verdict, asked),
                    // A known value that stands as a number needs quotes with its placeholder, or this is JSON no more.
                    None => match kind {
                        Kind::Number(digits) if digits.len() >= 4 && self.book.is_everywhere(digits.as_bytes()) => {
                            self.scalar(document, node, kind, name, Verdict::Hide, true);
                        }
                        _ => {}
                    },
                }
            }
        }
    }

    fn scalar(
        &mut self,
        document: &Document<'_>,
        node: &Node<'_>,
        kind: &Kind<'_>,
        name: &str,
        verdict: Verdict<'_>,
        asked: bool,
    ) {
        let span = document.base + node.span.start..document.base + node.span.end;
        let field = match kind {
            Kind::String(value) => {
                let inside = &document.text[span.start + 1..span.end - 1];
                match scheme(inside, false) {
                    // The credentials of a request, echoed: they have their name, inside the base64.
                    Some((scheme, at))
                        if scheme.eq_ignore_ascii_case("basic")
                            && verdict == Verdict::Hide
                            && base64(&inside[at..]).is_some_and(|pair| self.knows_pair(&pair)) =>
                    {
                        return;
                    }
                    Some((_, at)) if value.len() == inside.len() => {
                        Field::new(span.start + 1 + at..span.end - 1, &value.as_bytes()[at..], name, Spelling::Json)
                    }
                    _ => Field::new(span.start + 1..span.end - 1, value.as_bytes(), name, Spelling::Json),
                }
            }
            Kind::Number(digits) => {
                let many = digits.bytes().filter(u8::is_ascii_digit).count() >= SHORTEST_NUMBER;
                if !asked && !many {
                    return;
                }
                Field::new(span, digits.as_bytes(), name, Spelling::JsonValue)
            }
            _ if matches!(verdict, Verdict::Dummy(_)) => {
                Field::new(span.clone(), &document.text[span], name, Spelling::JsonValue)
            }
            _ => return,
        };
        self.out.push(field.or_dummy(verdict));
    }

    /// Text in which JSON may stand line by line: event streams, logs, JSON that was cut short.
    fn lines(&mut self, text: &[u8], within: Range<usize>) {
        if !text[within.clone()].contains(&b'"') {
            return;
        }
        let mut start = within.start;
        for line in text[within].split(|&b| b == b'\n' || b == b'\r') {
            let end = start + line.len();
            let lead = if line.starts_with(b"data:") { 5 } else { 0 };
            let brace = line[lead..].trim_ascii_start().first().is_some_and(|b| matches!(b, b'{' | b'['));
            match json::parse(&line[lead..]) {
                Ok(root) if brace => self.json(text, start + lead, &root),
                _ => self.members(text, start..end),
            }
            start = end + 1;
        }
    }

    /// `"name" : "value"` in text that is not JSON as a whole; the last value may lack its end.
    fn members(&mut self, text: &[u8], within: Range<usize>) {
        let mut at = within.start;
        while let Some(open) = memchr::memchr(b'"', &text[at..within.end]).map(|found| at + found) {
            let name = string(text, open, within.end);
            let mut value = name.end + 1;
            at = value.min(within.end);
            let space = |at: usize| text[..within.end].get(at).is_some_and(u8::is_ascii_whitespace);
            while space(value) {
                value += 1;
            }
            if value >= within.end || text[value] != b':' || !names::is_secret_field(&text[name.clone()]) {
                continue;
            }
            value += 1;
            while space(value) {
                value += 1;
            }
            if value < within.end && text[value] == b'"' {
                let span = string(text, value, within.end);
                let quoted = [b"\"", &text[span.clone()], b"\""].concat();
                let plain = match json::parse(&quoted).map(|node| node.kind) {
                    Ok(Kind::String(value)) => value.as_bytes().to_vec(),
                    _ => text[span.clone()].to_vec(),
                };
                at = (span.end + 1).min(within.end);
                let kind = String::from_utf8_lossy(&text[name]).into_owned();
                self.out.push(Field::new(span, &plain, &kind, Spelling::Json));
            }
        }
    }
}

struct Document<'a> {
    text: &'a [u8],
    /// Where the document begins in the text.
    base: usize,
    verdicts: &'a [(usize, Verdict<'a>)],
}

/// Adds to `edits` of a multipart body those of the `content-length` of its parts (R49).
pub(super) fn part_lengths(text: &[u8], boundary: &str, edits: &mut Edits) {
    let mut lengths = Edits::new();
    for part in parts(text, boundary).into_iter().flatten() {
        let is_length =
            |(name, _): &&(Range<usize>, Range<usize>)| text[name.clone()].eq_ignore_ascii_case(b"content-length");
        let Some((_, value)) = part.headers.iter().find(is_length) else { continue };
        if text[value.clone()] != *part.body.len().to_string().as_bytes() {
            continue;
        }
        let inside = edits.iter().filter(|e| e.span.start >= part.body.start && e.span.end <= part.body.end);
        let len = inside.fold(part.body.len(), |len, e| len - e.span.len() + e.with.len());
        if len != part.body.len() {
            lengths.push(Edit { span: value.clone(), with: len.to_string().into_bytes(), hides: false });
        }
    }
    edits.extend(lengths);
    edits.sort_by_key(|edit| edit.span.start);
}

/// The parts; of a body that was cut short, those that came.
fn parts(text: &[u8], boundary: &str) -> Option<Vec<multipart::Part>> {
    multipart::parse(text, boundary).or_else(|| {
        let closed = [text, b"\r\n--", boundary.as_bytes(), b"--"].concat();
        let mut parts = multipart::parse(&closed, boundary)?;
        parts.retain(|part| part.body.end <= text.len());
        Some(parts)
    })
}

/// The inside of the string whose quote stands at `open`, up to its end or to `end`.
fn string(text: &[u8], open: usize, end: usize) -> Range<usize> {
    let mut at = open + 1;
    while at < end && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    open + 1..at.min(end)
}
