//! How two bodies differ: by JSON path, form field, part, GraphQL operation.

use super::body::{Body, Part};
use super::diff::{Difference, each_name, pair_up, suggest};
use super::graphql::Operation;
use super::json::{by_utf16, write_node};
use super::json_path;
use super::rules::encode;
use crate::codec::json::{Kind, Member, Node, parse};

/// Adds every difference between two bodies.
pub(super) fn compare(recorded: &Body, sent: &Body, found: &mut Vec<Difference>) {
    body(recorded, sent, "body", &Ignored::Body, found);
}

/// Which rule ignores what is compared here.
#[derive(Clone, Copy)]
enum Ignored<'a> {
    /// The body as a whole; within it, a JSON path.
    Body,
    /// The part of this name, of a multipart form.
    Part(&'a str),
}

impl Ignored<'_> {
    fn whole(&self) -> Option<String> {
        match self {
            Self::Body => suggest("ignore body", &[]),
            Self::Part(name) => suggest("ignore form", &[&encode(name)]),
        }
    }
}

fn body(recorded: &Body, sent: &Body, place: &str, ignored: &Ignored<'_>, found: &mut Vec<Difference>) {
    if recorded == sent {
        return;
    }
    match (recorded, sent) {
        (Body::Json(a), Body::Json(b)) => documents(a, b, place, "$", ignored, found),
        (Body::Form(a), Body::Form(b)) => each_name(a, b, |name, x, y| {
            // A name with an escape of ours in it is not spelt as in a rule.
            let rule = if name.contains('\\') { None } else { suggest("ignore form", &[&encode(name)]) };
            found.push(Difference::new(format!("{place} form {name}"), x, y, rule));
        }),
        (Body::Multipart(a), Body::Multipart(b)) => parts(a, b, place, ignored, found),
        (Body::GraphQl { operations: a, batch: x }, Body::GraphQl { operations: b, batch: y })
            if x == y && a.len() == b.len() =>
        {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                let (place, root) = match x {
                    true => (format!("{place} [{at}]"), format!("$[{at}]")),
                    false => (place.to_owned(), "$".to_owned()),
                };
                operation(a, b, &place, &root, ignored, found);
            }
        }
        (Body::Text(a), Body::Text(b)) => found.push(Difference::new(place, Some(a), Some(b), ignored.whole())),
        (Body::Bytes { len: a, sha256: x }, Body::Bytes { len: b, sha256: y }) => {
            let text = |len: &u64, sha: &[u8; 32]| format!("{len} bytes, sha256 {}…", crate::tape::Key(*sha).short());
            found.push(Difference::new(place, Some(&text(a, x)), Some(&text(b, y)), ignored.whole()));
        }
        _ => found.push(Difference::new(place, Some(&recorded.describe()), Some(&sent.describe()), ignored.whole())),
    }
}

fn parts(recorded: &[Part], sent: &[Part], place: &str, ignored: &Ignored<'_>, found: &mut Vec<Difference>) {
    for at in 0..recorded.len().max(sent.len()) {
        let (a, b) = (recorded.get(at), sent.get(at));
        let name = a.or(b).and_then(|part| part.name.as_deref());
        let same_name = a.zip(b).is_none_or(|(a, b)| a.name == b.name);
        let ignored = match name {
            Some(name) if same_name => Ignored::Part(name),
            _ => *ignored,
        };
        let place = match name {
            Some(name) => format!("{place} part {name}"),
            None => format!("{place} part {}", at + 1),
        };
        let (Some(a), Some(b)) = (a, b) else {
            let describe = |part: Option<&Part>| part.map(|part| part.body.describe());
            let (a, b) = (describe(a), describe(b));
            found.push(Difference::new(place, a.as_deref(), b.as_deref(), ignored.whole()));
            continue;
        };
        each_name(&a.fields, &b.fields, |field, x, y| {
            let place = format!("{place} header {field}");
            found.push(Difference::new(place, x, y, ignored.whole()));
        });
        body(&a.body, &b.body, &place, &ignored, found);
    }
}

fn operation(
    a: &Operation,
    b: &Operation,
    place: &str,
    root: &str,
    ignored: &Ignored<'_>,
    found: &mut Vec<Difference>,
) {
    if a.title() != b.title() || a.name != b.name {
        let title = |o: &Operation| o.name.clone().map_or_else(|| o.title(), |name| name.trim_matches('"').to_owned());
        found.push(Difference::new(format!("{place} operation"), Some(&title(a)), Some(&title(b)), None));
    }
    if a.query != b.query {
        found.push(Difference::new(format!("{place} query"), Some(&a.query), Some(&b.query), None));
    }
    for (label, a, b) in [("variables", &a.variables, &b.variables), ("extensions", &a.extensions, &b.extensions)] {
        let root = format!("{root}.{label}");
        match (a, b) {
            (Some(a), Some(b)) => documents(a, b, place, &root, ignored, found),
            (None, None) => {}
            (a, b) => {
                let rule = suggest("ignore json", &[&root]);
                found.push(Difference::new(format!("{place} {root}"), a.as_deref(), b.as_deref(), rule));
            }
        }
    }
    let object = |other: &Option<String>| other.clone().unwrap_or_else(|| "{}".to_owned());
    documents(&object(&a.other), &object(&b.other), place, root, ignored, found);
}

/// Compares two canonical JSON texts whose root is called `root`.
fn documents(a: &str, b: &str, place: &str, root: &str, ignored: &Ignored<'_>, found: &mut Vec<Difference>) {
    if a == b {
        return;
    }
    match (parse(a.as_bytes()), parse(b.as_bytes())) {
        (Ok(x), Ok(y)) => Walk { place, ignored, found }.nodes(Some(&x), Some(&y), root),
        // Canonical JSON always reads back; the text itself is still an answer.
        _ => found.push(Difference::new(place, Some(a), Some(b), ignored.whole())),
    }
}

struct Walk<'a> {
    place: &'a str,
    ignored: &'a Ignored<'a>,
    found: &'a mut Vec<Difference>,
}

impl Walk<'_> {
    fn nodes(&mut self, a: Option<&Node<'_>>, b: Option<&Node<'_>>, path: &str) {
        match (a.map(|a| &a.kind), b.map(|b| &b.kind)) {
            (Some(Kind::Object(a)), Some(Kind::Object(b))) => self.members(a, b, path),
            (Some(Kind::Array(a)), Some(Kind::Array(b))) => {
                for at in 0..a.len().max(b.len()) {
                    self.nodes(a.get(at), b.get(at), &format!("{path}[{at}]"));
                }
            }
            (a_kind, b_kind) => {
                let text = |node: Option<&Node<'_>>| {
                    node.map(|node| {
                        let mut out = String::new();
                        write_node(node, &mut out);
                        out
                    })
                };
                let same = a_kind.is_some() && b_kind.is_some() && text(a) == text(b);
                if !same {
                    let rule = if path == "$" { self.ignored.whole() } else { suggest("ignore json", &[path]) };
                    let place = format!("{} {path}", self.place);
                    self.found.push(Difference::new(place, text(a).as_deref(), text(b).as_deref(), rule));
                }
            }
        }
    }

    fn members(&mut self, a: &[Member<'_>], b: &[Member<'_>], path: &str) {
        pair_up(
            (a, b),
            |a, b| by_utf16(&a.name, &b.name),
            |a, b| {
                let name = a.or(b).map_or("", |member| &member.name);
                let path = format!("{path}{}", json_path::member(name));
                self.nodes(a.map(|member| &member.value), b.map(|member| &member.value), &path);
            },
        );
    }
}
