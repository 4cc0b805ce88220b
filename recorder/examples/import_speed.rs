//! How fast other tools' recordings are read: `cargo run --release --features formats --example import_speed [FILE...]`.
//!
//! The yardstick is in the same run: the YAML parser alone over the same text, its events thrown away, and serde-saphyr reading it
//! into plain structs. Without files, cassettes as VCR writes them are made up.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_saphyr::granit_parser::Parser;
use traffic_recorder::formats::{Format, Import, Source};

#[derive(Deserialize)]
struct Cassette {
    http_interactions: Vec<Interaction>,
}

#[derive(Deserialize)]
struct Interaction {
    request: Message,
    response: Message,
}

#[derive(Deserialize)]
struct Message {
    headers: BTreeMap<String, Vec<String>>,
    body: Body,
}

#[derive(Deserialize)]
struct Body {
    string: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let folder = std::env::temp_dir().join(format!("import-speed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let files = if given.is_empty() {
        let mut files = Vec::new();
        for i in 0..20 {
            let file = folder.join(format!("cassette-{i}.yml"));
            std::fs::write(&file, cassette(i))?;
            files.push(file);
        }
        files
    } else {
        given
    };
    let texts = files.iter().map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{} files, {:.1} MB", files.len(), bytes as f64 / 1e6);

    let parse = report("granit, events only", bytes, || {
        for text in &texts {
            for event in Parser::new_from_str(text) {
                black_box(event.is_ok());
            }
        }
    });
    if texts.iter().all(|text| serde_saphyr::from_str::<Cassette>(text).is_ok()) {
        report("serde-saphyr into structs", bytes, || {
            for text in &texts {
                let cassette = serde_saphyr::from_str::<Cassette>(text).ok();
                let sizes = cassette.iter().flat_map(|cassette| &cassette.http_interactions).map(|interaction| {
                    let (request, response) = (&interaction.request, &interaction.response);
                    request.body.string.len()
                        + response.body.string.len()
                        + request.headers.len()
                        + response.headers.len()
                });
                black_box(sizes.sum::<usize>());
            }
        });
    }
    let read = report("read into exchanges", bytes, || {
        for (file, text) in files.iter().zip(&texts) {
            let source = Source { path: Path::new(file), bytes: text.as_bytes(), base: None };
            black_box(
                Format::detect(source).and_then(|format| format.read(source)).map(|found| found.exchanges.len()).ok(),
            );
        }
    });
    println!("reading takes {:.2} times what the parser alone takes", read.as_secs_f64() / parse.as_secs_f64());

    for as_is in [true, false] {
        let target = folder.join("tapes");
        let start = Instant::now();
        let report = Import::to(&target).as_is(as_is).run(&files)?;
        let elapsed = start.elapsed();
        let totals = report.totals();
        println!(
            "{:<34} {:>8.1} MB/s   {} exchanges, {} lost, {} files refused",
            if as_is { "imported as is, written, replayed" } else { "imported, written, replayed" },
            bytes as f64 / 1e6 / elapsed.as_secs_f64(),
            totals.exchanges,
            totals.lost,
            totals.refused
        );
        std::fs::remove_dir_all(&target)?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// The fastest of several runs: what disturbs only slows down.
fn report(name: &str, bytes: usize, mut work: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..7 {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed());
    }
    println!("{name:<34} {:>8.1} MB/s", bytes as f64 / 1e6 / best.as_secs_f64());
    best
}

/// Answers of a few kilobytes of JSON, as a cassette has them: in one long quoted text.
fn cassette(number: usize) -> String {
    let mut text = String::from("---\nhttp_interactions:\n");
    for i in 0..40 {
        let items: Vec<String> = (0..30)
            .map(|item| format!("{{\"id\": {item}, \"name\": \"Lamp no. {item} of {i}\", \"price\": 19.99, \"tags\": [\"new\", \"sale\"]}}"))
            .collect();
        text.push_str(&format!(
            "- request:\n    method: get\n    uri: https://api.shop.test/v1/items?page={i}&list={number}\n    body:\n      encoding: US-ASCII\n      string: ''\n    headers:\n      Accept:\n      - application/json\n      User-Agent:\n      - Faraday v2.9.0\n  response:\n    status:\n      code: 200\n      message: OK\n    headers:\n      Content-Type:\n      - application/json; charset=utf-8\n      Server:\n      - nginx\n      Date:\n      - Mon, 21 Apr 2025 23:13:40 GMT\n      Cache-Control:\n      - max-age=0, private, must-revalidate\n    body:\n      encoding: UTF-8\n      string: '[{}]'\n  recorded_at: Mon, 21 Apr 2025 23:13:40 GMT\n",
            items.join(",")
        ));
    }
    text.push_str("recorded_with: VCR 6.2.0\n");
    text
}
