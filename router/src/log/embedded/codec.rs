//! Numbers, times and texts as bytes. Small numbers take one byte; nothing here trusts what it reads.

use jiff::Timestamp;

use crate::log::Seq;
use std::ops::Range;

/// Why bytes cannot be read.
pub(super) type Problem = String;

/// Adds a number: seven bits a byte, the lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Adds a time, to the nanosecond.
pub(super) fn put_time(out: &mut Vec<u8>, time: Timestamp) {
    out.extend_from_slice(&time.as_second().to_le_bytes());
    out.extend_from_slice(&time.subsec_nanosecond().to_le_bytes());
}

/// Adds a text and its length.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Adds places in a row.
pub(super) fn put_range(out: &mut Vec<u8>, range: &Range<Seq>) {
    put_number(out, range.start);
    put_number(out, range.end.saturating_sub(range.start));
}

/// Reads from the front of some bytes.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Problem> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| format!("it ends {} bytes too early", count.saturating_sub(self.rest.len())))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Problem> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Problem> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Problem> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn number(&mut self) -> Result<u64, Problem> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits.checked_shl(shift).is_none_or(|shifted| shifted >> shift != bits) {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a number in it has no end".into())
    }

    /// A number that counts things of at least `size` bytes each: more than could follow is refused before anything is reserved.
    pub(super) fn count(&mut self, size: usize) -> Result<usize, Problem> {
        let number = self.number()?;
        let count = usize::try_from(number).ok().filter(|count| count.saturating_mul(size.max(1)) <= self.rest.len());
        count.ok_or_else(|| format!("it says that {number} things follow, and has no room for them"))
    }

    /// A number of a narrower type.
    pub(super) fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, Problem> {
        let number = self.number()?;
        T::try_from(number).map_err(|_| format!("the number {number} in it is too large"))
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, Problem> {
        let second = self.array().map(i64::from_le_bytes)?;
        let nanosecond = self.array().map(i32::from_le_bytes)?;
        Timestamp::new(second, nanosecond).map_err(|error| format!("a time in it is none: {error}"))
    }

    pub(super) fn text(&mut self) -> Result<String, Problem> {
        let length = self.count(1)?;
        let bytes = self.bytes(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| "a text in it is not UTF-8".into())
    }

    pub(super) fn range(&mut self) -> Result<Range<Seq>, Problem> {
        let start = self.number()?;
        let length = self.number()?;
        let end = start.checked_add(length).ok_or("a range in it is too long")?;
        Ok(start..end)
    }

    /// The version that stands in front: this release knows one.
    pub(super) fn version(&mut self, known: u8) -> Result<(), Problem> {
        let found = self.byte()?;
        if found == known { Ok(()) } else { Err(format!("it is of version {found}, this release reads {known}")) }
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), Problem> {
        if self.rest.is_empty() { Ok(()) } else { Err(format!("{} bytes too many follow", self.rest.len())) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let bytes = self.bytes(N)?;
        bytes.try_into().map_err(|_| "it ends too early".into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_is_read(number: u64, text: String, start: u64, length: u64, second in -377_705_023_201_i64..=253_402_207_200, nano in 0..1_000_000_000) {
            let time = Timestamp::new(second, nano).expect("a time");
            let range = start..start.saturating_add(length);
            let mut out = Vec::new();
            put_number(&mut out, number);
            put_time(&mut out, time);
            put_text(&mut out, &text);
            put_range(&mut out, &range);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.time(), Ok(time));
            prop_assert_eq!(reader.text(), Ok(text));
            prop_assert_eq!(reader.range(), Ok(range));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.left() > 0 && reader.number().is_ok() && reader.text().is_ok() && reader.range().is_ok() {}
        }
    }

    #[test]
    fn a_number_that_does_not_fit_is_refused() {
        assert!(Reader::new(&[0xff; 12]).number().is_err());
        assert!(Reader::new(&[0x80; 3]).number().is_err());
        assert!(Reader::new(&[0x80, 0x02]).narrow::<u8>().is_err());
        assert!(Reader::new(&[0x7f, 0, 0]).count(1).is_err());
    }
}
