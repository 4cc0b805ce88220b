//! The floor: what replaying costs at least, when nothing is hidden, nothing is explained and everything is in memory.
//!
//! The request is written down in one piece (method, URL, the headers that matter, body), hashed with xxh3, looked up, compared
//! byte for byte, and the answer is cloned.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::Full;
use xxhash_rust::xxh3::xxh3_64;

use crate::Error;
use crate::workload::{self, Workload};

/// Answers in memory, by the hash of their request.
#[derive(Debug)]
pub struct Floor {
    answers: HashMap<u64, Stored, BuildHasherDefault<AsItIs>>,
}

#[derive(Debug)]
struct Stored {
    request: Vec<u8>,
    answer: Response<Full<Bytes>>,
}

/// The keys are hashes already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Floor {
    /// The answers to the first `count` requests of a workload.
    ///
    /// # Errors
    /// None in practice: that of building a response.
    pub fn new(workload: Workload, base: &str, count: usize) -> Result<Self, Error> {
        let blob = if workload == Workload::Blob { workload::blob() } else { Bytes::new() };
        let mut answers = HashMap::default();
        for ask in workload.asks(base, count, count) {
            let request = ask.http()?;
            let body = ask.body.as_deref().unwrap_or_default();
            let (media, bytes) = workload::answer(request.uri().path(), body, &blob)?;
            let answer = Response::builder().header("content-type", media).body(Full::new(bytes))?;
            let url = request.uri().to_string();
            let request = canonical(request.method().as_str(), &url, request.headers(), body);
            answers.insert(xxh3_64(&request), Stored { request, answer });
        }
        Ok(Self { answers })
    }

    /// The answer to a request.
    #[must_use]
    pub fn answer(&self, method: &str, url: &str, headers: &HeaderMap, body: &[u8]) -> Option<Response<Full<Bytes>>> {
        let request = canonical(method, url, headers, body);
        let stored = self.answers.get(&xxh3_64(&request))?;
        (stored.request == request).then(|| stored.answer.clone())
    }
}

fn canonical(method: &str, url: &str, headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(method.len() + url.len() + body.len() + 96);
    text.extend_from_slice(method.as_bytes());
    text.push(b' ');
    text.extend_from_slice(url.as_bytes());
    for name in ["accept", "content-type"] {
        text.push(b'\n');
        text.extend_from_slice(headers.get(name).map(http::HeaderValue::as_bytes).unwrap_or_default());
    }
    text.push(b'\n');
    text.extend_from_slice(body);
    text
}

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_matches_what_was_stored_and_nothing_else() {
        let floor = Floor::new(Workload::Tracks, "http://api.example", 10).unwrap();
        let ask = |number| Workload::Tracks.ask("http://api.example", number);
        let answer = |number| {
            let (request, ask) = (ask(number).http().unwrap(), ask(number));
            floor.answer(ask.method, &ask.url, request.headers(), ask.body.as_deref().unwrap())
        };
        assert!(answer(9).is_some());
        assert!(answer(10).is_none());
    }
}
