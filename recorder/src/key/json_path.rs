//! The paths of `ignore json`: a small part of JSONPath ([RFC 9535]).
//!
//! [RFC 9535]: https://www.rfc-editor.org/rfc/rfc9535

use std::fmt;

use super::json;
use crate::codec::json::{Kind, Node, parse};

/// `$.a.b[0]`, `$.items[*].id`, `$..timestamp`, `$["a b"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// `.name`, `["name"]`
    Member(String),
    /// `[0]`
    Index(usize),
    /// `[*]`, `.*`: every member or element.
    Any,
    /// `..name`: the member at any depth.
    Anywhere(String),
}

impl JsonPath {
    /// Reads a path that ends at white space or at the end; gives it and its length, or where it is wrong and why.
    pub(crate) fn parse(text: &str) -> Result<(Self, usize), (usize, &'static str)> {
        let Some(mut rest) = text.strip_prefix('$') else {
            return Err((0, "a JSON path begins with `$`, as in `$.user.id`"));
        };
        let mut steps = Vec::new();
        loop {
            let at = text.len() - rest.len();
            if rest.is_empty() || rest.starts_with(char::is_whitespace) {
                return if steps.is_empty() {
                    Err((0, "`$` is the whole body: `ignore body` does that"))
                } else {
                    Ok((Self(steps), at))
                };
            }
            let (step, after) = step(rest).map_err(|why| (at, why))?;
            steps.push(step);
            rest = after;
        }
    }

    /// Adds to `found` the place of every value that the path names; a value is known by the byte where it begins.
    pub(crate) fn find(&self, root: &Node<'_>, found: &mut Vec<usize>) {
        find(root, &self.0, found);
    }
}

fn step(rest: &str) -> Result<(Step, &str), &'static str> {
    if let Some(rest) = rest.strip_prefix("..") {
        let (name, rest) = bare(rest)?;
        return Ok((Step::Anywhere(name), rest));
    }
    if let Some(rest) = rest.strip_prefix(".*") {
        return Ok((Step::Any, rest));
    }
    if let Some(rest) = rest.strip_prefix('.') {
        let (name, rest) = bare(rest)?;
        return Ok((Step::Member(name), rest));
    }
    let rest = rest.strip_prefix('[').ok_or("expected `.name`, `..name`, `[0]`, `[*]` or `[\"name\"]`")?;
    if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
        let (name, rest) = quoted(&rest[1..], quote).ok_or("this quoted name does not end, or has a wrong escape")?;
        return Ok((Step::Member(name), rest.strip_prefix(']').ok_or("expected `]`")?));
    }
    let (inside, rest) = rest.split_once(']').ok_or("expected `]`")?;
    let step = match inside {
        "*" => Step::Any,
        digits if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Step::Index(digits.parse().map_err(|_| "this index is too large")?)
        }
        _ => return Err("expected an index, `*` or a quoted name"),
    };
    Ok((step, rest))
}

fn bare(rest: &str) -> Result<(String, &str), &'static str> {
    let end = rest.find(|c| !is_bare(c)).unwrap_or(rest.len());
    if end == 0 { Err("expected a name") } else { Ok((rest[..end].to_owned(), &rest[end..])) }
}

fn is_bare(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !matches!(c, '.' | '[' | ']' | '"' | '\'' | '*' | '\\')
}

