//! The key of a request: what it means, reduced to one text, and the hash of that text.
//!
//! [`canonical`] reduces a request, secrets already replaced, to a [`Canonical`]: equivalent spellings become one, what says
//! nothing about the question (user agent, dates, trace and length fields, HTTP version, trailers, the port of a listener on
//! this machine) is left out. [`Canonical::text`] is that form as readable text, and [`Canonical::key`] its SHA-256.
//! [`Rules`] leave out or rewrite more; those that made a difference are named by [`Canonical::applied`] and stored in the
//! tape, so that its key can be computed again from the tape alone.
//!
//! [`differences`] says how two requests differ and which rule would make them the same; [`distance`] ranks candidates.
//!
//! ```
//! use traffic_recorder::key::{Rules, canonical};
//! use traffic_recorder::tape::{Body, Headers, Request, Version};
//!
//! let get = |url: &str| Request {
//!     method: "GET".into(),
//!     url: url.into(),
//!     version: Version::Http11,
//!     headers: Headers::new(),
//!     body: Body::Absent,
//!     trailers: Headers::new(),
//! };
//! let rules = Rules::parse(["ignore query page", "ignore query utm_*"])?;
//! let first = canonical(&get("https://api.example.com/items?page=1"), &rules);
//! let second = canonical(&get("https://api.example.com/items?page=2"), &rules);
//! assert_eq!(first.key(), second.key());
//! assert_eq!(first.applied(), ["ignore query page"]);
//! # Ok::<(), traffic_recorder::key::RuleError>(())
//! ```
//!
//! A change to the text of any request is a new version of the key and needs old tapes to be re-keyed: the tests that show
//! whole texts guard it.

mod body;
mod canonical;
mod diff;
mod diff_body;
mod escape;
mod glob;
mod grammar;
mod graphql;
mod headers;
mod json;
mod json_path;
mod rules;
mod scope;
mod url;

pub use canonical::{Canonical, canonical};
#[cfg(feature = "tools")]
pub use diff::body_differences;
pub use diff::{Difference, differences, distance};
pub use grammar::RuleError;
pub use rules::{Rule, Rules};

pub(crate) use body::LARGEST_READ;
pub(crate) use json::write_string as write_json_string;
pub(crate) use json_path::{JsonPath, member as json_member};
pub(crate) use url::is_loopback;

#[cfg(test)]
mod tests;
