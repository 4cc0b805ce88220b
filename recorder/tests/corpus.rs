//! Other people's cassettes, held against what an independent reader found in them. They lie beside the checkout, in `$SHARED/corpus`;
//! the repository is whole without.
#![cfg(feature = "formats")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use hmac_sha256::Hash;
use serde_json::Value;
use traffic_recorder::formats::{
    Exchange, FileReport, FileState, Format, FormatError, Import, ImportReport, Skipped, Source,
};
use traffic_recorder::tape::{Body, Headers, Outcome};

/// What of each kind has to agree, byte for byte or, where the cassette has a body as data, as JSON: so many exchanges at least.
const AGREE: [(&str, usize); 28] = [
    ("azure-testproxy-json", 44),
    ("betamax-json", 22),
    ("easyvcr-json", 343),
    ("exvcr-json", 13),
    ("go-replayers-json", 225),
    ("go-vcr-yaml", 294),
    ("google-testserver-json", 3),
    ("har", 57),
    ("hoverfly-json", 6),
    ("keploy-yaml", 57),
    ("mitmproxy-flow", 19),
    ("nock-json", 11),
    ("node-replay-txt", 7),
    ("okreplay-yaml", 16),
    ("php-vcr-yaml", 8),
    ("polly-har", 301),
    ("polly-har-yaml", 95),
    ("proxay-yaml", 8),
    ("r-vcr-yaml", 149),
    ("ruby-vcr-json", 56),
    ("ruby-vcr-yaml", 306),
    ("rvcr-json", 13),
    ("smithy-dvr-json", 11),
    ("talkback-json5", 8),
    ("vcrpy-json", 1),
    ("vcrpy-yaml", 317),
    ("wiremock-json", 141),
    ("yakbak-js", 2),
];

/// The rows of the table in docs/formats.md, and the kinds of files that each is about.
const ROWS: [(&str, &[&str]); 25] = [
    ("VCR (Ruby)", &["ruby-vcr-yaml", "ruby-vcr-json"]),
    ("vcrpy, pytest-recording", &["vcrpy-yaml", "vcrpy-json"]),
    ("go-vcr 1 to 4", &["go-vcr-yaml"]),
    ("EasyVCR", &["easyvcr-json"]),
    ("vcr for R", &["r-vcr-yaml"]),
    ("betamax", &["betamax-json"]),
    ("OkReplay", &["okreplay-yaml"]),
    ("ExVCR", &["exvcr-json"]),
    ("rVCR, reqwest-vcr", &["rvcr-json"]),
    ("PHP-VCR", &["php-vcr-yaml"]),
    ("Proxay", &["proxay-yaml"]),
    ("Polly.JS", &["polly-har", "polly-har-yaml"]),
    ("browsers, proxies, Playwright", &["har"]),
    ("httpreplay (Go)", &["go-replayers-json"]),
    ("WireMock", &["wiremock-json"]),
    ("keploy", &["keploy-yaml"]),
    ("Azure's test-proxy", &["azure-testproxy-json"]),
    ("mitmproxy", &["mitmproxy-flow"]),
    ("nock", &["nock-json"]),
    ("AWS SDK for Rust", &["smithy-dvr-json"]),
    ("talkback", &["talkback-json5"]),
    ("node-replay", &["node-replay-txt"]),
    ("Hoverfly 1 to 5", &["hoverfly-json"]),
    ("test-server (Google)", &["google-testserver-json"]),
    ("yakbak", &["yakbak-js"]),
];

/// Where the other reader is not to be followed: the end of a path, what differs, why.
const ACCEPTED: [(&str, &str, &str); 11] = [
    ("exact_match.1.json", "the request's body", "it takes a matcher of the body for the body"),
    ("json_payload.1.json", "the request's body", "it takes a matcher of the body for the body"),
    (
        "keploy/port-config-test/tests/test-7.yaml",
        "the body",
        "it keeps a list of events as JSON; on the wire they were an event stream",
    ),
    ("exact_estimate", "the method", "it takes the path for the method: the fixture names none, which means GET"),
    ("example.com-3002/post_body", "the request's body", "it leaves the field `body` out"),
    ("example.com-3002/post_body_multi", "the request's body", "it leaves the field `body` out"),
    ("_upload_license/upload_a_new_license.json", "the request's body", "a placeholder stands in the middle of base64"),
    ("finch_generic_string_error.json", "the answer", "the text of an error is no body"),
    ("migration/old_cassette.json", "the headers", "it does not read header lines with their line breaks"),
    ("migration/old_cassette.yaml", "the request's headers", "it takes the list inside a set for one pair"),
    ("example_httpc_request_1.json", "the status", "it keeps the status line as a list"),
];

