//! Requests seen before, by their raw bytes: a warm replay pays for xxh3 and little else. Heads are compared in full, bodies by
//! length and 128 bits of their hash, so that a body need neither be kept nor read a second time: two different ones of one
//! test agree by chance once in 10^30.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

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

/// What tells one body from another; an absent one has none.
type BodyPrint = Option<(usize, u128)>;

#[derive(Debug)]
struct Seen {
    head: Box<[u8]>,
    body: BodyPrint,
    found: Arc<Found>,
}

impl Memo {
    /// The request, if it was seen before. A body in a file is never remembered.
    pub(crate) fn look_up(&mut self, head: &Head<'_>, body: &Body) -> Option<&Arc<Found>> {
        let (hash, print) = self.hash(head, body)?;
        let same = |seen: &Seen| *seen.head == *self.scratch && seen.body == print;
        match self.seen.get(&hash) {
            Some(seen) if same(seen) => Some(&seen.found),
            Some(_) => self.more.iter().find(|(h, seen)| *h == hash && same(seen)).map(|(_, seen)| &seen.found),
            None => None,
        }
    }

    /// Remembers a request.
    pub(crate) fn remember(&mut self, head: &Head<'_>, body: &Body, found: Arc<Found>) {
        let Some((hash, body)) = self.hash(head, body) else { return };
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
    fn hash(&mut self, head: &Head<'_>, body: &Body) -> Option<(u64, BodyPrint)> {
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
        let hash = xxh3_64(scratch);
        match body {
            Body::Absent => Some((hash, None)),
            Body::Bytes(bytes) => {
                let print = xxh3_128(bytes);
                // Half of it is as good as any other half.
                Some((hash ^ (print as u64), Some((bytes.len(), print))))
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
        unreachable!("only u64 keys")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
