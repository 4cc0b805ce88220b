//! A small tree into YAML that a person reads and a diff shows: the other way round from `yaml`.
//!
//! What is written reads the same under YAML 1.1 and 1.2 and survives a checkout that turns LF into CRLF: nothing that a
//! reader could take for another type stands without quotes, and a line break of the file never is one of a carriage return.

use std::borrow::Cow;

use super::scalar::{is_literal, lines, literal, pad, scalar};

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
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scalar::is_ambiguous;
    use super::super::yaml::{self, Kind, Node};
    use super::*;

    fn one(value: Out) -> String {
        emit(&[("k".into(), value)])
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
