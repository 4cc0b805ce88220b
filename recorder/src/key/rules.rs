//! What a test, or a whole suite, ignores or rewrites when requests are compared.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::glob::{self, PathGlob};
use super::grammar::{self, RuleError};
use super::json_path::JsonPath;
use super::url::{Authority, Url};
use crate::codec::json::Node;
use crate::codec::percent;
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

    /// Applies the rules that change a request as a whole or its URL, and gives the others for its parts.
    pub(super) fn enter<'a>(&'a self, request: &'a Request) -> (InScope<'a>, Cow<'a, Request>, Url) {
        let mut scope = InScope { rules: &self.0, covers: Vec::new(), used: vec![false; self.0.len()] };
        let request = scope.customise(request);
        let (mut url, stated) = Url::read(&request.url);
        if !self.is_empty() {
            scope.move_url(&mut url, stated);
        }
        (scope, request, url)
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

/// The rules as they hold for one request, and which of them made a difference to it.
///
/// A rule that made none can be left out: each is a step in a sequence whose order is fixed by the rules alone, and where it
/// holds is asked of the request's own URL.
pub(super) struct InScope<'r> {
    rules: &'r [(String, Rule)],
    covers: Vec<bool>,
    used: Vec<bool>,
}

impl<'r> InScope<'r> {
    pub(super) fn matches_header(&mut self, name: &str) -> bool {
        self.any(|what| matches!(what, What::MatchHeader(n) if n.matches(name)))
    }

    pub(super) fn ignores_header(&mut self, name: &str) -> bool {
        self.any(|what| matches!(what, What::IgnoreHeader(n) if n.matches(name)))
    }

    pub(super) fn ignores_form(&mut self, name: &str) -> bool {
        self.any(|what| matches!(what, What::IgnoreForm(n) if n.matches(name)))
    }

    pub(super) fn ignores_body(&mut self) -> bool {
        self.any(|what| matches!(what, What::IgnoreBody))
    }

    /// Where the values begin that rules take out of a document, sorted.
    pub(super) fn ignored_json(&mut self, document: &Node<'_>) -> Vec<usize> {
        let mut found = Vec::new();
        self.each(|what| {
            let before = found.len();
            if let What::IgnoreJson(path) = what {
                path.find(document, &mut found);
            }
            found.len() > before
        });
        found.sort_unstable();
        found
    }

    /// The rules that made a difference, sorted.
    pub(super) fn applied(self) -> Vec<String> {
        let used = self.rules.iter().zip(&self.used).filter(|(_, used)| **used);
        let mut texts: Vec<String> = used.map(|((text, _), _)| text.clone()).collect();
        texts.dedup();
        texts
    }

    fn customise(&mut self, request: &'r Request) -> Cow<'r, Request> {
        let mut request = Cow::Borrowed(request);
        for ((_, rule), used) in self.rules.iter().zip(&mut self.used) {
            if let What::Custom { change, .. } = &rule.what {
                let mut changed = request.as_ref().clone();
                change(&mut changed);
                if changed != *request {
                    *used = true;
                    request = Cow::Owned(changed);
                }
            }
        }
        request
    }

    fn move_url(&mut self, url: &mut Url, mut stated: Option<String>) {
        let (host, path) = (url.host.clone(), url.path.clone());
        self.covers = self.rules.iter().map(|(_, rule)| rule.holds(&[&host], &path)).collect();
        self.each(|what| match what {
            What::SameHost { kept, other } if other.covers(url, stated.as_deref()) => {
                let before = url.clone();
                url.move_to(kept);
                stated.clone_from(&url.port);
                *url != before
            }
            _ => false,
        });
        // A rule for the host that another is taken for holds for both, else they would still differ.
        self.covers = self.rules.iter().map(|(_, rule)| rule.holds(&[&host, &url.host], &path)).collect();
        self.each(|what| matches!(what, What::AnyPort) && url.port.take().is_some());
        self.each(|what| match what {
            What::SamePath(glob) => match glob.mask(&url.path) {
                Some(masked) if masked != url.path => {
                    url.path = masked;
                    true
                }
                _ => false,
            },
            _ => false,
        });
        self.each(|what| {
            let before = url.query.len();
            if let What::IgnoreQuery(ignored) = what {
                url.query
                    .retain(|(name, _)| !ignored.matches(&String::from_utf8_lossy(&percent::decode(name.as_bytes()))));
            }
            url.query.len() < before
        });
    }

    /// Runs over all rules that hold here and notes those for which `step` says that they made a difference.
    fn each(&mut self, mut step: impl FnMut(&What) -> bool) {
        for (at, (_, rule)) in self.rules.iter().enumerate() {
            if self.covers[at] && step(&rule.what) {
                self.used[at] = true;
            }
        }
    }

    fn any(&mut self, test: impl Fn(&What) -> bool) -> bool {
        let mut found = false;
        self.each(|what| {
            let hit = test(what);
            found |= hit;
            hit
        });
        found
    }
}

impl Rule {
    fn holds(&self, hosts: &[&str], path: &str) -> bool {
        self.on.as_ref().is_none_or(|scope| {
            hosts.iter().any(|host| glob::matches(&scope.host, host))
                && scope.path.as_ref().is_none_or(|glob| glob.matches(path))
        })
    }
}

impl Name {
    fn matches(&self, name: &str) -> bool {
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
