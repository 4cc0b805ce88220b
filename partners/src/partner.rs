//! What a partner is, and what it works with.

use std::collections::BTreeMap;
use std::sync::MutexGuard;
use std::time::Duration;

use serde_json::Value;

use crate::ledger::Ledger;
use crate::{Answer, Request, Scenario, Taken};

/// A partner's API. One file each; `all.rs` names them.
pub trait Partner: Send + Sync + 'static {
    /// The name of the destination that sends to it: `mixpanel`.
    fn name(&self) -> &'static str;

    /// The hosts that it answers for. A leading `*.` stands for any subdomain.
    fn hosts(&self) -> &'static [&'static str];

    /// Answers a request as the partner would.
    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer;

    /// How many events a request holds, by a look at its bytes alone, and the answer to them: for measuring the sender
    /// ([`StandIn::counting`](crate::StandIn::counting)). `None` for what cannot be told so.
    fn at_a_glance(&self, request: &Request) -> Option<(u64, Answer)> {
        let _ = request;
        None
    }

    /// The error that the partner documents for a status, when a [`Scenario`] asks for it. `Retry-After` is added by the caller.
    fn failure(&self, status: u16) -> Answer {
        Answer::json(status, &serde_json::json!({ "error": reason(status) }))
    }
}

/// The standard words for a status.
pub(crate) fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("error")
}

/// Where a partner puts what it takes, and looks up what it needs to know.
#[derive(Debug)]
pub struct Desk<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) scenario: &'a Scenario,
    pub(crate) now_ms: i64,
    pub(crate) limited: bool,
}

impl Desk<'_> {
    /// Takes an event. A `key` by which the partner drops duplicates makes the second one count as such.
    pub fn take(&self, key: Option<&str>, event: &Value) -> Taken {
        self.ledger.take(key, event)
    }

    /// Whether the event at this place of a batch is to be refused although nothing is wrong with it:
    /// [`Scenario::PartialFailure`] spoils every second one, beginning with the second.
    #[must_use]
    pub fn spoils(&self, index: usize) -> bool {
        *self.scenario == Scenario::PartialFailure && index % 2 == 1
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// What the partner remembers besides events: contacts, profiles, by keys of its own. One partner never sees another's.
    pub fn records(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.ledger.records()
    }

    /// Counts `amount` against a limit of `most` within `window`, for each `key` apart. `Some` is how long to wait: too much came.
    #[must_use]
    pub fn over(&self, key: &str, amount: u64, most: u64, window: Duration) -> Option<Duration> {
        self.limited.then(|| self.ledger.over(key, amount, most, window, self.now_ms)).flatten()
    }
}

/// How often a text stands in a body.
pub(crate) fn occurrences(body: &[u8], text: &str) -> u64 {
    memchr::memmem::find_iter(body, text).count() as u64
}
