//! One line of text for any bytes, so that nothing in a request can forge a line of its canonical form.

use std::borrow::Cow;
use std::fmt::Write;

/// The bytes as text on one line: `\` is `\\`, line breaks and tabs are `\n`, `\r`, `\t`, other control characters `\u{7f}`,
/// bytes that are not UTF-8 `\xff`. Two inputs never give the same line.
pub(super) fn line(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) => Cow::Borrowed(text),
        _ => Cow::Owned(escape(bytes, None)),
    }
}

/// As [`line`], and the ASCII punctuation `stop` becomes `\u{3a}`, so that it can end a name.
pub(super) fn name(bytes: &[u8], stop: char) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) && !text.contains(stop) => Cow::Borrowed(text),
        _ => Cow::Owned(escape(bytes, Some(stop))),
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, 0x20..=0x7e) && b != b'\\')
        || !text.contains(|c: char| c == '\\' || c.is_control())
}

fn escape(bytes: &[u8], stop: Option<char>) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() || Some(c) == stop => write(&mut out, format_args!("\\u{{{:x}}}", u32::from(c))),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            write(&mut out, format_args!("\\x{byte:02x}"));
        }
    }
    out
}

/// Formats into a string.
pub(super) fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing into a string does not fail");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_stay_readable() {
        assert_eq!(line("Grüße \u{2028} 1\n\\\u{85}".as_bytes()), "Grüße \u{2028} 1\\n\\\\\\u{85}");
        assert_eq!(line(b"\xff\x85"), "\\xff\\x85");
        assert_eq!(name(b"a=b", '='), "a\\u{3d}b");
    }

    proptest! {
        #[test]
        fn two_inputs_never_give_one_line(a in "[\\\\nx{}u0-9\n\r]{0,6}", b in "[\\\\nx{}u0-9\n\r]{0,6}") {
            prop_assert_eq!(a == b, line(a.as_bytes()) == line(b.as_bytes()));
            prop_assert!(!line(a.as_bytes()).contains('\n'));
        }
    }
}
