//! What an operator touches.
//!
//! * [`config`]: the file, its types and its mistakes;
//! * [`explain`], [`dead_letters`], [`status`]: what can be asked, and how it is told;
//! * [`metrics`]: the table of metrics, which is also their documentation;
//! * [`watch`]: whether a file has changed; [`running`]: how commands find the router.

pub mod config;
pub mod dead_letters;
pub mod explain;
pub mod metrics;
pub(crate) mod percent;
pub mod running;
pub mod status;
pub mod watch;
