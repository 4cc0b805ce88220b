//! JSON in the order of [RFC 8785], each number in its own spelling.
//!
//! [RFC 8785]: https://www.rfc-editor.org/rfc/rfc8785

use std::cmp::Ordering;

use super::escape::write;
use crate::codec::json::{Kind, Node};

/// Takes the values away that begin at one of `places` (sorted); members with their names, elements so that those behind move
/// up.
pub(super) fn remove(node: &mut Node<'_>, places: &[usize]) {
    let kept = |node: &Node<'_>| places.binary_search(&node.span.start).is_err();
    match &mut node.kind {
        Kind::Object(members) => {
            members.retain(|m| kept(&m.value));
            members.iter_mut().for_each(|m| remove(&mut m.value, places));
        }
        Kind::Array(items) => {
            items.retain(kept);
            items.iter_mut().for_each(|item| remove(item, places));
        }
        _ => {}
    }
}

/// Puts the members of every object in the order of their names; members of one name stay in theirs.
pub(super) fn sort(node: &mut Node<'_>) {
    match &mut node.kind {
        Kind::Object(members) => {
            members.sort_by(|a, b| by_utf16(&a.name, &b.name));
            members.iter_mut().for_each(|m| sort(&mut m.value));
        }
        Kind::Array(items) => items.iter_mut().for_each(sort),
        _ => {}
    }
}

/// Writes a node without white space.
pub(super) fn write_node(node: &Node<'_>, out: &mut String) {
    match &node.kind {
        Kind::Null => out.push_str("null"),
        Kind::Bool(true) => out.push_str("true"),
        Kind::Bool(false) => out.push_str("false"),
        Kind::Number(spelling) => out.push_str(spelling),
        Kind::String(text) => write_string(text, out),
        Kind::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_node(item, out);
            }
            out.push(']');
        }
        Kind::Object(members) => {
            out.push('{');
            for (at, member) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(&member.name, out);
                out.push(':');
                write_node(&member.value, out);
            }
            out.push('}');
        }
    }
}

/// Writes a string with the escapes of RFC 8785 §3.2.2.2 and no others.
pub(crate) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            control => write(out, format_args!("\\u{control:04x}")),
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// The order of UTF-16 code units, which is that of bytes except between U+E000 and what needs surrogates.
pub(super) fn by_utf16(a: &str, b: &str) -> Ordering {
    if a.is_ascii() || b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::json::parse;

    fn canonical(input: &str) -> String {
        let mut node = parse(input.as_bytes()).expect("JSON");
        sort(&mut node);
        let mut out = String::new();
        write_node(&node, &mut out);
        out
    }

    #[test]
    fn the_order_is_that_of_rfc_8785() {
        // The example of RFC 8785 §3.2.3.
        let input = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        let want = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}";
        assert_eq!(canonical(input), want);
    }

    #[test]
    fn spelling_of_numbers_and_order_of_duplicates_stay() {
        assert_eq!(
            canonical(r#"{ "b": 1.0, "a": 1e2, "a": 9007199254740993 }"#),
            r#"{"a":1e2,"a":9007199254740993,"b":1.0}"#
        );
    }

    #[test]
    fn escapes_have_one_spelling() {
        assert_eq!(canonical(r#""\u0041\/\u000A\u001f\"\\é""#), r#""A/\n\u001f\"\\é""#);
    }

    #[test]
    fn removed_values_take_their_names_with_them() {
        let input = r#"{"a":[1,2,{"b":3}],"c":4}"#;
        let mut node = parse(input.as_bytes()).expect("JSON");
        let places: Vec<_> = ["1,2", "3}", "4}"].iter().filter_map(|p| input.find(p)).collect();
        remove(&mut node, &places);
        let mut out = String::new();
        write_node(&node, &mut out);
        assert_eq!(out, r#"{"a":[2,{}]}"#);
    }
}