/// What cannot be on a tape, in words of the reason.
const SKIPPED: [&str; 10] = [
    "a tape answers one",
    "it has neither an answer nor an error",
    "there is a request in it and no answer",
    "and only HTTP can be a tape",
    "there is no method in it",
    "stands for many URLs",
    "it hands the request on to another server",
    "the file is broken",
    "the answer was not recorded",
    "is no status of HTTP",
];

/// What is no recording, and what it is said to be.
const NO_RECORDINGS: [&str; 8] = [
    "it is the body of an answer that a mapping of WireMock refers to",
    "nothing was recorded in it",
    "it holds gRPC calls",
    "it is empty",
    "it is a zip archive",
    "it is what mitmproxy's web view gets, without the bodies",
    "it is a stub of WireMock for the messages of a WebSocket",
    "it is data without any sign of a request and its answer",
];

/// Files that are broken on purpose.
const BROKEN: [&str; 1] = ["corrupted_har/brokenfile.har"];

#[derive(Default)]
struct Tally {
    files: usize,
    none: usize,
    agree: usize,
    accepted: usize,
    skipped: usize,
    unexplained: usize,
}

#[test]
fn every_cassette_of_the_corpus_is_read_as_another_reader_reads_it_or_refused_with_a_reason_that_is_right() {
    let Some(shared) = std::env::var_os("SHARED") else {
        println!("skipped: SHARED does not name the folder with the corpus");
        return;
    };
    let corpus = Path::new(&shared).join("corpus");
    let expectations = expectations(&corpus);
    let manifest = fs::read_to_string(corpus.join("manifest.csv")).expect("the corpus has a manifest");
    let (mut report, mut tallies) = (String::new(), BTreeMap::<String, Tally>::new());
    for row in manifest.lines().skip(1) {
        let path = row.split(',').next().unwrap_or_default();
        let file = corpus.join("cassettes").join(path);
        let Ok(bytes) = fs::read(&file) else { continue };
        let kind = path.split('/').next().unwrap_or_default().to_owned();
        let tally = tallies.entry(kind).or_default();
        tally.files += 1;
        let source = Source { path: &file, bytes: &bytes, base: None };
        match Format::detect(source).and_then(|format| format.read(source)) {
            Ok(found) => {
                for skipped in &found.skipped {
                    if !SKIPPED.iter().any(|known| skipped.reason.contains(known)) {
                        tally.unexplained += 1;
                        let _ = writeln!(report, "{path}: {}: {}", skipped.place, skipped.reason);
                    }
                }
                let expected = expectations.get(path).map_or(&[][..], Vec::as_slice);
                hold(path, expected, found.exchanges, &found.skipped, tally, &mut report);
            }
            Err(FormatError::NotARecording { what, .. }) if NO_RECORDINGS.iter().any(|known| what.contains(known)) => {
                tally.none += 1;
            }
            Err(_) if BROKEN.iter().any(|broken| path.ends_with(broken)) => tally.none += 1,
            Err(error) => {
                tally.unexplained += 1;
                let _ = writeln!(report, "{path}: {}", error.to_string().replace(&file.display().to_string(), "it"));
            }
        }
    }
    println!("{report}");
    println!(
        "{:<24} {:>6} {:>6} {:>6} {:>8} {:>8} {:>11}",
        "", "files", "none", "agree", "accepted", "skipped", "unexplained"
    );
    for (kind, t) in &tallies {
        println!(
            "{kind:<24} {:>6} {:>6} {:>6} {:>8} {:>8} {:>11}",
            t.files, t.none, t.agree, t.accepted, t.skipped, t.unexplained
        );
    }
    for (kind, least) in AGREE {
        let agree = tallies.get(kind).map_or(0, |tally| tally.agree);
        assert!(agree >= least, "{kind}: {agree} exchanges agree, and it were {least}\n{report}");
    }
    let table =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/formats.md")).expect("the table");
    for (name, kinds) in ROWS {
        let of = |kind: &&str| tallies.get(*kind).map_or((0, 0), |tally| (tally.files, tally.agree));
        let (files, agree) = kinds.iter().map(of).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        let row = table.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap_or_default();
        assert!(
            row.contains(&format!("| {files} | {agree} |")),
            "docs/formats.md should say {files} and {agree}: {row}"
        );
    }
    let unexplained: usize = tallies.values().map(|tally| tally.unexplained).sum();
    assert_eq!(unexplained, 0, "{report}");
}

