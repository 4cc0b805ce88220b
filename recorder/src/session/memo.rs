//! Requests seen before, by 128 bits of xxh3 over their raw bytes, so that a warm replay reads a request once and nothing of what
//! was kept of the one before. Two different requests of one test agree by chance once in 10^30; requests are not adversaries
//! here, and every tape was found by SHA-256 first.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

use super::Head;
use super::replay::Shelf;
use crate::tape::{Body, Request};

/// What is known of a request that a tape answers.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) shelf: Arc<Shelf>,
    /// As it was sent, secrets replaced.
    pub(crate) request: Request,
}

/// Requests seen before.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    seen: HashMap<u128, Arc<Found>, BuildHasherDefault<Through>>,
    scratch: Vec<u8>,
}

impl Memo {
    /// The request, if it was seen before. A body in a file is never remembered.
    pub(crate) fn look_up(&mut self, head: &Head<'_>, body: &Body) -> Option<&Arc<Found>> {
        let hash = self.hash(head, body)?;
        self.seen.get(&hash)
    }

    /// Remembers a request.
    pub(crate) fn remember(&mut self, head: &Head<'_>, body: &Body, found: Arc<Found>) {
        if let Some(hash) = self.hash(head, body) {
            self.seen.insert(hash, found);
        }
    }

    /// Forgets everything: a newly registered secret changes what a request means.
    pub(crate) fn clear(&mut self) {
        self.seen.clear();
    }

    /// The hash of everything that tells this request from others: the body first, then all before it and the body's hash.
    fn hash(&mut self, head: &Head<'_>, body: &Body) -> Option<u128> {
        let scratch = &mut self.scratch;
        scratch.clear();
        scratch.extend_from_slice(head.method.as_bytes());
        scratch.push(b' ');
        head.target.write(scratch);
        for (name, value) in head.headers {
            scratch.push(b'\n');
            scratch.extend_from_slice(name.as_str().as_bytes());
            scratch.push(b':');
            scratch.extend_from_slice(value.as_bytes());
        }
        match body {
            Body::Absent => Some(xxh3_128(scratch)),
            Body::Bytes(bytes) => {
                scratch.extend_from_slice(&xxh3_128(bytes).to_le_bytes());
                // Not the hash of a request without a body whose last header ends like this.
                Some(xxh3_128_with_seed(scratch, 1))
            }
            Body::File(_) => None,
        }
    }
}

/// Keys of the memo are hashes already.
#[derive(Debug, Default)]
struct Through(u64);

impl Hasher for Through {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only u128 keys")
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}
