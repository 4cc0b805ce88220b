//! Other people's cassettes, held against what an independent reader found in them. They lie beside the checkout, in `$SHARED/corpus`;
//! the repository is whole without.
#![cfg(feature = "formats")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use hmac_sha256::Hash;
use traffic_recorder::formats::{Exchange, Format, Source};
use traffic_recorder::tape::{Body, Outcome};

/// What is compared of an exchange; the corpus's README has the fields.
type Facts = (String, String, u64, String, u64, String);

fn corpus() -> Option<PathBuf> {
    let Some(shared) = std::env::var_os("SHARED") else {
        println!("skipped: SHARED does not name the folder with the corpus");
        return None;
    };
    Some(Path::new(&shared).join("corpus"))
}

fn digest(body: &Body) -> (u64, String) {
    let bytes = body.bytes().map(|bytes| bytes.to_vec()).unwrap_or_default();
    let hash = Hash::hash(&bytes);
    (bytes.len() as u64, hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

fn facts(exchange: &Exchange) -> Facts {
    let (request_length, request_hash) = digest(&exchange.request.body);
    let (status, (length, hash)) = match &exchange.take.outcome {
        Outcome::Answer(answer) => (answer.status.to_string(), digest(&answer.body)),
        Outcome::Fault(fault) => (format!("{:?}", fault.kind), (0, String::new())),
    };
    (exchange.request.method.clone(), status, request_length, request_hash, length, hash)
}

fn expected(line: &serde_json::Value) -> Facts {
    let text = |i: usize| line[i].as_str().map_or_else(|| line[i].to_string(), str::to_owned);
    let number = |i: usize| line[i].as_u64().unwrap_or_default();
    (text(0), text(5), number(3), text(4), number(7), text(8))
}

#[test]
fn every_cassette_of_the_corpus_is_read_or_refused_with_a_reason() {
    let Some(corpus) = corpus() else { return };
    let expectations: BTreeMap<String, Vec<serde_json::Value>> = fs::read_to_string(corpus.join("expected.jsonl"))
        .expect("the corpus has what is expected")
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            (
                line["path"].as_str().expect("a path").to_owned(),
                line["interactions"].as_array().expect("a list").clone(),
            )
        })
        .collect();
    let manifest = fs::read_to_string(corpus.join("manifest.csv")).expect("the corpus has a manifest");
    let (mut report, mut tally) = (String::new(), BTreeMap::<String, [usize; 5]>::new());
    for row in manifest.lines().skip(1) {
        let path = row.split(',').next().unwrap_or_default();
        let kind = path.split('/').next().unwrap_or_default().to_owned();
        let file = corpus.join("cassettes").join(path);
        let Ok(bytes) = fs::read(&file) else { continue };
        let source = Source { path: &file, bytes: &bytes, base: None };
        let counts = tally.entry(kind).or_default();
        counts[0] += 1;
        let format = match Format::detect(source) {
            Ok(format) => format,
            Err(error) => {
                counts[1] += 1;
                let _ = writeln!(
                    report,
                    "unknown  {path}: {}",
                    error.to_string().replace(&file.display().to_string(), "it")
                );
                continue;
            }
        };
        let found = match format.read(source) {
            Ok(found) => found,
            Err(error) => {
                counts[1] += 1;
                let _ = writeln!(
                    report,
                    "refused  {path}: {}",
                    error.to_string().replace(&file.display().to_string(), "it")
                );
                continue;
            }
        };
        for skipped in &found.skipped {
            counts[2] += 1;
            let _ = writeln!(report, "skipped  {path}: {}: {}", skipped.place, skipped.reason);
        }
        let Some(wanted) = expectations.get(path) else { continue };
        let wanted: Vec<Facts> = wanted.iter().map(expected).collect();
        let mut left: Vec<Facts> = found.exchanges.iter().map(facts).collect();
        for fact in &wanted {
            match left.iter().position(|found| found == fact) {
                Some(at) => {
                    left.remove(at);
                    counts[3] += 1;
                }
                None => {
                    counts[4] += 1;
                    let _ = writeln!(
                        report,
                        "differs  {path}\n    wanted {fact:?}\n    left   {:?}",
                        left.iter().find(|f| f.0 == fact.0)
                    );
                }
            }
        }
    }
    println!("{report}");
    println!("{:<24} {:>6} {:>8} {:>8} {:>8} {:>8}", "", "files", "refused", "skipped", "same", "differ");
    for (kind, [files, refused, skipped, same, differ]) in &tally {
        println!("{kind:<24} {files:>6} {refused:>8} {skipped:>8} {same:>8} {differ:>8}");
    }
    assert!(!tally.is_empty(), "the corpus is empty");
}
