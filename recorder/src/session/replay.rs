//! Replaying: an open tape, and which of its takes comes next.

use std::sync::Mutex;

use super::prepared::Prepared;
use super::recording::lock;
use super::{Error, ErrorKind};
use crate::tape::Tape;

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
    uses: Mutex<Uses>,
    repeat: Repeat,
    first: Prepared,
    more: Vec<Prepared>,
    pub(crate) tape: Tape,
    /// The file's name in the folder.
    pub(crate) name: String,
}

/// Which takes are used: most tapes have one.
#[derive(Debug)]
struct Uses {
    first: Use,
    more: Vec<Use>,
    cycled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Nobody has asked for it.
    Free,
    /// Under way.
    Out,
    /// The program dropped it before its end, and may ask for it again.
    Dropped,
    Used,
}

impl Uses {
    fn len(&self) -> usize {
        1 + self.more.len()
    }

    fn free(&self) -> Option<usize> {
        let free = |u: &Use| matches!(u, Use::Free | Use::Dropped);
        if free(&self.first) {
            return Some(0);
        }
        self.more.iter().position(free).map(|at| at + 1)
    }

    fn set(&mut self, take: usize, to: Use) {
        if take == 0 { self.first = to } else { self.more[take - 1] = to }
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
        let uses = Uses { first: Use::Free, more: vec![Use::Free; more.len()], cycled: false };
        Ok(Self { uses: Mutex::new(uses), repeat, first, more, tape, name })
    }

    pub(crate) fn prepared(&self, take: usize) -> &Prepared {
        if take == 0 { &self.first } else { &self.more[take - 1] }
    }

    /// The next take, now out; `None` when all are used.
    pub(crate) fn choose(&self) -> Option<usize> {
        let mut uses = lock(&self.uses);
        let chosen = match (uses.free(), self.repeat) {
            (Some(index), _) => index,
            (None, Repeat::Never) => return None,
            (None, Repeat::Last) => uses.len() - 1,
            (None, Repeat::Cycle) => {
                uses.first = Use::Free;
                uses.more.fill(Use::Free);
                uses.cycled = true;
                0
            }
        };
        uses.set(chosen, Use::Out);
        Some(chosen)
    }

    /// The take was delivered, or never read at all.
    pub(crate) fn used(&self, take: usize) {
        lock(&self.uses).set(take, Use::Used);
    }

    /// The program dropped the take before its end: a retry may have it again.
    pub(crate) fn dropped(&self, take: usize) {
        lock(&self.uses).set(take, Use::Dropped);
    }

    /// The take never left: as if nobody had asked for it.
    pub(crate) fn release(&self, take: usize) {
        lock(&self.uses).set(take, Use::Free);
    }

    /// The takes that nobody asked for, from 0.
    pub(crate) fn unused(&self) -> Vec<usize> {
        let uses = lock(&self.uses);
        if uses.cycled {
            return Vec::new();
        }
        let all = std::iter::once(&uses.first).chain(&uses.more);
        all.enumerate().filter(|(_, u)| **u == Use::Free).map(|(index, _)| index).collect()
    }
}
