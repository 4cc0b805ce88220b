//! Where secrets stand: the credentials of headers and URLs. Bodies have a file of their own.

use std::ops::Range;

use super::book::Book;
use super::names;
use super::placeholder::{self, kind_of};
use super::rule::{RuleSet, Verdict};
use super::run::Run;
use super::scan::Spelling;
use crate::codec::percent;

/// A span that holds a secret.
pub(super) struct Field {
    pub(super) span: Range<usize>,
    /// The value itself, all encodings undone.
    pub(super) value: Vec<u8>,
    /// The kind of its placeholder.
    pub(super) kind: String,
    /// How its place must be spelled.
    pub(super) spelling: Spelling,
    /// What a rule wants in its place.
    pub(super) dummy: Option<String>,
    /// Where the value is `user:password`: the password.
    pub(super) password: Option<Vec<u8>>,
}

impl Field {
    pub(super) fn new(span: Range<usize>, value: &[u8], kind: &str, spelling: Spelling) -> Self {
        let (value, kind) = (value.to_vec(), kind_of(kind));
        Self { span, value, kind, spelling, dummy: None, password: None }
    }

    pub(super) fn or_dummy(mut self, verdict: Verdict<'_>) -> Self {
        if let Verdict::Dummy(dummy) = verdict {
            self.dummy = Some(dummy.to_owned());
        }
        self
    }
}

