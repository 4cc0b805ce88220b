//! Random numbers that are the same while replaying. Block `n` of a stream, from 0, is SHA-256 over: the 32 bytes of the seed, the
//! number of the stream and `n` (eight bytes each, little endian), and the stream's name. `docs/tape-format.md` promises that it stays so.

use std::fmt;

use crate::codec::digest;

/// A stream of random numbers: drawn while recording, the same while replaying. Not for keys: its seed stands on the tape.
///
/// ```
/// # use traffic_recorder::{Mode, Recorder};
/// # let folder = std::env::temp_dir().join("traffic-recorder-docs");
/// # let tapes = Recorder::at(folder).mode(Mode::Off).open()?;
/// let mut rng = tapes.rng();
/// let (id, dice) = (rng.uuid(), 1 + rng.below(6));
/// assert!(id.len() == 36 && (1..=6).contains(&dice));
/// # Ok::<(), traffic_recorder::Error>(())
/// ```
pub struct Rng {
    seed: [u8; 32],
    stream: u64,
    name: String,
    block: u64,
    bytes: [u8; 32],
    used: usize,
}

impl Rng {
    pub(super) fn new(seed: [u8; 32], stream: u64, name: &str) -> Self {
        Self { seed, stream, name: name.to_owned(), block: 0, bytes: [0; 32], used: 32 }
    }

    /// Fills `bytes` with random ones.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.used == self.bytes.len() {
                let mut text = Vec::with_capacity(48 + self.name.len());
                text.extend_from_slice(&self.seed);
                text.extend_from_slice(&self.stream.to_le_bytes());
                text.extend_from_slice(&self.block.to_le_bytes());
                text.extend_from_slice(self.name.as_bytes());
                self.bytes = digest::sha256(&text);
                self.block += 1;
                self.used = 0;
            }
            *byte = self.bytes[self.used];
            self.used += 1;
        }
    }

    /// Any 64 bits: the next eight bytes, little endian.
    pub fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number below `end`, all alike; 0 where `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 {
            return 0;
        }
        // What is left over at the top would favour the small ones.
        let fair = u64::MAX - u64::MAX % end;
        loop {
            let drawn = self.next_u64();
            if drawn < fair {
                return drawn % end;
            }
        }
    }

    /// A random UUID ([RFC 9562 §5.4], version 4) in lower case with hyphens.
    ///
    /// [RFC 9562 §5.4]: https://www.rfc-editor.org/rfc/rfc9562#section-5.4
    pub fn uuid(&mut self) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = digest::hex(&bytes);
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

/// Not the seed: numbers to come can be told from it.
impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rng({:?}, stream {})", self.name, self.stream)
    }
}

/// A seed that nobody has had, from what the standard library draws for its hash maps.
pub(super) fn fresh_seed() -> [u8; 32] {
    use std::hash::{BuildHasher as _, RandomState};
    let mut drawn = Vec::with_capacity(32);
    for part in 0..4_u8 {
        drawn.extend_from_slice(&RandomState::new().hash_one((part, std::time::Instant::now())).to_le_bytes());
    }
    drawn.extend_from_slice(&std::process::id().to_le_bytes());
    digest::sha256(&drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_what_the_specification_says() {
        let mut first = [0; 40];
        Rng::new([7; 32], 1, "orders").fill(&mut first);
        let block = |n: u64| {
            let text = [&[7; 32][..], &1_u64.to_le_bytes(), &n.to_le_bytes(), b"orders"].concat();
            digest::sha256(&text)
        };
        assert_eq!((&first[..32], &first[32..]), (&block(0)[..], &block(1)[..8]));
    }

    #[test]
    fn names_and_numbers_make_other_streams() {
        let first = |stream, name| Rng::new([1; 32], stream, name).next_u64();
        assert_eq!(first(0, ""), first(0, ""));
        assert!(first(0, "") != first(1, "") && first(0, "") != first(0, "a"));
        assert_ne!(fresh_seed(), fresh_seed());
    }

    #[test]
    fn ids_have_their_version_and_small_numbers_their_bounds() {
        let mut rng = Rng::new([3; 32], 0, "");
        for _ in 0..50 {
            let id = rng.uuid();
            assert!(id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]), "{id}");
            assert!(rng.below(3) < 3);
        }
        assert_eq!(rng.below(0), 0);
    }
}
