//! JSON bodies: told apart by the style of their encoder, so that a readable tree and a [`Style`] give the same bytes again.
//!
//! Spelling of numbers, order of keys and every escape must come out as they were, or the body is not written as `json`.

use std::borrow::Cow;

use crate::codec::json::{self, Kind as Tree, Node as TreeNode};

use super::emit::Out;
use super::error::{At, Problem};
use super::json_style::{Layout, MAX_INDENT, Style, Writer};
use super::scalar::is_ambiguous;
use super::yaml::{Kind, Node, Scalar};

/// Deeper documents are written as text: nobody reads them as a tree.
const MAX_DEPTH: usize = 48;
/// The tree of `bytes` for the file, and the style that gives the bytes again; `None` where they do not earn it.
pub(super) fn readable(bytes: &[u8]) -> Option<(Out, Style)> {
    let tree = json::parse(bytes).ok()?;
    let out = to_out(&tree, 0)?;
    let style = styles(bytes, &tree).into_iter().find(|&style| {
        let mut writer = Writer::new(style, bytes.len());
        write_tree(&tree, &mut writer);
        writer.finish() == bytes
    })?;
    Some((out, style))
}

/// The bytes of a `json` body.
///
/// # Errors
/// Where a scalar without quotes is neither a JSON literal nor plainly a text.
pub(super) fn encode(node: &Node<'_>, style: Style) -> Result<Vec<u8>, At> {
    let mut writer = Writer::new(style, 256);
    write_node(node, &mut writer)?;
    Ok(writer.finish())
}

/// The few styles that could have given these bytes.
fn styles(bytes: &[u8], tree: &TreeNode<'_>) -> Vec<Style> {
    let has = |needle: &[u8]| memchr::memmem::find(bytes, needle).is_some();
    let escapes = has(b"\\u");
    let base = Style {
        layout: Layout::Compact,
        ascii: escapes && bytes.is_ascii() && any_string(tree, &|s| !s.is_ascii()),
        slashes: has(b"\\/"),
        html: escapes && [&b"\\u003c"[..], b"\\u003e", b"\\u0026", b"\\u2028", b"\\u2029"].iter().any(|e| has(e)),
        newline: bytes.last() == Some(&b'\n'),
    };
    let rest = bytes.get(tree.span.start + 1..).unwrap_or_default();
    let layouts = match rest {
        [b'\n', line @ ..] => match line.iter().position(|b| !matches!(b, b' ' | b'\t')) {
            Some(1) if line[0] == b'\t' => vec![Layout::Tab],
            Some(n) if n <= usize::from(MAX_INDENT) => vec![Layout::Indent(n as u8)],
            _ => vec![],
        },
        _ => vec![Layout::Compact, Layout::Spaced],
    };
    // `\\/` and `\\u003c` in the bytes may also be an escaped backslash and what follows it
    let off_and_on = |on: bool| [Some(false), on.then_some(true)].into_iter().flatten();
    let mut styles = Vec::new();
    for layout in layouts {
        for slashes in off_and_on(base.slashes) {
            styles.extend(off_and_on(base.html).map(|html| Style { layout, slashes, html, ..base }));
        }
    }
    styles
}

fn any_string(tree: &TreeNode<'_>, test: &impl Fn(&str) -> bool) -> bool {
    match &tree.kind {
        Tree::String(text) => test(text),
        Tree::Array(items) => items.iter().any(|item| any_string(item, test)),
        Tree::Object(members) => members.iter().any(|m| test(&m.name) || any_string(&m.value, test)),
        Tree::Null | Tree::Bool(_) | Tree::Number(_) => false,
    }
}

/// `None` where the tree is too deep or an object has a key twice, which YAML does not allow.
fn to_out(tree: &TreeNode<'_>, depth: usize) -> Option<Out> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(match &tree.kind {
        Tree::Null => Out::Word("null".into()),
        Tree::Bool(true) => Out::Word("true".into()),
        Tree::Bool(false) => Out::Word("false".into()),
        Tree::Number(digits) => Out::Word(Cow::Owned((*digits).to_owned())),
        Tree::String(text) => Out::Text(text.clone().into_owned()),
        Tree::Array(items) => Out::Seq(items.iter().map(|item| to_out(item, depth + 1)).collect::<Option<_>>()?),
        Tree::Object(members) => {
            let mut names: Vec<_> = members.iter().map(|m| m.name.as_ref()).collect();
            names.sort_unstable();
            if names.windows(2).any(|pair| pair[0] == pair[1]) {
                return None;
            }
            let member = |m: &json::Member<'_>| Some((Cow::Owned(m.name.to_string()), to_out(&m.value, depth + 1)?));
            Out::Map(members.iter().map(member).collect::<Option<_>>()?)
        }
    })
}

fn write_tree(tree: &TreeNode<'_>, to: &mut Writer) {
    match &tree.kind {
        Tree::Null => to.word("null"),
        Tree::Bool(true) => to.word("true"),
        Tree::Bool(false) => to.word("false"),
        Tree::Number(digits) => to.word(digits),
        Tree::String(text) => to.string(text),
        Tree::Array(items) => {
            to.open(b'[');
            for (i, item) in items.iter().enumerate() {
                to.item(i);
                write_tree(item, to);
            }
            to.close(b']', items.is_empty());
        }
        Tree::Object(members) => {
            to.open(b'{');
            for (i, member) in members.iter().enumerate() {
                to.item(i);
                to.key(&member.name);
                write_tree(&member.value, to);
            }
            to.close(b'}', members.is_empty());
        }
    }
}

