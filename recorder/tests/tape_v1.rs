//! Tapes of version 1, written by hand, that every later build has to read to the same values and write to the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use traffic_recorder::tape::{
    Answer, Body, Cut, Fault, FaultKind, Headers, Key, Layer, Origin, Outcome, Recorded, Request, Take, Tape, Version,
};

/// 2026-11-21T10:00:00Z
const TEN_O_CLOCK: u64 = 1_795_255_200;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tape-v1").join(name)
}

/// The fixture reads to `expected`, and that is written to the bytes of the fixture.
#[track_caller]
fn holds(name: &str, expected: &Tape) {
    let file = file(name);
    let read = Tape::read(&file).expect("it is a tape").expect("it is there");
    assert_eq!(&read, expected);
    let rendered = expected.render().expect("it can be written");
    assert_eq!(rendered.yaml, fs::read_to_string(&file).expect("it is there"));
    for beside in rendered.files {
        let bytes = fs::read(file.with_file_name(beside.name)).expect("it is there");
        assert!(beside.content == Body::Bytes(bytes.into()));
    }
}

fn key(first: u8, last: u8) -> Key {
    let mut key = [0; 32];
    (key[0], key[31]) = (first, last);
    Key(key)
}

fn headers(fields: &[(&str, &str)]) -> Headers {
    fields.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect()
}

fn text(text: &str) -> Body {
    Body::Bytes(text.to_owned().into())
}

fn get(url: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::Absent,
        trailers: Headers::new(),
    }
}

