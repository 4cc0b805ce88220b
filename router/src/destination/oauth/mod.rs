//! Access tokens (OAuth 2.0, RFC 6749) by the grants that a server can use by itself: a refresh token, or client credentials.
//!
//! [`Source`] writes the request for a token and reads the answer; who sends it, and when, is the engine's concern.

mod answer;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use source::{Client, Grant, Source, Style};
