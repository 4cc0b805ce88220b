//! A frame: what the segment files consist of. A header of 40 bytes, with a checksum of itself and one of the body, then the body.
//!
//! A *group* is what was written and synced at once; its first frame says so. A group is begun only when the one before it is on
//! disk. So what cannot be read is the torn end of the last group if no group begins behind it, and damage otherwise.

use xxhash_rust::xxh3::xxh3_64;

use super::codec::Problem;

pub(super) const HEADER: usize = 40;
pub(super) const MAGIC: [u8; 4] = *b"\xD7RL1";

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A parcel: of a source, at a place.
    Parcel = 1,
    /// A record: of a source, on its way to the instance that stands where the place does.
    Outcome = 2,
    /// The name of a source, by its number.
    Source = 3,
    /// The name of an instance; its number stands where the place does.
    Instance = 4,
    /// How far a lane is and its dead letters: all that records in segments which go had told.
    Lane = 5,
    /// What is kept of a source: all that parcels in segments which go had told.
    Span = 6,
}

/// It is the first of its group.
pub(super) const GROUP: u8 = 1;
/// A run begins here (see [`super::run`]).
pub(super) const RUN: u8 = 2;
/// It was written before and has moved here.
pub(super) const MOVED: u8 = 4;

/// What stands in front of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) body_len: u32,
    pub(super) source: u32,
    pub(super) place: u64,
    pub(super) checksum: u64,
}

impl Header {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Problem> {
        let bytes: &[u8; HEADER] = bytes.try_into().map_err(|_| "it ends within its header".to_owned())?;
        let [m0, m1, m2, m3, kind, flags, _, _, l0, l1, l2, l3, s0, s1, s2, s3, rest @ ..] = *bytes;
        if [m0, m1, m2, m3] != MAGIC {
            return Err("it does not begin as a frame does".into());
        }
        let [place, checksum, own] = [0, 8, 16].map(|at| u64_at(&rest, at));
        if own != xxh3_64(&bytes[..HEADER - 8]) {
            return Err("the checksum of its header is wrong".into());
        }
        let kind = match kind {
            1 => Kind::Parcel,
            2 => Kind::Outcome,
            3 => Kind::Source,
            4 => Kind::Instance,
            5 => Kind::Lane,
            6 => Kind::Span,
            other => return Err(format!("this release knows no frame of kind {other}")),
        };
        let (body_len, source) = (u32::from_le_bytes([l0, l1, l2, l3]), u32::from_le_bytes([s0, s1, s2, s3]));
        Ok(Self { kind, flags, body_len, source, place, checksum })
    }

    /// Whether this is the body it stands before.
    pub(super) fn check(&self, body: &[u8]) -> Result<(), Problem> {
        if body.len() != self.body_len as usize {
            return Err("it ends within its body".into());
        }
        if xxh3_64(body) == self.checksum { Ok(()) } else { Err("the checksum of its body is wrong".into()) }
    }

    fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = self.kind as u8;
        bytes[5] = self.flags;
        bytes[8..12].copy_from_slice(&self.body_len.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.source.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.place.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.checksum.to_le_bytes());
        let own = xxh3_64(&bytes[..HEADER - 8]);
        bytes[HEADER - 8..].copy_from_slice(&own.to_le_bytes());
        bytes
    }
}

/// A frame that is to be written. It is built where the parcel comes from; only its place is given by the writer.
#[derive(Debug)]
pub(super) struct Frame {
    header: Header,
    bytes: Vec<u8>,
}

impl Frame {
    /// Builds one around a body.
    ///
    /// # Errors
    /// What `body` says, and a body larger than 4 GB.
    pub(super) fn build(
        kind: Kind,
        source: u32,
        place: u64,
        body: impl FnOnce(&mut Vec<u8>) -> Result<(), Problem>,
    ) -> Result<Self, Problem> {
        let mut bytes = vec![0; HEADER];
        body(&mut bytes)?;
        let written = bytes.get(HEADER..).unwrap_or_default();
        let body_len = u32::try_from(written.len()).map_err(|_| "it is larger than 4 GB".to_owned())?;
        let header = Header { kind, flags: 0, body_len, source, place, checksum: xxh3_64(written) };
        Ok(Self { header, bytes })
    }

    /// Gives it its place and flags.
    pub(super) fn stamp(&mut self, flags: u8, place: u64) {
        self.header.flags = flags;
        self.header.place = place;
        if let Some(front) = self.bytes.first_chunk_mut() {
            *front = self.header.encode();
        }
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Header and body, once it is stamped.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }
}

fn u64_at(bytes: &[u8; HEADER - 16], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let body = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"a body");
            Ok(())
        };
        let mut frame = Frame::build(Kind::Parcel, 7, 0, body).expect("small enough");
        frame.stamp(GROUP | RUN, 1 << 40);
        frame
    }

    #[test]
    fn a_frame_comes_back() {
        let frame = frame();
        let header = Header::decode(&frame.bytes()[..HEADER]).expect("a header");
        assert_eq!(header, *frame.header());
        assert_eq!((header.source, header.place, header.flags), (7, 1 << 40, GROUP | RUN));
        assert_eq!(header.check(frame.body()), Ok(()));
    }

    #[test]
    fn a_change_of_any_byte_is_seen() {
        let whole = frame().bytes().to_vec();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            let read = Header::decode(&changed[..HEADER]).and_then(|header| header.check(&changed[HEADER..]));
            assert!(read.is_err(), "byte {at}");
        }
    }
}
