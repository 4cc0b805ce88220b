//! The tape: one request, the answers that were recorded for it, and the file that keeps them.
//!
//! The types here hold what was on the wire; `docs/tape-format.md` specifies the file. Headers keep count, order and
//! spelling, bodies are bytes, an outcome is an answer or a fault. What a body looks like in the file (JSON, text, base64,
//! a file beside the tape) is decided while writing and forgotten while reading.
//!
//! Writing goes from `write` by `view` (the form of a body) and `json` to `emit` and `scalar` (the text), and ends with a
//! `proof`; reading goes from `yaml` by `fields` to `read` and `read_body`. `format` holds the words and limits of both.

mod body;
mod emit;
mod error;
mod exchange;
mod fields;
mod format;
mod headers;
mod json;
mod json_style;
mod media;
mod proof;
mod read;
mod read_body;
mod scalar;
mod transcript;
mod transcript_file;
mod view;
mod world;
mod write;
mod yaml;

pub use body::{Body, BodyFile};
pub use error::{Problem, TapeError};
pub use exchange::{
    Answer, Cut, Fault, FaultKind, Key, Layer, Origin, Outcome, Recorded, Request, Take, Tape, Version,
};
pub(crate) use format::MAX_IN_MEMORY as LARGEST_IN_MEMORY;
#[cfg(feature = "formats")]
pub(crate) use format::Words;
pub use headers::Headers;
#[cfg(feature = "formats")]
pub(crate) use scalar::{lines as yaml_text, scalar as yaml_scalar};
pub use transcript::{Close, Message, MessageKind, Side, Transcript};
#[cfg(feature = "proxy")]
pub(crate) use transcript::{MAX_MESSAGE, MAX_MESSAGES, MAX_TRANSCRIPT};
pub(crate) use world::{WORLD, WorldFile};
pub use write::{Rendered, RenderedFile};

#[cfg(test)]
mod tests;
