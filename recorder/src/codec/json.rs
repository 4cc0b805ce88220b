//! JSON as it stands in the bytes: a tree whose every node knows its span and its spelling ([RFC 8259]).
//!
//! Numbers keep their digits, objects keep their order and their duplicate keys, so that a caller can hash, compare, or
//! replace one value and leave every other byte alone. Depth is bounded by [`MAX_DEPTH`].
//!
//! [RFC 8259]: https://www.rfc-editor.org/rfc/rfc8259

use std::borrow::Cow;
use std::ops::Range;

/// Deeper nesting than this is refused, so that hostile input cannot exhaust the stack.
pub(crate) const MAX_DEPTH: usize = 256;

/// One value and the bytes it was read from (strings: with their quotes).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node<'a> {
    /// Where the value stands in the input, in bytes.
    pub(crate) span: Range<usize>,
    /// What it is.
    pub(crate) kind: Kind<'a>,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind<'a> {
    Null,
    Bool(bool),
    /// The number's own spelling: `1`, `1.0` and `1e0` are three.
    Number(&'a str),
    /// The text with its escapes undone. A lone surrogate escape makes the document invalid.
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    /// Members in the order of the input, duplicates included.
    Object(Vec<Member<'a>>),
}

/// One `"name": value` of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    /// Where the name stands, with its quotes.
    pub(crate) name_span: Range<usize>,
    pub(crate) value: Node<'a>,
}

/// Why the bytes are not JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalid {
    /// Byte offset of the first byte that does not fit.
    pub(crate) offset: usize,
    /// What was expected there.
    pub(crate) expected: &'static str,
}

/// Reads one JSON document, white space around it allowed.
pub(crate) fn parse(input: &[u8]) -> Result<Node<'_>, Invalid> {
    let text = std::str::from_utf8(input).map_err(|e| Invalid { offset: e.valid_up_to(), expected: "UTF-8" })?;
    let mut parser = Parser { text, bytes: input, at: 0 };
    let node = parser.value(0)?;
    parser.space();
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.wants("the end of the document")),
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn wants(&self, expected: &'static str) -> Invalid {
        Invalid { offset: self.at, expected }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Invalid> {
        if depth > MAX_DEPTH {
            return Err(self.wants("at most 256 levels of nesting"));
        }
        self.space();
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Kind::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            _ => return Err(self.wants("a value")),
        };
        Ok(Node { span: start..self.at, kind })
    }

    fn word(&mut self, word: &'static str, kind: Kind<'a>) -> Result<Kind<'a>, Invalid> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(kind)
        } else {
            Err(self.wants(word))
        }
    }

    fn object(&mut self, depth: usize) -> Result<Kind<'a>, Invalid> {
        self.at += 1;
        let mut members = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Kind::Object(members));
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.wants("a member name"));
            }
            let name = self.string()?;
            let name_span = start..self.at;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.wants("`:`"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            members.push(Member { name, name_span, value });
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.wants("`,` or `}`")),
            }
        }
        self.at += 1;
        Ok(Kind::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Kind<'a>, Invalid> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Kind::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.wants("`,` or `]`")),
            }
        }
        self.at += 1;
        Ok(Kind::Array(items))
    }

    fn digits(&mut self) -> Result<(), Invalid> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.wants("a digit")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Kind<'a>, Invalid> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Kind::Number(&self.text[start..self.at]))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Invalid> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let plain = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Cow::Borrowed(plain));
                }
                Some(b'\\') => break,
                Some(0..=0x1f) | None => return Err(self.wants("a string character")),
                Some(_) => self.at += 1,
            }
        }
        let mut out = self.text[start..self.at].to_owned();
        loop {
            let plain = self.at;
            while !matches!(self.peek(), Some(b'"' | b'\\' | 0..=0x1f) | None) {
                self.at += 1;
            }
            out.push_str(&self.text[plain..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.wants("a string character")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Invalid> {
        self.at += 1;
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.wants("an escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, Invalid> {
        let first = self.hex4()?;
        if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let joined = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return char::from_u32(joined).ok_or_else(|| self.wants("a surrogate pair"));
            }
        }
        char::from_u32(first).ok_or_else(|| self.wants("a surrogate pair"))
    }

    fn hex4(&mut self) -> Result<u32, Invalid> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or_else(|| self.wants("four hex digits"))?;
        let mut value = 0;
        for &digit in digits {
            let digit = (digit as char).to_digit(16).ok_or_else(|| self.wants("four hex digits"))?;
            value = value * 16 + digit;
        }
        self.at += 4;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_duplicates_and_number_spelling() {
        let text = r#" {"b":1.0,"a":9007199254740993,"a":[true,null]} "#;
        let node = parse(text.as_bytes()).expect("valid");
        assert_eq!(&text[node.span.clone()], text.trim());
        let Kind::Object(members) = node.kind else { panic!("an object") };
        let names: Vec<_> = members.iter().map(|m| m.name.as_ref()).collect();
        assert_eq!(names, ["b", "a", "a"]);
        assert_eq!(members[0].value.kind, Kind::Number("1.0"));
        assert_eq!(members[1].value.kind, Kind::Number("9007199254740993"));
    }

    #[test]
    fn undoes_escapes_and_joins_surrogates() {
        let node = parse(br#""a\u00e9\ud83d\ude00\/\n""#).expect("valid");
        assert_eq!(node.kind, Kind::String("aé😀/\n".into()));
    }

    #[test]
    fn refuses_what_is_not_json_and_says_where() {
        for (text, offset) in
            [("", 0), ("{", 1), ("[1,]", 3), ("01", 1), ("1 2", 2), (r#""\ud800""#, 7), ("\"\n\"", 1), ("nul", 0)]
        {
            assert_eq!(parse(text.as_bytes()).map_err(|e| e.offset), Err(offset), "{text}");
        }
        assert_eq!(parse(b"\"\xff\"").map_err(|e| e.offset), Err(1));
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).is_err());
        let fine = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        assert!(parse(fine.as_bytes()).is_ok());
    }
}
