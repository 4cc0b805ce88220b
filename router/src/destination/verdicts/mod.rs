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
//!   429: {retry: instance, after: header x-rate-limit-reset as unix}
//!   400: {each: $.failed_records, index: $.index, reject: $.message}
//!   200: {when: $.error, reject: $.error}
//!   5xx: retry host
//!   timeout: retry event
//! ```

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
pub(crate) use probe::{CompileValue, Probe, View, simple_value};
pub(crate) use reason::{mask, reason};
pub(crate) use rule::Table;
