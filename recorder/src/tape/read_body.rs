//! The forms of a body in the file, and the files beside it, into the bytes that were on the wire.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use bytes::Bytes;

use crate::codec::coding::{self, Coding};
use crate::codec::digest;

use super::error::{At, Problem};
use super::fields::{self, Fields, wrong, wrong_type};
use super::json;
use super::json_style::Style;
use super::yaml::{Kind, Node, Scalar};
use super::{Body, BodyFile, format};

/// Where body files are.
pub(super) enum Files<'f> {
    /// On the disk beside the tape.
    Beside,
    /// Not written yet.
    Pending(&'f BTreeMap<String, Body>),
}

impl Files<'_> {
    /// The body under `body`.
    pub(super) fn body(&self, node: Option<&Node<'_>>, folder: &Path) -> Result<Body, At> {
        let Some(node) = node else { return Ok(Body::Absent) };
        match &node.kind {
            Kind::Scalar(Scalar { text, .. }) if text == format::EMPTY => return Ok(Body::Bytes(Bytes::new())),
            Kind::Map(_) => {}
            _ => return Err(wrong_type(node, "body", "a map with the body's form, or `empty`")),
        }
        let fields = Fields::new(node, "a body", format::BODY)?;
        let readable = self.readable(&fields, folder)?;
        let codings = codings(&fields)?;
        match (codings.as_slice(), fields.get("wire")) {
            ([], None) => Ok(readable),
            ([], Some(wire)) => Err(wrong(wire, "wire", "it goes with `coding`: remove it or add that".to_owned())),
            (codings, wire) => {
                let Body::Bytes(readable) = readable else {
                    let reason = format!(
                        "a body of more than {} bytes is kept as it was on the wire, without `coding`",
                        format::MAX_IN_MEMORY
                    );
                    return Err(wrong(node, "coding", reason));
                };
                self.coded(&fields, codings, &readable, wire, folder).map(Body::Bytes)
            }
        }
    }

    /// The one form of the body that is there.
    pub(super) fn readable(&self, fields: &Fields<'_, '_>, folder: &Path) -> Result<Body, At> {
        let mut forms = format::BODY_FORMS.iter().filter_map(|form| fields.get(form).map(|node| (*form, node)));
        let (form, node) = match (forms.next(), forms.next()) {
            (Some(form), None) => form,
            (None, _) => return Err(fields.place.err(Problem::BodyForms("none".to_owned()))),
            (Some((first, _)), Some((second, _))) => {
                return Err(fields.place.err(Problem::BodyForms(format!("`{first}` and `{second}`"))));
            }
        };
        let belongs = [("style", "json"), ("bytes", "file"), ("sha256", "file")];
        for (field, to) in belongs {
            if let (Some(node), true) = (fields.get(field), form != to) {
                return Err(wrong(node, field, format!("it goes with `{to}`, not with `{form}`: remove it")));
            }
        }
        let bytes = match form {
            "json" => json::encode(node, style(fields)?)?,
            "text" => fields::text(node, form)?.as_bytes().to_vec(),
            "base64" => fields::base64(node, form)?,
            _ => return self.file(fields, folder),
        };
        Ok(Body::Bytes(bytes.into()))
    }

    /// What was on the wire, made again or kept.
    fn coded(
        &self,
        fields: &Fields<'_, '_>,
        codings: &[Coding],
        readable: &[u8],
        wire: Option<&Node<'_>>,
        folder: &Path,
    ) -> Result<Bytes, At> {
        let Some(node) = wire else {
            let encoded = coding::encode(codings, readable);
            return encoded.map(Bytes::from).map_err(|e| fields.place.err(Problem::Coding(e.to_string())));
        };
        let wire = match &node.kind {
            Kind::Map(_) => match self.file(&Fields::new(node, "`wire`", format::FILE)?, folder)? {
                Body::Bytes(bytes) => bytes,
                Body::Absent | Body::File(_) => {
                    return Err(wrong(node, "wire", format!("it has more than {} bytes", format::MAX_IN_MEMORY)));
                }
            },
            _ => fields::base64(node, "wire")?.into(),
        };
        let differs = |why: &str| node.place.err(Problem::WireDiffers(why.to_owned()));
        // Under two codings a short text is longer than it is under none.
        let limit = if codings.len() > 1 { format::MAX_IN_MEMORY } else { readable.len() as u64 };
        match coding::undo(codings, &wire, limit) {
            Ok(decoded) if decoded.codings != codings => Err(differs("it is in another coding")),
            Ok(decoded) if decoded.bytes == readable => Ok(wire),
            Ok(_) | Err(coding::NotDecoded::TooLarge { .. }) => Err(differs("other bytes come out")),
            Err(coding::NotDecoded::FeatureOff) => {
                Err(fields.place.err(Problem::Coding(coding::NotDecoded::FeatureOff.to_string())))
            }
            Err(error) => Err(differs(&error.to_string())),
        }
    }

    /// The file that `file`, `bytes` and `sha256` name. Nothing is allocated for what a file only claims to hold.
    fn file(&self, fields: &Fields<'_, '_>, folder: &Path) -> Result<Body, At> {
        let node = fields.need("file")?;
        let name = fields::text(node, "file")?;
        if !is_body_name(name) {
            return Err(node.place.err(Problem::BodyName(name.to_owned())));
        }
        let len = fields.number("bytes")?;
        let digest_node = fields.need("sha256")?;
        let sha256 = digest::unhex(fields::text(digest_node, "sha256")?)
            .ok_or_else(|| wrong(digest_node, "sha256", "it has to be 64 lower-case hex digits".to_owned()))?;
        let file = BodyFile { path: folder.join(name), len, sha256 };
        let body = match self {
            Self::Pending(files) => pending(files.get(name), file),
            Self::Beside => beside(file, name),
        };
        body.map_err(|problem| node.place.err(problem))
    }
}

