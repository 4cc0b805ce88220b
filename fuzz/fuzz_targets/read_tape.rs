//! Reading a tape never panics, whatever the text; a tape that was read can be written, and reads as the same tape again.
#![no_main]

use std::path::Path;

use libfuzzer_sys::{Corpus, fuzz_target};
use traffic_recorder::tape::Tape;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(bytes) else { return Corpus::Reject };
    // The folder does not exist: a body reference may be followed nowhere.
    let path = Path::new("/nonexistent/tapes/fuzz.yaml");
    let Ok(tape) = Tape::parse(text, path) else { return Corpus::Keep };
    let written = tape.render().expect("a tape that was read can be written");
    if !written.files.is_empty() {
        // A body that belongs in a file beside the tape: there is no folder to put it in.
        return Corpus::Keep;
    }
    match Tape::parse(&written.yaml, path) {
        Ok(again) => assert!(again == tape, "written and read again, it is another tape:\n{}", written.yaml),
        Err(error) => panic!("written, it cannot be read again: {error}\n{}", written.yaml),
    }
    Corpus::Keep
});
