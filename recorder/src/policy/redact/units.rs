//! What the bytes at one position can mean: themselves, or the escape that begins there.
//!
//! A value hides behind any mix of percent-encoding (once or twice), `+` for space, JSON escapes (also of JSON inside JSON,
//! or inside a URL) and HTML entities. Instead of listing the spellings of every value, the matcher asks here, position by
//! position, for every reading, and follows those that fit.

/// At most this many readings of one position.
const MAX: usize = 7;

/// One reading: up to four bytes, and how much input they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Unit {
    bytes: [u8; 4],
    len: u8,
    /// Bytes of input.
    pub(super) taken: usize,
}

impl Unit {
    fn byte(byte: u8, taken: usize) -> Self {
        Self { bytes: [byte, 0, 0, 0], len: 1, taken }
    }

    fn char(c: char, taken: usize) -> Self {
        let mut bytes = [0; 4];
        let len = c.encode_utf8(&mut bytes).len() as u8;
        Self { bytes, len, taken }
    }

    /// The bytes that are meant.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The readings of one position, the literal one first.
#[derive(Debug, Default)]
pub(super) struct Readings {
    units: [Unit; MAX],
    len: usize,
}

impl Readings {
    fn push(&mut self, unit: Unit) {
        if self.len < MAX {
            self.units[self.len] = unit;
            self.len += 1;
        }
    }

    pub(super) fn as_slice(&self) -> &[Unit] {
        &self.units[..self.len]
    }
}

/// Whether more than the literal reading is possible.
#[inline]
pub(super) fn may_escape(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & ESCAPE != 0
}

/// Whether a placeholder can begin with this byte, in some spelling.
#[inline]
pub(super) fn may_open(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & OPEN != 0
}

const ESCAPE: u8 = 1;
const OPEN: u8 = 2;

/// One look-up for each byte of every text that is redacted.
const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    table[b'%' as usize] = ESCAPE | OPEN;
    table[b'\\' as usize] = ESCAPE | OPEN;
    table[b'&' as usize] = ESCAPE | OPEN;
    table[b'+' as usize] = ESCAPE;
    table[b'{' as usize] = OPEN;
    table
};

/// Every reading of `text[at..]`. `at` must lie inside.
pub(super) fn readings(text: &[u8], at: usize) -> Readings {
    let mut out = Readings::default();
    let byte = text[at];
    out.push(Unit::byte(byte, 1));
    match byte {
        b'+' => out.push(Unit::byte(b' ', 1)),
        b'&' => {
            if let Some(unit) = entity(text, at) {
                out.push(unit);
            }
        }
        b'%' => {
            if let Some(value) = hex2(text, at + 1) {
                out.push(Unit::byte(value, 3));
                if value == b'%'
                    && let Some(twice) = hex2(text, at + 3)
                {
                    out.push(Unit::byte(twice, 5));
                }
                if value == b'\\' {
                    backslash(text, at, &mut out);
                }
            }
        }
        b'\\' => backslash(text, at, &mut out),
        _ => {}
    }
    out
}

/// Whether an escape ends right before `at`, so that a letter there belongs to the escape and not to a word.
pub(super) fn escape_ends_at(text: &[u8], at: usize) -> bool {
    let starts = |back: usize, with: &[u8]| at >= back && text[at - back..at].starts_with(with);
    starts(3, b"%") || starts(2, b"\\") || starts(6, b"\\u") || starts(4, b"\\x")
}

/// A JSON escape whose bytes may be percent-encoded; a run of backslashes counts as one where JSON stands in JSON.
fn backslash(text: &[u8], at: usize, out: &mut Readings) {
    let mut after = at;
    let mut run = 0;
    while let Some((b'\\', taken)) = peel(text, after) {
        run += 1;
        after += taken;
        if run == 1 {
            short_escape(text, at, after, out);
        }
        if run == 4 {
            out.push(Unit::byte(b'\\', after - at));
        }
        if run > 16 {
            return;
        }
    }
    if run > 1 && !matches!(peel(text, after), Some((b'\\', _)) | None) {
        short_escape(text, at, after, out);
    }
}

/// The escape whose letter stands at `letter`.
fn short_escape(text: &[u8], at: usize, letter: usize, out: &mut Readings) {
    let Some((byte, taken)) = peel(text, letter) else { return };
    let end = letter + taken - at;
    let plain = match byte {
        b'"' | b'\\' | b'/' | b'\'' => byte,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'x' => match hex2(text, letter + taken) {
            Some(value) => return out.push(Unit::byte(value, end + 2)),
            None => return,
        },
        b'u' => {
            if let Some((c, digits)) = unicode(text, letter + taken) {
                out.push(Unit::char(c, end + digits));
            }
            return;
        }
        _ => return,
    };
    out.push(Unit::byte(plain, end));
}

/// The character whose four hex digits stand at `at`, joined with a low surrogate after it.
fn unicode(text: &[u8], at: usize) -> Option<(char, usize)> {
    let first = hex4(text, at)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, 4));
    }
    let mut next = at + 4;
    let slashes = text.get(next..)?.iter().take_while(|&&b| b == b'\\').count();
    next += slashes;
    if slashes == 0 || text.get(next) != Some(&b'u') {
        return None;
    }
    let second = hex4(text, next + 1)?;
    if !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    let joined = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Some((char::from_u32(joined)?, next + 5 - at))
}

/// One byte, percent-encoded or not.
fn peel(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let byte = *text.get(at)?;
    if byte == b'%'
        && let Some(value) = hex2(text, at + 1)
    {
        return Some((value, 3));
    }
    Some((byte, 1))
}

fn entity(text: &[u8], at: usize) -> Option<Unit> {
    let end = text[at..].iter().take(10).position(|&b| b == b';')?;
    let name = std::str::from_utf8(&text[at + 1..at + end]).ok()?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some(Unit::char(c, end + 1))
}

fn hex2(text: &[u8], at: usize) -> Option<u8> {
    let pair = text.get(at..at + 2)?;
    Some(digit(pair[0])? << 4 | digit(pair[1])?)
}

fn hex4(text: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(hex2(text, at)?) << 8 | u32::from(hex2(text, at + 2)?))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, usize)> {
        let all = readings(text.as_bytes(), 0);
        all.as_slice().iter().map(|u| (String::from_utf8_lossy(u.bytes()).into_owned(), u.taken)).collect()
    }

    #[track_caller]
    fn reads_as(text: &str, meant: &str) {
        assert!(read(text).contains(&(meant.into(), text.len())), "{text}: {:?}", read(text));
    }

    #[test]
    fn every_spelling_is_read() {
        for text in ["A", "%41", "%2541", "\\u0041", "\\x41", "&#65;", "&#x41;", "\\\\u0041", "%5Cu0041"] {
            reads_as(text, "A");
        }
        for text in ["\"", "\\\"", "\\\\\\\"", "%5C%22", "&quot;", "%22"] {
            reads_as(text, "\"");
        }
        reads_as("+", " ");
        reads_as("\\ud83d\\ude00", "😀");
        reads_as("\\\\\\\\", "\\");
    }

    #[test]
    fn what_is_no_escape_is_itself() {
        for text in ["%4", "%zz", "\\q", "&nope", "\\ud800", "%", "\\"] {
            assert_eq!(read(text)[0].1, 1);
            assert_eq!(read(text).len(), 1, "{text}");
        }
    }
}
