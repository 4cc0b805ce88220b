//! The rules as they hold for one request.

use std::borrow::Cow;

use super::glob;
use super::rules::{Rule, Rules, What};
use super::url::Url;
use crate::codec::json::Node;
use crate::codec::percent;
use crate::tape::Request;

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
    /// Applies the rules that change a request as a whole or its URL, and gives the others for its parts.
    pub(super) fn enter(rules: &'r Rules, request: &'r Request) -> (Self, Cow<'r, Request>, Url) {
        let rules = rules.entries();
        let mut scope = Self { rules, covers: Vec::new(), used: vec![false; rules.len()] };
        let request = scope.customise(request);
        let (mut url, stated) = Url::read(&request.url);
        if !rules.is_empty() {
            scope.move_url(&mut url, stated);
        }
        (scope, request, url)
    }

    /// For what no rule is about.
    #[cfg(feature = "tools")]
    pub(super) fn without_rules() -> Self {
        Self { rules: &[], covers: Vec::new(), used: Vec::new() }
    }

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
    /// Whether it holds for requests to this URL.
    pub(crate) fn covers(&self, url: &str) -> bool {
        let (url, _) = Url::read(url);
        self.holds(&[&url.host], &url.path)
    }

    fn holds(&self, hosts: &[&str], path: &str) -> bool {
        self.on.as_ref().is_none_or(|scope| {
            hosts.iter().any(|host| glob::matches(&scope.host, host))
                && scope.path.as_ref().is_none_or(|glob| glob.matches(path))
        })
    }
}
