//! `{{secret:NAME}}`: what stands in a tape where a value was.
//!
//! A placeholder is redacted to itself, also where a client has percent-encoded or JSON-escaped it, so that a token from a
//! replayed answer, sent on, still matches.

use super::units::readings;

const OPEN: &[u8] = b"{{secret:";
/// A name has at least one character.
pub(super) const SHORTEST: usize = OPEN.len() + 1 + 2;
/// Names are bounded, so that looking for the end of one is too.
const MAX_NAME: usize = 128;

/// Marks a placeholder that took the place of base64 text which is no text when decoded.
pub(super) const BASE64: &str = ";base64";

/// The placeholder of a name.
pub(super) fn written(name: &str) -> String {
    format!("{{{{secret:{name}}}}}")
}

/// Whether `name` can stand in a placeholder: letters, digits, `_`, `.`, `-`.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(is_name_byte)
}

/// A field's or a header's name as the kind of a placeholder: lower case, anything odd as `_`.
pub(super) fn kind_of(field: &str) -> String {
    let lower = field.bytes().take(64).map(|b| b.to_ascii_lowercase());
    let kind: String = lower.map(|b| if is_name_byte(b) { char::from(b) } else { '_' }).collect();
    let kind = kind.trim_matches('_');
    if kind.is_empty() { "field".to_owned() } else { kind.to_owned() }
}

/// A placeholder found in a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    /// It stands for base64 of the value.
    pub(super) base64: bool,
    /// Where it ends.
    pub(super) end: usize,
    /// Whether it is spelled plainly.
    pub(super) plain: bool,
}

impl Found {
    pub(super) fn written(&self) -> String {
        written(&format!("{}{}", self.name, if self.base64 { BASE64 } else { "" }))
    }
}

/// The placeholder that begins at `at`, in whatever spelling.
pub(super) fn at(text: &[u8], at: usize) -> Option<Found> {
    let first = *text.get(at)?;
    if !matches!(first, b'{' | b'%' | b'\\' | b'&') {
        return None;
    }
    let mut pos = OPEN.iter().try_fold(at, |pos, &want| take(text, pos, want))?;
    let mut name = String::new();
    while let Some((byte, next)) = name_byte(text, pos) {
        if name.len() == MAX_NAME + BASE64.len() {
            return None;
        }
        name.push(char::from(byte));
        pos = next;
    }
    let end = take(text, take(text, pos, b'}')?, b'}')?;
    let base64 = name.ends_with(BASE64);
    if base64 {
        name.truncate(name.len() - BASE64.len());
    }
    is_name(&name).then(|| {
        let plain = end - at == OPEN.len() + name.len() + if base64 { BASE64.len() } else { 0 } + 2;
        Found { name, base64, end, plain }
    })
}

/// The name, where `value` is one placeholder and nothing else.
pub(super) fn whole(value: &[u8]) -> Option<String> {
    at(value, 0).filter(|found| found.end == value.len()).map(|found| found.name)
}

/// Every placeholder in `text`.
pub(super) fn all(text: &[u8]) -> impl Iterator<Item = (usize, Found)> {
    let mut pos = 0;
    std::iter::from_fn(move || {
        while pos < text.len() {
            let start = pos + memchr::memchr3(b'{', b'%', b'\\', &text[pos..])?;
            if let Some(found) = at(text, start) {
                pos = found.end;
                return Some((start, found));
            }
            pos = start + 1;
        }
        None
    })
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

fn take(text: &[u8], at: usize, want: u8) -> Option<usize> {
    if text.get(at)? == &want {
        return Some(at + 1);
    }
    readings(text, at).as_slice().iter().find(|unit| unit.bytes() == [want]).map(|unit| at + unit.taken)
}

fn name_byte(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let legal = |byte: u8| is_name_byte(byte) || byte == b';';
    let &byte = text.get(at)?;
    if legal(byte) {
        return Some((byte, at + 1));
    }
    readings(text, at).as_slice().iter().find_map(|unit| match unit.bytes() {
        &[byte] if legal(byte) => Some((byte, at + unit.taken)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_known() {
        for text in [
            "{{secret:token-1}}",
            "%7B%7Bsecret%3Atoken-1%7D%7D",
            "%7b%7bsecret:token%2d1%7d%7d",
            "\\u007b{secret:token-1}\\u007d",
            "&#123;&#123;secret:token-1}}",
        ] {
            let found = at(text.as_bytes(), 0).expect(text);
            assert_eq!((found.written().as_str(), found.end), ("{{secret:token-1}}", text.len()));
        }
        assert!(at(b"{{secret:x;base64}}", 0).expect("found").base64);
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for text in ["{{secret:}}", "{{secret:a b}}", "{{secret:a}", "{secret:a}}", "{{secret", "{{secret:a;x}}"] {
            assert_eq!(at(text.as_bytes(), 0), None, "{text}");
        }
    }

    #[test]
    fn kinds_are_legal_names() {
        assert_eq!(kind_of("Access_Token"), "access_token");
        assert_eq!(kind_of("user[password]"), "user_password");
        assert_eq!(kind_of("§"), "field");
    }
}
