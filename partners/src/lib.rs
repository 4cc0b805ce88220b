//! A stand-in for partner APIs: as strict as they are about credentials, required fields, types, sizes and rates, with the statuses
//! and error bodies that they document. No partner account is needed to try the router, to benchmark it, or to make its tapes.
//!
//! One [`StandIn`] plays all partners and tells them apart by the host that a request names. It is a `tower::Service`, so a test
//! asks it without a socket; [`serve`](StandIn::serve) puts it on a port:
//!
//! ```
//! use partners::StandIn;
//! use tower::ServiceExt;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let partners = StandIn::new();
//! let request = http::Request::post("https://api.mixpanel.com/import?strict=1").body(String::from("[]"))?;
//! let answer = partners.clone().oneshot(request).await?;
//! assert_eq!(answer.status(), 401); // there were no credentials
//! assert_eq!(partners.count("mixpanel").events, 0);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # })
//! # .map_err(|error| error.to_string())
//! # ?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! * A [`Partner`] is one file: which hosts it answers for, and a function from a [`Request`] to an [`Answer`]. What it keeps
//!   (events, duplicates, contacts) it gives to its [`Desk`].
//! * A [`Scenario`] makes a partner fail in a way of its own: with a status, not at all, in the middle, with garbage.
//! * [`StandIn::counting`] only counts, for measuring how fast somebody sends.
//! * Events that were taken are counted and can be read: [`StandIn::count`], [`StandIn::received`], and over HTTP `GET /_count`,
//!   `GET /_received?partner=mixpanel`, `POST /_reset`, `POST /_scenario` (see the crate's `admin.rs`).

mod admin;
mod all;
mod answer;
mod ledger;
mod partner;
mod request;
mod scenario;
mod serve;
mod stand_in;

mod amplitude;
mod braze;
mod customerio;
mod google_analytics_4;
mod hubspot;
mod intercom;
mod klaviyo;
mod mixpanel;
mod optimizely;
mod posthog;
mod slack;
mod webhook;

pub use answer::{Answer, Body, BoxError};
pub use ledger::{Count, Received, Taken};
pub use partner::{Desk, Partner};
pub use request::Request;
pub use scenario::{Scenario, UnknownScenario};
pub use stand_in::StandIn;
