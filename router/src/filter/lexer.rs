//! A filter's text as words with their places.

use super::error::{FilterError, FilterProblem};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Places in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A field or a bare word, as written.
    Word(String),
    Text(String),
    Number(serde_json::Number),
    And,
    Or,
    Equals,
    NotEquals,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Not,
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    End,
}

/// The words of a text; the last one is always [`Kind::End`].
pub(super) fn lex(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start().len();
        at += blank;
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else {
            tokens.push(Token { kind: Kind::End, start: text.trim_end().len(), end: text.len() });
            return Ok(tokens);
        };
        let problem = |length: usize, problem| FilterError::new(text, at, at + length, problem);
        let (kind, length) = match first {
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            '[' => (Kind::OpenList, 1),
            ']' => (Kind::CloseList, 1),
            ',' => (Kind::Comma, 1),
            // Many write two where the language has one.
            '=' => (Kind::Equals, if rest.starts_with("==") { 2 } else { 1 }),
            '!' if rest.starts_with("!=") => (Kind::NotEquals, 2),
            '!' => (Kind::Not, 1),
            '<' if rest.starts_with("<=") => (Kind::LessOrEqual, 2),
            '<' => (Kind::Less, 1),
            '>' if rest.starts_with(">=") => (Kind::GreaterOrEqual, 2),
            '>' => (Kind::Greater, 1),
            '"' => quoted(rest).ok_or_else(|| problem(1, FilterProblem::Unclosed))?,
            '-' | '+' | '0'..='9' => {
                let length =
                    rest[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '.').map_or(rest.len(), |n| n + 1);
                let written = &rest[..length];
                let number = number(written)
                    .ok_or_else(|| problem(length, FilterProblem::Number { text: written.to_owned() }))?;
                (Kind::Number(number), length)
            }
            c if is_name(c) => word(rest),
            character => return Err(problem(character.len_utf8(), FilterProblem::Character { character })),
        };
        tokens.push(Token { kind, start: at, end: at + length });
        at += length;
    }
}

fn quoted(rest: &str) -> Option<(Kind, usize)> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Kind::Text(value), at + 1)),
            // Only a quote and a backslash are taken out of the ordinary.
            '\\' => match chars.next()? {
                (_, escaped @ ('"' | '\\')) => value.push(escaped),
                (_, other) => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
    None
}

fn number(written: &str) -> Option<serde_json::Number> {
    let plain = written.strip_prefix('+').unwrap_or(written);
    if !plain.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-')) {
        return None;
    }
    plain.parse::<i64>().ok().map(Into::into).or_else(|| serde_json::Number::from_f64(plain.parse().ok()?))
}

/// A field with all its names: `properties.products[0].unit\.price`; or a word of the language.
fn word(rest: &str) -> (Kind, usize) {
    let mut length = 0;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if chars.peek().is_some() => {
                chars.next();
            }
            // An index, but no list: `in [` has a blank before it.
            '[' if at > 0 => match rest[at + 1..]
                .find(']')
                .filter(|n| *n > 0 && rest[at + 1..at + 1 + n].bytes().all(|b| b.is_ascii_digit()))
            {
                Some(n) => {
                    for _ in 0..=n {
                        chars.next();
                    }
                }
                None => break,
            },
            c if is_name(c) || c == '-' || (c == '.' && at > 0) => {}
            _ => break,
        }
        length = chars.peek().map_or(rest.len(), |(next, _)| *next);
    }
    let written = &rest[..length];
    let kind = match written {
        "and" => Kind::And,
        "or" => Kind::Or,
        _ => Kind::Word(written.to_owned()),
    };
    (kind, length)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '\\')
}
