//! Requests seen before, by their raw bytes: xxh3 over the whole, then full equality. A warm replay pays for nothing else.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

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
    seen: HashMap<u64, Seen, BuildHasherDefault<Through>>,
    /// Requests whose hash was taken already: one in billions.
    more: Vec<(u64, Seen)>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Seen {
    head: Box<[u8]>,
    body: Bytes,
    found: Arc<Found>,
}

impl Memo {
    /// The request, if it was seen before. A body in a file is never remembered.
    pub(crate) fn look_up(&mut self, head: &Head<'_>, body: &Body) -> Option<&Arc<Found>> {
        let hash = self.hash(head, body)?;
        let bytes = body.bytes().map_or(&b""[..], |bytes| bytes);
        let same = |seen: &Seen| *seen.head == *self.scratch && seen.body == bytes;
        match self.seen.get(&hash) {
            Some(seen) if same(seen) => Some(&seen.found),
            Some(_) => self.more.iter().find(|(h, seen)| *h == hash && same(seen)).map(|(_, seen)| &seen.found),
            None => None,
        }
    }

    /// Remembers a request.
    pub(crate) fn remember(&mut self, head: &Head<'_>, body: &Body, found: Arc<Found>) {
        let Some(hash) = self.hash(head, body) else { return };
        let body = body.bytes().cloned().unwrap_or_default();
        let seen = Seen { head: self.scratch.as_slice().into(), body, found };
        match self.seen.entry(hash) {
            Entry::Vacant(place) => drop(place.insert(seen)),
            Entry::Occupied(_) => self.more.push((hash, seen)),
        }
    }

    /// Forgets everything: a newly registered secret changes what a request means.
    pub(crate) fn clear(&mut self) {
        self.seen.clear();
        self.more.clear();
    }

    /// Writes what tells this request from others, its body aside, into the scratch buffer, and hashes both.
    fn hash(&mut self, head: &Head<'_>, body: &Body) -> Option<u64> {
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
        let body = match body {
            Body::Absent => 0,
            Body::Bytes(bytes) => {
                // An empty body is not an absent one.
                scratch.push(0);
                xxh3_64(bytes)
            }
            Body::File(_) => return None,
        };
        Some(xxh3_64(scratch) ^ body.rotate_left(17))
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
        unreachable!("only u64 keys")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
