//! A text as a YAML scalar: plain, quoted, or over several lines; whichever every reader takes for this very text.

/// Whether a plain scalar of this text is taken for something else than a text by some reader of YAML 1.1 or 1.2.
pub(super) fn is_ambiguous(text: &str) -> bool {
    const WORDS: [&str; 11] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", "="];
    match text.as_bytes() {
        [] => true,
        [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => {
            // integers, hexadecimal and the like, floats, base 60 with colons, dates and times
            let digits = text.trim_start_matches(['+', '-']).as_bytes();
            matches!(digits, [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..])
                || matches!(digits, [b'.', word @ ..] if word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan"))
                || digits.iter().all(|b| b"0123456789+-._:,eEtTzZ ".contains(b))
        }
        _ => text.len() <= 5 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)),
    }
}
/// A text over several lines: as a literal block where YAML keeps it in one, else in quotes with a line for each line.
pub(crate) fn lines(text: &str, indent: usize, out: &mut String) {
    let inner_breaks = text.strip_suffix('\n').unwrap_or(text).contains('\n');
    if text.contains('\n') && is_literal(text) {
        literal(text, indent, out);
        return;
    }
    out.push(' ');
    if !inner_breaks {
        scalar(text, false, out);
    } else {
        out.push('"');
        for (i, line) in text.split_inclusive('\n').enumerate() {
            if i > 0 {
                // the escaped break and the spaces after it are no part of the text
                out.push_str("\\\n");
                pad(indent + 2, out);
                if line.starts_with(' ') {
                    out.push('\\');
                }
            }
            line.chars().for_each(|c| escaped(c, out));
        }
        out.push('"');
    }
    out.push('\n');
}

/// Whether a literal block keeps `text`: no character that YAML would not, and no blank at the end of a line, which
/// editors take away.
pub(super) fn is_literal(text: &str) -> bool {
    let content = text.trim_end_matches('\n');
    !content.is_empty()
        && content.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
        && content.split('\n').all(|line| !line.ends_with([' ', '\t']))
}

/// `|`, with the mark for the breaks at its end.
pub(super) fn literal(text: &str, indent: usize, out: &mut String) {
    out.push_str(" |");
    // without it a reader would take the first line's own blanks for indentation
    if text.starts_with([' ', '\t', '\n']) {
        out.push('2');
    }
    let (content, chomp) = match text.strip_suffix('\n') {
        None => (text, "-"),
        Some(rest) if rest.ends_with('\n') => (rest, "+"),
        Some(rest) => (rest, ""),
    };
    out.push_str(chomp);
    out.push('\n');
    for line in content.split('\n') {
        if !line.is_empty() {
            pad(indent + 2, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A text on one line: plain, in single quotes, or in double ones.
pub(crate) fn scalar(text: &str, flow: bool, out: &mut String) {
    if is_plain(text, flow) {
        out.push_str(text);
    } else if !text.contains('\'') && text.contains(['"', '\\']) && text.chars().all(is_printable) {
        out.push('\'');
        out.push_str(text);
        out.push('\'');
    } else {
        out.push('"');
        text.chars().for_each(|c| escaped(c, out));
        out.push('"');
    }
}

/// Whether every reader takes `text` without quotes for just this text.
fn is_plain(text: &str, flow: bool) -> bool {
    let bytes = text.as_bytes();
    let begins = text.chars().next().is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '_'));
    begins
        && !matches!(bytes.last(), Some(b':' | b' '))
        && bytes.iter().enumerate().all(|(i, &b)| match b {
            b':' => {
                !flow && bytes.get(i + 1) != Some(&b' ')
                    || flow && bytes.get(i + 1).is_some_and(u8::is_ascii_alphanumeric)
            }
            b'#' => bytes[i - 1] != b' ',
            // PyYAML stumbles over `?` there
            b',' | b'[' | b']' | b'{' | b'}' | b'?' => !flow,
            b' '..=b'~' => true,
            _ => b >= 0x80,
        })
        && (text.is_ascii() || text.chars().all(is_printable))
        && !is_ambiguous(text)
}

fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // next line, line and paragraph separators are breaks in YAML 1.1; the byte order mark is nothing to a reader
        '\0'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    }
}

fn escaped(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0' => out.push_str("\\0"),
        c if is_printable(c) => out.push(c),
        c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
        c => out.push_str(&format!("\\u{:04x}", c as u32)),
    }
}
/// So many blanks.
pub(super) fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> String {
        let mut out = String::new();
        scalar(text, false, &mut out);
        out
    }

    #[test]
    fn quotes_what_a_reader_could_mistake() {
        let words =
            "null Yes off ~ 12 1.0 1e5 0x1f 0o7 1_000 1:30 .5 -1 +1 .inf .NaN 2026-11-21 */* {{x}} a: = << @a !a &a %a";
        for text in words.split(' ').chain(["", "a: b", "a #b", " a", "a ", "- a"]) {
            assert!(one(text).starts_with('"'), "{text}");
        }
        for text in
            ["a", "u-1", "application/json", "Basic {{secret:mixpanel}}", "182ms", "text/html; charset=utf-8", "a,b"]
        {
            assert_eq!(one(text), text);
        }
        assert_eq!(one("\"etag\""), "'\"etag\"'");
    }

    #[test]
    fn texts_of_lines_are_blocks_or_quoted_lines() {
        let text = |text: &str| {
            let mut out = "k:".to_owned();
            lines(text, 0, &mut out);
            out
        };
        assert_eq!(text("a\nb\n"), "k: |\n  a\n  b\n");
        assert_eq!(text("a\n\nb"), "k: |-\n  a\n\n  b\n");
        assert_eq!(text(" a\n\n\n"), "k: |2+\n   a\n\n\n");
        assert_eq!(text("a\r\n b"), "k: \"a\\r\\n\\\n  \\ b\"\n");
        assert_eq!(text("\n\n"), "k: \"\\n\\\n  \\n\"\n");
    }
}