fn ok() -> Answer {
    Answer {
        status: 200,
        reason: None,
        version: Version::Http11,
        url: None,
        headers: Headers::new(),
        body: Body::Absent,
        frames: Vec::new(),
        trailers: Headers::new(),
        transcript: None,
        cut: None,
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn recorded() -> Recorded {
    Recorded {
        at: at(TEN_O_CLOCK),
        elapsed: Duration::from_millis(182),
        frames: Vec::new(),
        from: Origin::Live,
        notes: Vec::new(),
    }
}

fn take(answer: Answer) -> Take {
    Take { outcome: Outcome::Answer(answer), recorded: recorded() }
}

#[test]
fn json_bodies_of_several_styles() {
    let invalid = r#"{
  "code": 400,
  "error": "some data points in the request failed validation",
  "failed_records": [
    {
      "index": 0,
      "insert_id": "5",
      "field": "properties.time",
      "message": "'properties.time' is invalid: -1.50"
    }
  ],
  "num_records_imported": 0,
  "ratio": 1.0,
  "big": 9007199254740993
}
"#;
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(0..) {
        let digits = "9c1d6f0e4b7a2358d1c6e0f9a3b5c7d9e1f2031425364758697a8b9cadbecfd0";
        *byte = u8::from_str_radix(&digits[pair * 2..pair * 2 + 2], 16).expect("hex");
    }
    let expected = Tape {
        key: Key(key),
        layer: Layer::Wire,
        rules: vec!["ignore header x-request-id".to_owned(), "ignore json $.properties.time".to_owned()],
        request: Request {
            method: "POST".to_owned(),
            headers: headers(&[("authorization", "Basic {{secret:mixpanel}}"), ("content-type", "application/json")]),
            body: text(r#"[{"event":"Order Completed","properties":{"distinct_id":"u-1","time":1767323045}}]"#),
            ..get("https://api.mixpanel.com/import?project_id=42&strict=1")
        },
        takes: vec![
            take(Answer {
                headers: headers(&[("content-type", "application/json")]),
                body: text(r#"{"code":200,"num_records_imported":1,"status":"OK"}"#),
                ..ok()
            }),
            Take {
                outcome: Outcome::Answer(Answer {
                    status: 400,
                    headers: headers(&[("content-type", "application/json; charset=utf-8")]),
                    body: text(invalid),
                    ..ok()
                }),
                recorded: Recorded {
                    at: at(TEN_O_CLOCK + 1),
                    elapsed: Duration::from_millis(1050),
                    from: Origin::Simulated,
                    notes: vec![
                        "the digest header is that of the body before redaction".to_owned(),
                        "no such answer was seen live".to_owned(),
                    ],
                    ..recorded()
                },
            },
        ],
    };
    holds("json-post.yaml", &expected);
}

#[test]
fn streams_cuts_and_faults() {
    let stream = |length: Option<&str>| {
        let mut fields = headers(&[("content-type", "text/event-stream")]);
        length.into_iter().for_each(|length| fields.push("content-length", length.to_owned()));
        fields
    };
    let fault = |kind, message: &str| Fault { kind, message: message.to_owned() };
    let expected = Tape {
        key: key(0, 0xff),
        layer: Layer::Logical,
        rules: Vec::new(),
        request: Request { version: Version::Http2, ..get("https://stream.example.test/events") },
        takes: vec![
            Take {
                outcome: Outcome::Answer(Answer {
                    version: Version::Http2,
                    url: Some("https://stream.example.test/v2/events".to_owned()),
                    headers: stream(None),
                    body: text("data: one\n\ndata: two\n\n"),
                    frames: vec![11, 11],
                    ..ok()
                }),
                recorded: Recorded {
                    at: UNIX_EPOCH,
                    elapsed: Duration::ZERO,
                    frames: vec![Duration::ZERO, Duration::from_millis(102)],
                    from: Origin::Import,
                    notes: Vec::new(),
                },
            },
            Take {
                outcome: Outcome::Answer(Answer {
                    headers: stream(Some("22")),
                    body: text("data: one\n\n"),
                    cut: Some(Cut::Fault(fault(FaultKind::Reset, "connection reset by peer (os error 104)"))),
                    ..ok()
                }),
                recorded: Recorded {
                    at: at(253_402_300_799),
                    elapsed: Duration::from_secs(30),
                    from: Origin::Docs,
                    ..recorded()
                },
            },
            Take {
                outcome: Outcome::Answer(Answer { status: 206, body: text(""), cut: Some(Cut::Caller), ..ok() }),
                recorded: Recorded { elapsed: Duration::from_millis(1), ..recorded() },
            },
            Take {
                outcome: Outcome::Fault(fault(FaultKind::ConnectTimeout, "operation timed out")),
                recorded: Recorded { elapsed: Duration::from_secs(5), ..recorded() },
            },
        ],
    };
    holds("streams-and-faults.yaml", &expected);
}

#[test]
fn odd_headers_and_texts() {
    let mut asked = headers(&[
        ("Content-Type", "multipart/form-data; boundary=x"),
        ("Accept", "*/*"),
        ("Via", "1.1 first"),
        ("Via", "1.1 second"),
        ("x-empty", ""),
    ]);
    asked.push("x-latin", &b"caf\xe9"[..]);
    let form = "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n  two blanks before, one after \r\n--x--\r\n";
    let expected = Tape {
        key: key(0, 0),
        layer: Layer::Wire,
        rules: Vec::new(),
        request: Request {
            method: "PUT".to_owned(),
            headers: asked,
            body: text(form),
            trailers: headers(&[("digest", "sha-256=x")]),
            ..get("https://files.example.test/a%20b?x=1&x=2")
        },
        takes: vec![
            take(Answer {
                status: 299,
                reason: Some("Mostly fine".to_owned()),
                headers: headers(&[("set-cookie", "a=1"), ("vary", "accept"), ("set-cookie", "b=2")]),
                body: Body::Bytes(vec![0, 1, 2, 0xfd, 0xfe, 0xff].into()),
                trailers: headers(&[("grpc-status", "0"), ("Grpc-Message", "")]),
                ..ok()
            }),
            take(Answer { status: 204, reason: Some(String::new()), version: Version::Http10, ..ok() }),
            take(Answer {
                headers: headers(&[("content-type", "text/plain")]),
                body: text("  a first line that is indented\n\na last line without a break"),
                ..ok()
            }),
        ],
    };
    holds("odd-headers-and-texts.yaml", &expected);
}

#[cfg(feature = "codings")]
#[test]
fn coded_bodies_with_and_without_their_wire_bytes() {
    let answer = |coding, length, wire: &'static [u8]| {
        take(Answer {
            headers: headers(&[
                ("content-type", "application/json"),
                ("content-encoding", coding),
                ("content-length", length),
            ]),
            body: Body::Bytes(wire.into()),
            ..ok()
        })
    };
    let expected = Tape {
        key: key(0xa0, 0),
        layer: Layer::Wire,
        rules: Vec::new(),
        request: Request {
            headers: headers(&[("accept-encoding", "gzip, br")]),
            ..get("https://api.example.test/coded")
        },
        takes: vec![
            answer("gzip", "31", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabV\xca\xcfV\xb2*)*M\xad\x05\x00\x90_\xd4\xa7\x0b\x00\x00\x00"),
            answer("gzip, br", "38", b"\x10\x02\x10\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01\x0b\x00\xf4\xff{\"ok\":true}\x90_\xd4\xa7\x0b\x00\x00\x00\x03"),
        ],
    };
    holds("coded.yaml", &expected);
}

#[test]
fn a_body_beside_the_tape() {
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    picture.extend((0..1092u32).map(|i| (i * 31 % 256) as u8));
    let expected = Tape {
        key: key(0xb0, 0),
        layer: Layer::Wire,
        rules: Vec::new(),
        request: get("https://static.example.test/logo.png"),
        takes: vec![take(Answer {
            headers: headers(&[("content-type", "image/png"), ("content-length", "1100")]),
            body: Body::Bytes(picture.into()),
            ..ok()
        })],
    };
    holds("body-file.yaml", &expected);
}
