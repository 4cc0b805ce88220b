//! The way out: a `tower::Service` over `http` types, hyper with rustls in production, the recorder's in tests.
//!
//! [`open`] makes the production [`Client`]; [`exchange`] sends one request through any client and reads the answer to its end, within
//! limits of time and size. No redirect is followed: where a partner moved is for the destination's file to say.
//!
//! A request may carry two marks in its extensions: [`AllowInternal`] lets it reach addresses inside our own network, which
//! otherwise [`Failure::Internal`] refuses; [`SendTo`] sends it to another origin, as a stand-in for the one that it names.

mod decode;
mod exchange;
mod guard;
mod open;
mod send_to;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use tower::util::BoxCloneSyncService;

pub use exchange::exchange;
pub use guard::{AllowInternal, is_internal};
pub use open::{OpenError, Options, open};
pub use send_to::SendTo;

/// What any part of a client may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body on its way in.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// What sends requests: anything that is a `tower::Service` over `http` types can stand here.
pub type Client = BoxCloneSyncService<http::Request<Full<Bytes>>, http::Response<Body>, BoxError>;

/// A partner's answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, content coding undone.
    pub body: Bytes,
    /// From the request to the end of the body.
    pub elapsed: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// No connection: refused, unreachable, a name that does not resolve, a certificate that does not verify.
    #[error("no connection: {0}")]
    Connect(String),
    /// The time for one request was up.
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// The connection broke, or what came is no HTTP.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer is larger than allowed; the rest was not read.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// The address is inside our own network, and nobody allowed that.
    #[error("{0} is an internal address: set `allow_internal: true` on this destination if that is meant")]
    Internal(String),
}
