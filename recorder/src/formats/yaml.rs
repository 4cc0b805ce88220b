//! Other people's YAML into [`Value`]s: YAML 1.1 and 1.2, several documents, tags, anchors and aliases, all of it data.
//!
//! A tag never makes anything: `!!binary` is base64, every other tag (`!!python/object…`, `!ruby/struct…`) is read for the plain data
//! below it. Aliases are followed within a budget, so that a file of a kilobyte cannot become gigabytes.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag, options};

use super::error::Invalid;
use super::value::Value;

/// More values than this in one file, aliases counted each time, are refused.
const MAX_VALUES: usize = 8_000_000;
/// More bytes of text than this that come from aliases are refused.
const MAX_ALIASED: usize = 256 * 1024 * 1024;
/// Deeper nesting than this is refused.
const MAX_DEPTH: usize = 200;

/// Base64 as people write it: with line breaks taken out, padding or not.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// So many of the scalars that [`indented`] mends are mended in one file.
const MAX_REPAIRS: usize = 500;
/// And so many bytes are read again for it.
const MAX_REPAIRED: usize = 1 << 30;

/// The name under which an item stands that cannot be read: its value says why.
pub(super) const BROKEN: &str = "(broken)";

/// A broken document whose interactions are read each by itself, so that one does not take its neighbours along. `None` where
/// the lines do not show a list of interactions.
pub(super) fn item_by_item(text: &str) -> Option<Value> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let heading = |line: &&str| matches!(line.trim_end(), "http_interactions:" | "interactions:");
    let first = lines.iter().position(heading).map_or(0, |at| at + 1);
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let is_item = |line: &str| line.trim_start_matches(' ').starts_with("- ") || line.trim() == "-";
    let start = first + lines[first..].iter().position(|line| is_item(line))?;
    let depth = indent(lines[start]);
    let ends = |line: &str| {
        let name = line.split(':').next().unwrap_or_default();
        indent(line) == 0
            && line.contains(':')
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    let mut starts: Vec<usize> = Vec::new();
    let mut end = lines.len();
    for (i, line) in lines.iter().enumerate().skip(start) {
        if is_item(line) && indent(line) == depth {
            starts.push(i);
        } else if ends(line) {
            end = i;
            break;
        }
    }
    if starts.len() < 2 {
        return None;
    }
    let items = starts.iter().enumerate().map(|(n, &from)| {
        let to = starts.get(n + 1).copied().unwrap_or(end);
        let item = documents(&lines[from..to].concat()).map(|mut found| found.pop());
        match item {
            Ok(Some(Value::List(mut items))) if items.len() == 1 => items.remove(0),
            Ok(_) => Value::Map(vec![(BROKEN.to_owned(), Value::Text("it is not one item of a list".to_owned()))]),
            Err(error) => Value::Map(vec![(BROKEN.to_owned(), Value::Text(error.below(from).to_string()))]),
        }
    });
    Some(Value::Map(vec![("interactions".to_owned(), Value::List(items.collect()))]))
}

/// Reads all documents of a text.
pub(super) fn documents(text: &str) -> Result<Vec<Value>, Invalid> {
    let mut text = std::borrow::Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text));
    for _ in 0..MAX_REPAIRS.min(MAX_REPAIRED / text.len().max(1)) {
        match strict(&text) {
            Err(error) if error.problem().contains(INDENTATION) => match indented(&text, error.place()) {
                Some(mended) => text = mended.into(),
                None => return Err(error),
            },
            result => return result,
        }
    }
    strict(&text)
}

/// What the parser says of a quoted text whose second line begins no further right than its key. YAML forbids that, and
/// Go's and Python's writers do it.
const INDENTATION: &str = "invalid indentation in multiline quoted scalar";

/// The file with that line moved to the right: white space at the beginning of a line of a quoted text means nothing.
fn indented(text: &str, (line, _): Place) -> Option<String> {
    let start: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let (before, after) = text.split_at_checked(start)?;
    Some(format!("{before}{}{after}", " ".repeat(MAX_DEPTH)))
}

/// Reads all documents of a text, each by itself where the text as a whole is broken.
pub(super) fn each_document(text: &str) -> Vec<Result<Value, Invalid>> {
    if let Ok(documents) = documents(text) {
        return documents.into_iter().map(Ok).collect();
    }
    let (mut found, mut part, mut from) = (Vec::new(), String::new(), 0);
    let mut close = |part: &mut String, from: usize| {
        let read = documents(&std::mem::take(part)).map_err(|error| error.below(from));
        match read {
            Ok(documents) => found.extend(documents.into_iter().map(Ok)),
            Err(error) => found.push(Err(error)),
        }
    };
    for (i, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_end() == "---" {
            close(&mut part, from);
            from = i + 1;
        } else {
            part.push_str(line);
        }
    }
    close(&mut part, from);
    found
}

