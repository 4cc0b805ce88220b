//! What wrote a file: told by what is in it.

use super::{Format, Source};

pub(super) fn detect(source: Source<'_>) -> Option<Format> {
    let start = &source.bytes[..source.bytes.len().min(4096)];
    let has = |text: &str| memchr::memmem::find(start, text.as_bytes()).is_some();
    (has("http_interactions") || has("interactions:")).then_some(Format::Vcr)
}
