//! How two requests differ, and which rule would make them the same.

use std::cmp::{self, Ordering};
use std::fmt;

#[cfg(feature = "tools")]
use super::body::Body;
use super::canonical::Canonical;
use super::diff_body;
use super::rules::{Rule, encode};
#[cfg(feature = "tools")]
use super::scope::InScope;
use super::url::{Url, is_loopback};
use crate::codec::percent;
#[cfg(feature = "tools")]
use crate::tape::{self, Headers};

/// Characters shown of a long value, about.
const SHOWN: usize = 72;

/// Characters shown before the first place where two long values differ.
const LEAD: usize = 24;

/// One place where two requests differ.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: `method`, `path`, `query page`, `header accept`, `body $.user.name`, `body form name`, `body operation` …
    pub place: String,
    /// What the recorded request has there, shortened around the first difference; none where it has nothing.
    pub recorded: Option<String>,
    /// What was sent, likewise.
    pub sent: Option<String>,
    /// The rule that would make this place match, where there is one.
    pub rule: Option<String>,
}

/// Everywhere that two requests differ: method, host and path first, then query, header fields and body. Empty where they have
/// the same key. Applied together, to both, the rules make every place that has one match.
#[must_use]
pub fn differences(recorded: &Canonical, sent: &Canonical) -> Vec<Difference> {
    let mut found = Vec::new();
    if recorded.method != sent.method {
        found.push(Difference::new("method", Some(&recorded.method), Some(&sent.method), None));
    }
    url(&recorded.url, &sent.url, &mut found);
    each_name(&recorded.url.query, &sent.url.query, |name, recorded, sent| {
        let decoded = String::from_utf8_lossy(&percent::decode(name.as_bytes())).into_owned();
        let rule = suggest("ignore query", &[&encode(&decoded)]);
        found.push(Difference::new(format!("query {name}"), recorded, sent, rule));
    });
    let fields =
        |fields: &[(String, String)]| fields.iter().map(|(n, v)| (n.clone(), Some(v.clone()))).collect::<Vec<_>>();
    each_name(&fields(&recorded.headers), &fields(&sent.headers), |name, recorded, sent| {
        let rule = if name.contains('\\') { None } else { suggest("ignore header", &[name]) };
        found.push(Difference::new(format!("header {name}"), recorded, sent, rule));
    });
    diff_body::compare(&recorded.body, &sent.body, &mut found);
    found
}

/// Everywhere that the bodies of two answers differ, content codings undone: by JSON path where both are JSON. There are no rules
/// for answers, so none is proposed.
#[cfg(feature = "tools")]
#[must_use]
pub fn body_differences(recorded: (&Headers, &tape::Body), other: (&Headers, &tape::Body)) -> Vec<Difference> {
    let read = |(headers, body): (&Headers, &tape::Body)| Body::read(body, headers, &mut InScope::without_rules());
    let mut found = Vec::new();
    diff_body::compare(&read(recorded), &read(other), &mut found);
    found.iter_mut().for_each(|difference| difference.rule = None);
    found
}

/// How far apart two requests are, for ranking candidates: 0 where they have the same key; method, path and host weigh more than
/// any query, the query more than any header fields, these more than any body.
#[must_use]
pub fn distance(a: &Canonical, b: &Canonical) -> u32 {
    let count = |n: usize, most: u32| u32::try_from(n).unwrap_or(most).min(most);
    let place = 64 * u32::from(a.method != b.method)
        + 8 * count(segments_apart(&a.url.path, &b.url.path), 15)
        + 4 * u32::from(a.url.host != b.url.host)
        + u32::from(a.url.scheme != b.url.scheme)
        + u32::from(a.url.port != b.url.port);
    let query = count(unshared(&a.url.query, &b.url.query), 127);
    let headers = count(unshared(&a.headers, &b.headers), 63);
    let mut places = Vec::new();
    diff_body::compare(&a.body, &b.body, &mut places);
    let kinds = std::mem::discriminant(&a.body) != std::mem::discriminant(&b.body);
    let body = if kinds { 1023 } else { count(places.len(), 1022) };
    (place << 23) | (query << 16) | (headers << 10) | body
}

fn url(recorded: &Url, sent: &Url, found: &mut Vec<Difference>) {
    let same_scheme = recorded.scheme == sent.scheme;
    let rule = if recorded.host == sent.host && same_scheme {
        suggest("any port on", &[&sent.host])
    } else if same_scheme {
        suggest("same host", &[&recorded.authority(), &sent.authority()])
    } else {
        let with_scheme = |url: &Url| format!("{}://{}", url.scheme, url.authority());
        suggest("same host", &[&with_scheme(recorded), &with_scheme(sent)])
    };
    let mut push = |place: &str, recorded: Option<&str>, sent: Option<&str>, rule: Option<String>| {
        if recorded != sent {
            found.push(Difference::new(place, recorded, sent, rule));
        }
    };
    push("path", Some(&recorded.path), Some(&sent.path), masked(&recorded.path, &sent.path));
    push("scheme", Some(&recorded.scheme), Some(&sent.scheme), rule.clone());
    push("host", Some(&recorded.host), Some(&sent.host), rule.clone());
    // The ports of two hosts of which one is this machine say nothing that the hosts do not.
    if recorded.host == sent.host || !(is_loopback(&recorded.host) || is_loopback(&sent.host)) {
        push("port", recorded.port.as_deref(), sent.port.as_deref(), rule);
    }
}

