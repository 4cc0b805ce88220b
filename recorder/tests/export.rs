//! What is exported is imported again as the same exchanges, whatever they are.
#![cfg(feature = "formats")]

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::prelude::*;
use traffic_recorder::formats::{ExportFormat, Exported, Format, FormatError, Source, export};
use traffic_recorder::tape::{
    Answer, Body, Fault, FaultKind, Headers, Layer, Message, MessageKind, Origin, Outcome, Recorded, Request, Side,
    Take, Transcript, Version,
};
use traffic_recorder::{Mode, Recorder};

type Exchange = (Request, Take);

fn headers(fields: &[(&str, String)]) -> Headers {
    fields.iter().map(|(name, value)| (*name, value.clone())).collect()
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..40),
        "\\PC{0,40}".prop_map(String::into_bytes),
        "[ \\t\\r\\n\u{85}\u{2028}\u{feff}'\"\\\\#:&*!|>%@`{}a-]{0,30}".prop_map(String::into_bytes),
        Just(b"[\"706f\",\"6e67\"]".to_vec()),
        Just(b"{\"a\": [1, 2.0, null]}\n".to_vec()),
        Just(b"<%= 1 %> {{request.path}}".to_vec()),
        Just(vec![b'x'; 5000]),
    ]
}

/// A request of one of three kinds: equal kinds are equal requests, whose answers are takes of one tape.
fn request(kind: u8, sent: &[u8]) -> Request {
    let (method, body, fields) = match kind {
        0 => ("GET", Body::Absent, vec![("accept", "text/html; q=\"1\"".to_owned())]),
        1 => (
            "POST",
            Body::Bytes(sent.to_vec().into()),
            vec![("content-length", sent.len().to_string()), ("X-A", "é: #".into())],
        ),
        _ => ("DELETE", Body::Absent, vec![("x-b", String::new()), ("x-b", "2".into())]),
    };
    Request {
        method: method.into(),
        url: format!("https://shop.test:8443/p{kind}?q=a%20b&r='x'"),
        version: Version::Http11,
        headers: headers(&fields),
        body,
        trailers: Headers::new(),
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let answer = (100_u16..600, body(), any::<bool>(), any::<bool>(), "[ -~]{0,20}").prop_map(
        |(status, body, coded, h2, value)| {
            let mut fields = vec![
                ("Set-Cookie", "a=1; path=/".to_owned()),
                ("Set-Cookie", "b=2".to_owned()),
                ("x-v", value.trim().to_owned()),
            ];
            let body = if coded { gzip(&body) } else { body };
            if coded {
                fields.push(("content-encoding", "gzip".into()));
            }
            Outcome::Answer(Answer {
                status,
                reason: (status % 7 == 0).then(|| "Quite: so".to_owned()),
                version: if h2 { Version::Http2 } else { Version::Http11 },
                url: None,
                headers: headers(&fields),
                body: Body::Bytes(body.into()),
                frames: Vec::new(),
                trailers: Headers::new(),
                transcript: None,
                cut: None,
            })
        },
    );
    let kinds = [FaultKind::Dns, FaultKind::Refused, FaultKind::Timeout, FaultKind::Reset, FaultKind::Other];
    let fault = (0..kinds.len(), "[ -~]{0,20}")
        .prop_map(move |(kind, message)| Outcome::Fault(Fault { kind: kinds[kind], message }));
    prop_oneof![4 => answer, 1 => fault]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("as written");
    encoder.finish().expect("as written")
}

fn tapes(folder: &Path, exchanges: &[Exchange]) {
    let tapes = Recorder::at(folder).mode(Mode::Record).as_is().open().expect("as written");
    for (request, take) in exchanges {
        tapes.session().import(request.clone(), take.clone(), Layer::Wire).expect("as written");
    }
    tapes.finish().expect("as written");
}

fn import(folder: &Path, exported: &Exported) -> Vec<Exchange> {
    exported.write_to(folder).expect("as written");
    let mut exchanges = Vec::new();
    for (name, _) in exported.files.iter().filter(|(name, _)| !name.starts_with("__files")) {
        let path = folder.join(name);
        let bytes = fs::read(&path).expect("as written");
        let source = Source { path: &path, bytes: &bytes, base: None };
        let found = Format::detect(source).expect("as written").read(source).expect("as written");
        assert!(found.skipped.is_empty(), "{:?}\n{}", found.skipped, String::from_utf8_lossy(&bytes));
        exchanges.extend(found.exchanges.into_iter().map(|exchange| (exchange.request, exchange.take)));
    }
    exchanges
}

/// Where it comes from is not exported; how long it took, by two.
fn comparable(
    format: ExportFormat,
    (request, take): &Exchange,
) -> (Request, Outcome, Option<(std::time::SystemTime, Duration)>) {
    let elapsed = if format == ExportFormat::Vcr { Duration::ZERO } else { take.recorded.elapsed };
    (request.clone(), take.outcome.clone(), Some((take.recorded.at, elapsed)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn exported_tapes_are_imported_as_the_same_exchanges(sent in body(), answers in vec((0_u8..3, outcome()), 1..6)) {
        let exchanges: Vec<Exchange> = answers
            .into_iter()
            .enumerate()
            .map(|(i, (kind, outcome))| {
                let recorded = Recorded {
                    at: UNIX_EPOCH + Duration::from_secs(1_700_000_000 + i as u64),
                    elapsed: Duration::from_millis(i as u64 * 7),
                    frames: Vec::new(),
                    from: Origin::Live,
                    notes: Vec::new(),
                };
                (request(kind, &sent), Take { outcome, recorded })
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        tapes(&folder.path().join("tapes"), &exchanges);
        for format in [ExportFormat::Har, ExportFormat::Vcr, ExportFormat::Wiremock] {
            let exported = export(folder.path(), format).unwrap();
            let again = import(&folder.path().join(format.name()), &exported);
            let kept = |(_, take): &&Exchange| format != ExportFormat::Vcr || matches!(take.outcome, Outcome::Answer(_));
            let expected: Vec<_> = exchanges.iter().filter(kept).map(|exchange| comparable(format, exchange)).collect();
            let found: Vec<_> = again.iter().map(|exchange| comparable(format, exchange)).collect();
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert_eq!(&found.0.url, &expected.0.url);
                prop_assert!(found == expected, "{:?}: {:?}\nis not\n{:?}\nin\n{}", format, found, expected, String::from_utf8_lossy(&exported.files[0].1));
            }
        }
    }
}

#[test]
fn nothing_is_written_over_and_no_tapes_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(export(folder.path(), ExportFormat::Har), Err(FormatError::NoTapes { .. })));
    let recorded =
        Recorded { at: UNIX_EPOCH, elapsed: Duration::ZERO, frames: Vec::new(), from: Origin::Live, notes: Vec::new() };
    let fault = Fault { kind: FaultKind::Dns, message: "no such host".into() };
    tapes(&folder.path().join("tapes"), &[(request(0, b""), Take { outcome: Outcome::Fault(fault), recorded })]);
    let exported = export(folder.path(), ExportFormat::Har).unwrap();
    exported.write_to(folder.path()).unwrap();
    assert!(matches!(exported.write_to(folder.path()), Err(FormatError::Exists { .. })));
    let cassette = export(folder.path(), ExportFormat::Vcr).unwrap();
    assert_eq!((cassette.exchanges, cassette.left_out.len()), (0, 1));
}

#[test]
fn a_conversation_goes_into_an_archive_and_comes_out_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = |by, kind, data: &[u8]| Message { by, kind, data: data.to_vec().into() };
    let messages = vec![
        said(Side::Server, MessageKind::Text, b"welcome"),
        said(Side::Client, MessageKind::Text, "{\"a\": \"\u{e9}\"}".as_bytes()),
        said(Side::Client, MessageKind::Binary, &[0, 255, 254]),
    ];
    let answer = Answer {
        status: 101,
        reason: None,
        version: Version::Http11,
        url: None,
        headers: headers(&[("upgrade", "websocket".to_owned())]),
        body: Body::Absent,
        frames: Vec::new(),
        trailers: Headers::new(),
        transcript: Some(Box::new(Transcript { messages, close: None })),
        cut: None,
    };
    let recorded = Recorded {
        at: UNIX_EPOCH + Duration::from_secs(1_767_225_600),
        elapsed: Duration::from_millis(12),
        frames: [0, 7, 1500].map(Duration::from_millis).to_vec(),
        from: Origin::Live,
        notes: Vec::new(),
    };
    let exchange = (request(0, b""), Take { outcome: Outcome::Answer(answer), recorded });
    tapes(&folder.path().join("tapes"), std::slice::from_ref(&exchange));
    let exported = export(folder.path().join("tapes"), ExportFormat::Har).expect("as written");
    assert!(exported.left_out.is_empty(), "{:?}", exported.left_out);
    let again = import(&folder.path().join("out"), &exported);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].0, exchange.0);
    assert!(again[0].1.outcome == exchange.1.outcome && again[0].1.recorded.frames == exchange.1.recorded.frames);
}