fn write_node(node: &Node<'_>, to: &mut Writer) -> Result<(), At> {
    match &node.kind {
        Kind::Scalar(Scalar { text, plain: false }) => to.string(text),
        Kind::Scalar(Scalar { text, plain: true }) => {
            if matches!(text.as_ref(), "null" | "true" | "false") || is_number(text) {
                to.word(text);
            } else if is_ambiguous(text) {
                return Err(node.place.err(Problem::Ambiguous(text.to_string())));
            } else {
                to.string(text);
            }
        }
        Kind::Seq(items) => {
            to.open(b'[');
            for (i, item) in items.iter().enumerate() {
                to.item(i);
                write_node(item, to)?;
            }
            to.close(b']', items.is_empty());
        }
        Kind::Map(entries) => {
            to.open(b'{');
            for (i, (key, value)) in entries.iter().enumerate() {
                to.item(i);
                to.key(&key.text);
                write_node(value, to)?;
            }
            to.close(b'}', entries.is_empty());
        }
    }
    Ok(())
}

/// The grammar of RFC 8259 §6.
fn is_number(text: &str) -> bool {
    let digits = |bytes: &mut &[u8]| {
        let n = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        *bytes = &bytes[n..];
        n
    };
    let mut rest = text.as_bytes();
    rest = rest.strip_prefix(b"-").unwrap_or(rest);
    let zero = rest.first() == Some(&b'0');
    let whole = digits(&mut rest);
    if whole == 0 || (zero && whole > 1) {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = fraction;
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        rest = match exponent {
            [b'+' | b'-', digits @ ..] => digits,
            _ => exponent,
        };
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    rest.is_empty()
}
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{emit, yaml};
    use super::*;

    /// Through the file and back; `None` where the bytes do not earn it.
    fn there_and_back(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
        let (out, style) = readable(bytes)?;
        let text = emit::emit(&[("json".into(), out)]);
        let root = yaml::parse(&text).expect("what was written can be read");
        let Kind::Map(entries) = &root.kind else { panic!("a map") };
        Some((style.to_string(), encode(&entries[0].1, style).expect("no ambiguous scalar")))
    }

    #[test]
    fn every_known_style_is_found_and_gives_its_bytes_again() {
        for (text, style) in [
            (r#"{"a":[1,{"b":null}],"c":{}}"#, ""),
            (r#"{"a": [1, {"b": null}], "c": {}}"#, "spaced"),
            ("{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}\n", "indent-2 newline"),
            ("[\n\t1\n]", "indent-tab"),
            ("[\n1\n]", "indent-0"),
            (r#"{"a": "\u00e9\ud83d\ude00"}"#, "spaced ascii"),
            (r#"{"url":"https:\/\/x.test\/"}"#, "slashes"),
            (r#"{"html":"\u003cb\u003e \u0026"}"#, "html"),
            ("\"é\"\n", "newline"),
            (r#"["\\/","\\u003c"]"#, ""),
            ("null", ""),
            ("1.50", ""),
            ("-0", ""),
            ("{}", ""),
            (r#"{"":"","~":"null","1":"1","y":"no"}"#, ""),
            (r#"["\b\f\n\r\t\u0000\u001f\"\\"]"#, ""),
        ] {
            assert_eq!(there_and_back(text.as_bytes()), Some((style.to_owned(), text.as_bytes().to_vec())), "{text}");
        }
    }

    #[test]
    fn r36_digits_and_order_survive_and_a_key_twice_is_no_tree() {
        let text = br#"{"id":9007199254740993,"b":1.0,"a":1,"e":1E+2}"#;
        assert_eq!(there_and_back(text), Some((String::new(), text.to_vec())));
        assert_eq!(readable(br#"{"id":9007199254740993,"b":1.0,"a":1,"a":2}"#).map(|_| ()), None);
    }

    #[test]
    fn what_no_style_gives_is_not_readable() {
        for text in ["{ }", "[1 ,2]", " 1", "1\n\n", "[1]\r\n", r#""\u0041""#, r#""\u00E9""#, r#"{"a": 1,"b":2}"#, ""] {
            assert!(readable(text.as_bytes()).is_none(), "{text}");
        }
        assert!(readable(format!("{}{}", "[".repeat(100), "]".repeat(100)).as_bytes()).is_none());
    }

    #[test]
    fn a_scalar_that_readers_disagree_on_is_refused() {
        for text in ["yes", "~", "0x10", "1_000", ".5", "012", "True", "", "+1", "2026-11-21"] {
            let yaml = format!("a: {text}\n");
            let root = yaml::parse(&yaml).unwrap();
            assert!(matches!(encode(&root, Style::default()).unwrap_err().problem, Problem::Ambiguous(_)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_called_readable_comes_out_the_same(text in r#"[\[{][ \n"a:1,.e\\/u<é0\]}{\[-]{0,24}"#) {
            if let Some((_, bytes)) = there_and_back(text.as_bytes()) {
                prop_assert_eq!(bytes, text.as_bytes());
            }
        }

        #[test]
        fn any_strings_come_out_the_same(texts in proptest::collection::btree_set(any::<String>(), 0..5), pick in 0..6u8) {
            let mut style = Style { ascii: pick == 1, slashes: pick == 2, html: pick == 3, ..Style::default() };
            style.layout = [Layout::Compact, Layout::Spaced, Layout::Indent(3), Layout::Tab][usize::from(pick % 4)];
            let mut writer = Writer::new(style, 0);
            writer.open(b'{');
            for (i, text) in texts.iter().enumerate() {
                writer.item(i);
                writer.key(text);
                writer.string(text);
            }
            writer.close(b'}', texts.is_empty());
            let bytes = writer.finish();
            prop_assert_eq!(there_and_back(&bytes).map(|(_, bytes)| bytes), Some(bytes));
        }
    }
}