/// Looks for secret fields in the parts of a message.
pub(super) struct Finder<'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) book: &'a Book,
    pub(super) out: Vec<Field>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(rules: &'a RuleSet, book: &'a Book) -> Self {
        Self { rules, book, out: Vec::new() }
    }

    /// The value of one header.
    pub(super) fn header(&mut self, name: &str, value: &[u8]) {
        let verdict = match self.rules.header(name) {
            Some(Verdict::Show) => return,
            Some(verdict) => verdict,
            None if is(name, "cookie") => return self.cookies(value),
            None if is(name, "set-cookie") => return self.set_cookie(value),
            None if names::is_secret_header(name) => Verdict::Hide,
            None => {
                if ["location", "content-location", "referer", "refresh", "link"].iter().any(|n| is(name, n)) {
                    self.url(value);
                }
                return;
            }
        };
        let trimmed = trim(value, 0..value.len());
        self.credentials(name, value, trimmed, verdict);
    }

    /// `scheme credentials`, or a credential alone.
    fn credentials(&mut self, name: &str, value: &[u8], span: Range<usize>, verdict: Verdict<'_>) {
        let text = &value[span.clone()];
        let authorization = names::AUTHORIZATION.iter().any(|n| is(name, n));
        let Some((scheme, rest)) = scheme(text, authorization) else {
            return self.out.push(Field::new(span.clone(), text, name, Spelling::Header).or_dummy(verdict));
        };
        let rest = trim(value, span.start + rest..span.end);
        let credential = &value[rest.clone()];
        let plain = (is(scheme, "basic")).then(|| base64(credential)).flatten();
        let field = match &plain {
            Some(pair) => self.pair(rest, pair, name, Spelling::Header),
            None => Field::new(rest, credential, name, Spelling::Header),
        };
        self.out.push(field.or_dummy(verdict));
    }

    /// `user:password`; where it is nothing but a registered value and a colon, that value.
    fn pair(&self, span: Range<usize>, pair: &[u8], kind: &str, spelling: Spelling) -> Field {
        let alone = alone(pair);
        let known = |value: &&[u8]| self.book.is_registered(value) || placeholder::whole(value).is_some();
        if let Some(value) = alone.into_iter().flatten().find(known) {
            return Field::new(span, value, kind, spelling);
        }
        let mut field = Field::new(span, pair, kind, spelling);
        field.password = memchr::memchr(b':', pair).map(|at| pair[at + 1..].to_vec());
        field
    }

    /// Whether `user:password`, or all there is of it, is looked for everywhere.
    pub(super) fn knows_pair(&self, pair: &[u8]) -> bool {
        alone(pair).into_iter().flatten().any(|value| self.book.is_everywhere(value))
    }

    fn cookies(&mut self, value: &[u8]) {
        let mut start = 0;
        for piece in value.split(|&b| b == b';') {
            self.cookie(value, start..start + piece.len());
            start += piece.len() + 1;
        }
    }

    fn set_cookie(&mut self, value: &[u8]) {
        self.cookie(value, 0..memchr::memchr(b';', value).unwrap_or(value.len()));
    }

    fn cookie(&mut self, text: &[u8], span: Range<usize>) {
        let Some(equals) = memchr::memchr(b'=', &text[span.clone()]) else { return };
        let name = &text[trim(text, span.start..span.start + equals)];
        let mut value = trim(text, span.start + equals + 1..span.end);
        if value.len() >= 2 && text[value.clone()].starts_with(b"\"") && text[value.clone()].ends_with(b"\"") {
            value = value.start + 1..value.end - 1;
        }
        let verdict = self.rules.cookie(name).unwrap_or(Verdict::Hide);
        if verdict != Verdict::Show {
            let bytes = percent::decode(&text[value.clone()]);
            self.out.push(Field::new(value, &bytes, "cookie", Spelling::Header).or_dummy(verdict));
        }
    }

    /// A URL, absolute or not: user and password, query, fragment (which carries tokens in OAuth's implicit flow).
    pub(super) fn url(&mut self, url: &[u8]) {
        let Ok(text) = std::str::from_utf8(url) else { return };
        let (query, fragment) = match percent::split_url(text) {
            Some(parts) => {
                if let Some(span) = parts.userinfo.filter(|span| !span.is_empty()) {
                    let pair = percent::decode(&url[span.clone()]).into_owned();
                    let field = self.pair(span, &pair, "userinfo", Spelling::Url);
                    self.out.push(field);
                }
                (parts.query, parts.fragment)
            }
            None => {
                let hash = memchr::memchr(b'#', url).unwrap_or(url.len());
                let query = memchr::memchr(b'?', &url[..hash]).map(|at| at + 1..hash);
                (query, (hash < url.len()).then(|| hash + 1..url.len()))
            }
        };
        for span in [query, fragment].into_iter().flatten() {
            self.pairs(url, span, true);
        }
    }

    /// The pairs of a query or of a form.
    pub(super) fn pairs(&mut self, text: &[u8], within: Range<usize>, query: bool) {
        for pair in percent::pairs(&text[within.clone()]) {
            let Some(value) = pair.value_span.clone() else { continue };
            let name = percent::decode_form(pair.name());
            let verdict = if query { self.rules.query(&name) } else { self.rules.form(&name) };
            let secret = || if query { names::is_secret_query(&name) } else { names::is_secret_field(&name) };
            let Some(verdict) = verdict.or_else(|| secret().then_some(Verdict::Hide)) else { continue };
            if verdict == Verdict::Show {
                continue;
            }
            let span = within.start + value.start..within.start + value.end;
            let value = percent::decode_form(&text[span.clone()]);
            let kind = String::from_utf8_lossy(&name);
            self.out.push(Field::new(span, &value, &kind, Spelling::Url).or_dummy(verdict));
        }
    }
}

/// The scheme and where what follows it begins. Elsewhere than in `authorization` only the schemes count that everyone knows.
pub(super) fn scheme(text: &[u8], any: bool) -> Option<(&str, usize)> {
    let space = memchr::memchr(b' ', text)?;
    let scheme = std::str::from_utf8(&text[..space]).ok()?;
    let legal = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let known = ["bearer", "basic", "token"].iter().any(|n| is(scheme, n));
    (legal && (any || known)).then_some((scheme, space + 1))
}

/// `user:password`; and what is left of it where either is empty.
fn alone(pair: &[u8]) -> [Option<&[u8]>; 3] {
    [Some(pair), pair.strip_suffix(b":"), pair.strip_prefix(b":")]
}

/// The bytes of a text that is base64 from end to end.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut run = Run::default();
    run.collect(text, 0);
    let mut plain = Vec::new();
    run.decode(0, &mut plain);
    (run.is_all_of(text) && !plain.is_empty()).then_some(plain)
}

fn is(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

/// The span without white space around it.
fn trim(text: &[u8], span: Range<usize>) -> Range<usize> {
    let inside = &text[span.clone()];
    let start = span.start + inside.len() - inside.trim_ascii_start().len();
    start..start + inside.trim_ascii().len()
}
