//! Replaying: an open tape, and which of its takes comes next.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::prepared::Prepared;
use super::{Error, ErrorKind};
use crate::tape::{Layer, Tape};

/// What happens after the last take of a request has been replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Repeat {
    /// One more request is a miss.
    #[default]
    Never,
    /// The last take answers from then on.
    Last,
    /// The takes start over.
    Cycle,
}

/// A tape that is open in this session. What every replay touches comes first.
#[derive(Debug)]
pub(crate) struct Shelf {
    uses: Uses,
    repeat: Repeat,
    pub(crate) layer: Layer,
    first: Prepared,
    more: Vec<Prepared>,
    pub(crate) tape: Tape,
    /// The file's name in the folder.
    pub(crate) name: String,
}

/// Which takes are used: most tapes have one. Chosen under the session's lock, returned without it.
#[derive(Debug)]
struct Uses {
    first: AtomicU8,
    more: Vec<AtomicU8>,
    /// Whether the takes have started over.
    cycled: AtomicBool,
}

/// Nobody has asked for it.
const FREE: u8 = 0;
/// Under way.
const OUT: u8 = 1;
/// The program dropped it before its end, and may ask for it again.
const DROPPED: u8 = 2;
/// Delivered.
const USED: u8 = 3;

impl Uses {
    fn new(takes: usize) -> Self {
        let more = (1..takes).map(|_| AtomicU8::new(FREE)).collect();
        Self { first: AtomicU8::new(FREE), more, cycled: AtomicBool::new(false) }
    }

    fn all(&self) -> impl Iterator<Item = &AtomicU8> {
        std::iter::once(&self.first).chain(&self.more)
    }

    fn free(&self) -> Option<usize> {
        self.all().position(|state| matches!(state.load(Ordering::Acquire), FREE | DROPPED))
    }

    fn set(&self, take: usize, to: u8) {
        let state = if take == 0 { &self.first } else { &self.more[take - 1] };
        state.store(to, Ordering::Release);
    }
}

impl Shelf {
    /// # Errors
    /// Where an answer has a status or a header field that HTTP does not allow.
    pub(crate) fn new(name: String, tape: Tape, repeat: Repeat) -> Result<Self, Error> {
        let refused = |reason: String| {
            let (method, url) = (tape.request.method.clone(), tape.request.url.clone());
            Error::from(ErrorKind::Request { method, url, reason: format!("{name}: {reason}") })
        };
        let mut takes = tape.takes.iter().map(|take| Prepared::new(&take.outcome));
        let first = takes.next().unwrap_or_else(|| Err("the tape has no take".to_owned())).map_err(refused)?;
        let more = takes.collect::<Result<Vec<_>, _>>().map_err(refused)?;
        Ok(Self { uses: Uses::new(tape.takes.len()), repeat, layer: tape.layer, first, more, tape, name })
    }

    pub(crate) fn prepared(&self, take: usize) -> &Prepared {
        if take == 0 { &self.first } else { &self.more[take - 1] }
    }

    /// The next take, now out; `None` when all are used. The caller holds the session's lock, so that two requests never get the
    /// same take.
    pub(crate) fn choose(&self) -> Option<usize> {
        let chosen = match (self.uses.free(), self.repeat) {
            (Some(index), _) => index,
            (None, Repeat::Never) => return None,
            (None, Repeat::Last) => self.uses.more.len(),
            (None, Repeat::Cycle) => {
                self.uses.all().for_each(|state| state.store(FREE, Ordering::Release));
                self.uses.cycled.store(true, Ordering::Release);
                0
            }
        };
        self.uses.set(chosen, OUT);
        Some(chosen)
    }

    /// The take was delivered, or never read at all.
    pub(crate) fn used(&self, take: usize) {
        self.uses.set(take, USED);
    }

    /// The program dropped the take before its end: a retry may have it again.
    pub(crate) fn dropped(&self, take: usize) {
        self.uses.set(take, DROPPED);
    }

    /// The take never left: as if nobody had asked for it.
    pub(crate) fn release(&self, take: usize) {
        self.uses.set(take, FREE);
    }

    /// The takes that nobody asked for, from 0.
    pub(crate) fn unused(&self) -> Vec<usize> {
        if self.uses.cycled.load(Ordering::Acquire) {
            return Vec::new();
        }
        let unused = |(_, state): &(usize, &AtomicU8)| state.load(Ordering::Acquire) == FREE;
        self.uses.all().enumerate().filter(unused).map(|(index, _)| index).collect()
    }
}
