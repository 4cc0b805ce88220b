//! Records the HTTP that a test sends and what comes back, and replays it: offline, exactly, in microseconds.
//!
//! # One line in a test
//!
//! ```no_run
//! # #[cfg(feature = "reqwest-0_13")]
//! # mod orders {
//! # use reqwest_0_13 as reqwest;
//! #[tokio::test]
//! async fn the_service_is_well() {
//!     let tapes = traffic_recorder::tapes!();
//!     let client = tapes.reqwest(reqwest::Client::new());
//!
//!     let answer = client.get("https://api.example.com/status").send().await.unwrap();
//!
//!     assert_eq!(answer.status(), 200);
//! }   // the end of the scope: a recording is saved, a replay is judged
//! # }
//! ```
//!
//! `RECORD=1 cargo test` sends the request and keeps the answer; `cargo test` gives that answer again and opens no socket. While
//! replaying, the test fails on a request that no tape answers, even if the program swallowed the error, and on an answer
//! that nobody asked for.
//!
//! # Modes
//!
//! | `RECORD` | [`Mode`] | |
//! |---|---|---|
//! | unset | [`Replay`](Mode::Replay) | answers come from tapes |
//! | `1`, `all` | [`Record`](Mode::Record) | requests go out; the tapes become what this run made |
//! | `missing` | [`Missing`](Mode::Missing) | requests that no tape answers go out and are added |
//! | `review` | [`Review`](Mode::Review) | requests go out; what would change waits beside the tapes for `tapes review` |
//! | `check` | [`Check`](Mode::Check) | requests go out; the test fails where the shape of an answer has changed |
//! | `off` | [`Off`](Mode::Off) | requests go out; tapes are neither read nor written |
//!
//! Where `CI` is set, tapes are not written unless `RECORD_IN_CI` is set, too. A test that panics while it records leaves its old
//! tapes as they were.
//!
//! # Where tapes lie
//!
//! One file for each request, next to the `Cargo.toml` of the crate with the test:
//! `tapes/<module>/<test>/<method>-<host>-<path>-<key>.yaml`. `tapes!(case = "EU")` gives each case of a parametrised test a folder
//! of its own, `tapes!("orders/created")` names it, [`Recorder::at`] takes any folder. [`orphans!`] in a test of its own fails on
//! tapes whose test is gone.
//!
//! The key is a hash of what the request means ([`key`]), so that a look-up reads one file. A tape ([`tape`]) is readable where
//! that loses nothing and exact always. Several answers to one request are takes, played in their order; what comes
//! after the last one says [`Recorder::repeat`].
//!
//! # Clients
//!
//! | client | | feature |
//! |---|---|---|
//! | any `tower::Service` over `http` types | `tapes.layer()` | `tower` (default) |
//! | hyper-util's, over an in-memory connection | `tapes.connector(..)` | `hyper-util` |
//! | reqwest 0.12, 0.13 | `tapes.reqwest_0_12(..)`, `tapes.reqwest(..)` | `reqwest-0_12`, `reqwest-0_13` |
//! | ureq 3 | `tapes.ureq(..)` | `ureq` |
//! | the AWS SDK, by its `HttpClient` | `tapes.aws(..)` | `aws` |
//! | a plain client of reqwest, blocking or not | `tapes.reqwest_client()`, `tapes.reqwest_blocking_client()` | `reqwest-client-0_13` |
//! | any that takes a proxy: curl, isahc, other languages | `tapes.proxy()` | `proxy` |
//! | any other | [`client::exchange`], [`client::exchange_blocking`] | |
//!
//! This one is a tower service that stands for the network. It is asked once; the second time the tape answers:
//!
//! ```
//! use http::{Request, Response};
//! use http_body_util::BodyExt;
//! use tower::{Layer, ServiceExt, service_fn};
//! use traffic_recorder::{Mode, Recorder, Tapes};
//!
//! async fn greeting(tapes: &Tapes, network: &'static str) -> Vec<u8> {
//!     let service = service_fn(move |_: Request<_>| async move {
//!         Ok::<_, std::convert::Infallible>(Response::new(network.to_owned()))
//!     });
//!     let client = tapes.layer().layer(service);
//!     let request = Request::get("https://api.example.com/greeting").body(String::new()).unwrap();
//!     let answer = client.oneshot(request).await.unwrap();
//!     answer.into_body().collect().await.unwrap().to_bytes().to_vec()
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), traffic_recorder::Error> {
//! # let temporary = tempfile::tempdir().unwrap();
//! # let folder = temporary.path().join("greeting");
//! let tapes = Recorder::at(&folder).mode(Mode::Record).open()?;
//! assert_eq!(greeting(&tapes, "hello").await, b"hello");
//! assert_eq!(tapes.finish()?.written.len(), 1);
//!
//! let tapes = Recorder::at(&folder).mode(Mode::Replay).open()?;
//! assert_eq!(greeting(&tapes, "somebody else").await, b"hello");
//! assert_eq!(tapes.finish()?.replayed, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Secrets
//!
//! Credentials in headers, cookies, queries, forms and JSON are replaced before the key is taken and before anything is
//! written or printed: `authorization: Bearer {{secret:access_token-1}}`. The same value always has the same placeholder, so that a token
//! from one answer matches when the program sends it with the next request. Values of your own are found in every encoding once
//! they are registered:
//!
//! ```no_run
//! let tapes = traffic_recorder::tapes!("docs/secrets");
//! let key = tapes.secret("SHOP_KEY"); // the variable; a placeholder where replaying finds it unset
//! ```
//!
//! What the program sees in place of secrets while replaying says [`Reveal`]. At the end, what would be written is searched once
//! more; where something looks like a secret, nothing is written and the error names the place.
//!
//! # Misses
//!
//! A request that no tape answers is an error of the client's own type that holds an [`Error`], never an answer. It names the
//! nearest tapes, what differs, the rule that would make it match, and the command that records it:
//!
//! ```
//! # use http::{Request, Response};
//! # use tower::{Layer, ServiceExt, service_fn};
//! # use traffic_recorder::{Mode, Recorder};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), traffic_recorder::Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! let tapes = Recorder::at(folder.path().join("greeting")).mode(Mode::Replay).open()?;
//! # let service = service_fn(|_: Request<_>| async { Ok::<_, std::convert::Infallible>(Response::new(String::new())) });
//! # let client = tapes.layer().layer(service);
//! let request = Request::get("https://api.example.com/greeting").body(String::new()).unwrap();
//! assert!(client.oneshot(request).await.is_err());
//!
//! // The program made nothing of it; its test does.
//! let error = tapes.finish().unwrap_err();
//! assert_eq!(error.code(), "miss");
//! assert!(error.to_string().starts_with("no tape answers GET https://api.example.com/greeting"));
//! # Ok(())
//! # }
//! ```
//!
//! # Configuration
//!
//! [`recorder!`] in place of [`tapes!`] is configured for one test, the file `tapes/recorder.yaml` ([`policy::EXAMPLE`]) for a crate:
//! what counts as the same request, what is hidden or shown, what may be sent while recording, how old a recording may be.
//!
//! ```no_run
//! use traffic_recorder::{Repeat, recorder};
//!
//! let tapes = recorder!("docs/status").rule("ignore json $.sent_at").redact("hide json $.email").repeat(Repeat::Last).start();
//! ```
//!
//! # Worlds that hold still
//!
//! A program that makes ids or tells the time sends other requests at every run. [`Tapes::now`], [`Tapes::rng`] and [`Tapes::var`] give it what the
//! recording had ([`World`]); an echo rule ([`Recorder::echo`]) lets the replayed answer repeat what this request said; fault rules
//! ([`Recorder::fault`]) let replayed answers be late or fail, the same ones at every run:
//!
//! ```
//! # use http::{Request, Response};
//! # use tower::{Layer, ServiceExt, service_fn};
//! # use traffic_recorder::{Mode, Recorder, Tapes};
//! async fn order(tapes: &Tapes) -> String {
//!     let id = tapes.rng().uuid();
//! #   let service = service_fn(|_: Request<_>| async { Ok::<_, std::convert::Infallible>(Response::new(String::new())) });
//! #   let client = tapes.layer().layer(service);
//!     let request = Request::put(format!("https://api.example.com/orders/{id}")).body(String::new()).unwrap();
//!     // ... send it ...
//! #   assert_eq!(client.oneshot(request).await.unwrap().status(), 200);
//!     id
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), traffic_recorder::Error> {
//! # let temporary = tempfile::tempdir().unwrap();
//! # let folder = temporary.path().join("orders");
//!
//! let tapes = Recorder::at(&folder).mode(Mode::Record).open()?;
//! let recorded = order(&tapes).await;
//! tapes.finish()?;
//!
//! let tapes = Recorder::at(&folder).mode(Mode::Replay).open()?;
//! assert_eq!(order(&tapes).await, recorded);
//! tapes.finish()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What a test can ask
//!
//! [`Tapes::exchanges`] has what was sent and answered so far, secrets masked; an [`Exchange`] prints itself without dates, ports and
//! user agents, so that it may be a snapshot.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod client;
mod codec;
#[cfg(feature = "formats")]
pub mod formats;
pub mod key;
mod macros;
pub mod policy;
#[cfg(feature = "proxy")]
pub mod proxy;
pub mod session;
mod store;
pub mod tape;
#[cfg(feature = "tools")]
pub mod tools;
#[cfg(feature = "websocket")]
pub mod websocket;

pub use policy::{Reveal, UnusedRule, WorldRule};
pub use session::{
    Error, ErrorKind, Exchange, Miss, Mode, OnPanic, Recorder, Repeat, Report, Rng, Session, Tapes, Timing, World,
};
pub use store::StoreError;
pub use tape::Origin;
