//! The recorder for clients that take no adapter, and for programs in other languages: a server on loopback that hands every
//! request to the same session as all other seams. Matching, redaction and storage are theirs; nothing here has a second copy.
//!
//! ```text
//!                      ┌───────────────────── engine: a thread, on loopback ─────────────────────┐
//!  curl, a browser,    │ connection/        request                 route                        │
//!  requests, undici ──►│ HTTP/1.1, HTTP/2,  whereto, whose tapes ──► session ──► tape, or upstream ─►
//!  a plain reqwest     │ CONNECT, TLS       answer, refusal, fault                (verified TLS) │
//!                      └─────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! - **As a proxy** it is asked for absolute URLs, or through `CONNECT`; TLS is that of a certificate authority which is made
//!   for this run, whose key stays in memory. **In front of one service** ([`ProxyBuilder::upstream`]) it is asked like the service itself.
//! - **A refusal** (a miss, the guard) is an answer over a socket: status 470, the code in the field `x-tapes-error`, the
//!   explanation in the body. The test fails with it at its end, as with any other client.
//! - **An answer that a client does not read** to its end (the page that comes with a redirect, say) is read on while recording, up to 64 KiB or what
//!   [`Recorder::drain`](crate::Recorder::drain) says, for a second at most: whether a client reads it or hangs up is a matter of microseconds.
//! - **A failure** (refused, reset, cut off …) ends the connection as near to the way it ended live as one can that had been made.
//! - **An upgrade to WebSocket** is recorded with what is said after it, message by message, and replayed; any other upgrade is refused
//!   with a reason: no tape can hold what follows.
//! - **A suite in another language** has an engine for all of its tests: [`Run`], and the command `tapes run`.
//!
//! ```no_run
//! let tapes = traffic_recorder::tapes!("docs/proxy");
//! let proxy = tapes.proxy();
//! let ca = proxy.ca_file()?;
//! let status = std::process::Command::new("curl")
//!     .arg("--proxy").arg(proxy.url())
//!     .arg("--cacert").arg(ca)
//!     .arg("https://api.example.com/status")
//!     .status()?;
//! assert!(status.success());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod authority;
mod builder;
mod connection;
mod engine;
mod guard;
mod request;
#[cfg(any(feature = "reqwest-client-0_12", feature = "reqwest-client-0_13"))]
mod reqwest;
mod route;
mod run;
mod upstream;
mod websocket;
mod wire;

pub use answer::{ERROR_FIELD, REFUSED};
pub use builder::{ProxyBuilder, ProxyError};
pub use guard::Proxy;
pub use request::CONTROL_HOST;
pub use route::TEST_FIELD;
pub use run::{Run, RunBuilder, RunEnd, RunError, TestEnd};
