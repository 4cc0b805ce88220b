//! A file read and understood.

use std::path::Path;

use serde_json::Value;

use super::marks::{Location, Mark, Span};
use super::report::Report;
use super::yaml;
use crate::destination::mistake::Mistake;

/// More bytes than this in one file are refused.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// A YAML or JSON text as a value that knows where each of its parts stands.
pub struct Document {
    /// What it says, fields in the order in which they are written.
    pub value: Value,
    name: String,
    text: String,
    marks: Mark,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// A report with one problem: it cannot be read, or see [`Document::parse`].
    pub fn read(path: &Path) -> Result<Self, Report> {
        let name = path.display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => Self::parse(&name, &bytes),
            Err(error) => Err(Report::without_place(&name, format!("cannot be read: {error}"))),
        }
    }

    /// Reads a text; `name` stands for it in reports.
    ///
    /// # Errors
    /// A report with one problem: no UTF-8, no YAML, a key twice, tags, several documents, too large, too deep, or a
    /// number that JSON cannot hold.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Report> {
        if bytes.len() > MAX_BYTES {
            return Err(Report::without_place(name, format!("has more than {} MB", MAX_BYTES / 1024 / 1024)));
        }
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let (lines, last) = (before.matches('\n').count(), before.rsplit('\n').next().unwrap_or_default());
            let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            let at = Location { line: small(lines + 1), column: small(last.chars().count() + 1) };
            let fault = yaml::Fault {
                span: Span::point(at),
                message: "this is not UTF-8".to_owned(),
                help: Some("save the file as UTF-8".to_owned()),
            };
            Report::of_fault(name, &String::from_utf8_lossy(bytes), fault)
        })?;
        let (value, marks) = yaml::parse(text).map_err(|fault| Report::of_fault(name, text, fault))?;
        Ok(Self { value, name: name.to_owned(), text: text.to_owned(), marks })
    }

    /// The name that it has in reports.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where a JSON pointer (RFC 6901) leads: to a value, or to its key where the value begins on a later line. With a `#` behind
    /// the pointer it is always the key. What is not there is looked for at its nearest parent.
    #[must_use]
    pub fn locate(&self, pointer: &str) -> Location {
        self.span(pointer).at
    }

    /// A report of one mistake.
    #[must_use]
    pub fn report(&self, mistake: Mistake) -> Report {
        let mut report = Report::default();
        report.add(self, mistake);
        report
    }

    pub(super) fn span(&self, pointer: &str) -> Span {
        self.marks.find(pointer)
    }

    /// A line of the text, from 1; literal values of what is called like a secret are masked.
    pub(super) fn line(&self, line: u32) -> String {
        let text = nth_line(&self.text, line);
        let mut shown: Vec<char> = text.chars().collect();
        hide(&self.marks, line, &mut shown);
        shown.into_iter().collect()
    }
}

impl std::fmt::Debug for Document {
    /// The name alone: a configuration may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").field("name", &self.name).finish_non_exhaustive()
    }
}

pub(super) fn nth_line(text: &str, line: u32) -> &str {
    let before = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    text.lines().nth(before).unwrap_or_default()
}

/// Paints over scalars whose key says that they are secret. What names a setting or a variable (`$…`) stays.
fn hide(mark: &Mark, line: u32, shown: &mut [char]) {
    for part in &mark.parts {
        if part.parts.is_empty() {
            let secret = part.key.as_ref().is_some_and(|(key, _)| sounds_secret(key));
            if secret && part.value.at.line == line {
                let start = usize::try_from(part.value.at.column - 1).unwrap_or(usize::MAX);
                let width = usize::try_from(part.value.width).unwrap_or(usize::MAX);
                let end = start.saturating_add(width).min(shown.len());
                if let Some(chars) = shown.get_mut(start..end).filter(|chars| !names_something(chars)) {
                    chars.fill('*');
                }
            }
        } else {
            hide(part, line, shown);
        }
    }
}