/// A file that is still to be written is what the writer says it is.
fn pending(content: Option<&Body>, file: BodyFile) -> Result<Body, Problem> {
    match content {
        Some(Body::Bytes(bytes)) if file.len <= format::MAX_IN_MEMORY => Ok(Body::Bytes(bytes.clone())),
        _ => Ok(Body::File(file)),
    }
}

fn beside(file: BodyFile, name: &str) -> Result<Body, Problem> {
    let unreadable = |error: std::io::Error| Problem::BodyFile { name: name.to_owned(), reason: error.to_string() };
    let changed = |reason: String| Problem::BodyChanged { name: name.to_owned(), reason };
    let found = fs::symlink_metadata(&file.path).map_err(unreadable)?;
    if !found.is_file() {
        return Err(Problem::BodyFile { name: name.to_owned(), reason: "it is not a regular file".to_owned() });
    }
    let lengths = || changed(format!("it has {} bytes, not {}", found.len(), file.len));
    if file.len > format::MAX_IN_MEMORY {
        // its hash is for whoever reads it
        return if found.len() == file.len { Ok(Body::File(file)) } else { Err(lengths()) };
    }
    // a checkout that turns LF into CRLF at most doubles it
    if found.len() < file.len || found.len() > file.len * 2 {
        return Err(lengths());
    }
    let mut bytes = Vec::with_capacity(found.len() as usize);
    File::open(&file.path)
        .and_then(|opened| opened.take(format::MAX_IN_MEMORY * 2).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 != file.len {
        // the hash below tells whether that was right
        bytes = without_cr(&bytes);
        if bytes.len() as u64 != file.len {
            return Err(lengths());
        }
    }
    if digest::sha256(&bytes) != file.sha256 {
        return Err(changed("its SHA-256 differs".to_owned()));
    }
    Ok(Body::Bytes(bytes.into()))
}

/// CRLF made LF.
fn without_cr(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, b"\r\n") {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out
}

/// One plain name: no folder, no drive, no `..`, not hidden.
fn is_body_name(name: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.contains("..") && name.bytes().all(word)
}

fn style(fields: &Fields<'_, '_>) -> Result<Style, At> {
    let mut style = Style::default();
    if let Some(node) = fields.get("style") {
        for item in fields::seq(node, "style")? {
            let word = fields::text(item, "style")?;
            if !style.add(word) {
                let reason = format!(
                    "`{word}` is none of spaced, indent-0 to indent-8, indent-tab, ascii, slashes, html, newline, or too much"
                );
                return Err(wrong(item, "style", reason));
            }
        }
    }
    Ok(style)
}

/// One coding or a list of them; none where the field is not there.
fn codings(fields: &Fields<'_, '_>) -> Result<Vec<Coding>, At> {
    let Some(node) = fields.get("coding") else { return Ok(Vec::new()) };
    let one = |node: &Node<'_>| {
        let name = fields::text(node, "coding")?;
        let unknown = || wrong(node, "coding", format!("`{name}` is none of gzip, deflate, deflate-raw, br, zstd"));
        Coding::from_name(name).ok_or_else(unknown)
    };
    match &node.kind {
        Kind::Seq(items) if items.is_empty() => Err(wrong(node, "coding", "it names no coding: remove it".to_owned())),
        Kind::Seq(items) => items.iter().map(one).collect(),
        _ => Ok(vec![one(node)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r57_a_body_name_never_leads_elsewhere() {
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/etc/passwd",
            "a\\b",
            "C:x",
            "a..b",
            ".git",
            "a b",
            "é",
            "a\0b",
            &"a".repeat(256),
        ] {
            assert!(!is_body_name(name), "{name:?}");
        }
        assert!(is_body_name("0123456789abcdef.json.gz"));
    }

    #[test]
    fn crlf_is_undone_and_nothing_else() {
        assert_eq!(without_cr(b"a\r\nb\rc\n\r\n"), b"a\nb\rc\n\n");
    }
}
