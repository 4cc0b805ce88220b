//! Any tape at all goes through its file and comes back; the behaviours of the format by their numbers.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::codec::digest;

mod arbitrary;
mod errors;

/// A tape with one take that answers `body` under these headers.
fn tape(headers: &[(&str, &str)], body: Body) -> Tape {
    let answer = Answer {
        status: 200,
        reason: None,
        version: Version::Http11,
        url: None,
        headers: headers.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect(),
        body,
        frames: Vec::new(),
        trailers: Headers::new(),
        transcript: None,
        cut: None,
    };
    Tape {
        key: Key([0x9c; 32]),
        layer: Layer::Wire,
        rules: Vec::new(),
        request: Request {
            method: "GET".to_owned(),
            url: "https://api.example.test/things?page=1".to_owned(),
            version: Version::Http11,
            headers: Headers::new(),
            body: Body::Absent,
            trailers: Headers::new(),
        },
        takes: vec![Take { outcome: Outcome::Answer(answer), recorded: recorded() }],
    }
}

fn recorded() -> Recorded {
    Recorded {
        at: UNIX_EPOCH + Duration::from_secs(1_795_255_200),
        elapsed: Duration::from_millis(182),
        frames: Vec::new(),
        from: Origin::Live,
        notes: Vec::new(),
    }
}

fn answer(tape: &mut Tape) -> &mut Answer {
    match &mut tape.takes[0].outcome {
        Outcome::Answer(answer) => answer,
        Outcome::Fault(_) => panic!("an answer"),
    }
}

/// Renders, writes to a folder, reads back.
fn through_disk(tape: &Tape) -> (Tape, Rendered) {
    let folder = tempfile::tempdir().expect("a folder");
    let rendered = tape.render().expect("it can be written");
    write(&rendered, folder.path());
    let read = Tape::read(&folder.path().join("t.yaml")).expect("it can be read").expect("it is there");
    (read, rendered)
}

fn write(rendered: &Rendered, folder: &Path) {
    fs::write(folder.join("t.yaml"), &rendered.yaml).expect("written");
    for file in &rendered.files {
        match &file.content {
            Body::Bytes(bytes) => fs::write(folder.join(&file.name), bytes).expect("written"),
            Body::File(from) => drop(fs::copy(&from.path, folder.join(&file.name)).expect("copied")),
            Body::Absent => panic!("a file has content"),
        }
    }
}

/// The body as it comes back, and how the tape shows it.
fn body_back(headers: &[(&str, &str)], body: impl Into<Bytes>) -> (Body, String) {
    let (mut read, rendered) = through_disk(&tape(headers, Body::Bytes(body.into())));
    (std::mem::take(&mut answer(&mut read).body), rendered.yaml)
}

/// That a body comes back, and the line with which the tape shows it begins so.
fn shows(headers: &[(&str, &str)], body: &[u8], line: &str) {
    let (back, yaml) = body_back(headers, body.to_vec());
    assert!(back == Body::Bytes(body.to_vec().into()), "{yaml}");
    assert!(yaml.contains(&format!("\n    {line}")), "{line}\n{yaml}");
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn r20_absent_empty_and_null_are_three() {
    let mut yamls = Vec::new();
    for body in [Body::Absent, Body::Bytes(Bytes::new()), Body::Bytes("null".into())] {
        let (mut read, rendered) = through_disk(&tape(&[JSON], body.clone()));
        assert!(answer(&mut read).body == body);
        yamls.push(rendered.yaml);
    }
    assert!(!yamls[0].contains("body"), "{}", yamls[0]);
    assert!(yamls[1].contains("\n  body: empty\n"), "{}", yamls[1]);
    assert!(yamls[2].contains("\n  body:\n    json: null\n"), "{}", yamls[2]);
}

#[test]
fn r32_bodies_of_any_bytes_come_back() {
    let all: Vec<u8> = (0..=255).collect();
    shows(&[], &all, "base64: ");
    shows(&[], b"\xff\xfe", "base64: ");
    shows(&[], b"a\0b", "base64: ");
    shows(&[], b"lone \r and \r\n", "text: \"lone \\r and \\r\\n\"");
    shows(&[], "\u{feff}with a mark".as_bytes(), "text: \"\\ufeffwith a mark\"");
    shows(&[], "a\u{2028}b".as_bytes(), "text: \"a\\u2028b\"");
    shows(&[], b"one\ntwo\n\n\n", "text: |+");
    shows(&[], b"one\ntwo", "text: |-");
    shows(&[], b"\n", "text: \"\\n\"");
    shows(&[], b"blank at the end \n of a line\n", "text: \"blank at the end \\n\\");
    shows(&[], b"a=1&b=2", "text: a=1&b=2");
    for len in 0..300 {
        let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + len) as u8).collect();
        assert!(body_back(&[], bytes.clone()).0 == Body::Bytes(bytes.into()));
    }
}

