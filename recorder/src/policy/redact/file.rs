//! Bodies too large for memory: looked through in pieces that overlap, never changed.

use std::io::{self, Read};

use super::redactor::Redactor;

/// How much is looked at at once.
const PIECE: usize = 1 << 20;
/// A value in its longest spelling (`\\u0041` in JSON in JSON, percent-encoded) takes so many bytes for each of its own.
const LONGEST_SPELLING: usize = 12;
/// Tokens of known shapes are shorter.
const LONGEST_TOKEN: usize = 8 << 10;

impl Redactor {
    /// Hands `reader` to `look` piece by piece, with the offset of each; neighbouring pieces share enough that no known value
    /// and no token is cut in all of them. Stops at the first thing found.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn scan_file<T>(
        &self,
        mut reader: impl Read,
        mut look: impl FnMut(u64, &[u8]) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let overlap = (self.book.longest() * LONGEST_SPELLING).max(LONGEST_TOKEN);
        let mut buffer = Vec::with_capacity(PIECE + overlap);
        let mut offset = 0;
        loop {
            if reader.by_ref().take(PIECE as u64).read_to_end(&mut buffer)? == 0 {
                return Ok(None);
            }
            if let Some(found) = look(offset, &buffer) {
                return Ok(Some(found));
            }
            let gone = buffer.len().saturating_sub(overlap);
            buffer.drain(..gone);
            offset += gone as u64;
        }
    }
}
