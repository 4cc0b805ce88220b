//! What an operator touches.
//!
//! * [`config`]: the file, its types and its mistakes;
//! * [`Server`]: a router in this process, listeners and all; `app`: what is behind them, where all rooms meet; `intake` between
//!   ingest and delivery;
//! * [`explain`], [`dead_letters`], [`status`]: what can be asked, and how it is told; `answers` finds it in a running router,
//!   `offline` in the folder of one that does not run;
//! * `admin`: the same over HTTP;
//! * [`metrics`]: the table of metrics, which is also their documentation;
//! * [`watch`]: whether a file has changed; [`running`]: how commands find the router; `tokens`: what partners change.

pub(crate) mod admin;
pub(crate) mod answers;
pub(crate) mod app;
pub mod config;
pub mod dead_letters;
pub mod explain;
pub(crate) mod intake;
pub mod metrics;
pub(crate) mod offline;
pub(crate) mod percent;
pub mod running;
mod server;
pub mod status;
pub(crate) mod tokens;
pub mod watch;

pub use server::{Options, Server, StartError};
