//! The seams: one small file for each client, which only turns its types into the session's.
//!
//! | client | how | feature |
//! |---|---|---|
//! | any `tower::Service` over `http` types | `tapes.layer()` | `tower` (default) |
//! | hyper-util's client, on an in-memory wire | `tapes.connector(..)` | `hyper-util` |
//! | reqwest 0.12, 0.13 | `tapes.reqwest_0_12(..)`, `tapes.reqwest(..)` | `reqwest-0_12`, `reqwest-0_13` |
//! | ureq 3 | `tapes.ureq(..)` | `ureq` |
//! | the AWS SDK | `tapes.aws(..)` | `aws` |
//!
//! A client that is not here takes thirty lines: implement [`Translate`] for its errors and hand its requests to
//! [`exchange`] (async) or [`exchange_blocking`]; `examples/custom_client.rs` does.

mod blocking;
mod body;
mod collect;
mod drain;
mod drive;
mod fault;
mod sleep;
mod translate;

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "hyper-util")]
mod connector;
#[cfg(any(feature = "reqwest-0_12", feature = "reqwest-0_13"))]
mod reqwest;
#[cfg(feature = "tower")]
mod tower;
#[cfg(feature = "ureq")]
mod ureq;

pub use blocking::{AnswerReader, TapedReader, exchange_blocking};
pub use body::{Payload, SentBody, TapedBody};
pub use drive::{FinalUrl, exchange};
pub use fault::{ReplayedFault, classify};
pub use translate::{BoxError, Boxed, Stop, Translate};

#[cfg(feature = "aws")]
pub use aws::{TapedAwsClient, TapedAwsConnector};
#[cfg(feature = "hyper-util")]
pub use connector::{TapedConnection, TapedConnector};
#[cfg(any(feature = "reqwest-0_12", feature = "reqwest-0_13"))]
pub use reqwest::*;
#[cfg(feature = "tower")]
pub use tower::{TapedFuture, TapesLayer, TapesService};
#[cfg(feature = "ureq")]
pub use ureq::UreqMiddleware;
