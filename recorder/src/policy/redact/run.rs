//! Runs of base64 characters (RFC 4648, both alphabets), which may be percent-encoded, JSON-escaped or wrapped in lines.

use std::ops::Range;

use super::units::{may_escape, readings};

/// Shorter runs are not looked into: four bytes take more characters.
pub(super) const SHORTEST: usize = 6;

/// So many characters are at least needed for so many bytes.
#[inline]
pub(super) fn characters(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// A line of wrapped base64 has at least as many characters.
const SHORTEST_LINE: usize = 60;

/// Sextets and where each one stands; filled again and again.
#[derive(Default)]
pub(super) struct Run {
    sextets: Vec<u8>,
    starts: Vec<u32>,
    /// After the last sextet, and after the padding.
    ends: (usize, usize),
    first: usize,
}

/// Whether a run can begin with this byte.
#[inline]
pub(super) fn is_base64(byte: u8) -> bool {
    SEXTETS[usize::from(byte)] < 64
}

/// Where the plain base64 characters from `at` end.
#[inline]
pub(super) fn reach(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|&b| !is_base64(b)).map_or(text.len(), |len| at + len)
}

impl Run {
    /// Reads the run that begins at `first`.
    pub(super) fn collect(&mut self, text: &[u8], first: usize) {
        let run = self;
        run.sextets.clear();
        run.starts.clear();
        (run.first, run.ends) = (first, (first, first));
        let mut at = first;
        let mut line = 0;
        while let Some(&byte) = text.get(at) {
            let (value, taken) = match sextet(byte) {
                Some(value) => (value, 1),
                None if may_escape(byte) => match escaped(text, at) {
                    Some((b'\r' | b'\n', taken)) if line >= SHORTEST_LINE => {
                        at += taken;
                        continue;
                    }
                    Some((decoded, taken)) if sextet(decoded).is_some() => (sextet(decoded).unwrap_or(0), taken),
                    _ => break,
                },
                None if matches!(byte, b'\r' | b'\n') && line >= SHORTEST_LINE => {
                    // The next line counts anew, but an end of line is two bytes.
                    if byte == b'\n' && text.get(at + 1).is_none_or(|&b| sextet(b).is_none()) {
                        break;
                    }
                    at += 1;
                    if byte == b'\n' {
                        line = 0;
                    }
                    continue;
                }
                None => break,
            };
            run.sextets.push(value);
            run.starts.push(at as u32 - first as u32);
            line += 1;
            at += taken;
            run.ends.0 = at;
        }
        run.ends.1 = run.ends.0;
        for _ in 0..2 {
            match text.get(run.ends.1) {
                Some(b'=') => run.ends.1 += 1,
                Some(&byte) if may_escape(byte) => match escaped(text, run.ends.1) {
                    Some((b'=', taken)) => run.ends.1 += taken,
                    _ => break,
                },
                _ => break,
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sextets.len()
    }

    /// Where the characters end, padding not counted.
    pub(super) fn end(&self) -> usize {
        self.ends.0
    }

    /// Whether nothing but the run stands in `text`.
    pub(super) fn is_all_of(&self, text: &[u8]) -> bool {
        self.first == 0 && self.ends.1 == text.len()
    }

    /// The bytes that the run means when its first `skip` characters are left out.
    pub(super) fn decode(&self, skip: usize, out: &mut Vec<u8>) {
        out.clear();
        let mut groups = self.sextets.get(skip..).unwrap_or_default().chunks_exact(4);
        for group in &mut groups {
            if let [a, b, c, d] = *group {
                out.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
            }
        }
        match *groups.remainder() {
            [a, b, c] => out.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2]),
            [a, b] => out.push(a << 2 | b >> 4),
            _ => {}
        }
    }

    /// Where the characters stand that mean the decoded bytes `groups`, which must begin at a multiple of three.
    pub(super) fn source(&self, skip: usize, groups: &Range<usize>, decoded: usize) -> Range<usize> {
        let start = self.first + self.starts[skip + groups.start / 3 * 4] as usize;
        if groups.end >= decoded {
            return start..self.ends.1;
        }
        start..self.first + self.starts[skip + groups.end / 3 * 4] as usize
    }
}

/// The groups of three bytes that hold `found`.
pub(super) fn groups(found: &Range<usize>, len: usize) -> Range<usize> {
    found.start / 3 * 3..found.end.next_multiple_of(3).min(len)
}

/// Widens `groups` over all neighbours that are plain text.
pub(super) fn readable(bytes: &[u8], groups: &Range<usize>) -> Range<usize> {
    let plain = |group: &[u8]| group.iter().all(|b| matches!(b, 0x20..0x7f));
    let mut range = groups.clone();
    while range.start >= 3 && plain(&bytes[range.start - 3..range.start]) {
        range.start -= 3;
    }
    while range.end < bytes.len() {
        let end = (range.end + 3).min(bytes.len());
        if !plain(&bytes[range.end..end]) {
            break;
        }
        range.end = end;
    }
    range
}

/// UTF-8 without control characters, white space apart.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|&b| b >= 0x20 && b != 0x7f || matches!(b, b'\t' | b'\n' | b'\r'))
        && std::str::from_utf8(bytes).is_ok()
}

#[inline]
fn sextet(byte: u8) -> Option<u8> {
    let value = SEXTETS[usize::from(byte)];
    (value < 64).then_some(value)
}

/// What each byte means in either alphabet; 64: nothing.
const SEXTETS: [u8; 256] = {
    let mut table = [64; 256];
    let mut value = 0;
    while value < 26 {
        table[b'A' as usize + value as usize] = value;
        table[b'a' as usize + value as usize] = value + 26;
        if value < 10 {
            table[b'0' as usize + value as usize] = value + 52;
        }
        value += 1;
    }
    table[b'+' as usize] = 62;
    table[b'-' as usize] = 62;
    table[b'/' as usize] = 63;
    table[b'_' as usize] = 63;
    table
};

/// The escape at `at`, where it means one byte.
fn escaped(text: &[u8], at: usize) -> Option<(u8, usize)> {
    readings(text, at).as_slice().iter().skip(1).find_map(|unit| match unit.bytes() {
        &[byte] => Some((byte, unit.taken)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str, skip: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut run = Run::default();
        run.collect(text.as_bytes(), 0);
        run.decode(skip, &mut out);
        out
    }

    #[test]
    fn both_alphabets_escapes_and_padding_are_read() {
        for text in ["c3ViamVjdHM/Pz8+", "c3ViamVjdHM_Pz8-", "c3ViamVjdHM%2FPz8%2b", "c3ViamVjdHM\\/Pz8+"] {
            assert_eq!(decoded(text, 0), b"subjects???>", "{text}");
        }
        let mut run = Run::default();
        run.collect(b"Zm9vYg%3D%3D&x=1", 0);
        assert_eq!(run.source(0, &(0..4), 4), 0..12);
        assert_eq!(decoded("xZm9vYg", 1), b"foob");
    }

    #[test]
    fn lines_of_wrapped_base64_are_one_run() {
        let line = "QUJD".repeat(19);
        assert_eq!(decoded(&format!("{line}\r\n{line}\nQUJD\nword"), 0), b"ABC".repeat(39));
        assert_eq!(decoded("short\nwords", 0).len(), 3);
    }

    #[test]
    fn text_around_a_value_is_kept_readable() {
        let bytes = b"\0\x01\x02abcVALUEx\xff\xff\xff";
        let found = 6..11;
        assert_eq!(readable(bytes, &groups(&found, bytes.len())), 3..12);
    }
}
