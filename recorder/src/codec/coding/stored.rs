//! Every coding written without compression: stored blocks in the frame that the coding asks for.
//!
//! A compressor's output changes from one of its versions to the next, and with it the `content-length` that a tape has
//! recorded. These bytes are fixed by the RFCs and by the choices below, for good, and cost no more than a copy and a checksum.

/// The largest stored block of DEFLATE (RFC 1951 §3.2.4).
const DEFLATE_BLOCK: usize = 0xffff;
/// The largest meta-block of brotli whose length takes four nibbles (RFC 7932 §9.2).
const BROTLI_BLOCK: usize = 0x1_0000;
/// The largest block of zstd, and the window declared here (RFC 8878 §3.1.1.2.4).
const ZSTD_BLOCK: usize = 0x2_0000;

/// RFC 1952: one member, no time, operating system unknown.
pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut out = with_capacity(plain);
    out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    deflate_blocks(plain, &mut out);
    let mut crc = flate2::Crc::new();
    crc.update(plain);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    // modulo 2^32 by definition
    out.extend_from_slice(&(plain.len() as u32).to_le_bytes());
    out
}

/// RFC 1950: window of 32 KiB, fastest algorithm.
pub(super) fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut out = with_capacity(plain);
    out.extend_from_slice(&[0x78, 0x01]);
    deflate_blocks(plain, &mut out);
    out.extend_from_slice(&adler32(plain).to_be_bytes());
    out
}

/// RFC 1951.
pub(super) fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut out = with_capacity(plain);
    deflate_blocks(plain, &mut out);
    out
}

/// RFC 7932: window of 64 KiB, uncompressed meta-blocks, an empty last one.
pub(super) fn brotli(plain: &[u8]) -> Vec<u8> {
    const UNCOMPRESSED: u32 = 1;
    if plain.is_empty() {
        // window 0, last 1, empty 1, from the lowest bit on
        return vec![0b110];
    }
    let mut out = with_capacity(plain);
    for (i, block) in plain.chunks(BROTLI_BLOCK).enumerate() {
        // last 0, nibbles 00, sixteen bits of length, uncompressed 1; the first block follows the bit of the window
        let header = (block.len() as u32 - 1) << 3 | UNCOMPRESSED << 19;
        let header = if i == 0 { header << 1 } else { header };
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    out.push(0b11);
    out
}

/// RFC 8878: one frame of raw blocks, window of 128 KiB, no checksum.
pub(super) fn zstd(plain: &[u8]) -> Vec<u8> {
    let mut out = with_capacity(plain);
    out.extend_from_slice(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3]);
    let blocks = plain.len().div_ceil(ZSTD_BLOCK).max(1);
    for i in 0..blocks {
        let block = &plain[i * ZSTD_BLOCK..plain.len().min((i + 1) * ZSTD_BLOCK)];
        let header = u32::from(i + 1 == blocks) | (block.len() as u32) << 3;
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    out
}

fn with_capacity(plain: &[u8]) -> Vec<u8> {
    Vec::with_capacity(plain.len() + plain.len() / DEFLATE_BLOCK * 5 + 32)
}

fn deflate_blocks(plain: &[u8], out: &mut Vec<u8>) {
    let blocks = plain.len().div_ceil(DEFLATE_BLOCK).max(1);
    for i in 0..blocks {
        let block = &plain[i * DEFLATE_BLOCK..plain.len().min((i + 1) * DEFLATE_BLOCK)];
        let len = block.len() as u16;
        out.push(u8::from(i + 1 == blocks));
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&(!len).to_le_bytes());
        out.extend_from_slice(block);
    }
}

/// RFC 1950 §8.2.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    // as many as can be added before 32 bits overflow
    const RUN: usize = 5552;
    let (mut a, mut b) = (1, 0);
    for run in bytes.chunks(RUN) {
        for &byte in run {
            a += u32::from(byte);
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::digest;

    #[test]
    fn the_bytes_are_these_for_good() {
        assert_eq!(digest::hex(&gzip(b"abc")), "1f8b08000000000000ff010300fcff616263c241243503000000");
        assert_eq!(digest::hex(&zlib(b"abc")), "7801010300fcff616263024d0127");
        assert_eq!(digest::hex(&deflate(b"abc")), "010300fcff616263");
        assert_eq!(digest::hex(&brotli(b"abc")), "20001061626303");
        assert_eq!(digest::hex(&zstd(b"abc")), "28b52ffd0038190000616263");
        assert_eq!(digest::hex(&deflate(b"")), "010000ffff");
        assert_eq!(digest::hex(&brotli(b"")), "06");
        assert_eq!(digest::hex(&zstd(b"")), "28b52ffd0038010000");
    }
}
