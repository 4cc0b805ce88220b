//! The table as it is held in memory.

use http::StatusCode;

use super::after::After;
use super::probe::Probe;
use crate::client::Failure;
use crate::destination::verdict::Blame;

/// What a destination's file says about answers. An empty table leaves all to the common one.
#[derive(Default)]
pub(crate) struct Table {
    /// The more special first: exact statuses, then classes; an action's, then its destination's.
    pub(super) entries: Vec<(On, Vec<Rule>)>,
}

impl Table {
    /// This table, and another one for what it does not speak of: that of an action before that of its destination.
    #[must_use]
    pub(crate) fn over(mut self, below: Self) -> Self {
        self.entries.extend(below.entries);
        self
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|(on, _)| on)).finish()
    }
}

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum On {
    Status(u16),
    /// `4xx` is 4.
    Class(u16),
    Connect,
    Timeout,
    Broken,
    TooLarge,
}

impl On {
    pub(super) fn answers(self, status: StatusCode) -> bool {
        match self {
            Self::Status(code) => code == status.as_u16(),
            Self::Class(class) => class == status.as_u16() / 100,
            _ => false,
        }
    }

    pub(super) fn fails(self, failure: &Failure) -> bool {
        match failure {
            Failure::Connect(_) => self == Self::Connect,
            Failure::Timeout(_) => self == Self::Timeout,
            Failure::Broken(_) => self == Self::Broken,
            Failure::TooLarge(_) => self == Self::TooLarge,
            Failure::Internal(_) => false,
        }
    }
}

/// One line of the table.
pub(super) struct Rule {
    pub(super) when: Option<Box<dyn Probe>>,
    pub(super) each: Option<Each>,
    pub(super) kind: Kind,
    /// Words that take the place of what the answer says.
    pub(super) reason: Option<Box<dyn Probe>>,
    pub(super) after: Option<After>,
}

/// A verdict without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Delivered,
    Reject,
    Retry(Blame),
    Reauthenticate,
    Pause,
    Split,
}

/// A list in the answer that speaks of events one by one.
pub(super) struct Each {
    pub(super) list: Box<dyn Probe>,
    /// Which items count; all without it.
    pub(super) only: Option<Box<dyn Probe>>,
    pub(super) which: Which,
    /// What became of the events that no item names.
    pub(super) others: Kind,
}

/// How an item names its event.
pub(super) enum Which {
    /// By its own place in the list.
    Position,
    /// By the event's place in the batch, or several places.
    Index(Box<dyn Probe>),
    /// By an id, or several, that is also found in the event's payload.
    Id { id: Box<dyn Probe>, of: Box<dyn Probe> },
}
