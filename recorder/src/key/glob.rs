//! Patterns of rules: names with a star at the end, hosts, and paths by segments.

use std::fmt;

/// Whether `text` fits a pattern in which `*` stands for any characters, none included.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    true
}

/// A path by segments: `*` stands for characters within one segment, `**` at the end for all segments that follow, one at
/// least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathGlob(String);

impl PathGlob {
    /// The pattern, or what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.starts_with('/') {
            return Err("a path begins with `/`");
        }
        match text.find("**") {
            Some(at) if !(text.len() == at + 2 && text[..at].ends_with('/')) => {
                Err("`**` stands alone in the last segment, as in `/v1/**`")
            }
            _ => Ok(Self(crate::codec::percent::fold(text).into_owned())),
        }
    }

    /// Whether a path, folded, fits.
    pub(super) fn matches(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        for pattern in self.0.split('/') {
            match (pattern, segments.next()) {
                ("**", Some(_)) => return true,
                (pattern, Some(segment)) if matches(pattern, segment) => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }

    /// The path with the pattern's own text where it has a star; none where the path does not fit.
    pub(super) fn mask(&self, path: &str) -> Option<String> {
        self.matches(path).then(|| self.0.clone())
    }
}

impl fmt::Display for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text) in [("*", ""), ("a*", "a"), ("*.b.c", "x.y.b.c"), ("a*b*c", "aXbbYc"), ("a", "a")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a*", "b"), ("*b", "bc"), ("a*a", "a"), ("a*b*c", "acb"), ("a", "ab")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn paths_match_by_segment() {
        let glob = |text| PathGlob::parse(text).expect("a pattern");
        assert!(glob("/v1/*/orders").matches("/v1/7/orders"));
        assert!(!glob("/v1/*/orders").matches("/v1/7/8/orders"));
        assert!(glob("/v1/**").matches("/v1/a/b") && !glob("/v1/**").matches("/v1"));
        assert!(glob("/**").matches("/"));
        assert_eq!(glob("/r-*.pdf").mask("/r-1.pdf").as_deref(), Some("/r-*.pdf"));
        assert!(
            PathGlob::parse("/a/**/b").is_err() && PathGlob::parse("a").is_err() && PathGlob::parse("/a**").is_err()
        );
    }
}
