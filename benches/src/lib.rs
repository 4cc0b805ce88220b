//! What the benchmarks share: the requests and answers, the service that gives them, the floor, and a clock that takes turns.
//!
//! A figure alone says little about a library and much about the machine. Every table here has two sides measured in the same
//! run, in turn, and the ratio between them.

pub mod floor;
pub mod origin;
pub mod ours;
pub mod timing;
pub mod workload;

/// Any error; a benchmark ends with it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
