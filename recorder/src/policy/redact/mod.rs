//! Redaction: before the key, before the disk, and before anything is printed.
//!
//! A [`Redactor`] knows values. Some a test registers by name; the others are learned from the fields that hold credentials:
//! `names` has the one list of them, rules of the user add to it and take from it. Learning goes through all exchanges of a
//! test in the order in which their requests were started; hiding comes after it, so that a token is hidden in the request
//! that came before the answer that named it, too. Every value has one placeholder and every placeholder one value, wherever
//! and in whatever encoding it turns up:
//!
//! ```text
//! authorization: Basic {{secret:mixpanel}}           registered by the test
//! authorization: Bearer {{secret:access_token-1}}    learned from the answer that granted it
//! state={{base64:{"t":"{{secret:csrf_token-1}}"}}}   inside base64, where the rest of it is text
//! x-trace: {{secret:mixpanel;base64}}                inside base64 of binary data
//! ```
//!
//! `units` reads one position of a text in every way it can be meant, `trie` follows all values at once along those readings,
//! `run` finds base64, `scan` joins them. `fields` and `body` know where credentials stand, `message` applies all of it
//! to requests and answers.
//!
//! One thing cannot be had: a value that is learned late and stands in an earlier request, in no secret field, is hidden in the
//! tape, but while replaying that earlier request goes out before anything is learned, and misses. Register such values. So with messages
//! of a conversation: they are learned with its handshake, and while replaying when they are said, other requests maybe between them.

mod body;
mod book;
mod edit;
mod fields;
mod file;
mod hidden;
mod message;
mod names;
mod placeholder;
mod redactor;
mod reveal;
mod rule;
mod run;
mod scan;
mod transcript;
mod trie;
mod units;

#[cfg(test)]
mod tests;

pub use book::RegisterError;
pub(crate) use redactor::Redactor;
pub use reveal::Reveal;
pub(crate) use rule::RedactRule;
pub use rule::RuleError;