#[test]
fn r32_requests_hold_any_bytes_too() {
    let mut tape = tape(&[], Body::Absent);
    tape.request.body = Body::Bytes((0..=255u8).collect::<Vec<_>>().into());
    assert_eq!(through_disk(&tape).0, tape);
}

#[test]
fn r34_a_coding_that_is_not_there_is_no_failure_and_the_header_survives() {
    shows(&[JSON, ("content-encoding", "gzip")], b"{\"plain\":true}", "json: {plain: true}");
    shows(&[("content-encoding", "aws-chunked")], b"xyz", "text: xyz");
    let head = tape(&[("content-encoding", "gzip"), ("content-length", "1234")], Body::Absent);
    assert_eq!(through_disk(&head).0, head);
    let empty = tape(&[("content-encoding", "gzip"), ("content-length", "0")], Body::Bytes(Bytes::new()));
    assert_eq!(through_disk(&empty).0, empty);
}

#[test]
fn r35_repeated_headers_keep_count_order_and_spelling() {
    let mut adjacent =
        tape(&[("Via", "1.1 a"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("via", "1.1 b")], Body::Absent);
    let (read, rendered) = through_disk(&adjacent);
    assert_eq!(read, adjacent);
    let shown = "\n  headers:\n    Via: \"1.1 a\"\n    Set-Cookie:\n    - a=1\n    - b=2\n    via: \"1.1 b\"\n";
    assert!(
        rendered.yaml.contains(&shown.replace("\"1.1 a\"", "1.1 a").replace("\"1.1 b\"", "1.1 b")),
        "{}",
        rendered.yaml
    );

    answer(&mut adjacent).headers = [("a", "1"), ("b", "x"), ("a", "2")].into_iter().collect();
    let (read, rendered) = through_disk(&adjacent);
    assert_eq!(read, adjacent);
    assert!(rendered.yaml.contains("\n  headers:\n  - a: \"1\"\n  - b: x\n  - a: \"2\"\n"), "{}", rendered.yaml);

    answer(&mut adjacent).headers = [("x", Bytes::from_static(b"\xff\xfe"))].into_iter().collect();
    let (read, rendered) = through_disk(&adjacent);
    assert_eq!(read, adjacent);
    assert!(rendered.yaml.contains("\n    x: {base64: //4=}\n"), "{}", rendered.yaml);
}

#[test]
fn r36_digits_order_and_duplicate_keys_come_back() {
    shows(&[JSON], br#"{"id":9007199254740993,"b":1.0,"a":1,"a":2}"#, "text: '{\"id\":9007199254740993,");
    shows(&[JSON], br#"{"id":9007199254740993,"b":1.0,"a":1}"#, "json: {id: 9007199254740993, b: 1.0, a: 1}");
}

#[test]
fn r37_a_readable_view_gives_the_very_bytes() {
    shows(&[JSON], b"{\n  \"a\": 1\n}\n", "json: {a: 1}\n    style: [indent-2, newline]");
    shows(&[JSON], b"{\"a\": \"\\u00e9\"}", "json: {a: \u{e9}}\n    style: [spaced, ascii]");
    shows(&[JSON], b"{\"a\" : 1}", "text: '{\"a\" : 1}'");
}

#[test]
fn r38_no_body_is_invented_and_status_line_and_trailers_survive() {
    for status in [101, 204, 304, 999] {
        let mut tape = tape(&[("content-length", "12")], Body::Absent);
        *answer(&mut tape) = Answer {
            status,
            reason: Some(String::new()),
            version: Version::Http2,
            trailers: [("grpc-status", "0")].into_iter().collect(),
            ..answer(&mut tape).clone()
        };
        let (read, rendered) = through_disk(&tape);
        assert_eq!(read, tape);
        assert!(rendered.yaml.contains(&format!("- status: {status}\n  reason: \"\"\n  version: HTTP/2\n")));
    }
}

#[test]
fn large_bodies_and_pictures_lie_beside_the_tape() {
    let text = "0123456789abcdef".repeat(5000);
    let (back, yaml) = body_back(&[("content-type", "text/csv")], text.clone());
    assert!(back == Body::Bytes(text.clone().into()));
    let sha256 = digest::hex(&digest::sha256(text.as_bytes()));
    assert!(yaml.contains(&format!("file: {}.csv\n    bytes: 80000\n    sha256: {sha256}\n", &sha256[..16])), "{yaml}");

    let picture = vec![7; 1025];
    let (_, rendered) = through_disk(&tape(&[("content-type", "image/png")], Body::Bytes(picture.into())));
    assert!(rendered.files[0].name.ends_with(".png"));
}

#[test]
fn a_spilled_body_is_referenced_and_comes_back_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let content = vec![b'x'; (1 << 20) + 1];
    let path = folder.path().join("spilled");
    fs::write(&path, &content).unwrap();
    let file = BodyFile { path, len: content.len() as u64, sha256: digest::sha256(&content) };
    let mut spilled = tape(&[JSON, ("content-encoding", "gzip")], Body::File(file.clone()));
    let (mut read, rendered) = through_disk(&spilled);
    assert!(rendered.files[0].name.ends_with(".json.gz"), "{}", rendered.files[0].name);
    assert!(rendered.files[0].content == Body::File(file.clone()));
    let Body::File(back) = &answer(&mut read).body else { panic!("a file") };
    assert_eq!((back.len, back.sha256), (file.len, file.sha256));
    assert_eq!(proof::difference(&spilled, &read), None);

    answer(&mut spilled).body = Body::Bytes(content.into());
    assert!(matches!(&answer(&mut through_disk(&spilled).0).body, Body::File(back) if back.sha256 == file.sha256));
}

#[test]
fn faults_cuts_and_frames_come_back() {
    let fault = |kind| Fault { kind, message: "connection reset by peer (os error 104)".to_owned() };
    let mut tape = tape(&[("content-type", "text/event-stream")], Body::Bytes("data: 1\n\ndata: 2\n\n".into()));
    answer(&mut tape).frames = vec![9, 9];
    tape.takes[0].recorded.frames = vec![Duration::ZERO, Duration::from_millis(102)];
    let mut cut = tape.takes[0].clone();
    if let Outcome::Answer(answer) = &mut cut.outcome {
        answer.cut = Some(Cut::Fault(fault(FaultKind::Reset)));
    }
    let mut dropped = cut.clone();
    if let Outcome::Answer(answer) = &mut dropped.outcome {
        answer.cut = Some(Cut::Caller);
    }
    tape.takes.extend([cut, dropped]);
    for (kind, _) in <FaultKind as format::Words>::WORDS {
        tape.takes.push(Take { outcome: Outcome::Fault(fault(*kind)), recorded: recorded() });
    }
    let (read, rendered) = through_disk(&tape);
    assert_eq!(read, tape);
    assert!(rendered.yaml.contains("\n  cut: {kind: reset, message: connection reset by peer (os error 104)}\n"));
    assert!(rendered.yaml.contains("\n  cut: caller\n"));
    assert!(rendered.yaml.contains("frames: [0, 102]"));
}

#[test]
fn r59_a_checkout_with_crlf_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for body in [
        "line\nline\n".to_owned(),
        "line\r\nline\r\n\r\n".to_owned(),
        "mixed\nline\r\n  end".to_owned(),
        "{\n  \"a\": 1\n}\n".to_owned(),
        "large\n".repeat(20_000),
    ] {
        let tape = tape(&[("content-type", "text/plain")], Body::Bytes(body.into()));
        let mut rendered = tape.render().unwrap();
        assert!(!rendered.yaml.contains('\r'));
        rendered.yaml = format!("\u{feff}{}", rendered.yaml.replace('\n', "\r\n"));
        for file in &mut rendered.files {
            let text = String::from_utf8(file.content.bytes().unwrap().to_vec()).unwrap();
            file.content = Body::Bytes(text.replace('\n', "\r\n").into());
        }
        write(&rendered, folder.path());
        assert_eq!(Tape::read(&folder.path().join("t.yaml")).unwrap(), Some(tape));
    }
}

#[test]
fn only_a_file_that_is_not_there_is_no_tape() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Tape::read(&folder.path().join("none.yaml")).unwrap().is_none());
    assert!(matches!(Tape::read(folder.path()), Err(TapeError::Io { .. })));
    let file = folder.path().join("huge.yaml");
    fs::File::create(&file).unwrap().set_len(10 << 30).unwrap();
    assert!(matches!(Tape::read(&file), Err(TapeError::TooLarge { .. })));
    fs::write(&file, b"tape: 1\nkey: \xff\n").unwrap();
    let error = Tape::read(&file).unwrap_err().to_string();
    assert!(
        error.ends_with("huge.yaml:2:1: not UTF-8: restore the file from version control or record it again"),
        "{error}"
    );
}

