//! The verdict table: what a partner's answer means.
//!
//! * [`Table`] holds what a destination's file says under `verdict:`; for all else the [common table](common) speaks;
//! * an answer may speak for the whole request or for some events of a batch, named by place or by id;
//! * [`after`] reads how long the partner wants to be left alone;
//! * [`reason`] takes the partner's own words out of an answer, without secrets.
//!
//! ```yaml
//! verdict:
//!   413: split
//!   401, 403: pause
//!   5xx: retry host                                     # a status goes before its class
//!   timeout: retry event                                # no answer: connect, timeout, broken, too_large
//!   429: {retry: instance, after: header x-ratelimit-reset as unix}
//!   409: {retry: event, after: 30s, reason: the contact is being indexed}
//!   400: {each: $.failed_records, index: $.index, reject: $.message, others: retry}
//!   207: {each: $.errors, id: $.context.ids, of: $.email, reject: $.message}
//!   202: {each: $.results, if: $.error, reject: $.error}          # answers in the order of the events
//!   200:
//!     - {when: $.throttled, retry: instance, after: $.wait as ms}
//!     - {when: $.error, reject: $.error}
//! ```
//!
//! An entry is one rule or a list of them, and the first that holds counts; where none does, the next more general entry is asked.
//! Rules with `each` are taken together: an event keeps the first verdict, those that nobody names are delivered, or `others`.
//! An item that names no event of a batch makes it split, for to call the others delivered would lose one of them. `each` goes
//! through a list, or through the fields of an object as `{key, value}`. `after` is a time, a header or a value, `as` one of
//! `retry-after` (RFC 9110: seconds or a date), `seconds`, `ms`, `unix`, `unix_ms`; without it, `Retry-After` is obeyed.

mod after;
mod common;
mod compile;
mod each;
mod judge;
mod probe;
mod reason;
mod rule;
#[cfg(test)]
mod tests;

pub(crate) use after::{http_date, retry_after};
pub(crate) use judge::{Context, Outcome};
pub(crate) use probe::{Probe, View};
pub(crate) use reason::reason;
pub(crate) use rule::Table;
