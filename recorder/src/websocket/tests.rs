//! The frames, by the examples of the RFC and by any bytes at all.

use bytes::Bytes;
use proptest::prelude::*;

use super::frame::{Frame, Opcode, Violation};
use super::reader::{Heard, Reader};
use crate::tape::{MessageKind, Side};

const LIMIT: usize = 70_000;

/// Everything that is heard until the bytes end, or a violation.
fn heard(side: Side, pieces: &[&[u8]]) -> Result<Vec<Heard>, Violation> {
    let mut reader = Reader::new(side, LIMIT);
    let mut all = Vec::new();
    for piece in pieces {
        reader.push(piece);
        while let Some((_, heard)) = reader.next()? {
            all.push(heard);
        }
    }
    Ok(all)
}

fn text(text: &str) -> Heard {
    Heard::Message(MessageKind::Text, Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    let unmasked = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(heard(Side::Server, &[&unmasked]).unwrap(), [text("Hello")]);
    let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(heard(Side::Client, &[&masked]).unwrap(), [text("Hello")]);
    let pieces = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x89, 0x01, 0x21, 0x80, 0x02, 0x6c, 0x6f];
    let between = Heard::Ping(Bytes::from_static(b"!"));
    assert_eq!(heard(Side::Server, &[&pieces]).unwrap(), [Heard::Nothing, between, text("Hello")]);
}

#[test]
fn what_the_rfc_forbids_is_a_violation_with_its_code() {
    let long_ping = [&[0x89, 126, 0, 126][..], &[0; 126]].concat();
    let cases: [(Side, &[u8], Violation); 14] = [
        (Side::Server, &[0xc1, 0x00], Violation::Reserved),
        (Side::Server, &[0x83, 0x00], Violation::Opcode(3)),
        (Side::Server, &[0x09, 0x00], Violation::Control),
        (Side::Server, &long_ping, Violation::Control),
        (Side::Server, &[0x81, 0x80, 1, 2, 3, 4], Violation::Mask(true)),
        (Side::Client, &[0x81, 0x00], Violation::Mask(false)),
        (Side::Server, &[0x82, 126, 0, 5], Violation::Length),
        (Side::Server, &[0x82, 127, 0x80, 0, 0, 0, 0, 1, 0, 0], Violation::Length),
        (Side::Server, &[0x80, 0x00], Violation::Order),
        (Side::Server, &[0x01, 0x01, b'a', 0x81, 0x01, b'b'], Violation::Order),
        (Side::Server, &[0x81, 0x01, 0xff], Violation::Utf8),
        (Side::Server, &[0x88, 0x02, 0x03, 0xed], Violation::Close),
        (Side::Server, &[0x88, 0x00, 0x81, 0x00], Violation::AfterClose),
        (Side::Server, &[0x82, 127, 0, 0, 0, 0, 0x7f, 0, 0, 0], Violation::TooLarge(LIMIT)),
    ];
    for (side, bytes, violation) in cases {
        assert_eq!(heard(side, &[bytes]), Err(violation.clone()), "{bytes:x?}");
        assert_eq!(
            violation.code(),
            match violation {
                Violation::Utf8 => 1007,
                Violation::TooLarge(_) => 1009,
                _ => 1002,
            }
        );
    }
}

#[test]
fn a_message_in_pieces_has_a_limit_as_a_whole() {
    let piece = |first, fin| Frame {
        fin,
        opcode: if first { Opcode::Binary } else { Opcode::Continuation },
        ..Frame::new(Opcode::Binary, vec![0; LIMIT / 2 + 1])
    };
    let mut bytes = Vec::new();
    piece(true, false).write(&mut bytes);
    piece(false, true).write(&mut bytes);
    assert_eq!(heard(Side::Server, &[&bytes]), Err(Violation::TooLarge(LIMIT)));
}

#[test]
fn a_reason_that_is_too_long_is_cut_at_a_character() {
    let frame = Frame::close(Some(1008), &"\u{e9}".repeat(100));
    assert_eq!(frame.payload.len(), 2 + 122);
    let mut bytes = Vec::new();
    frame.write(&mut bytes);
    assert_eq!(heard(Side::Server, &[&bytes]).unwrap(), [Heard::Close(Some(1008), "\u{e9}".repeat(61))]);
}

/// What a peer can say, and what is heard of it.
fn said() -> impl Strategy<Value = (Vec<Frame>, Heard)> {
    let pieces = |kind, opcode| {
        move |pieces: Vec<Vec<u8>>| {
            let whole = pieces.concat();
            let last = pieces.len() - 1;
            let frame = |(i, piece): (usize, Vec<u8>)| Frame {
                fin: i == last,
                ..Frame::new(if i == 0 { opcode } else { Opcode::Continuation }, piece)
            };
            (pieces.into_iter().enumerate().map(frame).collect(), Heard::Message(kind, whole.into()))
        }
    };
    let words = proptest::collection::vec("[a-z\u{e9}]{0,80}".prop_map(String::into_bytes), 1..4);
    let bytes = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..4);
    let large = (65_000..66_000usize).prop_map(|len| vec![vec![7; len]]);
    let control = proptest::collection::vec(any::<u8>(), 0..126);
    prop_oneof![
        4 => words.prop_map(pieces(MessageKind::Text, Opcode::Text)),
        4 => bytes.prop_map(pieces(MessageKind::Binary, Opcode::Binary)),
        1 => large.prop_map(pieces(MessageKind::Binary, Opcode::Binary)),
        1 => control.clone().prop_map(|data| (vec![Frame::new(Opcode::Ping, data.clone())], Heard::Ping(data.into()))),
        1 => control.prop_map(|data| (vec![Frame::new(Opcode::Pong, data)], Heard::Nothing)),
    ]
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_messages(
        said in proptest::collection::vec(said(), 0..6),
        mask in proptest::option::of(any::<[u8; 4]>()),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (frames, heard) in said {
            expected.extend(std::iter::repeat_n(Heard::Nothing, frames.len() - 1));
            expected.push(heard);
            frames.into_iter().for_each(|frame| Frame { mask, ..frame }.write(&mut bytes));
        }
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces: Vec<_> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let side = if mask.is_some() { Side::Client } else { Side::Server };
        prop_assert_eq!(heard(side, &pieces).unwrap(), expected);
    }

    #[test]
    fn frames_that_are_read_are_written_as_they_were(bytes in any::<Vec<u8>>(), side in any::<bool>()) {
        let mut reader = Reader::new(if side { Side::Client } else { Side::Server }, LIMIT);
        reader.push(&bytes);
        let mut out = Vec::new();
        while let Ok(Some((frame, _))) = reader.next() {
            frame.write(&mut out);
        }
        prop_assert!(bytes.starts_with(&out));
    }
}
