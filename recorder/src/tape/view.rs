//! How a body looks in the file: the most readable form that gives its bytes again.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;

use crate::codec::coding::{self, Coding};
use crate::codec::digest;

use super::emit::Out;
use super::{Body, BodyFile, Headers, format, json, media};

/// Base64 goes over several lines from this many digits on.
const BASE64_LINE: usize = 100;

/// How readable a tape is to be. The plainer ones are for bodies of which the proof found that they do not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    Readable,
    Text,
    Base64,
}

/// The fields of a map in the file.
type Fields = Vec<(Cow<'static, str>, Out)>;

/// The bodies that do not stand in the tape, by file name.
#[derive(Debug, Default)]
pub(super) struct BodyFiles(pub(super) BTreeMap<String, Body>);

/// What stands under `body`; `None` for an absent one. `whole` is false where the body was cut off.
pub(super) fn body(body: &Body, headers: &Headers, whole: bool, form: Form, files: &mut BodyFiles) -> Option<Out> {
    let wire = match body {
        Body::Absent => return None,
        Body::Bytes(bytes) if bytes.is_empty() => return Some(Out::Word(format::EMPTY.into())),
        Body::Bytes(bytes) => bytes,
        Body::File(file) => return Some(Out::Fields(files.add(body.clone(), file, &wire_extension(headers)))),
    };
    let media = media::of(headers);
    if whole
        && form < Form::Base64
        && wire.len() as u64 <= format::MAX_IN_MEMORY
        && let Ok(decoded) = coding::decode(headers.all("content-encoding"), wire, format::MAX_IN_MEMORY)
        && !decoded.codings.is_empty()
    {
        return Some(Out::Fields(coded(wire, decoded, &media, headers, form, files)));
    }
    Some(Out::Fields(match inline(wire, &media, form) {
        Some(fields) => fields,
        None => files.add_bytes(wire.clone(), &wire_extension(headers)),
    }))
}

/// Bytes that need not be a text, on one line or several.
pub(super) fn base64(bytes: &[u8]) -> Out {
    let digits = BASE64.encode(bytes);
    if digits.len() <= BASE64_LINE {
        return Out::Text(digits);
    }
    let mut lines = String::with_capacity(digits.len() + digits.len() / BASE64_LINE + 1);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && i % BASE64_LINE == 0 {
            lines.push('\n');
        }
        lines.push(digit);
    }
    Out::Lines(lines)
}

/// The decoded body, its codings, and the bytes of the wire where encoding would give others.
fn coded(
    wire: &Bytes,
    decoded: coding::Decoded,
    media: &str,
    headers: &Headers,
    form: Form,
    files: &mut BodyFiles,
) -> Fields {
    let coding::Decoded { bytes, codings } = decoded;
    let same = coding::encode(&codings, &bytes).is_ok_and(|again| again == *wire);
    let mut fields = match inline(&bytes, media, form) {
        Some(fields) => fields,
        None => files.add_bytes(bytes.into(), media::extension(media)),
    };
    let mut names: Vec<_> = codings.iter().map(|coding| Out::Word(coding.name().into())).collect();
    let names = if names.len() == 1 { names.swap_remove(0) } else { Out::Seq(names) };
    fields.push(("coding".into(), names));
    if !same {
        let wire = if wire.len() > format::MAX_INLINE {
            Out::Fields(files.add_bytes(wire.clone(), &wire_extension(headers)))
        } else {
            base64(wire)
        };
        fields.push(("wire".into(), wire));
    }
    fields
}

/// The forms that stand in the tape itself; `None` where the body belongs beside it.
pub(super) fn inline(bytes: &[u8], media: &str, form: Form) -> Option<Fields> {
    let limit = if media::is_opaque(media) { format::MAX_INLINE_MEDIA } else { format::MAX_INLINE };
    if bytes.len() > limit {
        return None;
    }
    let looks_like_json = media::is_json(media) || matches!(bytes.first(), Some(b'{' | b'['));
    if form == Form::Readable
        && looks_like_json
        && let Some((tree, style)) = json::readable(bytes)
    {
        let mut fields = vec![("json".into(), tree)];
        let words: Vec<_> = style.words().into_iter().map(|word| Out::Word(word.into())).collect();
        if !words.is_empty() {
            fields.push(("style".into(), Out::Seq(words)));
        }
        return Some(fields);
    }
    if form <= Form::Text
        && let Some(text) = text(bytes)
    {
        return Some(vec![("text".into(), Out::Lines(text.to_owned()))]);
    }
    Some(vec![("base64".into(), base64(bytes))])
}

/// UTF-8 without the control characters that no text has.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let readable = |c: char| matches!(c, '\t' | '\n' | '\r') || !c.is_control();
    text.chars().all(readable).then_some(text)
}

/// The extension of a file of wire bytes: that of the content type, and those of the codings.
fn wire_extension(headers: &Headers) -> String {
    let mut extension = media::extension(&media::of(headers)).to_owned();
    let codings: Vec<Coding> = coding::listed(headers.all("content-encoding")).unwrap_or_default();
    codings.into_iter().for_each(|coding| extension.push_str(media::coding_extension(coding)));
    extension
}

impl BodyFiles {
    pub(super) fn add_bytes(&mut self, bytes: Bytes, extension: &str) -> Fields {
        let file = BodyFile { path: Default::default(), len: bytes.len() as u64, sha256: digest::sha256(&bytes) };
        self.add(Body::Bytes(bytes), &file, extension)
    }

    fn add(&mut self, content: Body, file: &BodyFile, extension: &str) -> Fields {
        let sha256 = digest::hex(&file.sha256);
        let name = format!("{}.{extension}", &sha256[..16]);
        self.0.entry(name.clone()).or_insert(content);
        vec![
            ("file".into(), Out::Text(name)),
            ("bytes".into(), Out::Word(file.len.to_string().into())),
            ("sha256".into(), Out::Text(sha256)),
        ]
    }
}
