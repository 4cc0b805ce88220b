//! A file of the configuration: what it says, and where it says so.
//!
//! * [`Document`] is a YAML or JSON text read into a JSON value that still knows the line of each of its parts. It is strict: one
//!   document, no key twice, no tags, no number that would lose its digits; aliases and merge keys are read, within bounds;
//! * [`Report`] collects [`Mistake`](super::mistake::Mistake)s of any number of files and shows each with its line and a caret;
//! * [`Document::expand`] puts `${NAME}` from the environment into texts.
//!
//! ```
//! use destination_router::destination::document::{Document, Report};
//! use destination_router::destination::mistake::Mistake;
//!
//! let document = Document::parse("mixpanel.yaml", b"name: Mixpanel\nactoins: {}\n")?;
//! let mut report = Report::default();
//! report.add(&document, Mistake::unknown("/actoins#", "entry", "actoins", &["name", "actions"]));
//! assert_eq!(report.to_string(), "\
//! mixpanel.yaml:2:1: there is no entry \"actoins\"; known: name, actions
//!   2 | actoins: {}
//!     | ^^^^^^^
//!     = did you mean \"actions\"?
//! ");
//! # Ok::<(), Report>(())
//! ```

mod expand;
mod marks;
mod report;
mod scalar;
mod text;
mod yaml;

pub use marks::Location;
pub use report::{Problem, Report};
pub use text::Document;
