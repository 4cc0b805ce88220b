//! Other people's TOML into [`Value`]s: as much of TOML 1.0 as recordings need, which is all but checks that names are not given
//! twice and that dates are dates.

use super::error::Invalid;
use super::value::Value;

/// Deeper nesting than this is refused.
const MAX_DEPTH: usize = 64;

/// Reads a document.
pub(super) fn document(text: &str) -> Result<Value, Invalid> {
    let mut reader = Reader { text: text.strip_prefix('\u{feff}').unwrap_or(text), at: 0 };
    let mut root = Value::Map(Vec::new());
    let mut table: Vec<String> = Vec::new();
    loop {
        reader.blank_lines();
        match reader.peek() {
            None => return Ok(root),
            Some(b'[') => {
                reader.at += 1;
                let is_list = reader.peek() == Some(b'[');
                reader.at += usize::from(is_list);
                table = reader.path()?;
                reader.expect(if is_list { "]]" } else { "]" })?;
                let place = reader.wrong("this name stands for something else already");
                enter(&mut root, &table, is_list).ok_or(place)?;
            }
            Some(_) => {
                let path = reader.path()?;
                reader.expect("=")?;
                let value = reader.value(0)?;
                let place = reader.wrong("this name stands for something else already");
                let target = enter(&mut root, &table, false).ok_or_else(|| place.clone())?;
                let (name, above) = path.split_last().ok_or_else(|| place.clone())?;
                let Value::Map(entries) = enter(target, above, false).ok_or_else(|| place.clone())? else {
                    return Err(place);
                };
                entries.push((name.clone(), value));
            }
        }
        reader.end_of_line()?;
    }
}