#[test]
fn what_is_no_tape_is_not_written() {
    let plain = tape(&[], Body::Bytes("abc".into()));
    let refused = |change: &dyn Fn(&mut Tape)| {
        let mut tape = plain.clone();
        change(&mut tape);
        matches!(tape.render(), Err(TapeError::Unwritable(_)))
    };
    assert!(refused(&|tape| tape.takes.clear()));
    assert!(refused(&|tape| answer(tape).status = 99));
    assert!(refused(&|tape| answer(tape).status = 1000));
    assert!(refused(&|tape| answer(tape).frames = vec![1, 1]));
    assert!(refused(&|tape| answer(tape).frames = vec![u64::MAX, 4]));
    assert!(refused(&|tape| tape.takes[0].recorded.frames = vec![Duration::ZERO]));
    assert!(refused(&|tape| tape.takes[0].recorded.at = UNIX_EPOCH - Duration::from_secs(1)));
    assert!(refused(&|tape| tape.takes[0].recorded.elapsed = Duration::MAX));
    assert!(!refused(&|_| {}));
}

#[cfg(feature = "codings")]
mod codings {
    use super::*;
    use crate::codec::coding::{self, Coding};

    const TEXT: &[u8] = b"{\"a\":[1,2,3],\"b\":\"some words and some more words\"}";

