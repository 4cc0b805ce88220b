//! The engines behind [`Coding`]: flate2, brotli and ruzstd, each made to read to the very end and no further.

use std::io::Read;

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Coding, NotDecoded};

/// How much is asked of an engine at once.
const CHUNK: usize = 16 * 1024;

/// Undoes one coding.
pub(super) fn decode(coding: Coding, wire: &[u8], limit: u64) -> Result<Vec<u8>, NotDecoded> {
    let mut out = Bounded { bytes: Vec::new(), limit, full: false };
    let result = match coding {
        Coding::Gzip => gunzip(wire, &mut out),
        Coding::Deflate => inflate(wire, true, &mut out),
        Coding::RawDeflate => inflate(wire, false, &mut out),
        Coding::Brotli => unbrotli(wire, &mut out),
        Coding::Zstd => unzstd(wire, &mut out),
    };
    match result {
        Ok(()) => Ok(out.bytes),
        Err(_) if out.full => Err(NotDecoded::TooLarge { limit }),
        Err(reason) => Err(NotDecoded::Invalid { coding, reason }),
    }
}

/// Every member, and nothing after the last one.
fn gunzip(wire: &[u8], out: &mut Bounded) -> Result<(), String> {
    let mut decoder = MultiGzDecoder::new(wire);
    let mut chunk = [0; CHUNK];
    loop {
        match decoder.read(&mut chunk).map_err(|e| e.to_string())? {
            0 => return Ok(()),
            n => out.push(&chunk[..n])?,
        }
    }
}

/// flate2's reader takes a stream that breaks off for one that ended, so its state is asked here.
fn inflate(mut wire: &[u8], zlib: bool, out: &mut Bounded) -> Result<(), String> {
    let mut state = Decompress::new(zlib);
    let mut chunk = [0; CHUNK];
    loop {
        let (read, written) = (state.total_in(), state.total_out());
        let status = state.decompress(wire, &mut chunk, FlushDecompress::None).map_err(|e| e.to_string())?;
        let (read, written) = ((state.total_in() - read) as usize, (state.total_out() - written) as usize);
        wire = &wire[read..];
        out.push(&chunk[..written])?;
        match status {
            Status::StreamEnd if wire.is_empty() => return Ok(()),
            Status::StreamEnd => return Err(trailing(wire)),
            Status::Ok | Status::BufError if read == 0 && written == 0 => return Err(BREAKS_OFF.to_owned()),
            Status::Ok | Status::BufError => {}
        }
    }
}

fn unbrotli(wire: &[u8], out: &mut Bounded) -> Result<(), String> {
    let alloc = StandardAlloc::default;
    // strict: no window beyond the 16 MiB of RFC 7932
    let mut state = BrotliState::new_strict(alloc(), alloc(), alloc());
    let (mut left, mut at, mut total) = (wire.len(), 0, 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let (mut room, mut written) = (chunk.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut at,
            wire,
            &mut room,
            &mut written,
            &mut chunk,
            &mut total,
            &mut state,
        );
        out.push(&chunk[..written])?;
        match result {
            BrotliResult::ResultSuccess if left == 0 => return Ok(()),
            BrotliResult::ResultSuccess => return Err(trailing(&wire[at..])),
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::NeedsMoreInput => return Err(BREAKS_OFF.to_owned()),
            BrotliResult::ResultFailure => return Err("corrupt brotli stream".to_owned()),
        }
    }
}

/// Every frame, skippable ones skipped, checksums checked.
fn unzstd(mut wire: &[u8], out: &mut Bounded) -> Result<(), String> {
    let mut decoder = FrameDecoder::new();
    let mut chunk = [0; CHUNK];
    while !wire.is_empty() {
        match decoder.init(&mut wire) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                wire = wire.get(length as usize..).ok_or(BREAKS_OFF)?;
                continue;
            }
            Err(error) => return Err(error.to_string()),
        }
        while !decoder.is_finished() {
            decoder.decode_blocks(&mut wire, BlockDecodingStrategy::UptoBlocks(1)).map_err(|e| e.to_string())?;
            while decoder.can_collect() > 0 {
                let n = decoder.read(&mut chunk).map_err(|e| e.to_string())?;
                out.push(&chunk[..n])?;
            }
        }
        if let (Some(told), Some(found)) = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum())
            && told != found
        {
            return Err("the checksum does not fit".to_owned());
        }
    }
    Ok(())
}

const BREAKS_OFF: &str = "it breaks off before its end";

fn trailing(rest: &[u8]) -> String {
    format!("{} bytes follow its end", rest.len())
}

/// Output that stops an engine at the caller's limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: u64,
    full: bool,
}

