//! Reading other tools' recordings never panics, whatever the bytes, and every exchange that is found can be written as a tape.
//!
//! The first byte chooses the format (its place in `Format::all`, modulo their number), the rest is the file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::{Corpus, fuzz_target};
use traffic_recorder::formats::{Format, Source};
use traffic_recorder::tape::{Key, Layer, Tape};

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((choice, bytes)) = input.split_first() else { return Corpus::Reject };
    // The folder does not exist: a body beside the recording may be followed nowhere.
    for name in ["/nonexistent/recordings/mappings/fuzz.json", "/nonexistent/recordings/fuzz.toml"] {
        let source = Source { path: Path::new(name), bytes, base: None };
        let _ = Format::detect(source);
        let count = Format::all().count();
        let Some(format) = Format::all().nth(usize::from(*choice) % count) else { return Corpus::Reject };
        let Ok(found) = format.read(source) else { continue };
        for exchange in found.exchanges {
            let tape = Tape {
                key: Key([0; 32]),
                layer: Layer::Wire,
                rules: Vec::new(),
                request: exchange.request,
                takes: vec![exchange.take],
            };
            tape.render().expect("an exchange that was read can be written as a tape");
        }
    }
    Corpus::Keep
});