    #[test]
    fn r33_the_tape_shows_text_and_the_client_gets_the_wire_bytes() {
        for (header, codings) in [
            ("gzip", &[Coding::Gzip][..]),
            ("X-GZIP", &[Coding::Gzip]),
            ("deflate", &[Coding::Deflate]),
            ("deflate", &[Coding::RawDeflate]),
            ("br", &[Coding::Brotli]),
            ("zstd", &[Coding::Zstd]),
            ("gzip, br", &[Coding::Gzip, Coding::Brotli]),
        ] {
            let wire = coding::encode(codings, TEXT).unwrap();
            shows(
                &[JSON, ("content-encoding", header)],
                &wire,
                "json: {a: [1, 2, 3], b: some words and some more words}",
            );
        }
        let wire = coding::encode(&[Coding::Gzip, Coding::Brotli], TEXT).unwrap();
        let (_, yaml) = body_back(&[JSON, ("content-encoding", "gzip"), ("content-encoding", "br")], wire);
        assert!(yaml.contains("\n    coding: [gzip, br]\n") && !yaml.contains("wire:"), "{yaml}");
    }

    /// Gzip of another encoder.
    fn foreign_gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn r33_another_encoders_bytes_are_kept_beside_the_readable_ones() {
        let headers = [JSON, ("content-encoding", "gzip")];
        let wire = foreign_gzip(TEXT);
        let (back, yaml) = body_back(&headers, wire.clone());
        assert!(back == Body::Bytes(wire.into()));
        assert!(yaml.contains("\n    coding: gzip\n    wire: "), "{yaml}");

        let edited = yaml.replace("some more words", "fewer words");
        let error = Tape::parse(&edited, Path::new("t.yaml")).unwrap_err().to_string();
        assert!(error.contains("after a change by hand delete `wire`"), "{error}");
        let without: String =
            edited.lines().filter(|line| !line.contains("wire:")).map(|line| format!("{line}\n")).collect();
        let mut read = Tape::parse(&without, Path::new("t.yaml")).unwrap();
        let wire = answer(&mut read).body.bytes().unwrap().clone();
        let plain = coding::decode(["gzip"], &wire, 1000).unwrap().bytes;
        assert_eq!(plain, br#"{"a":[1,2,3],"b":"some words and fewer words"}"#);
    }

    #[test]
    fn a_large_coded_body_has_two_files() {
        // digits of digests, which do not compress well
        let plain = (0..4000u32).map(|i| digest::hex(&digest::sha256(&i.to_le_bytes()))).collect::<String>();
        let wire = foreign_gzip(plain.as_bytes());
        let (mut read, rendered) = through_disk(&tape(
            &[("content-type", "text/plain"), ("content-encoding", "gzip")],
            Body::Bytes(wire.clone().into()),
        ));
        assert!(answer(&mut read).body == Body::Bytes(wire.into()));
        let mut extensions: Vec<_> = rendered.files.iter().map(|file| file.name[16..].to_owned()).collect();
        extensions.sort();
        assert_eq!(extensions, [".txt", ".txt.gz"]);
    }

    #[test]
    fn a_cut_body_keeps_its_wire_bytes() {
        let wire = coding::encode(&[Coding::Gzip], TEXT).unwrap();
        let mut tape = tape(&[JSON, ("content-encoding", "gzip")], Body::Bytes(wire.into()));
        answer(&mut tape).cut = Some(Cut::Caller);
        let (read, rendered) = through_disk(&tape);
        assert_eq!(read, tape);
        assert!(rendered.yaml.contains("\n    base64: "));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_tape_comes_back_from_its_file(tape in arbitrary::tape()) {
        let (read, rendered) = through_disk(&tape);
        prop_assert_eq!(proof::difference(&tape, &read), None, "{}", rendered.yaml);
        prop_assert_eq!(&read, &tape, "{}", rendered.yaml);
        prop_assert_eq!(read.render().expect("still a tape"), rendered, "the same bytes again");
    }

    #[test]
    fn a_damaged_tape_is_an_error_or_another_tape_and_never_a_panic(
        tape in arbitrary::tape(), at in any::<prop::sample::Index>(), with in "[ -~\n]{0,3}", cut: bool
    ) {
        let mut yaml = tape.render().expect("a tape").yaml;
        let mut at = at.index(yaml.len());
        while !yaml.is_char_boundary(at) {
            at -= 1;
        }
        if cut {
            yaml.truncate(at);
        }
        yaml.insert_str(at, &with);
        if let Ok(read) = Tape::parse(&yaml, Path::new("nowhere/t.yaml")) {
            let _ = read.render();
        }
    }
}
