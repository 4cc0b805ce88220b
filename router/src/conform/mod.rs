//! `router conform`: what we would send beside what Segment's own code sends.
//!
//! A folder of cases (an event and settings in, requests or a refusal out) is gone through; each case is planned by the
//! destination of the same name and compared: method, URL (the order of its query aside), headers, body as JSON. What differs on
//! purpose is listed in the destination's file under `differs:`, with a reason; what differs and is not listed fails.
//!
//! * [`case`] reads the cases;
//! * [`Planner`] is asked what we would send: most often the [`Catalog`](crate::destination::Catalog);
//! * `sent` and `diff` compare;
//! * [`Summary`] is what came out, as a text or as JSON.

pub mod case;
mod catalog;
mod diff;
mod planner;
mod render;
mod run;
mod sent;
mod summary;

pub use crate::destination::Difference as Listed;
pub use planner::{CannotPlan, Exchange, Planner};
pub use run::{Options, run};
pub use summary::{Absent, Checked, CheckedCase, Difference, Summary};