fn strict(text: &str) -> Result<Vec<Value>, Invalid> {
    let options = options! {
        emit_comments: false,
        block_nesting_limit: MAX_DEPTH,
        flow_nesting_limit: MAX_DEPTH,
    };
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        values: MAX_VALUES,
        aliased: MAX_ALIASED,
        anchors: HashMap::new(),
    };
    let mut found = Vec::new();
    loop {
        let (event, place) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) => reader.anchors.clear(),
            Event::StreamEnd => return Ok(found),
            event => found.push(reader.value(event, place)?),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    values: usize,
    aliased: usize,
    anchors: HashMap<usize, Value>,
}

type Place = (usize, usize);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Place), Invalid> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place(&span))),
            Some(Err(error)) => {
                let (line, column) = (error.marker().line(), error.marker().col() + 1);
                Err(Invalid::at(line, column, error.info()))
            }
            None => Ok((Event::StreamEnd, (1, 1))),
        }
    }

    /// The parser bounds the depth, and with it the recursion.
    fn value(&mut self, event: Event<'a>, place: Place) -> Result<Value, Invalid> {
        self.spend(1, place)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = match tag.as_deref() {
                    Some(tag) if is_core(tag, "binary") || is_own(tag, "binary") => binary(&text, place)?,
                    // OkReplay's body in a file of its own.
                    Some(tag) if is_own(tag, "file") => Value::Map(vec![
                        ("file".to_owned(), Value::Plain("true".to_owned())),
                        ("string".to_owned(), Value::Text(text.into_owned())),
                    ]),
                    Some(tag) if is_core(tag, "str") => Value::Text(text.into_owned()),
                    Some(tag) if is_core(tag, "null") => Value::Plain(String::new()),
                    // A tag of a program's own on a scalar is about texts: `!!python/unicode 'x'`.
                    _ if style == ScalarStyle::Plain => Value::Plain(text.into_owned()),
                    _ => Value::Text(text.into_owned()),
                };
                (value, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, place) => items.push(self.value(event, place)?),
                    }
                }
                (Value::List(items), anchor)
            }
            Event::MappingStart(_, anchor, _) => (self.map()?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, place),
            _ => return Err(Invalid::at(place.0, place.1, "a value was expected here")),
        };
        if anchor != 0 {
            // The copy costs as much as an alias would.
            let (values, bytes) = weight(&value);
            self.spend(values, place)?;
            self.aliased = self.aliased.checked_sub(bytes).ok_or_else(|| too_much(place))?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn map(&mut self) -> Result<Value, Invalid> {
        let mut entries: Vec<(String, Value)> = Vec::new();
        let mut merged: Vec<(String, Value)> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.value(event, at)?;
            let (event, place) = self.next()?;
            let value = self.value(event, place)?;
            match key {
                // YAML 1.1's merge: fields of another map, where this one has none of its own.
                Value::Plain(name) if name == "<<" => match value {
                    Value::List(maps) => merged.extend(maps.into_iter().flat_map(Value::into_entries)),
                    map => merged.extend(map.into_entries()),
                },
                Value::Plain(name) | Value::Text(name) => entries.push((name, value)),
                Value::Bytes(name) => entries.push((String::from_utf8_lossy(&name).into_owned(), value)),
                other => {
                    let problem = format!("a name was expected here, and this is {}", other.kind());
                    return Err(Invalid::at(at.0, at.1, problem));
                }
            }
        }
        if !merged.is_empty() {
            let mut known: HashSet<String> = entries.iter().map(|(name, _)| name.clone()).collect();
            entries.extend(merged.into_iter().filter(|(name, _)| known.insert(name.clone())));
        }
        Ok(Value::Map(entries))
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<Value, Invalid> {
        let Some(value) = self.anchors.get(&anchor) else {
            return Err(Invalid::at(place.0, place.1, "this alias stands inside what it names, or names nothing"));
        };
        let (values, bytes) = weight(value);
        let value = value.clone();
        self.spend(values, place)?;
        self.aliased = self.aliased.checked_sub(bytes).ok_or_else(|| too_much(place))?;
        Ok(value)
    }

    fn spend(&mut self, values: usize, place: Place) -> Result<(), Invalid> {
        self.values = self.values.checked_sub(values).ok_or_else(|| too_much(place))?;
        Ok(())
    }
}

