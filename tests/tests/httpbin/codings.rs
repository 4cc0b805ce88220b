//! Answers with their content coding undone.
//!
//! A body in which nothing is hidden comes back in the very bytes that the service compressed. One that holds a secret cannot:
//! it is written readable, and encoded anew for the client.

use std::io::Read;

use recorder_tests::adapters::Answer;

/// The answer with a readable body, `content-length` being that of the readable body where there is one.
pub(crate) fn undone(answer: &Answer) -> Answer {
    let mut plain = answer.clone();
    let body = answer.body();
    let mut text = Vec::new();
    let read = match answer.header("content-encoding") {
        Some("gzip") => flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut text),
        Some("deflate") => flate2::read::ZlibDecoder::new(&body[..]).read_to_end(&mut text),
        Some("br") => brotli::Decompressor::new(&body[..], 4096).read_to_end(&mut text),
        _ => return plain,
    };
    read.expect("a body in the coding that its header names");
    for (name, value) in &mut plain.headers {
        if name.eq_ignore_ascii_case("content-length") {
            assert_eq!(*value, body.len().to_string().into_bytes(), "the length of the encoded body");
            *value = text.len().to_string().into_bytes();
        }
    }
    plain.frames = vec![text.into()];
    plain
}
