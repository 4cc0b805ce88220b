//! One pass over JSON text that says where its parts are and that all of it is JSON (RFC 8259), and makes nothing of it.
//!
//! `serde_json` could do the same in two passes and one `RawValue` for each event. It also refuses, when an event is at last made
//! into a value, some text that it skipped before without a word: numbers beyond a double, half a surrogate pair, deep nesting.
//! What is accepted here must never fail later, so this pass notes those three as it goes.

mod open;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::surrogates::whole_characters;
use open::Open;

/// Walks through one JSON text.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    notes: Notes,
}

/// What is JSON, and yet needs care, in the part that was read since [`Scanner::take_notes`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// The deepest nesting, counted from the start of the text.
    pub(super) depth: usize,
    /// An escape such as `\ud83d` stands in a text; it may lack its other half.
    pub(super) surrogate: bool,
    /// A number is larger than a double can be.
    pub(super) infinite: bool,
}

/// The kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Text,
    Number,
    Boolean,
    Null,
}

/// Not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syntax {
    /// Where: a byte of the text.
    pub(super) at: usize,
    /// What should stand there.
    pub(super) expected: &'static str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, depth: 0, notes: Notes::default() }
    }

    /// What the next value is, by its first byte.
    pub(super) fn kind(&mut self) -> Result<Kind, Syntax> {
        self.space();
        match self.byte() {
            Some(b'"') => Ok(Kind::Text),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Boolean),
            Some(b'n') => Ok(Kind::Null),
            _ => self.fail("a value"),
        }
    }

    /// Passes over a value of any kind and depth, and gives its text. Needs no stack for deep ones.
    pub(super) fn value(&mut self) -> Result<&'a str, Syntax> {
        self.space();
        let start = self.at;
        let mut open = Open::default();
        loop {
            match self.byte() {
                Some(b'"') => self.string()?,
                Some(b'{') => {
                    self.enter();
                    if self.byte() == Some(b'}') {
                        self.leave();
                    } else {
                        open.push(true);
                        self.name()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.enter();
                    if self.byte() == Some(b']') {
                        self.leave();
                    } else {
                        open.push(false);
                        continue;
                    }
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word("true")?,
                Some(b'f') => self.word("false")?,
                Some(b'n') => self.word("null")?,
                _ => return self.fail("a value"),
            }
            loop {
                let Some(in_object) = open.last() else { return Ok(self.since(start)) };
                self.space();
                match self.byte() {
                    Some(b',') => {
                        self.at += 1;
                        self.space();
                        if in_object {
                            self.name()?;
                        }
                        break;
                    }
                    Some(b'}') if in_object => {}
                    Some(b']') if !in_object => {}
                    _ => return self.fail(if in_object { "`,` or `}`" } else { "`,` or `]`" }),
                }
                open.pop();
                self.leave();
            }
        }
    }

    /// Passes over an object. For each field, `each` is to pass over its value.
    pub(super) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), Syntax>,
    ) -> Result<&'a str, Syntax> {
        self.space();
        let start = self.at;
        if self.byte() != Some(b'{') {
            return self.fail("an object");
        }
        self.enter();
        if self.byte() != Some(b'}') {
            loop {
                let name = self.name()?;
                each(self, &name)?;
                self.space();
                match self.byte() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return self.fail("`,` or `}`"),
                }
                self.space();
            }
        }
        self.leave();
        Ok(self.since(start))
    }

    /// Passes over an array. For each item, `each` is to pass over it.
    pub(super) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Syntax>) -> Result<(), Syntax> {
        self.space();
        if self.byte() != Some(b'[') {
            return self.fail("an array");
        }
        self.enter();
        if self.byte() != Some(b']') {
            loop {
                each(self)?;
                self.space();
                match self.byte() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return self.fail("`,` or `]`"),
                }
            }
        }
        self.leave();
        Ok(())
    }

    /// Makes sure that nothing follows.
    pub(super) fn end(&mut self) -> Result<(), Syntax> {
        self.space();
        if self.at == self.bytes.len() { Ok(()) } else { self.fail("the end") }
    }

    /// What was noted since this was asked last.
    pub(super) fn take_notes(&mut self) -> Notes {
        std::mem::take(&mut self.notes)
    }

    /// The name of a field and its colon; up to the value.
    fn name(&mut self) -> Result<Cow<'a, str>, Syntax> {
        let start = self.at;
        if self.byte() != Some(b'"') {
            return self.fail("a name in quotes");
        }
        self.string()?;
        let name = text(self.since(start));
        self.space();
        if self.byte() != Some(b':') {
            return self.fail("`:`");
        }
        self.at += 1;
        self.space();
        Ok(name)
    }

    /// A text in quotes, from the first to behind the last.
    fn string(&mut self) -> Result<(), Syntax> {
        self.at += 1;
        loop {
            self.at += plain(self.bytes.get(self.at..).unwrap_or_default());
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return self.fail("no control character"),
                None => return self.fail("`\"`"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Syntax> {
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
                if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return self.fail("four hexadecimal digits");
                }
                self.notes.surrogate |= matches!(digits, [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
                self.at += 4;
            }
            _ => return self.fail("an escape that JSON has"),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Syntax> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let mut large = self.at - start > 300;
        if let Some(b'e' | b'E') = self.byte() {
            large = true;
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        if large {
            self.notes.infinite |= !self.since(start).parse::<f64>().is_ok_and(f64::is_finite);
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Syntax> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { self.fail("a digit") }
    }

    fn word(&mut self, word: &'static str) -> Result<(), Syntax> {
        if !self.bytes.get(self.at..).unwrap_or_default().starts_with(word.as_bytes()) {
            return self.fail("a value");
        }
        self.at += word.len();
        Ok(())
    }

    fn enter(&mut self) {
        self.at += 1;
        self.depth += 1;
        self.notes.depth = self.notes.depth.max(self.depth);
        self.space();
    }

    fn leave(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn since(&self, start: usize) -> &'a str {
        // Both ends are next to ASCII characters.
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn fail<T>(&self, expected: &'static str) -> Result<T, Syntax> {
        Err(Syntax { at: self.at, expected })
    }
}

/// What a text with its quotes says.
pub(super) fn text(quoted: &str) -> Cow<'_, str> {
    let inside = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if inside.contains('\\') {
        serde_json::from_str::<String>(&whole_characters(quoted)).map_or(Cow::Borrowed(inside), Cow::Owned)
    } else {
        Cow::Borrowed(inside)
    }
}

/// How many bytes go by before a quote, a backslash, a control character or the end: eight at a time.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let mut seen = 0;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in chunks.by_ref() {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        let quote = word ^ (ONES * b'"' as u64);
        let slash = word ^ (ONES * b'\\' as u64);
        // A borrow may mark a byte above one that was found, never below: the lowest mark is right.
        let found = (word.wrapping_sub(ONES * 0x20) & !word)
            | (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash);
        if found & HIGH != 0 {
            return seen + (found & HIGH).trailing_zeros() as usize / 8;
        }
        seen += 8;
    }
    let rest = chunks.remainder();
    seen + rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
}