fn too_much(place: Place) -> Invalid {
    Invalid::at(place.0, place.1, "this file holds more values than anybody records, perhaps by aliases of aliases")
}

fn binary(text: &str, place: Place) -> Result<Value, Invalid> {
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = BASE64.decode(packed).map_err(|error| {
        Invalid::at(place.0, place.1, format!("this is marked as binary and is no base64: {error}"))
    })?;
    Ok(Value::Bytes(bytes))
}

/// How many values, and how many bytes of text.
fn weight(value: &Value) -> (usize, usize) {
    match value {
        Value::Plain(text) | Value::Text(text) => (1, text.len()),
        Value::Bytes(bytes) => (1, bytes.len()),
        Value::List(items) => items.iter().map(weight).fold((1, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        Value::Map(entries) => entries
            .iter()
            .map(|(name, value)| (name.len(), weight(value)))
            .fold((1, 0), |a, (n, b)| (a.0 + b.0, a.1 + n + b.1)),
    }
}

fn is_core(tag: &Tag, name: &str) -> bool {
    tag.suffix_in_namespace("tag:yaml.org,2002:").is_some_and(|suffix| suffix == name)
}

/// Ruby writes `!binary`.
fn is_own(tag: &Tag, name: &str) -> bool {
    tag.suffix_in_namespace("!").is_some_and(|suffix| suffix == name)
}

fn place(span: &Span) -> Place {
    (span.start.line(), span.start.col() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Value {
        documents(text).unwrap().remove(0)
    }

    #[test]
    fn tags_are_data() {
        let value = one(
            "a: !!binary |\n  aGk=\nb: !!python/tuple [1, x]\nc: !ruby/struct:Point {x: 1}\nd: !!python/unicode 'é'\ne: !binary |-\n  aGk=\n",
        );
        assert_eq!(value.at("a"), &Value::Bytes(b"hi".to_vec()));
        assert_eq!(value.at("e"), &Value::Bytes(b"hi".to_vec()));
        assert_eq!(value.at("b").items().len(), 2);
        assert_eq!(value.at("c").at("x").number(), Some(1));
        assert_eq!(value.at("d").text(), Some("é"));
        let hostile = one("a: !!python/object/apply:os.system ['rm -rf /']\n");
        assert_eq!(hostile.at("a").items()[0].text(), Some("rm -rf /"));
    }

    #[test]
    fn aliases_are_followed_and_bounded() {
        let value = one("a: &x {k: v}\nb: *x\nc: {<<: *x, z: 1}\n");
        assert_eq!(value.at("b").at("k").text(), Some("v"));
        assert_eq!(value.at("c").at("k").text(), Some("v"));
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let before = format!("*a{}, ", i - 1).repeat(10);
            bomb.push_str(&format!("a{i}: &a{i} [{}]\n", before.trim_end_matches(", ")));
        }
        assert!(documents(&bomb).unwrap_err().to_string().contains("aliases of aliases"));
        assert!(documents("a: &a [*a]\n").is_err());
    }

    #[test]
    fn quoted_texts_may_go_on_as_far_left_as_their_key() {
        let value = one("a:\n  b: 'it''s\n  one\n\n  two'\n  c: \"x\n  y\"\n");
        assert_eq!(value.at("a").at("b").text(), Some("it's one\ntwo"));
        assert_eq!(value.at("a").at("c").text(), Some("x y"));
    }

    #[test]
    fn a_broken_item_does_not_take_its_neighbours_along() {
        let text = "---\nhttp_interactions:\n- a: 1\n- a: [2\n  b: }\n- a: 3\nrecorded_with: VCR\n";
        assert!(documents(text).is_err());
        let value = item_by_item(text).unwrap();
        let items = value.at("interactions").items();
        assert_eq!(items.len(), 3);
        assert_eq!((items[0].at("a").number(), items[2].at("a").number()), (Some(1), Some(3)));
        assert!(items[1].at(BROKEN).text().unwrap().starts_with("line 5"), "{:?}", items[1]);
        assert_eq!(item_by_item("a: [\n"), None);
    }

    #[test]
    fn several_documents_are_several_values() {
        assert_eq!(documents("---\na: 1\n---\na: 2\n...\n").unwrap().len(), 2);
        assert_eq!(documents("").unwrap().len(), 0);
        assert!(documents(&"[".repeat(100_000)).is_err());
    }
}