/// A name in quotes, with the escapes of JSON; between `'` stands `\'` for the quote.
fn quoted(rest: &str, quote: char) -> Option<(String, &str)> {
    let mut escaped = false;
    let end = rest.find(|c| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    let inside = &rest[..end];
    let inside = if quote == '"' { inside.to_owned() } else { inside.replace("\\'", "'").replace('"', "\\\"") };
    let literal = format!("\"{inside}\"");
    let Kind::String(name) = parse(literal.as_bytes()).ok()?.kind else { return None };
    Some((name.into_owned(), &rest[end + 1..]))
}

fn find(node: &Node<'_>, steps: &[Step], found: &mut Vec<usize>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(node.span.start);
        return;
    };
    match (&node.kind, step) {
        (Kind::Object(members), Step::Member(name)) => {
            members.iter().filter(|m| m.name == name.as_str()).for_each(|m| find(&m.value, rest, found));
        }
        (Kind::Object(members), Step::Any) => members.iter().for_each(|m| find(&m.value, rest, found)),
        (Kind::Array(items), Step::Any) => items.iter().for_each(|item| find(item, rest, found)),
        (Kind::Array(items), Step::Index(at)) => {
            items.get(*at).into_iter().for_each(|item| find(item, rest, found));
        }
        (Kind::Object(members), Step::Anywhere(name)) => {
            for member in members {
                if member.name == name.as_str() {
                    find(&member.value, rest, found);
                }
                find(&member.value, steps, found);
            }
        }
        (Kind::Array(items), Step::Anywhere(_)) => items.iter().for_each(|item| find(item, steps, found)),
        _ => {}
    }
}

/// The path's own spelling, which reads back as the same path.
impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            match step {
                Step::Member(name) => f.write_str(&member(name))?,
                Step::Index(at) => write!(f, "[{at}]")?,
                Step::Any => f.write_str("[*]")?,
                Step::Anywhere(name) => write!(f, "..{name}")?,
            }
        }
        Ok(())
    }
}

/// The step to a member, as a path spells it: `.name`, or `["a b"]` where it needs quotes.
pub(crate) fn member(name: &str) -> String {
    if !name.is_empty() && name.chars().all(is_bare) {
        return format!(".{name}");
    }
    let mut out = String::from("[");
    json::write_string(name, &mut out);
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str, input: &str) -> Vec<String> {
        let node = parse(input.as_bytes()).expect("JSON");
        let (path, _) = JsonPath::parse(path).expect("a path");
        let mut found = Vec::new();
        path.find(&node, &mut found);
        found.into_iter().map(|at| input[at..].chars().take(1).collect()).collect()
    }

    #[test]
    fn paths_name_values() {
        let input = r#"{"a":{"b":[1,2]},"c d":3,"x":[{"id":4,"t":5},{"id":6}],"t":7}"#;
        for (path, want) in [
            ("$.a.b[0]", "1"),
            ("$.a.b[9]", ""),
            ("$.a.b[*]", "12"),
            (r#"$["c d"]"#, "3"),
            ("$['c d']", "3"),
            ("$.x[*].id", "46"),
            ("$.x.*.id", "46"),
            ("$..t", "57"),
            ("$.x..t", "5"),
            ("$.nothing", ""),
        ] {
            assert_eq!(named(path, input).concat(), want, "{path}");
        }
    }

    #[test]
    fn paths_read_back_as_themselves() {
        for (text, shown) in [
            ("$.a-b.c_1[0][*]..d", "$.a-b.c_1[0][*]..d"),
            ("$['it\\'s \"x\"'].*", r#"$["it's \"x\""][*]"#),
            ("$[\"a\\nb\"]", "$[\"a\\nb\"]"),
            ("$['plain']", "$.plain"),
        ] {
            let (path, len) = JsonPath::parse(text).expect("a path");
            assert_eq!((path.to_string(), len), (shown.to_owned(), text.len()));
            assert_eq!(JsonPath::parse(shown).map(|(p, _)| p), Ok(path));
        }
        assert_eq!(JsonPath::parse("$.a on h").map(|(_, len)| len), Ok(3));
    }

    #[test]
    fn wrong_paths_say_where() {
        for (text, at) in
            [("a", 0), ("$", 0), ("$a", 1), ("$.a.", 3), ("$[x]", 1), ("$['a", 1), ("$.a[1", 3), ("$..", 1)]
        {
            assert_eq!(JsonPath::parse(text).map_err(|(at, _)| at), Err(at), "{text}");
        }
    }
}
