//! The body of a canonical request, by what its content type says it is.
//!
//! | body | form |
//! |---|---|
//! | JSON; without a content type, an object or an array too | RFC 8785 order, numbers as spelt |
//! | JSON with a GraphQL document in `query`, or `application/graphql` | operation, document, variables |
//! | `application/x-www-form-urlencoded` | decoded pairs, sorted by name |
//! | `multipart/…` | its parts, each with its fields and its own body by its own type |
//! | other text of up to 4 KiB | the text |
//! | all else, and what does not keep to its own type | length and SHA-256 |

use std::borrow::Cow;

use super::escape::{self, write};
use super::graphql::{self, Operation};
use super::headers::{self, Field};
use super::json;
use super::scope::InScope;
use crate::codec::media::{self, Media};
use crate::codec::{self, coding, multipart, percent};
use crate::tape::{self, Headers};

/// Bodies of more wire bytes than this are compared as bytes whatever their type, so that it makes no difference whether they
/// are in memory or in a file. Nothing smaller may come as a [`tape::Body::File`].
pub(crate) const LARGEST_READ: usize = tape::LARGEST_IN_MEMORY as usize;

/// Text of more bytes than this is shown as its digest.
const LONGEST_TEXT: usize = 4096;

/// Parts within parts beyond this depth are compared as bytes.
const DEEPEST_PART: usize = 8;

/// What a body means.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// None, or one that a rule ignores.
    Absent,
    /// One of no bytes.
    Empty,
    /// Canonical JSON.
    Json(String),
    /// Decoded pairs, each safe to stand on a line.
    Form(Vec<(String, Option<String>)>),
    /// The parts between the boundaries.
    Multipart(Vec<Part>),
    /// GraphQL.
    GraphQl { operations: Vec<Operation>, batch: bool },
    /// Short text, on one line.
    Text(String),
    /// Anything else.
    Bytes { len: u64, sha256: [u8; 32] },
}

/// One part of a multipart body.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The `name` of its content disposition.
    pub(super) name: Option<String>,
    pub(super) fields: Vec<Field>,
    pub(super) body: Body,
}

impl Body {
    /// Reads a request's body.
    pub(super) fn read(body: &tape::Body, headers: &Headers, scope: &mut InScope<'_>) -> Self {
        match body {
            tape::Body::Absent => Self::Absent,
            _ if scope.ignores_body() => Self::Absent,
            tape::Body::File(file) => Self::Bytes { len: file.len, sha256: file.sha256 },
            tape::Body::Bytes(wire) if wire.len() > LARGEST_READ => Self::digest(wire),
            tape::Body::Bytes(wire) => Self::of_type(&plain(wire, headers), headers.text("content-type"), 0, scope),
        }
    }