/// The whole way: tapes are written, and each exchange is asked of them.
#[test]
fn every_exchange_of_the_corpus_comes_back_from_its_new_tape() {
    let Some(shared) = std::env::var_os("SHARED") else {
        println!("skipped: SHARED does not name the folder with the corpus");
        return;
    };
    let cassettes = Path::new(&shared).join("corpus/cassettes");
    let folder = tempfile::tempdir().expect("a folder");
    for as_is in [true, false] {
        let import = Import::to(folder.path().join(as_is.to_string())).as_is(as_is);
        let report = import.run([&cassettes]).expect("the corpus is there");
        if let Some(file) = std::env::var_os("REPORT") {
            fs::write(Path::new(&file).with_extension(as_is.to_string()), report.to_string())
                .expect("the report is written");
        }
        let totals = report.totals();
        println!(
            "as is: {as_is}\n{}",
            report
                .to_string()
                .lines()
                .rev()
                .take(18)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
                .join("\n")
        );
        // A value that only the answer shows to be a cookie stands in the URL of its own request: nobody can know that it is to be
        // hidden when it is sent again.
        let known = |file: &&FileReport| file.path.ends_with("test-multiple-cookies-regression.json");
        let lost: usize = report.files.iter().filter(|file| as_is || !known(file)).map(|file| file.lost.len()).sum();
        assert_eq!(lost, 0, "{report}");
        assert_eq!(totals.exchanges, totals.exact + totals.changed + totals.lost + refused(&report), "{report}");
        assert!(totals.exchanges > 2_000, "{report}");
        for file in &report.files {
            if let FileState::Refused(reason) = &file.state {
                let secret = !as_is && (reason.contains("allow") || reason.contains("secret"));
                assert!(
                    secret || BROKEN.iter().any(|broken| file.path.ends_with(broken)),
                    "{}: {reason}",
                    file.path.display()
                );
            }
        }
    }
}

/// Exchanges in files of which nothing came over.
fn refused(report: &ImportReport) -> usize {
    let refused = report.files.iter().filter(|file| matches!(file.state, FileState::Refused(_)));
    refused.map(|file| file.exchanges).sum()
}

fn expectations(corpus: &Path) -> BTreeMap<String, Vec<Value>> {
    let lines = fs::read_to_string(corpus.join("expected.jsonl")).expect("the corpus has what is expected");
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        (line["path"].as_str().expect("a path").to_owned(), line["interactions"].as_array().expect("a list").clone())
    };
    lines.lines().map(line).collect()
}

/// Each expected exchange is found, or skipped at its place, or an exception.
fn hold(
    path: &str,
    expected: &[Value],
    mut left: Vec<Exchange>,
    skipped: &[Skipped],
    tally: &mut Tally,
    report: &mut String,
) {
    for (i, wanted) in expected.iter().enumerate() {
        if let Some(at) = left.iter().position(|exchange| difference(wanted, exchange).is_none()) {
            left.remove(at);
            tally.agree += 1;
            continue;
        }
        let numbered = |skipped: &Skipped| skipped.place.rsplit(' ').next() == Some(&(i + 1).to_string());
        if skipped.iter().any(|skipped| numbered(skipped) || expected.len() == 1) {
            tally.skipped += 1;
            continue;
        }
        let nearest = left.iter().position(|exchange| same_url(wanted, exchange)).unwrap_or(0);
        let what = left.get(nearest).map_or("all of it", |exchange| difference(wanted, exchange).unwrap_or_default());
        if ACCEPTED.iter().any(|(end, differs, _)| path.ends_with(end) && *differs == what) {
            left.remove(nearest);
            tally.accepted += 1;
            continue;
        }
        tally.unexplained += 1;
        let _ = writeln!(report, "{path}: exchange {}: {what} differs from {wanted}", i + 1);
    }
}

