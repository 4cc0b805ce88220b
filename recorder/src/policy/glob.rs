//! `*` for any characters, in the patterns of the configuration file.

/// Whether `text` fits `pattern`.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    while let Some((piece, after)) = rest.split_once('*') {
        let Some(at) = text.find(piece) else { return false };
        text = &text[at + piece.len()..];
        rest = after;
    }
    text.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_characters() {
        for (pattern, text) in [("a", "a"), ("*", ""), ("a*c", "abc"), ("*.x.test", "a.x.test"), ("a*b*c", "a1b2b3c")] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*c", "ab"), ("*b", "a"), ("a*a", "a"), ("*.x.test", "x.test")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
