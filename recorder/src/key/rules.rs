//! What a test, or a whole suite, ignores or rewrites when requests are compared.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::glob::PathGlob;
use super::grammar::{self, RuleError};
use super::json_path::JsonPath;
use super::url::Authority;
use crate::tape::Request;

/// One rule of comparison. Its text, as [`Display`](fmt::Display) gives it, is its identity and is stored in tapes.
///
/// | rule | effect |
/// |---|---|
/// | `ignore query NAME` | the parameter does not count; nor do, with `utm_*`, all whose name begins so |
/// | `ignore header NAME` | the field does not count |
/// | `ignore form NAME` | the form field, or the part of a multipart form, does not count |
/// | `ignore json PATH` | the value does not count: `$.a.b[0]`, `$.items[*].id`, `$..timestamp`, `$["a b"]` |
/// | `ignore body` | the body does not count |
/// | `match header NAME` | the field counts, too |
/// | `same host A B` | what goes to B is taken as going to A; ports and schemes may be written, B may have a `*` |
/// | `same path /v1/users/*/orders` | what stands under `*` does not count; `/v1/**` for all segments below |
/// | `any port` | the port does not count |
///
/// Each may end in `on HOST/PATH`, with the same stars, and then holds for requests that go there:
/// `ignore query page on *.example.com/v1/**`. Names of headers and hosts have no case. In the name of a parameter or a form
/// field, `%20` stands for a space.
#[derive(Clone)]
pub struct Rule {
    pub(super) what: What,
    pub(super) on: Option<Scope>,
}

/// What a rule does.
#[derive(Clone)]
pub(super) enum What {
    IgnoreQuery(Name),
    IgnoreHeader(Name),
    IgnoreForm(Name),
    IgnoreJson(JsonPath),
    IgnoreBody,
    MatchHeader(Name),
    SameHost { kept: Authority, other: Authority },
    SamePath(PathGlob),
    AnyPort,
    Custom { name: String, change: Arc<dyn Fn(&mut Request) + Send + Sync> },
}

/// A name, or the beginning of names.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) star: bool,
}

/// Where a rule holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) host: String,
    pub(super) path: Option<PathGlob>,
}

impl Rule {
    /// A rule that is code. `change` gets a copy of the request, secrets already replaced, and makes of it what shall be
    /// compared; it must depend on nothing else. The tape names it as `custom NAME`.
    pub fn custom(name: impl AsRef<str>, change: impl Fn(&mut Request) + Send + Sync + 'static) -> Self {
        let name = name.as_ref().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { what: What::Custom { name, change: Arc::new(change) }, on: None }
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    /// # Errors
    /// Where the text is no rule; the message says which word is wrong and what may stand there.
    fn from_str(text: &str) -> Result<Self, RuleError> {
        grammar::parse(text)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::IgnoreQuery(name) => write!(f, "ignore query {}", name.encoded())?,
            What::IgnoreHeader(name) => write!(f, "ignore header {name}")?,
            What::IgnoreForm(name) => write!(f, "ignore form {}", name.encoded())?,
            What::IgnoreJson(path) => write!(f, "ignore json {path}")?,
            What::IgnoreBody => f.write_str("ignore body")?,
            What::MatchHeader(name) => write!(f, "match header {name}")?,
            What::SameHost { kept, other } => write!(f, "same host {kept} {other}")?,
            What::SamePath(path) => write!(f, "same path {path}")?,
            What::AnyPort => f.write_str("any port")?,
            What::Custom { name, .. } => write!(f, "custom {name}")?,
        }
        self.on.as_ref().map_or(Ok(()), |scope| write!(f, " on {scope}"))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({self})")
    }
}

/// The rules that hold for a comparison. Their order makes no difference: custom ones run first, then hosts are made the same,
/// then ports, then paths, then parts are ignored.
#[derive(Clone, Default)]
pub struct Rules(Vec<(String, Rule)>);

impl Rules {
    /// Reads one rule from each line.
    ///
    /// # Errors
    /// Where a line is no rule.
    pub fn parse<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Result<Self, RuleError> {
        let mut rules = Self::default();
        for line in lines {
            rules.push(line.as_ref().parse()?);
        }
        Ok(rules)
    }

    /// The rules that a tape names, to compute its key again; custom ones are taken from here.
    ///
    /// # Errors
    /// Where a line is no rule, or names a custom one that is not here.
    pub fn named<L: AsRef<str>>(&self, lines: impl IntoIterator<Item = L>) -> Result<Self, RuleError> {
        let mut rules = Self::default();
        for line in lines {
            let line = line.as_ref();
            let mut own = self.0.iter().filter(|(text, _)| text == line).peekable();
            if own.peek().is_none() {
                rules.push(line.parse()?);
            }
            own.for_each(|(_, rule)| rules.push(rule.clone()));
        }
        Ok(rules)
    }

    /// Adds a rule.
    pub fn push(&mut self, rule: Rule) {
        let text = rule.to_string();
        let at = self.0.partition_point(|(other, _)| *other <= text);
        self.0.insert(at, (text, rule));
    }

    /// Every rule, in the order of their texts.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.0.iter().map(|(_, rule)| rule)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every rule with its text, in the order of the texts.
    pub(super) fn entries(&self) -> &[(String, Rule)] {
        &self.0
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(text, _)| text)).finish()
    }
}

impl Extend<Rule> for Rules {
    fn extend<I: IntoIterator<Item = Rule>>(&mut self, rules: I) {
        rules.into_iter().for_each(|rule| self.push(rule));
    }
}

impl Name {
    pub(super) fn matches(&self, name: &str) -> bool {
        if self.star { name.starts_with(&self.text) } else { name == self.text }
    }

    /// The name of a parameter or field as a rule spells it.
    fn encoded(&self) -> String {
        encode(&self.text) + if self.star { "*" } else { "" }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(if self.star { "*" } else { "" })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.path.as_ref().map_or(Ok(()), |path| write!(f, "{path}"))
    }
}

/// A parameter's name as a rule spells it: without white space, and no star of its own.
pub(super) fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_whitespace() || c.is_control() || c == '%' || c == '*' {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                super::escape::write(&mut out, format_args!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}