fn names_something(scalar: &[char]) -> bool {
    let inside: String = scalar.iter().skip_while(|c| matches!(c, '"' | '\'')).take(2).collect();
    inside.starts_with('$') || inside == "{{"
}

pub(super) fn sounds_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["secret", "password", "token", "key", "credential", "authorization"].iter().any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn document(text: &str) -> Document {
        Document::parse("f.yaml", text.as_bytes()).unwrap_or_else(|report| panic!("{report}"))
    }

    fn refused(bytes: &[u8]) -> String {
        Document::parse("f.yaml", bytes).unwrap_err().to_string()
    }

    fn place(text: &str, pointer: &str) -> (u32, u32) {
        let at = document(text).locate(pointer);
        (at.line, at.column)
    }

    #[test]
    fn fields_keep_the_order_in_which_they_are_written() {
        let value = document("b: 1\na: [x, {z: null, y: 'null', '': ''}]\nc:\n").value;
        assert_eq!(value.to_string(), r#"{"b":1,"a":["x",{"z":null,"y":"null","":""}],"c":null}"#);
    }

    #[test]
    fn json_is_read_as_it_is() {
        let value = document("{\n\t\"a\": [1,\n\t\t2.5],\n\t\"b\": \"\\ud83d\\ude00 \\/ \\u0041\"\n}").value;
        assert_eq!(value, json!({"a": [1, 2.5], "b": "😀 / A"}));
    }

    #[test]
    fn every_part_is_found_at_its_place() {
        let text = "name: x\nactions:\n  track:\n    json: {a: 1, b/c: [7, {d: 2}]}\n";
        assert_eq!(place(text, ""), (1, 1));
        assert_eq!(place(text, "/name"), (1, 7));
        assert_eq!(place(text, "/name#"), (1, 1));
        assert_eq!(place(text, "/actions"), (2, 1), "a value on a later line is found by its key");
        assert_eq!(place(text, "/actions/track/json"), (4, 11));
        assert_eq!(place(text, "/actions/track/json#"), (4, 5));
        assert_eq!(place(text, "/actions/track/json/b~1c/1/d"), (4, 31));
        assert_eq!(place(text, "/actions/track/json/b~1c/1/d#"), (4, 28));
    }

    #[test]
    fn what_is_absent_is_found_at_its_nearest_parent() {
        let text = "name: x\nactions:\n  track:\n    json: {a: 1}\n";
        assert_eq!(place(text, "/actions/track/request"), (3, 3));
        assert_eq!(place(text, "/actions/track/json/a/b/c"), (4, 15));
        assert_eq!(place(text, "/nothing/at/all"), (1, 1));
        assert_eq!(place(text, "no pointer"), (1, 1));
        assert_eq!(place("a: [1]", "/a/9"), (1, 4));
    }

    #[test]
    fn a_key_that_ends_in_a_hash_is_still_found() {
        assert_eq!(place("{'a#': 7, a: 8}", "/a#"), (1, 8));
        assert_eq!(place("{'a#': 7, a: 8}", "/a##"), (1, 2));
    }

    #[test]
    fn nothing_but_plain_data_is_read_and_each_refusal_has_its_place() {
        let cases: [(&str, &str); 19] = [
            ("a: {b: one of x, y and z}\n", "f.yaml:1:18: \"y and z\" has no value"),
            ("a: {b: }\n", "f.yaml:1:5: \"b\" has no value"),
            ("a: 1\nb: {c: 1, 'c': 2}\n", "f.yaml:2:11: \"c\" stands here twice"),
            ("a: &x [*x]\n", "f.yaml:1:8: this alias stands inside of what it repeats"),
            ("&x a: 1\n", "f.yaml:1:4: a key has no anchor"),
            ("a: 1\nb: *x\n", "f.yaml:2:4: "),
            ("a: !!python/object/apply:os.system [x]\n", "tags (!) are not read here"),
            ("a: {<<: 7}\n", "f.yaml:1:9: << merges a map into this one"),
            ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document begins here"),
            ("{[a]: 1}\n", "f.yaml:1:2: a key must be a text"),
            ("a: {b: {{c}}}\n", "put a text that begins with { or [ in quotes"),
            ("%YAML 1.2\n---\na: 1\n", "f.yaml:1:1: this is no YAML"),
            ("", "f.yaml:1:1: the file is empty"),
            ("# only a comment\n", "f.yaml:1:1: the file is empty"),
            ("a: @b\n", "f.yaml:1:4: this is no YAML: unexpected character: `@'"),
            ("a: b: c\n", "put a text that has \": \" in it in quotes"),
            ("a:\n\tb: 1\n", "f.yaml:2:2: this is no YAML: tabs"),
            ("phone: +15551234567\n", "f.yaml:1:8: +15551234567 could be a number or a text"),
            ("a: 123456789012345678901\n", "f.yaml:1:4: 123456789012345678901 is a number with more digits"),
        ];
        for (text, expected) in cases {
            let report = refused(text.as_bytes());
            assert!(report.contains(expected), "{text:?}: {report}");
        }
        assert!(refused(b"a: 1\nb: \xff\n").starts_with("f.yaml:2:4: this is not UTF-8"));
    }

    #[test]
    fn aliases_repeat_a_value_and_merge_keys_a_maps_fields() {
        let text = "a: &a {x: 1, y: [2]}\nb: *a\nc: {y: 0, <<: *a, x: 3}\nd: {<<: [*a, {z: 4, x: 5}]}\n'<<': 6\n";
        let a = json!({"x": 1, "y": [2]});
        let expected = json!({"a": a, "b": a, "c": {"y": 0, "x": 3}, "d": {"x": 1, "y": [2], "z": 4}, "<<": 6});
        assert_eq!(document(text).value, expected);
        assert_eq!(place(text, "/b"), (2, 4), "an alias stands where it is written");
        assert_eq!(place(text, "/b/y/0"), (1, 18), "what it repeats stands at the anchor");
        assert_eq!((place(text, "/c/x#"), place(text, "/c/y")), ((3, 19), (3, 8)));
        assert_eq!(place(text, "/d/z"), (4, 18));
    }

    #[test]
    fn aliases_of_aliases_are_no_bomb() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..20 {
            bomb += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", "));
        }
        assert!(refused(bomb.as_bytes()).contains("more than 500000 values"));
        let mut deep = "a0: &a0 [x]\n".to_owned();
        for i in 1..100 {
            deep += &format!("a{i}: &a{i} [*a{}]\n", i - 1);
        }
        assert!(refused(deep.as_bytes()).contains("levels deep"));
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Document::parse("f", nested(yaml::MAX_DEPTH).as_bytes()).is_ok());
        assert!(refused(nested(yaml::MAX_DEPTH + 1).as_bytes()).contains("levels deep"));
        for text in [nested(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000), "[".repeat(100_000)] {
            assert!(Document::parse("f", text.as_bytes()).is_err());
        }
        assert!(refused(&vec![b' '; MAX_BYTES + 1]).contains("has more than 8 MB"));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(place("\u{feff}a: 1", "/a"), (1, 4));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e15..1e15f64).prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec(("\\PC{0,8}", inner), 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_text_is_read_as_the_same_value(value in any_json()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let read = Document::parse("f.json", text.as_bytes()).map_err(|r| TestCaseError::fail(r.to_string()))?;
                prop_assert_eq!(&read.value, &value);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[ -~\n\t\u{e9}]{0,60}", pointer in "[a-z/#~0-9]{0,12}") {
            match Document::parse("f", text.as_bytes()) {
                Ok(document) => { let _ = document.locate(&pointer); }
                Err(report) => prop_assert!(!report.is_empty()),
            }
        }
    }
}