impl Bounded {
    fn push(&mut self, chunk: &[u8]) -> Result<(), String> {
        if (self.bytes.len() + chunk.len()) as u64 > self.limit {
            self.full = true;
            return Err("too large".to_owned());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::super::{decode, encode, undo};
    use super::*;

    const ALL: [Coding; 5] = [Coding::Gzip, Coding::Deflate, Coding::RawDeflate, Coding::Brotli, Coding::Zstd];
    const PLAIN: &[u8] = b"{\"a\":1,\"b\":\"a few words, a few words, a few words\"}";

    /// As servers send it.
    fn compressed(plain: &[u8]) -> [(Coding, Vec<u8>); 5] {
        let level = flate2::Compression::default();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), level);
        gzip.write_all(plain).unwrap();
        zlib.write_all(plain).unwrap();
        raw.write_all(plain).unwrap();
        let mut brotli = Vec::new();
        brotli::BrotliCompress(&mut &*plain, &mut brotli, &brotli::enc::BrotliEncoderParams::default()).unwrap();
        let zstd = ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest);
        [
            (Coding::Gzip, gzip.finish().unwrap()),
            (Coding::Deflate, zlib.finish().unwrap()),
            (Coding::RawDeflate, raw.finish().unwrap()),
            (Coding::Brotli, brotli),
            (Coding::Zstd, zstd),
        ]
    }

    #[test]
    fn what_compressors_send_is_read() {
        for (coding, wire) in compressed(PLAIN) {
            assert_eq!(undo(&[coding], &wire, 1000).unwrap().bytes, PLAIN, "{coding:?}");
            assert!(undo(&[coding], &wire[..wire.len() - 1], 1000).is_err(), "{coding:?}: cut");
        }
    }

    #[test]
    fn large_bodies_are_several_blocks() {
        for len in [0xffff, 0x1_0000, 0x1_0001, 0x2_0000, 0x2_0001, 1_000_000] {
            let plain: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            for coding in ALL {
                let wire = encode(&[coding], &plain).unwrap();
                assert!(undo(&[coding], &wire, 1 << 20).unwrap().bytes == plain, "{coding:?} {len}");
            }
        }
    }

    #[test]
    fn every_coding_and_a_stack_of_all_give_the_bytes_back() {
        for coding in ALL {
            let wire = encode(&[coding], PLAIN).unwrap();
            assert_ne!(wire, PLAIN);
            assert_eq!(undo(&[coding], &wire, 1000).unwrap().bytes, PLAIN, "{coding:?}");
        }
        let wire = encode(&ALL, PLAIN).unwrap();
        assert_eq!(undo(&ALL, &wire, 1000).unwrap().bytes, PLAIN);
    }

    #[test]
    fn repeated_headers_are_a_stack_in_their_order() {
        let wire = encode(&[Coding::Gzip, Coding::Brotli], PLAIN).unwrap();
        assert_eq!(decode(["gzip", "br"], &wire, 1000).unwrap().bytes, PLAIN);
        assert_eq!(decode(["gzip, br"], &wire, 1000).unwrap().codings, [Coding::Gzip, Coding::Brotli]);
        assert!(decode(["br, gzip"], &wire, 1000).is_err());
    }

    #[test]
    fn a_raw_deflate_stream_is_taken_for_what_it_is() {
        let wire = encode(&[Coding::RawDeflate], PLAIN).unwrap();
        let decoded = decode(["deflate"], &wire, 1000).unwrap();
        assert_eq!((decoded.bytes.as_slice(), decoded.codings.as_slice()), (PLAIN, &[Coding::RawDeflate][..]));
        assert_eq!(encode(&decoded.codings, &decoded.bytes).unwrap(), wire);
    }

    #[test]
    fn what_is_plain_empty_broken_or_followed_by_more_is_not_decoded() {
        for coding in ALL {
            let wire = encode(&[coding], PLAIN).unwrap();
            let invalid = |bytes: &[u8]| matches!(undo(&[coding], bytes, 1000), Err(NotDecoded::Invalid { .. }));
            assert_eq!(undo(&[coding], b"", 1000), Err(NotDecoded::Empty));
            assert!(invalid(PLAIN), "{coding:?}: plain");
            assert!(invalid(&wire[..wire.len() - 1]), "{coding:?}: cut");
            assert!(invalid(&wire[..wire.len() / 2]), "{coding:?}: half");
            assert!(invalid(&[wire.as_slice(), b"garbage"].concat()), "{coding:?}: trailing");
        }
    }

    #[test]
    fn several_members_and_frames_are_one_body() {
        for coding in [Coding::Gzip, Coding::Zstd] {
            let wire = [encode(&[coding], b"one ").unwrap(), encode(&[coding], b"two").unwrap()].concat();
            assert_eq!(undo(&[coding], &wire, 1000).unwrap().bytes, b"one two");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit_and_says_so() {
        let large = vec![0; 10_000_000];
        for (coding, wire) in compressed(&large) {
            assert_eq!(undo(&[coding], &wire, 1_000_000), Err(NotDecoded::TooLarge { limit: 1_000_000 }));
            assert_eq!(undo(&[coding], &wire, 10_000_000).unwrap().bytes.len(), large.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_survive_any_stack(plain: Vec<u8>, picks in proptest::collection::vec(0..5usize, 1..4)) {
            let codings: Vec<_> = picks.into_iter().map(|i| ALL[i]).collect();
            let wire = encode(&codings, &plain).unwrap();
            prop_assert_eq!(undo(&codings, &wire, 1 << 20).unwrap().bytes, plain);
        }

        #[test]
        fn any_bytes_at_all_are_decoded_or_refused(wire: Vec<u8>) {
            for coding in ALL {
                let _ = undo(&[coding], &wire, 1 << 16);
            }
        }
    }
}
