//! Getting at the fields of a map in the file, with errors that say which one, where, and what it should have been.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::error::{At, Problem};
use super::format::Words;
use super::yaml::{Key, Kind, Node, Place, Scalar};

/// A map whose keys are all known.
pub(super) struct Fields<'n, 'a> {
    pub(super) place: Place,
    entries: &'n [(Key<'a>, Node<'a>)],
    of: &'static str,
}

impl<'n, 'a> Fields<'n, 'a> {
    /// `of` says in error texts what the map is.
    pub(super) fn new(node: &'n Node<'a>, of: &'static str, known: &[&str]) -> Result<Self, At> {
        let entries = map(node, of)?;
        for (key, _) in entries {
            if !known.contains(&key.text.as_ref()) {
                let field = key.text.to_string();
                return Err(key.place.err(Problem::Unknown { field, of, known: known.join(", ") }));
            }
        }
        Ok(Self { place: node.place, entries, of })
    }

    pub(super) fn get(&self, field: &str) -> Option<&'n Node<'a>> {
        self.entries.iter().find(|(key, _)| key.text == field).map(|(_, node)| node)
    }

    pub(super) fn need(&self, field: &'static str) -> Result<&'n Node<'a>, At> {
        self.get(field).ok_or_else(|| self.place.err(Problem::Missing { field, of: self.of }))
    }

    pub(super) fn text(&self, field: &'static str) -> Result<String, At> {
        text(self.need(field)?, field).map(str::to_owned)
    }

    pub(super) fn opt_text(&self, field: &'static str) -> Result<Option<String>, At> {
        self.get(field).map(|node| text(node, field).map(str::to_owned)).transpose()
    }

    /// A list of texts; empty where the field is not there.
    pub(super) fn texts(&self, field: &'static str) -> Result<Vec<String>, At> {
        self.items(field)?.iter().map(|node| text(node, field).map(str::to_owned)).collect()
    }

    /// A list of whole numbers; empty where the field is not there.
    pub(super) fn numbers(&self, field: &'static str) -> Result<Vec<u64>, At> {
        self.items(field)?.iter().map(|node| number(node, field)).collect()
    }

    pub(super) fn number(&self, field: &'static str) -> Result<u64, At> {
        number(self.need(field)?, field)
    }

    /// One of the known words; the usual one where the field is not there.
    pub(super) fn word_or_default<W: Words + Default>(&self, field: &'static str) -> Result<W, At> {
        self.get(field).map_or(Ok(W::default()), |node| word(node, field))
    }

    fn items(&self, field: &'static str) -> Result<&'n [Node<'a>], At> {
        self.get(field).map_or(Ok(&[]), |node| seq(node, field))
    }
}

pub(super) fn map<'n, 'a>(node: &'n Node<'a>, field: &str) -> Result<&'n [(Key<'a>, Node<'a>)], At> {
    match &node.kind {
        Kind::Map(entries) => Ok(entries),
        _ => Err(wrong_type(node, field, "a map")),
    }
}

pub(super) fn seq<'n, 'a>(node: &'n Node<'a>, field: &str) -> Result<&'n [Node<'a>], At> {
    match &node.kind {
        Kind::Seq(items) => Ok(items),
        _ => Err(wrong_type(node, field, "a list")),
    }
}

/// A scalar as a text. What stands without quotes is taken as it is written, so that `12` is the text `12`; nothing, `~` and
/// `null` are not taken, since they say that there is no text.
pub(super) fn text<'n>(node: &'n Node<'_>, field: &str) -> Result<&'n str, At> {
    match &node.kind {
        Kind::Scalar(scalar) if scalar.is_null() => {
            let reason = "nothing stands here: write \"\" for an empty text, put a word in quotes, or remove the field";
            Err(wrong(node, field, reason.to_owned()))
        }
        Kind::Scalar(Scalar { text, .. }) => Ok(text),
        _ => Err(wrong_type(node, field, "a text")),
    }
}

/// A whole number in decimal digits.
pub(super) fn number(node: &Node<'_>, field: &str) -> Result<u64, At> {
    let digits = match &node.kind {
        Kind::Scalar(Scalar { text, plain: true }) if text.bytes().all(|b| b.is_ascii_digit()) => text,
        _ => return Err(wrong_type(node, field, "a whole number")),
    };
    digits.parse().map_err(|_| wrong_type(node, field, "a whole number of at most 64 bits"))
}

/// One of the known words.
pub(super) fn word<W: Words>(node: &Node<'_>, field: &str) -> Result<W, At> {
    let text = text(node, field)?;
    W::from_word(text).ok_or_else(|| wrong(node, field, format!("`{text}` is none of {}", W::all())))
}

/// Base64, white space allowed anywhere.
pub(super) fn base64(node: &Node<'_>, field: &str) -> Result<Vec<u8>, At> {
    let text = text(node, field)?;
    let digits: Cow<'_, str> = if text.contains(|c: char| c.is_ascii_whitespace()) {
        text.chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>().into()
    } else {
        text.into()
    };
    BASE64.decode(digits.as_bytes()).map_err(|error| wrong(node, field, format!("not base64: {error}")))
}

pub(super) fn wrong(node: &Node<'_>, field: &str, reason: String) -> At {
    node.place.err(Problem::Value { field: field.to_owned(), reason })
}

pub(super) fn wrong_type(node: &Node<'_>, field: &str, expected: &'static str) -> At {
    node.place.err(Problem::Type { field: field.to_owned(), expected, found: node.kind_name() })
}
