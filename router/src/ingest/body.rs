//! Bodies: read within limits of size and time, their content coding undone.

use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::Limits;
use super::refusal::Problem;

/// So much of a body that is too large is read and thrown away: a client that is still sending would not read the answer.
const WASTE: usize = 4 * 1024 * 1024;

/// A coding may make small bodies larger by so much.
const CODING_OVERHEAD: usize = 1024;

/// Reads a body and undoes its content coding.
pub(super) async fn read(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Bytes, Problem> {
    let coding = match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None => None,
        Some(name) if name.eq_ignore_ascii_case(b"identity") || name.is_empty() => None,
        Some(name) if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") => Some(Coding::Gzip),
        Some(name) if name.eq_ignore_ascii_case(b"deflate") => Some(Coding::Deflate),
        Some(_) => return Err(Problem::Coding),
    };
    let limit = limits.batch_bytes;
    let bytes = match coding {
        None => collect(body, limit, limit, limits.body_time).await?,
        Some(_) => collect(body, limit + CODING_OVERHEAD, limit, limits.body_time).await?,
    };
    match coding {
        None => Ok(bytes),
        Some(Coding::Gzip) => decode(flate2::read::MultiGzDecoder::new(&*bytes), bytes.len(), limit),
        Some(Coding::Deflate) => decode(flate2::read::ZlibDecoder::new(&*bytes), bytes.len(), limit),
    }
}

enum Coding {
    Gzip,
    Deflate,
}

async fn collect(mut body: Body, most: usize, limit: usize, time: Duration) -> Result<Bytes, Problem> {
    let all = async {
        let too_large = Problem::TooLarge { limit };
        let first = match body.frame().await {
            None => return Ok(Bytes::new()),
            Some(frame) => data(frame)?,
        };
        if body.is_end_stream() {
            return if first.len() > most { Err(too_large) } else { Ok(first) };
        }
        let expected = usize::try_from(body.size_hint().lower()).unwrap_or(most).min(most);
        let mut bytes = BytesMut::with_capacity((first.len() + expected).min(most));
        let mut seen = first.len();
        bytes.extend_from_slice(&first);
        while let Some(frame) = body.frame().await {
            let data = data(frame)?;
            seen += data.len();
            if seen <= most {
                bytes.extend_from_slice(&data);
            } else if seen > most + WASTE {
                break;
            }
        }
        if seen > most { Err(too_large) } else { Ok(bytes.freeze()) }
    };
    tokio::time::timeout(time, all).await.unwrap_or(Err(Problem::Slow))
}

fn data(frame: Result<http_body::Frame<Bytes>, axum::Error>) -> Result<Bytes, Problem> {
    match frame {
        Ok(frame) => Ok(frame.into_data().unwrap_or_default()),
        Err(_) => Err(Problem::Broken),
    }
}

fn decode(decoder: impl Read, encoded: usize, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = Vec::with_capacity(encoded.saturating_mul(6).min(limit));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(most).read_to_end(&mut bytes).map_err(|_| Problem::Garbled)?;
    if bytes.len() > limit { Err(Problem::TooLarge { limit }) } else { Ok(bytes.into()) }
}
