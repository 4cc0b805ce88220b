//! What an answer means: for the whole request, or for each event of it.

use std::time::Duration;

/// What an answer means for one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The partner has it.
    Delivered,
    /// The partner will never take this event: it becomes a dead letter.
    Reject(String),
    /// Not now.
    Retry {
        /// Who is to be left alone meanwhile.
        blame: Blame,
        /// Not before, as the partner said.
        after: Option<Duration>,
        /// What went wrong, for people.
        reason: String,
    },
    /// The access token is no longer good: fetch a new one and try again.
    Reauthenticate(String),
    /// Nothing will be taken until somebody mends it (credentials revoked, plan expired): hold the lane, lose nothing.
    Pause(String),
}

/// Whose fault it is that an event could not be delivered; the right gate closes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// This event alone; others may go on.
    Event,
    /// The instance: its rate limit, its account.
    Instance,
    /// The partner's host: everybody who sends to it waits.
    Host,
}
