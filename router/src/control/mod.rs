//! What an operator touches.
//!
//! * [`config`]: the file, its types and its mistakes;
//! * [`metrics`]: the table of metrics, which is also their documentation;
//! * [`explain`]: the way of one event;
//! * [`watch`]: whether a file has changed; [`running`]: how commands find the router.

pub mod config;
pub mod explain;
pub mod metrics;
pub mod running;
pub mod watch;