/// The rule that ignores the segments in which two paths differ, where these look like identifiers.
fn masked(recorded: &str, sent: &str) -> Option<String> {
    if recorded.split('/').count() != sent.split('/').count() {
        return None;
    }
    let varies = |segment: &str| segment.bytes().any(|b| b.is_ascii_digit()) || segment.contains("{{");
    let mut segments = Vec::new();
    for (a, b) in recorded.split('/').zip(sent.split('/')) {
        match a == b {
            true if a.contains('*') => return None,
            true => segments.push(a),
            false if varies(a) && varies(b) => segments.push("*"),
            false => return None,
        }
    }
    suggest("same path", &[&segments.join("/")])
}

/// Pairs the n-th entry of a name on one side with the n-th of that name on the other; both sides are sorted by `order`.
pub(super) fn pair_up<'a, T>(
    (mut left, mut right): (&'a [T], &'a [T]),
    order: impl Fn(&T, &T) -> Ordering,
    mut pair: impl FnMut(Option<&'a T>, Option<&'a T>),
) {
    loop {
        let first = match (left.first(), right.first()) {
            (Some(a), Some(b)) => cmp::min_by(a, b, |a, b| order(a, b)),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => return,
        };
        let run = |side: &[T]| side.iter().take_while(|entry| order(entry, first).is_eq()).count();
        let (a, b) = (run(left), run(right));
        (0..a.max(b)).for_each(|at| pair(left[..a].get(at), right[..b].get(at)));
        (left, right) = (&left[a..], &right[b..]);
    }
}

/// Calls `differ` with the name and both values wherever two lists sorted by name are not the same.
pub(super) fn each_name<V: Value>(
    recorded: &[(String, V)],
    sent: &[(String, V)],
    mut differ: impl FnMut(&str, Option<&str>, Option<&str>),
) {
    pair_up(
        (recorded, sent),
        |a, b| a.0.cmp(&b.0),
        |a, b| {
            if a != b {
                let name = a.or(b).map_or("", |(name, _)| name);
                differ(name, a.map(|(_, value)| value.shown()), b.map(|(_, value)| value.shown()));
            }
        },
    );
}

/// What stands under a name.
pub(super) trait Value: PartialEq {
    /// The value for a reader.
    fn shown(&self) -> &str;
}

impl Value for String {
    fn shown(&self) -> &str {
        self
    }
}

/// A name that stands without a value has something to show, too.
impl Value for Option<String> {
    fn shown(&self) -> &str {
        self.as_deref().unwrap_or("(a name without a value)")
    }
}

/// The rule made of these words, if it is one.
pub(super) fn suggest(kind: &str, words: &[&str]) -> Option<String> {
    // White space within a word could make another rule of it.
    let whole =
        kind == "ignore json" || !words.iter().any(|word| word.is_empty() || word.contains(char::is_whitespace));
    let rule = whole.then(|| format!("{kind} {}", words.join(" ")).parse::<Rule>())?;
    rule.ok().map(|rule| rule.to_string())
}

impl Difference {
    pub(super) fn new(
        place: impl Into<String>,
        recorded: Option<&str>,
        sent: Option<&str>,
        rule: Option<String>,
    ) -> Self {
        let common = match (recorded, sent) {
            (Some(a), Some(b)) => a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count(),
            _ => 0,
        };
        let shorten = |text: &str| shorten(text, common);
        Self { place: place.into(), recorded: recorded.map(shorten), sent: sent.map(shorten), rule }
    }
}

/// The place and the rule alone: the values may be confidential.
impl fmt::Debug for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Difference").field("place", &self.place).field("rule", &self.rule).finish_non_exhaustive()
    }
}

/// A long text around its character `at`.
fn shorten(text: &str, at: usize) -> String {
    let len = text.chars().count();
    if len <= SHOWN {
        return text.to_owned();
    }
    let start = at.saturating_sub(LEAD).min(len - SHOWN);
    let mut out = String::from(if start > 0 { "…" } else { "" });
    out.extend(text.chars().skip(start).take(SHOWN));
    if start + SHOWN < len {
        out.push('…');
    }
    out
}

fn segments_apart(a: &str, b: &str) -> usize {
    let (a, b): (Vec<_>, Vec<_>) = (a.split('/').collect(), b.split('/').collect());
    a.len().abs_diff(b.len()) + a.iter().zip(&b).filter(|(x, y)| x != y).count()
}

/// How many entries of two sorted lists have no equal in the other.
fn unshared<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let lacking = |a: &[T], b: &[T]| a.iter().filter(|x| !b.contains(x)).count();
    let (left, right) = (lacking(a, b), lacking(b, a));
    // The same entries in another order within a name are apart, too.
    if left + right == 0 && a != b { 1 } else { left.max(right) }
}
