//! What an operator touches.
//!
//! * [`config`]: the file, its types and its mistakes;
//! * [`metrics`]: the table of metrics, which is also their documentation;

pub mod config;
pub mod metrics;
