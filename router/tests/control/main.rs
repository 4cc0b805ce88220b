//! The real binary, in a folder of its own: what an operator and a client see of it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod admin;
mod dead_letters;
mod flow;
mod reload;
mod sdks;
mod stop;
mod support;