/// The table at a path, made where it is not there; with `append`, a new one at the end of the list there. Of a list, the last.
fn enter<'v>(root: &'v mut Value, path: &[String], append: bool) -> Option<&'v mut Value> {
    let mut at = root;
    for (i, name) in path.iter().enumerate() {
        let Value::Map(entries) = at else { return None };
        let last = i + 1 == path.len();
        let index = match entries.iter().position(|(known, _)| known == name) {
            Some(index) => index,
            None => {
                let new = if append && last { Value::List(Vec::new()) } else { Value::Map(Vec::new()) };
                entries.push((name.clone(), new));
                entries.len() - 1
            }
        };
        at = &mut entries[index].1;
        if let Value::List(items) = at {
            if append && last {
                items.push(Value::Map(Vec::new()));
            }
            at = items.last_mut()?;
        }
    }
    matches!(at, Value::Map(_)).then_some(at)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong(&self, problem: &str) -> Invalid {
        let before = &self.text[..self.at];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
        Invalid::at(line, column, problem)
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    fn blank_lines(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            if self.peek() != Some(b'#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn end_of_line(&mut self) -> Result<(), Invalid> {
        self.blanks();
        match self.peek() {
            None | Some(b'\n' | b'\r' | b'#') => Ok(()),
            Some(_) => Err(self.wrong("the end of the line was expected here")),
        }
    }

    fn expect(&mut self, sign: &str) -> Result<(), Invalid> {
        self.blanks();
        if !self.rest().starts_with(sign) {
            return Err(self.wrong(&format!("{sign} was expected here")));
        }
        self.at += sign.len();
        self.blanks();
        Ok(())
    }

    /// Names with dots between them.
    fn path(&mut self) -> Result<Vec<String>, Invalid> {
        let mut path = Vec::new();
        loop {
            self.blanks();
            path.push(match self.peek() {
                Some(quote @ (b'"' | b'\'')) => self.string(quote)?,
                _ => self.word("a name was expected here", |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))?,
            });
            self.blanks();
            if path.len() > MAX_DEPTH {
                return Err(self.wrong("this name has more parts than anybody writes"));
            }
            if self.peek() != Some(b'.') {
                return Ok(path);
            }
            self.at += 1;
        }
    }

    fn word(&mut self, problem: &str, is_part: fn(char) -> bool) -> Result<String, Invalid> {
        let rest = self.rest();
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.wrong(problem));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn value(&mut self, depth: usize) -> Result<Value, Invalid> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("this goes deeper than anybody writes"));
        }
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => Ok(Value::Text(self.string(quote)?)),
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                loop {
                    self.blank_lines();
                    if self.peek() == Some(b']') {
                        break;
                    }
                    items.push(self.value(depth + 1)?);
                    self.blank_lines();
                    match self.peek() {
                        Some(b',') => self.at += 1,
                        Some(b']') => break,
                        _ => return Err(self.wrong("a comma or ] was expected here")),
                    }
                }
                self.at += 1;
                Ok(Value::List(items))
            }
            Some(b'{') => {
                self.at += 1;
                let mut entries = Vec::new();
                loop {
                    self.blank_lines();
                    if self.peek() == Some(b'}') {
                        break;
                    }
                    let path = self.path()?;
                    self.expect("=")?;
                    entries.push((path.join("."), self.value(depth + 1)?));
                    self.blank_lines();
                    match self.peek() {
                        Some(b',') => self.at += 1,
                        Some(b'}') => break,
                        _ => return Err(self.wrong("a comma or } was expected here")),
                    }
                }
                self.at += 1;
                Ok(Value::Map(entries))
            }
            // Numbers, dates, true and false, as they are spelt.
            _ => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '.' | ':');
                Ok(Value::Plain(self.word("a value was expected here", is_part)?))
            }
        }
    }

    fn string(&mut self, quote: u8) -> Result<String, Invalid> {
        let (one, three) = if quote == b'"' { ("\"", "\"\"\"") } else { ("'", "'''") };
        let end = if self.rest().starts_with(three) { three } else { one };
        self.at += end.len();
        if end == three {
            // A line break right after the quotes is none of the text.
            let rest = self.rest();
            self.at += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        }
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let special = memchr::memchr3(quote, b'\\', b'\n', rest.as_bytes());
            let Some(special) = special else { return Err(self.wrong("this text has no closing quote")) };
            out.push_str(&rest[..special]);
            self.at += special;
            let rest = &rest[special..];
            if let Some(after) = rest.strip_prefix(end) {
                // Up to two quotes may stand before the closing ones.
                let more = after.bytes().take(2).take_while(|byte| end == three && *byte == quote).count();
                out.push_str(&rest[..more]);
                self.at += end.len() + more;
                return Ok(out);
            }
            match rest.as_bytes()[0] {
                b'\n' if end == one => return Err(self.wrong("this text has no closing quote")),
                b'\\' if quote == b'"' => self.escape(&mut out)?,
                byte => {
                    out.push(char::from(byte));
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), Invalid> {
        self.at += 1;
        let Some(c) = self.rest().chars().next() else { return Err(self.wrong("this text has no closing quote")) };
        self.at += c.len_utf8();
        let short = match c {
            'b' => Some('\u{8}'),
            't' => Some('\t'),
            'n' => Some('\n'),
            'f' => Some('\u{c}'),
            'r' => Some('\r'),
            'e' => Some('\u{1b}'),
            '"' | '\\' => Some(c),
            _ => None,
        };
        if let Some(c) = short {
            out.push(c);
            return Ok(());
        }
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            // A line that goes on.
            ' ' | '\t' | '\r' | '\n' => {
                let rest = self.rest();
                self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
                return Ok(());
            }
            _ => return Err(self.wrong("there is no such escape")),
        };
        let hex = self.rest().get(..digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let Some(c) = hex.and_then(char::from_u32) else { return Err(self.wrong("this escape is no character")) };
        self.at += digits;
        out.push(c);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_lists_of_tables_and_texts_are_read() {
        let value = document(concat!(
            "# a comment\nversion = 1\n[[interactions]]\nat = 2026-01-01T00:00:00Z # when\n[interactions.request]\n",
            "uri = 'a\\b'\nbody = \"\"\"\nx \\\"\\u00e9\\n\"\"\"\"\nheaders.\"x y\" = [\"1\",\n 'two', ]\n",
            "[[interactions]]\nrequest = { uri = \"z\" }\n"
        ))
        .unwrap();
        let items = value.at("interactions").items();
        assert_eq!((value.at("version").number(), items.len()), (Some(1), 2));
        assert_eq!(items[0].at("at").text(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(items[0].at("request").at("uri").text(), Some("a\\b"));
        assert_eq!(items[0].at("request").at("body").text(), Some("x \"é\n\""));
        assert_eq!(items[0].at("request").at("headers").at("x y").items().len(), 2);
        assert_eq!(items[1].at("request").at("uri").text(), Some("z"));
    }

    #[test]
    fn what_is_wrong_has_a_place_and_depth_a_limit() {
        for text in ["a = ", "a 1", "a = \"x", "a = [1 2]", "[a\n", "a = 1 b = 2", "a = \"\\q\"", "a = 1\n[a.b]\n"] {
            assert!(document(text).unwrap_err().to_string().starts_with("line "), "{text}");
        }
        assert!(document(&format!("a = {}", "[".repeat(100_000))).is_err());
        assert!(document(&format!("[{}a]", "a.".repeat(100_000))).is_err());
    }
}
