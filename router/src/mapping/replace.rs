//! `@replace`: a short pattern, taken literally, and what comes in its place.

use super::ApplyError;

/// Patterns and replacements have at most so many characters, as at Segment.
pub(super) const MAX_LENGTH: usize = 10;

#[derive(Debug)]
pub(super) struct Replacement {
    pub(super) pattern: Box<str>,
    pub(super) replacement: Box<str>,
    pub(super) ignore_case: bool,
    pub(super) everywhere: bool,
}

impl Replacement {
    /// `text` with the pattern replaced.
    ///
    /// # Errors
    /// [`ApplyError::TooLarge`] if it would have more than `limit` bytes.
    pub(super) fn apply(&self, text: &str, limit: usize) -> Result<String, ApplyError> {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        while let Some((start, end)) = self.find(text, from) {
            out.push_str(&text[from..start]);
            self.push_replacement(&mut out, text, start, end);
            if out.len() > limit {
                return Err(ApplyError::TooLarge);
            }
            from = end;
            if !self.everywhere {
                break;
            }
        }
        out.push_str(&text[from..]);
        if out.len() > limit { Err(ApplyError::TooLarge) } else { Ok(out) }
    }

    fn find(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let rest = &text[from..];
        if !self.ignore_case {
            return rest.find(&*self.pattern).map(|at| (from + at, from + at + self.pattern.len()));
        }
        rest.char_indices().find_map(|(at, _)| {
            let mut here = rest[at..].chars();
            let same = self.pattern.chars().all(|p| here.next().is_some_and(|h| fold(h) == fold(p)));
            same.then(|| (from + at, text.len() - here.as_str().len()))
        })
    }

    /// `$$`, `$&`, `` $` `` and `$'` mean what they mean in JavaScript's `replace`.
    fn push_replacement(&self, out: &mut String, text: &str, start: usize, end: usize) {
        let mut rest = &*self.replacement;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let insert = match rest.as_bytes().get(at + 1) {
                Some(b'$') => "$",
                Some(b'&') => &text[start..end],
                Some(b'`') => &text[..start],
                Some(b'\'') => &text[end..],
                _ => {
                    out.push('$');
                    rest = &rest[at + 1..];
                    continue;
                }
            };
            out.push_str(insert);
            rest = &rest[at + 2..];
        }
        out.push_str(rest);
    }
}

/// The letter that stands for both cases in a JavaScript expression with the flag `i`: its upper case, where that is one letter
/// and does not turn a foreign letter into ASCII.
fn fold(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(u), None) if c.is_ascii() || !u.is_ascii() => u,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(text: &str, pattern: &str, replacement: &str, ignore_case: bool, everywhere: bool) -> String {
        let it = Replacement { pattern: pattern.into(), replacement: replacement.into(), ignore_case, everywhere };
        it.apply(text, 1000).expect("short")
    }

    #[test]
    fn the_pattern_is_literal() {
        assert_eq!(replace("a.b.c", ".", "$1", false, true), "a$1b$1c");
        assert_eq!(replace("a.b.c", ".", "", false, false), "ab.c");
    }

    #[test]
    fn case_can_be_ignored_in_all_alphabets() {
        assert_eq!(replace("ÄRGER ärger Straße", "är", "-", true, true), "-GER -ger Straße");
        assert_eq!(replace("ſK", "sk", "-", true, true), "ſK");
    }

    #[test]
    fn dollars_insert_what_is_around() {
        assert_eq!(replace("ab-cd", "-", "[$&$$$`$']", false, true), "ab[-$abcd]cd");
    }

    #[test]
    fn growth_is_bounded() {
        let it = Replacement { pattern: "x".into(), replacement: "$`$'".into(), ignore_case: false, everywhere: true };
        assert_eq!(it.apply(&"x".repeat(10_000), 50_000), Err(ApplyError::TooLarge));
    }
}
