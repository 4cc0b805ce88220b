//! The destination router: customer events in the form of Segment's specification go in, requests to partner APIs come out.
//!
//! This release holds the two languages in which a destination is written. Both are pure: a text is compiled once, when a
//! configuration is loaded, and run for each event without opening anything, without a clock, and within fixed bounds.
//!
//! * [`mapping`]: what is sent, in Segment's mapping-kit directives (`@path`, `@if`, `@template` …);
//! * [`filter`]: which events are meant, in Segment's filter language (`type = "track" and event != "Signed Out"`).
//!
//! ```
//! use destination_router::{filter::Filter, mapping::Mapping};
//! use serde_json::json;
//!
//! let wanted = Filter::parse(r#"type = "track" and properties.total >= 10"#)?;
//! let mapping = Mapping::compile(&json!({
//!     "name": { "@path": "$.event" },
//!     "label": { "@template": "{{properties.total}} from {{userId}}" },
//! }))?;
//!
//! let event = json!({ "type": "track", "event": "Paid", "userId": "u1", "properties": { "total": 12.5 } });
//! assert!(wanted.matches(&event));
//! assert_eq!(mapping.apply(&event)?, Some(json!({ "name": "Paid", "label": "12.5 from u1" })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cli;
pub mod client;
pub mod clock;
pub mod conform;
pub mod control;
pub mod delivery;
pub mod destination;
pub mod destinations;
pub mod event;
pub mod filter;
pub mod ingest;
pub mod log;
pub mod mapping;

mod js;
mod nearest;
mod path;
