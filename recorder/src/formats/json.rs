//! Other people's JSON into [`Value`]s: JSON, and what JSON5 adds (comments, single quotes, trailing commas, names without quotes).
//!
//! Numbers keep their spelling. A lone surrogate, which is no character, becomes U+FFFD: what a program that writes UTF-8 makes of it.

use super::error::Invalid;
use super::value::Value;

/// Deeper nesting than this is refused, so that hostile input cannot exhaust the stack.
const MAX_DEPTH: usize = 200;

/// Reads one document.
pub(super) fn document(text: &str) -> Result<Value, Invalid> {
    let mut reader = Reader::new(text, false);
    let value = reader.value(0)?;
    reader.end()?;
    Ok(value)
}

/// Reads one document; of a broken one, the items that are whole of the outermost list, and what is wrong.
pub(super) fn as_much_as_can_be_read(text: &str) -> Result<(Value, Option<Invalid>), Invalid> {
    let mut reader = Reader::new(text, true);
    let value = reader.value(0)?;
    let broken = match reader.broken.take() {
        Some(error) => Some(error),
        None => reader.end().err(),
    };
    Ok((value, broken))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Whether a list ends before an item that cannot be read.
    forgiving: bool,
    /// What was forgiven: from here on nothing is read.
    broken: Option<Invalid>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, forgiving: bool) -> Self {
        Self { text: text.strip_prefix('\u{feff}').unwrap_or(text), at: 0, forgiving, broken: None }
    }

    fn end(&mut self) -> Result<(), Invalid> {
        self.space()?;
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("the end of the file was expected here")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong(&self, problem: impl Into<String>) -> Invalid {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        Invalid::at(line, column, problem)
    }

    /// White space and comments.
    fn space(&mut self) -> Result<(), Invalid> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let Some(end) = trimmed.find("*/") else { return Err(self.wrong("this comment has no end")) };
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Invalid> {
        if depth > MAX_DEPTH {
            return Err(self.wrong(format!("this goes more than {MAX_DEPTH} levels deep")));
        }
        self.space()?;
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(quote @ (b'"' | b'\'')) => Ok(Value::Text(self.string(quote)?)),
            Some(_) => self.word(),
            None => Err(self.wrong("the file ends where a value was expected")),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Invalid> {
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.space()?;
            let name = match self.peek() {
                Some(b'}') => break,
                Some(quote @ (b'"' | b'\'')) => self.string(quote)?,
                Some(_) => match self.word()? {
                    Value::Plain(name) => name,
                    _ => return Err(self.wrong("a name was expected here")),
                },
                None => return Err(self.wrong("the file ends inside an object")),
            };
            self.space()?;
            if self.peek() != Some(b':') {
                return Err(self.wrong("a colon was expected here"));
            }
            self.at += 1;
            entries.push((name, self.value(depth + 1)?));
            if self.broken.is_some() {
                return Ok(Value::Map(entries));
            }
            if !self.comma(b'}')? {
                break;
            }
        }
        self.at += 1;
        Ok(Value::Map(entries))
    }

    fn list(&mut self, depth: usize) -> Result<Value, Invalid> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.space()?;
            if self.peek() == Some(b']') {
                break;
            }
            match self.value(depth + 1) {
                // Of an item with a broken list in it something is missing.
                Ok(_) if self.broken.is_some() => return Ok(Value::List(items)),
                Ok(item) => items.push(item),
                Err(error) => return self.forgive(items, error),
            }
            match self.comma(b']') {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return self.forgive(items, error),
            }
        }
        self.at += 1;
        Ok(Value::List(items))
    }

    fn forgive(&mut self, items: Vec<Value>, error: Invalid) -> Result<Value, Invalid> {
        if !self.forgiving {
            return Err(error);
        }
        self.broken = Some(error);
        Ok(Value::List(items))
    }

    /// Whether another item may follow. What ends the row is left where it is.
    fn comma(&mut self, end: u8) -> Result<bool, Invalid> {
        self.space()?;
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == end => Ok(false),
            _ => Err(self.wrong(format!("a comma or {} was expected here", char::from(end)))),
        }
    }

    /// A number, `true`, `null`, or a name without quotes.
    fn word(&mut self) -> Result<Value, Invalid> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '-' | '+' | '.')))
            .unwrap_or(rest.len());
        if end == 0 {
            return Err(self.wrong("a value was expected here"));
        }
        self.at += end;
        Ok(Value::Plain(rest[..end].to_owned()))
    }

    fn string(&mut self, quote: u8) -> Result<String, Invalid> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let special = memchr::memchr2(quote, b'\\', rest.as_bytes());
            let Some(end) = special else { return Err(self.wrong("this text has no closing quote")) };
            out.push_str(&rest[..end]);
            self.at += end;
            if self.peek() == Some(quote) {
                self.at += 1;
                return Ok(out);
            }
            self.at += 1;
            self.escape(&mut out)?;
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), Invalid> {
        let Some(c) = self.rest().chars().next() else { return Err(self.wrong("this text has no closing quote")) };
        self.at += c.len_utf8();
        match c {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            '0' => out.push('\0'),
            'u' => {
                let first = self.hex(4)?;
                let low = if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
                    let before = self.at;
                    self.at += 2;
                    match self.hex(4)? {
                        low @ 0xdc00..0xe000 => Some(low),
                        _ => {
                            self.at = before;
                            None
                        }
                    }
                } else {
                    None
                };
                let code = low.map_or(first, |low| 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00));
                out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            'x' => {
                let code = self.hex(2)?;
                out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            // A line that goes on.
            '\n' => {}
            '\r' => {
                if self.peek() == Some(b'\n') {
                    self.at += 1;
                }
            }
            other => out.push(other),
        }
        Ok(())
    }

    fn hex(&mut self, digits: usize) -> Result<u32, Invalid> {
        let digits = self.rest().get(..digits).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|text| u32::from_str_radix(text, 16).ok());
        match (code, digits) {
            (Some(code), Some(text)) => {
                self.at += text.len();
                Ok(code)
            }
            _ => Err(self.wrong("this escape lacks hex digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_numbers_duplicates_and_every_character() {
        let value =
            document(r#"{"n": 9007199254740993, "a": 1, "a": 1.0, "t": "\ud83d\ude00\u0000\ud800x", "e": null}"#)
                .unwrap();
        assert_eq!(value.at("n").text(), Some("9007199254740993"));
        assert_eq!(value.entries().iter().filter(|(name, _)| name == "a").count(), 2);
        assert_eq!(value.at("t").text(), Some("😀\0\u{fffd}x"));
        assert!(value.at("e").is_null() && value.has("e"));
    }

    #[test]
    fn json5_is_read_as_well() {
        let value = document("// tape\n{meta: {'a': 'it\\'s', b: [1, 2,],}, /* x */ c: \"\\x41\\\nB\",}\n").unwrap();
        assert_eq!(value.at("meta").at("a").text(), Some("it's"));
        assert_eq!(value.at("meta").at("b").items().len(), 2);
        assert_eq!(value.at("c").text(), Some("AB"));
    }

    #[test]
    fn of_a_broken_document_the_items_before_are_read() {
        for text in [
            "{\"list\": [{\"a\": [1]}, {\"a\": [2, }",
            "{\"list\": [{\"a\": [1]}, {\"a\": [2], x",
            "{\"list\": [{\"a\": [1]}",
        ] {
            let (value, broken) = as_much_as_can_be_read(text).unwrap();
            assert!(broken.is_some(), "{text}");
            assert_eq!(value.at("list").items().len(), 1, "{text}");
            assert_eq!(value.at("list").items()[0].at("a").items()[0].number(), Some(1));
        }
        assert!(as_much_as_can_be_read("{\"a\" 1}").is_err());
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        for (text, place) in
            [("{\"a\": }", "1:7"), ("[1, 2", "1:6"), ("{\n\"a\" 1}", "2:5"), ("\"x", "1:2"), ("[1] x", "1:5")]
        {
            let error = document(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line {}", place.split(':').next().unwrap())), "{text}: {error}");
        }
        assert!(document(&"[".repeat(100_000)).is_err());
        assert!(document("\"\\u12\"").is_err());
    }
}
