//! What a peer says over WebSocket, whatever bytes it sends and wherever the network cuts them: reading never panics, hears the same for
//! every cut, keeps to its limit, and a frame that was read is written as it was.
//!
//! The first byte says who speaks (its lowest bit) and how long the pieces are; the rest are the bytes.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use traffic_recorder::tape::Side;
use traffic_recorder::websocket::{Heard, Reader, Violation};

const LIMIT: usize = 4096;

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((first, bytes)) = input.split_first() else { return Corpus::Reject };
    let side = if first & 1 == 0 { Side::Client } else { Side::Server };
    let (whole, written) = read(side, [bytes]);
    assert!(bytes.starts_with(&written), "a frame is written in other bytes than it was read from");
    let (pieces, _) = read(side, bytes.chunks(usize::from(first >> 1).max(1)));
    assert_eq!(whole, pieces, "where the bytes are cut makes a difference");
    Corpus::Keep
});

/// Everything that was heard and how it ended, and the frames written again.
fn read<'b>(side: Side, pieces: impl IntoIterator<Item = &'b [u8]>) -> ((Vec<Heard>, Option<Violation>), Vec<u8>) {
    let mut reader = Reader::new(side, LIMIT);
    let (mut all, mut written) = (Vec::new(), Vec::new());
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(Some((frame, heard))) => {
                    if let Heard::Message(_, data) = &heard {
                        assert!(data.len() <= LIMIT);
                    }
                    frame.write(&mut written);
                    all.push(heard);
                }
                Ok(None) => break,
                Err(violation) => return ((all, Some(violation)), written),
            }
        }
    }
    ((all, None), written)
}
