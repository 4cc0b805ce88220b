//! The kit of which destinations are made. It knows nothing of lanes, logs or HTTP servers: an event and settings go in, requests
//! come out; an answer goes in, a verdict comes out. All of it is pure.
//!
//! * a [`Definition`] is a file, read and checked once ([`Catalog`] has all of them);
//! * an [`Instance`] is a definition with somebody's settings, filter and mappings;
//! * [`Instance::route`] says which of its subscriptions want an event, [`Instance::plan`] makes requests, [`Instance::judge`] reads answers.

mod auth;
mod catalog;
pub mod chain;
mod code;
mod definition;
pub(crate) mod differs;
pub mod document;
mod fields;
mod instance;
mod limits;
pub mod mistake;
mod oauth;
mod plan;
mod settings;
pub mod target;
mod value;
mod verdict;
mod verdicts;

pub(crate) use fields::is_email;
pub(crate) use value::time;

/// The words of the value language, operators and casts, for those who describe it.
pub fn words() -> impl Iterator<Item = &'static str> {
    value::words()
}

pub use catalog::{Catalog, embedded};
pub use code::{Answered, Code, Input, Made};
pub use definition::Definition;
pub use differs::Difference;
pub use instance::Instance;
pub use mistake::{Mistake, Refusal};
pub use settings::{Setting, SettingKind};
pub use target::{Call, Env, Judged, Limits, Planned, Target};
pub use verdict::{Blame, Verdict};
