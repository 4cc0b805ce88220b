//! A small tree into YAML that a person reads and a diff shows: the other way round from `yaml`.
//!
//! What is written reads the same under YAML 1.1 and 1.2 and survives a checkout that turns LF into CRLF: nothing that a
//! reader could take for another type stands without quotes, and a line break of the file never is one of a carriage return.

use std::borrow::Cow;

/// A map or a list goes on one line where it fits in this many columns.
const WIDTH: usize = 100;
/// YAML allows 1024 characters in a key without `?`.
const MAX_KEY: usize = 1000;

/// What is to be written.
#[derive(Debug, Clone)]
pub(super) enum Out {
    /// A word that is what it looks like: a number, a date, `true`.
    Word(Cow<'static, str>),
    /// Any text; quotes are put where needed.
    Text(String),
    /// A text that reads best over several lines, where it can.
    Lines(String),
    /// A list: on one line where it fits.
    Seq(Vec<Out>),
    /// A list over as few lines as it fits in.
    Packed(Vec<Out>),
    /// A list, always one line for each item.
    Items(Vec<Out>),
    /// A map: on one line where it fits.
    Map(Vec<(Cow<'static, str>, Out)>),
    /// A map, always one line for each key.
    Fields(Vec<(Cow<'static, str>, Out)>),
}

/// Writes `root`, whose fields start in the first column.
pub(super) fn emit(root: &[(Cow<'static, str>, Out)]) -> String {
    let mut out = String::with_capacity(1024);
    fields(root, 0, false, &mut out);
    out
}

/// Whether a plain scalar of this text is taken for something else than a text by some reader of YAML 1.1 or 1.2.
pub(super) fn is_ambiguous(text: &str) -> bool {
    const WORDS: [&str; 11] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", "="];
    match text.as_bytes() {
        [] => true,
        [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => {
            // integers, hexadecimal and the like, floats, base 60 with colons, dates and times
            let digits = text.trim_start_matches(['+', '-']).as_bytes();
            matches!(digits, [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..])
                || matches!(digits, [b'.', word @ ..] if word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan"))
                || digits.iter().all(|b| b"0123456789+-._:,eEtTzZ ".contains(b))
        }
        _ => text.len() <= 5 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)),
    }
}

/// `key: value` lines at `indent`; the first one is on a line begun already where `begun`.
fn fields(entries: &[(Cow<'static, str>, Out)], indent: usize, begun: bool, out: &mut String) {
    for (i, (key, value)) in entries.iter().enumerate() {
        if i > 0 || !begun {
            pad(indent, out);
        }
        let start = out.len();
        scalar(key, true, out);
        if out.len() - start > MAX_KEY {
            out.insert_str(start, "? ");
            out.push('\n');
            pad(indent, out);
        }
        out.push(':');
        nested(value, indent, true, out);
    }
}

/// A value after `key:` or `-`, to the end of its last line. Lists may stand at the indentation of their key.
fn nested(value: &Out, indent: usize, after_key: bool, out: &mut String) {
    let column = out.len() - out.rfind('\n').map_or(0, |at| at + 1);
    match value {
        Out::Lines(text) => lines(text, indent, out),
        Out::Text(text) if text.contains('\n') && is_literal(text) => literal(text, indent, out),
        Out::Word(_) | Out::Text(_) => {
            out.push(' ');
            inline(value, false, usize::MAX, out);
            out.push('\n');
        }
        Out::Packed(items) => packed(items, indent, column, out),
        Out::Seq(_) | Out::Map(_) if fits(value, column, out) => {}
        Out::Seq(items) | Out::Items(items) => {
            let indent = if after_key { indent } else { indent + 2 };
            for (i, item) in items.iter().enumerate() {
                if i == 0 && !after_key {
                    out.push(' ');
                } else {
                    if i == 0 {
                        out.push('\n');
                    }
                    pad(indent, out);
                }
                out.push('-');
                nested(item, indent, false, out);
            }
        }
        Out::Map(entries) | Out::Fields(entries) => {
            out.push(if after_key { '\n' } else { ' ' });
            fields(entries, indent + 2, !after_key, out);
        }
    }
}

/// Writes `value` on the line begun, where that is not too long; else leaves `out` as it was.
fn fits(value: &Out, column: usize, out: &mut String) -> bool {
    let start = out.len();
    out.push(' ');
    let limit = start + WIDTH.saturating_sub(column);
    if inline(value, true, limit, out) {
        out.push('\n');
        return true;
    }
    out.truncate(start);
    // an empty collection has no other form
    if matches!(value, Out::Seq(items) if items.is_empty()) {
        out.push_str(" []\n");
        return true;
    }
    if matches!(value, Out::Map(entries) if entries.is_empty()) {
        out.push_str(" {}\n");
        return true;
    }
    false
}

/// The form on one line. `false` as soon as `out` is longer than `limit`.
fn inline(value: &Out, flow: bool, limit: usize, out: &mut String) -> bool {
    match value {
        Out::Word(word) => out.push_str(word),
        Out::Text(text) | Out::Lines(text) => {
            if out.len() + text.len() > limit {
                return false;
            }
            scalar(text, flow, out);
        }
        Out::Seq(items) | Out::Packed(items) | Out::Items(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                if !inline(item, true, limit, out) {
                    return false;
                }
            }
            out.push(']');
        }
        Out::Map(entries) | Out::Fields(entries) => {
            out.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                if out.len() + key.len() > limit {
                    return false;
                }
                scalar(key, true, out);
                out.push_str(": ");
                if !inline(value, true, limit, out) {
                    return false;
                }
            }
            out.push('}');
        }
    }
    out.len() <= limit
}

/// `[1, 2, 3]` broken where a line is full.
fn packed(items: &[Out], indent: usize, column: usize, out: &mut String) {
    out.push_str(" [");
    let mut begin = out.len() - column;
    for (i, item) in items.iter().enumerate() {
        let start = out.len();
        inline(item, true, usize::MAX, out);
        if i + 1 < items.len() {
            out.push(',');
        }
        if i > 0 {
            if out.len() - begin > WIDTH {
                let item = out.split_off(start);
                out.push('\n');
                begin = out.len();
                pad(indent + 2, out);
                out.push_str(&item);
            } else {
                out.insert(start, ' ');
            }
        }
    }
    out.push_str("]\n");
}

/// A text over several lines: as a literal block where YAML keeps it in one, else in quotes with a line for each line.
fn lines(text: &str, indent: usize, out: &mut String) {
    let inner_breaks = text.strip_suffix('\n').unwrap_or(text).contains('\n');
    if text.contains('\n') && is_literal(text) {
        literal(text, indent, out);
        return;
    }
    out.push(' ');
    if !inner_breaks {
        scalar(text, false, out);
    } else {
        out.push('"');
        for (i, line) in text.split_inclusive('\n').enumerate() {
            if i > 0 {
                // the escaped break and the spaces after it are no part of the text
                out.push_str("\\\n");
                pad(indent + 2, out);
                if line.starts_with(' ') {
                    out.push('\\');
                }
            }
            line.chars().for_each(|c| escaped(c, out));
        }
        out.push('"');
    }
    out.push('\n');
}

/// Whether a literal block keeps `text`: no character that YAML would not, and no blank at the end of a line, which
/// editors take away.
fn is_literal(text: &str) -> bool {
    let content = text.trim_end_matches('\n');
    !content.is_empty()
        && content.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
        && content.split('\n').all(|line| !line.ends_with([' ', '\t']))
}

fn literal(text: &str, indent: usize, out: &mut String) {
    out.push_str(" |");
    // without it a reader would take the first line's own blanks for indentation
    if text.starts_with([' ', '\t', '\n']) {
        out.push('2');
    }
    let (content, chomp) = match text.strip_suffix('\n') {
        None => (text, "-"),
        Some(rest) if rest.ends_with('\n') => (rest, "+"),
        Some(rest) => (rest, ""),
    };
    out.push_str(chomp);
    out.push('\n');
    for line in content.split('\n') {
        if !line.is_empty() {
            pad(indent + 2, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A text on one line: plain, in single quotes, or in double ones.
fn scalar(text: &str, flow: bool, out: &mut String) {
    if is_plain(text, flow) {
        out.push_str(text);
    } else if !text.contains('\'') && text.contains(['"', '\\']) && text.chars().all(is_printable) {
        out.push('\'');
        out.push_str(text);
        out.push('\'');
    } else {
        out.push('"');
        text.chars().for_each(|c| escaped(c, out));
        out.push('"');
    }
}

/// Whether every reader takes `text` without quotes for just this text.
fn is_plain(text: &str, flow: bool) -> bool {
    let bytes = text.as_bytes();
    let begins = text.chars().next().is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '_'));
    begins
        && !matches!(bytes.last(), Some(b':' | b' '))
        && bytes.iter().enumerate().all(|(i, &b)| match b {
            b':' => {
                !flow && bytes.get(i + 1) != Some(&b' ')
                    || flow && bytes.get(i + 1).is_some_and(u8::is_ascii_alphanumeric)
            }
            b'#' => bytes[i - 1] != b' ',
            b',' | b'[' | b']' | b'{' | b'}' => !flow,
            b' '..=b'~' => true,
            _ => b >= 0x80,
        })
        && (text.is_ascii() || text.chars().all(is_printable))
        && !is_ambiguous(text)
}

fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // next line, line and paragraph separators are breaks in YAML 1.1; the byte order mark is nothing to a reader
        '\0'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    }
}

fn escaped(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0' => out.push_str("\\0"),
        c if is_printable(c) => out.push(c),
        c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
        c => out.push_str(&format!("\\u{:04x}", c as u32)),
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::yaml::{self, Kind, Node};
    use super::*;

    fn one(value: Out) -> String {
        emit(&[("k".into(), value)])
    }

    #[test]
    fn quotes_what_a_reader_could_mistake() {
        for text in [
            "",
            "null",
            "Yes",
            "off",
            "~",
            "12",
            "1.0",
            "1e5",
            "0x1f",
            "0o7",
            "1_000",
            "1:30",
            ".5",
            "-1",
            "+1",
            ".inf",
            ".NaN",
            "2026-11-21",
            "a: b",
            "a #b",
            "*/*",
            "{{x}}",
            "a:",
            " a",
            "a ",
            "- a",
            "=",
            "<<",
            "@a",
            "!a",
            "&a",
            "%a",
        ] {
            assert!(one(Out::Text(text.to_owned())).starts_with("k: \""), "{text}");
        }
        for text in
            ["a", "u-1", "application/json", "Basic {{secret:mixpanel}}", "182ms", "text/html; charset=utf-8", "a,b"]
        {
            assert_eq!(one(Out::Text(text.to_owned())), format!("k: {text}\n"));
        }
        assert_eq!(one(Out::Text("\"etag\"".to_owned())), "k: '\"etag\"'\n");
    }

    #[test]
    fn short_collections_stand_on_one_line_and_long_ones_do_not() {
        let pair =
            |n: usize| Out::Map(vec![("a".into(), Out::Text("x".repeat(n))), ("b".into(), Out::Word("1".into()))]);
        assert_eq!(one(pair(3)), "k: {a: xxx, b: 1}\n");
        assert_eq!(one(pair(100)), format!("k:\n  a: {}\n  b: 1\n", "x".repeat(100)));
        assert_eq!(
            one(Out::Seq(vec![pair(100), pair(1)])),
            format!("k:\n- a: {}\n  b: 1\n- {{a: x, b: 1}}\n", "x".repeat(100))
        );
        assert_eq!(one(Out::Seq(vec![])), "k: []\n");
    }

    #[test]
    fn texts_of_lines_are_blocks_or_quoted_lines() {
        let text = |text: &str| one(Out::Lines(text.to_owned()));
        assert_eq!(text("a\nb\n"), "k: |\n  a\n  b\n");
        assert_eq!(text("a\n\nb"), "k: |-\n  a\n\n  b\n");
        assert_eq!(text(" a\n\n\n"), "k: |2+\n   a\n\n\n");
        assert_eq!(text("a\r\n b"), "k: \"a\\r\\n\\\n  \\ b\"\n");
        assert_eq!(text("\n\n"), "k: \"\\n\\\n  \\n\"\n");
    }

    /// Texts with everything that YAML is known to trip over.
    fn text() -> impl Strategy<Value = String> {
        let pieces = proptest::sample::select(vec![
            "a", "b c", "\n", "\n\n", "\r", "\r\n", "\t", " ", "  ", "\u{2028}", "\u{85}", "\u{feff}", "\0", "é", "😀",
            "#", ": ", ":", "- ", "'", "\"", "\\", "{", "}", "[", "]", ",", "|", ">", "&", "*", "!", "%", "---", "...",
            "? ", "null", "1", "~", "\u{7f}", "\u{fffe}", "=", "<<",
        ]);
        prop_oneof![
            proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat()),
            any::<String>(),
            "[a-z]{990,1010}",
        ]
    }

    fn tree() -> impl Strategy<Value = Out> {
        let leaf = prop_oneof![
            text().prop_map(Out::Text),
            text().prop_map(Out::Lines),
            any::<i32>().prop_map(|n| Out::Word(n.to_string().into()))
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let map = |inner| {
                proptest::collection::btree_map(text(), inner, 0..5)
                    .prop_map(|map| map.into_iter().map(|(key, value)| (Cow::from(key), value)).collect::<Vec<_>>())
            };
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Out::Seq),
                proptest::collection::vec(any::<u16>().prop_map(|n| Out::Word(n.to_string().into())), 0..60)
                    .prop_map(Out::Packed),
                proptest::collection::vec(inner.clone(), 1..5).prop_map(Out::Items),
                map(inner.clone()).prop_map(Out::Map),
                map(inner).prop_filter("not empty", |map| !map.is_empty()).prop_map(Out::Fields),
            ]
        })
    }

    fn same(out: &Out, node: &Node<'_>) -> bool {
        match (out, &node.kind) {
            (Out::Word(word), Kind::Scalar(scalar)) => scalar.plain && scalar.text == *word,
            (Out::Text(text) | Out::Lines(text), Kind::Scalar(scalar)) => {
                scalar.text == *text && (!scalar.plain || !is_ambiguous(text))
            }
            (Out::Seq(items) | Out::Packed(items) | Out::Items(items), Kind::Seq(nodes)) => {
                items.len() == nodes.len() && items.iter().zip(nodes).all(|(item, node)| same(item, node))
            }
            (Out::Map(entries) | Out::Fields(entries), Kind::Map(nodes)) => {
                entries.len() == nodes.len()
                    && entries.iter().zip(nodes).all(|((key, value), (k, v))| *key == k.text && same(value, v))
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_also_after_a_checkout_with_crlf(tree in tree()) {
            let yaml = one(tree.clone());
            for yaml in [yaml.clone(), yaml.replace('\n', "\r\n")] {
                let node = yaml::parse(&yaml).map_err(|e| TestCaseError::fail(format!("{e:?}\n{yaml}")))?;
                let Kind::Map(entries) = &node.kind else { panic!("a map") };
                prop_assert!(same(&tree, &entries[0].1), "{}", yaml);
            }
            prop_assert!(!yaml.contains('\r'));
        }
    }
}
