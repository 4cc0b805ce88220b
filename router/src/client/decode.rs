//! Undoes the content coding of an answer, within a limit.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};

use super::Failure;

/// Undoes gzip and deflate and takes their header away. Another coding stays as it is, with its header.
pub(super) fn decode(headers: &mut HeaderMap, body: Bytes, limit: usize) -> Result<Bytes, Failure> {
    let coding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    let decoded = match coding.as_deref() {
        // An answer without a body may name a coding all the same.
        _ if body.is_empty() => Ok(body),
        Some(b"gzip" | b"x-gzip") => unpack(MultiGzDecoder::new(&*body), "gzip", limit),
        // The name stands for zlib's format, and some servers send what is inside of it alone.
        Some(b"deflate") => unpack(ZlibDecoder::new(&*body), "deflate", limit).or_else(|failure| match failure {
            Failure::Broken(_) => unpack(DeflateDecoder::new(&*body), "deflate", limit),
            other => Err(other),
        }),
        _ => return Ok(body),
    }?;
    headers.remove(header::CONTENT_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    Ok(decoded)
}

fn unpack(decoder: impl Read, coding: &str, limit: usize) -> Result<Bytes, Failure> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut out = Vec::new();
    decoder
        .take(most)
        .read_to_end(&mut out)
        .map_err(|error| Failure::Broken(format!("the answer is not the {coding} that it says it is: {error}")))?;
    if out.len() > limit { Err(Failure::TooLarge(limit)) } else { Ok(out.into()) }
}