/// The first thing in which they differ. The corpus's README has the fields.
fn difference(wanted: &Value, found: &Exchange) -> Option<&'static str> {
    let text = |i: usize| wanted[i].as_str().map_or_else(|| wanted[i].to_string(), str::to_owned);
    if text(0).to_ascii_uppercase() != found.request.method {
        return Some("the method");
    }
    if !same_url(wanted, found) {
        return Some("the URL");
    }
    if !same_body(wanted, 3, &found.request.body) {
        return Some("the request's body");
    }
    let answer = match &found.take.outcome {
        Outcome::Answer(answer) => answer,
        // No status, and no body: the other reader has no word for a failure.
        Outcome::Fault(_) if matches!(text(5).as_str(), "0" | "" | "null") && wanted[7] == 0 => return None,
        Outcome::Fault(_) => return Some("the answer"),
    };
    if text(5) != answer.status.to_string() {
        return Some("the status");
    }
    if !same_body(wanted, 7, &answer.body) {
        return Some("the body");
    }
    let gone = found.changes.iter().filter(|change| change.contains("is left out")).count();
    if !same_count(wanted, 2, &found.request.headers, gone) {
        return Some("the request's headers");
    }
    (!same_count(wanted, 6, &answer.headers, gone)).then_some("the headers")
}

/// What the file says, and what was made of it: a host stands before a path, a fragment is no part of a request.
fn same_url(wanted: &Value, found: &Exchange) -> bool {
    let wanted = wanted[1].as_str().unwrap_or_default().trim();
    let wanted = wanted.split('#').next().unwrap_or_default();
    let found = found.request.url.as_str();
    let plain = |url: &str| url.replace(":443/", "/").replace(":80/", "/").trim_end_matches('/').to_owned();
    let tail = wanted.rsplit(['>', '}']).next().unwrap_or_default();
    plain(wanted) == plain(found)
        || (!wanted.contains("://") && found.ends_with(tail))
        // Matchers of the query, as the other reader found them.
        // It reads no `deprecatedQuery`.
        || (wanted.ends_with("?None") && plain(found).starts_with(&plain(&wanted[..wanted.len() - 5])))
        || (wanted.contains("?{") && found.starts_with(wanted.split("?{").next().unwrap_or_default()))
}

/// Lengths and hashes, on the bytes or on JSON as Python writes it.
fn same_body(wanted: &Value, at: usize, found: &Body) -> bool {
    let bytes = found.bytes().map(|bytes| bytes.to_vec()).unwrap_or_default();
    let same = |bytes: &[u8]| {
        let hash: String = Hash::hash(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        wanted[at] == bytes.len() && wanted[at + 1] == hash.as_str()
    };
    if same(&bytes) {
        return true;
    }
    let Ok(text) = std::str::from_utf8(&bytes) else { return false };
    [false, true].into_iter().any(|ascii| python(text, ascii).is_some_and(|json| same(json.as_bytes())))
}

/// A document as Python's `json.dumps` writes it. Numbers stay as they are spelt.
fn python(text: &str, ascii: bool) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let (mut out, mut rest) = (String::new(), text.trim());
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let string = strings.next()?.ok()?;
            rest = &rest[strings.byte_offset()..];
            let written = serde_json::to_string(&string).ok()?;
            for c in written.chars() {
                match c {
                    c if ascii && !c.is_ascii() => {
                        for unit in c.encode_utf16(&mut [0; 2]) {
                            let _ = write!(out, "\\u{unit:04x}");
                        }
                    }
                    c => out.push(c),
                }
            }
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            ',' => out.push_str(", "),
            ':' => out.push_str(": "),
            c if c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    Some(out)
}

/// The other reader counts names or fields; some of what it counts (HTTP/2's pseudo headers) is `gone` with us.
fn same_count(wanted: &Value, at: usize, found: &Headers, gone: usize) -> bool {
    let wanted = wanted[at].as_u64().unwrap_or_default() as usize;
    let mut names: Vec<String> = found.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    // Java's status line stands under the name `null`.
    (0..=gone + 1).any(|gone| wanted == found.len() + gone || wanted == names.len() + gone)
}