    /// The kind, and how much of it there is.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Absent => "absent".to_owned(),
            Self::Empty => "empty".to_owned(),
            Self::Json(text) => format!("JSON of {} bytes", text.len()),
            Self::Form(pairs) => format!("form of {} fields", pairs.len()),
            Self::Multipart(parts) => format!("multipart of {} parts", parts.len()),
            Self::GraphQl { operations, batch: true } => format!("GraphQL batch of {}", operations.len()),
            Self::GraphQl { operations, .. } => {
                format!("GraphQL {}", operations.first().map(Operation::title).unwrap_or_default())
            }
            Self::Text(text) => format!("text of {} bytes", text.len()),
            Self::Bytes { len, .. } => format!("{len} bytes"),
        }
    }

    /// Writes the kind on a line and then the lines that it announces.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Absent => out.push_str("absent\n"),
            Self::Empty => out.push_str("empty\n"),
            Self::Json(text) => {
                out.push_str("json\n");
                out.push_str(text);
                out.push('\n');
            }
            Self::Form(pairs) => {
                write(out, format_args!("form {}\n", pairs.len()));
                for (name, value) in pairs {
                    out.push_str(name);
                    if let Some(value) = value {
                        out.push('=');
                        out.push_str(value);
                    }
                    out.push('\n');
                }
            }
            Self::Multipart(parts) => {
                write(out, format_args!("multipart {}\n", parts.len()));
                for part in parts {
                    write(out, format_args!("part {}\n", part.fields.len()));
                    headers::write(&part.fields, out);
                    part.body.write(out);
                }
            }
            Self::GraphQl { operations, batch } => {
                match batch {
                    true => write(out, format_args!("graphql batch {}\n", operations.len())),
                    false => out.push_str("graphql\n"),
                }
                operations.iter().for_each(|operation| operation.write(out));
            }
            Self::Text(text) => write(out, format_args!("text\n{text}\n")),
            Self::Bytes { len, sha256 } => {
                write(out, format_args!("bytes {len} sha256:{}\n", tape::Key(*sha256).hex()));
            }
        }
    }

    fn of_type(bytes: &[u8], content_type: Option<&str>, depth: usize, scope: &mut InScope<'_>) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        let structured = match content_type.map(|value| (value, media::essence(value))) {
            // Many a client forgets the type of its JSON. A part of a form without one is plain text (RFC 7578 §4.4).
            None if depth == 0 && matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) => {
                Self::json(bytes, false, scope)
            }
            None => None,
            Some((_, essence)) if media::is_json(essence) => {
                let may_be_graphql = ["application/json", "application/graphql+json"];
                Self::json(bytes, may_be_graphql.iter().any(|t| essence.eq_ignore_ascii_case(t)), scope)
            }
            Some((_, essence)) if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") => {
                Some(Self::form(bytes, scope))
            }
            Some((_, essence)) if essence.eq_ignore_ascii_case("application/graphql") => {
                let operation = std::str::from_utf8(bytes).ok().and_then(graphql::document);
                operation.map(|operation| Self::GraphQl { operations: vec![operation], batch: false })
            }
            Some((value, essence)) if media::is_multipart(essence) && depth < DEEPEST_PART => {
                Self::multipart(bytes, value, depth, scope)
            }
            Some(_) => None,
        };
        structured.unwrap_or_else(|| Self::text(bytes))
    }

    fn json(bytes: &[u8], may_be_graphql: bool, scope: &mut InScope<'_>) -> Option<Self> {
        let mut node = codec::json::parse(bytes).ok()?;
        let ignored = scope.ignored_json(&node);
        if !ignored.is_empty() {
            json::remove(&mut node, &ignored);
        }
        json::sort(&mut node);
        if may_be_graphql && let Some((operations, batch)) = graphql::read(&node) {
            return Some(Self::GraphQl { operations, batch });
        }
        let mut text = String::with_capacity(bytes.len());
        json::write_node(&node, &mut text);
        Some(Self::Json(text))
    }

    fn form(bytes: &[u8], scope: &mut InScope<'_>) -> Self {
        let mut pairs = Vec::new();
        for pair in percent::pairs(bytes) {
            let name = percent::decode_form(pair.name());
            if !scope.ignores_form(&String::from_utf8_lossy(&name)) {
                let value = pair.value().map(|value| escape::line(&percent::decode_form(value)).into_owned());
                pairs.push((escape::name(&name, '=').into_owned(), value));
            }
        }
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self::Form(pairs)
    }

    fn multipart(bytes: &[u8], content_type: &str, depth: usize, scope: &mut InScope<'_>) -> Option<Self> {
        let media = Media::parse(content_type)?;
        let mut parts = Vec::new();
        for part in multipart::parse(bytes, media.param("boundary")?)? {
            let text = |name| part.header(bytes, name).and_then(|value| std::str::from_utf8(value).ok());
            let name = text("content-disposition").and_then(disposition_name);
            if name.as_ref().is_some_and(|name| scope.ignores_form(name)) {
                continue;
            }
            let fields = part.headers.iter().map(|(name, value)| (&bytes[name.clone()], &bytes[value.clone()]));
            let fields = headers::of_part(fields);
            let body = Self::of_type(&bytes[part.body.clone()], text("content-type"), depth + 1, scope);
            parts.push(Part { name, fields, body });
        }
        Some(Self::Multipart(parts))
    }

    fn text(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text)
                if bytes.len() <= LONGEST_TEXT && !text.contains(|c: char| c.is_control() && !"\n\r\t".contains(c)) =>
            {
                Self::Text(escape::line(bytes).into_owned())
            }
            _ => Self::digest(bytes),
        }
    }

    fn digest(bytes: &[u8]) -> Self {
        Self::Bytes { len: bytes.len() as u64, sha256: hmac_sha256::Hash::hash(bytes) }
    }
}

/// The body without its content codings; as it stands where it does not decode.
fn plain<'a>(body: &'a [u8], headers: &Headers) -> Cow<'a, [u8]> {
    if headers.first("content-encoding").is_none() {
        return Cow::Borrowed(body);
    }
    match coding::decode(headers.all("content-encoding"), body, LARGEST_READ as u64) {
        Ok(decoded) => Cow::Owned(decoded.bytes),
        Err(_) => Cow::Borrowed(body),
    }
}

/// The `name` of `form-data; name="x"`. Browsers write quotes in it as `%22` and leave backslashes alone, others escape; either
/// way the same bytes give the same name.
fn disposition_name(value: &str) -> Option<String> {
    let as_media = format!("part/{value}");
    Media::parse(&as_media)?.param("name").map(ToOwned::to_owned)
}
