//! How fast other tools' recordings are imported: `cargo run --release --features formats --example import_speed [FILE...]`.
//!
//! The yardsticks are in the same run, over the same files: the YAML parser alone, its events thrown away, and reading the files into
//! exchanges without writing a tape. Medians of several runs. Without files, cassettes as their tools write them are made up.

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_saphyr::granit_parser::Parser;
use traffic_recorder::formats::{Format, Import, Source};

const RUNS: usize = 5;

/// So many bytes of each kind.
const SIZE: usize = 12_000_000;

/// A kind of recording: what its files end with, and one of them.
type Kind = (&'static str, &'static str, fn(&mut Chance) -> String);

const KINDS: [Kind; 4] = [
    ("vcrpy, JSON of 1 to 20 KB", "yaml", |chance| vcrpy(chance, 24, 1_000..20_000)),
    ("vcrpy, JSON of 200 to 600 KB", "yaml", |chance| vcrpy(chance, 2, 200_000..600_000)),
    ("VCR, JSON of 3 KB", "yml", |chance| vcr(chance, 40, 2_000..4_000)),
    ("HAR, JSON of 1 to 20 KB", "har", |chance| har(chance, 24, 1_000..20_000)),
];

fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let folder = std::env::temp_dir().join(format!("import-speed-{}", std::process::id()));
    if given.is_empty() {
        for (name, extension, make) in KINDS {
            std::fs::create_dir_all(&folder)?;
            let (mut chance, mut files, mut size) = (Chance(7), Vec::new(), 0);
            while size < SIZE {
                let (file, text) = (folder.join(format!("cassette-{}.{extension}", files.len())), make(&mut chance));
                size += text.len();
                std::fs::write(&file, text)?;
                files.push(file);
            }
            measure(name, &files, &folder.join("tapes"))?;
            std::fs::remove_dir_all(&folder)?;
        }
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    measure("files given", &given, &folder.join("tapes"))?;
    Ok(std::fs::remove_dir_all(&folder)?)
}

fn measure(name: &str, files: &[PathBuf], target: &Path) -> Result<(), Box<dyn Error>> {
    let texts = files.iter().map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{name}: {} files, {:.1} MB", files.len(), bytes as f64 / 1e6);

    report("the YAML parser alone, one thread", bytes, || {
        for text in &texts {
            for event in Parser::new_from_str(text) {
                black_box(event.is_ok());
            }
        }
        Ok(String::new())
    })?;
    report("read into exchanges, one thread", bytes, || {
        for (file, text) in files.iter().zip(&texts) {
            let source = Source { path: Path::new(file), bytes: text.as_bytes(), base: None };
            black_box(Format::detect(source)?.read(source)?.exchanges.len());
        }
        Ok(String::new())
    })?;
    for as_is in [true, false] {
        let what = if as_is { "imported as is and replayed" } else { "imported, redacted and replayed" };
        report(what, bytes, || {
            if target.exists() {
                std::fs::remove_dir_all(target)?;
            }
            let start = Instant::now();
            let totals = Import::to(target).as_is(as_is).run(files)?.totals();
            let took = start.elapsed();
            Ok(format!(
                "{} exchanges, {} lost, {} files refused|{}",
                totals.exchanges,
                totals.lost,
                totals.refused,
                took.as_nanos()
            ))
        })?;
    }
    Ok(())
}

/// The median of the runs. What a run says after a bar is its own time: what came before it was cleared away.
fn report(
    name: &str,
    bytes: usize,
    mut work: impl FnMut() -> Result<String, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let (mut times, mut said) = (Vec::new(), String::new());
    for _ in 0..RUNS {
        let start = Instant::now();
        let text = work()?;
        let all = start.elapsed();
        let (words, own) = text.split_once('|').unwrap_or((&text, ""));
        times.push(own.parse().map_or(all, Duration::from_nanos));
        words.clone_into(&mut said);
    }
    times.sort_unstable();
    println!("  {name:<34} {:>8.1} MB/s   {said}", bytes as f64 / 1e6 / times[RUNS / 2].as_secs_f64());
    Ok(())
}

/// Numbers that are the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn within(&mut self, range: &std::ops::Range<usize>) -> usize {
        range.start + self.below(range.end - range.start)
    }

    fn word(&mut self) -> &'static str {
        const WORDS: [&str; 16] = [
            "lamp", "table", "north", "café", "river", "order", "Basic", "shade", "oak", "linen", "small", "warm",
            "desk", "wall", "brass", "glass",
        ];
        WORDS[self.below(WORDS.len())]
    }

    fn words(&mut self, count: usize) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
}

/// Items as a shop's API lists them, until there are `size` bytes.
fn json(chance: &mut Chance, size: usize) -> String {
    let mut text = String::from("{\"object\":\"list\",\"data\":[");
    while text.len() < size {
        let (number, count) = (chance.below(1_000_000), 4 + chance.below(16));
        let (name, about) = (chance.words(2), chance.words(count));
        write!(
            text,
            "{{\"id\":\"item-{number}\",\"name\":\"{name}\",\"about\":\"{about}\\nIt's \\\"new\\\".\",\"price\":{}.{:02},\"stock\":{},\
             \"active\":{},\"parent\":null,\"tags\":[\"{}\",\"{}\"],\"links\":{{\"self\":\"https://api.shop.test/v1/items/{number}?full=1\"}},\
             \"created_at\":\"2026-04-{:02}T10:{:02}:00Z\"}},",
            chance.below(400),
            chance.below(100),
            chance.below(9_000),
            number % 2 == 0,
            chance.word(),
            chance.word(),
            1 + chance.below(28),
            chance.below(60),
        )
        .expect("a string takes what is written");
    }
    text.pop();
    text.push_str("],\"has_more\":true}");
    text
}

/// As PyYAML writes a long text: in single quotes, folded before column 80.
fn folded(text: &str, indent: &str) -> String {
    let (mut out, mut column) = (String::from("'"), indent.len());
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        let word = word.replace('\'', "''");
        out.push_str(&word);
        column += word.len();
        if words.peek().is_some() {
            if column > 80 {
                write!(out, "\n{indent}").expect("a string takes what is written");
                column = indent.len();
            } else {
                out.push(' ');
                column += 1;
            }
        }
    }
    out.push('\'');
    out
}

/// A cassette of vcrpy, as pytest-recording keeps one for each test.
fn vcrpy(chance: &mut Chance, count: usize, sizes: std::ops::Range<usize>) -> String {
    let list = chance.below(1_000_000);
    let mut text = String::from("interactions:\n");
    for i in 0..count {
        let size = chance.within(&sizes);
        let body = json(chance, size);
        write!(
            text,
            "- request:\n    body: null\n    headers:\n      Accept:\n      - '*/*'\n      Accept-Encoding:\n      - gzip, deflate\n      \
             Authorization:\n      - Bearer test-{list}-not-a-secret\n      Connection:\n      - keep-alive\n      User-Agent:\n      - python-requests/2.32.3\n    \
             method: GET\n    uri: https://api.shop.test/v1/items?page={i}&list={list}\n  response:\n    body:\n      string: {}\n    headers:\n      \
             Cache-Control:\n      - max-age=0, private, must-revalidate\n      Connection:\n      - keep-alive\n      Content-Length:\n      - '{}'\n      \
             Content-Type:\n      - application/json; charset=utf-8\n      Date:\n      - Mon, 21 Apr 2025 23:13:40 GMT\n      Server:\n      - nginx\n      \
             Vary:\n      - Accept-Encoding\n      X-Request-Id:\n      - 2b2e0d0e-6f4b-4f0e-9d55-{:012x}\n    status:\n      code: 200\n      message: OK\n",
            folded(&body, "        "),
            body.len(),
            chance.below(1 << 40),
        )
        .expect("a string takes what is written");
    }
    text.push_str("version: 1\n");
    text
}

/// A cassette of VCR: a body in one long quoted text.
fn vcr(chance: &mut Chance, count: usize, sizes: std::ops::Range<usize>) -> String {
    let list = chance.below(1_000_000);
    let mut text = String::from("---\nhttp_interactions:\n");
    for i in 0..count {
        let size = chance.within(&sizes);
        let body = json(chance, size).replace('\'', "''");
        write!(
            text,
            "- request:\n    method: get\n    uri: https://api.shop.test/v1/items?page={i}&list={list}\n    body:\n      encoding: US-ASCII\n      \
             string: ''\n    headers:\n      Accept:\n      - application/json\n      User-Agent:\n      - Faraday v2.9.0\n  response:\n    status:\n      \
             code: 200\n      message: OK\n    headers:\n      Content-Type:\n      - application/json; charset=utf-8\n      Server:\n      - nginx\n      Date:\n      \
             - Mon, 21 Apr 2025 23:13:40 GMT\n      Cache-Control:\n      - max-age=0, private, must-revalidate\n    body:\n      encoding: UTF-8\n      \
             string: '{body}'\n  recorded_at: Mon, 21 Apr 2025 23:13:40 GMT\n",
        )
        .expect("a string takes what is written");
    }
    text.push_str("recorded_with: VCR 6.2.0\n");
    text
}

/// An archive of a browser.
fn har(chance: &mut Chance, count: usize, sizes: std::ops::Range<usize>) -> String {
    let list = chance.below(1_000_000);
    let mut entries = Vec::new();
    for i in 0..count {
        let size = chance.within(&sizes);
        let body = json(chance, size);
        let quoted = body.replace('\\', "\\\\").replace('"', "\\\"");
        entries.push(format!(
            "{{\"startedDateTime\":\"2026-04-21T10:00:00.000Z\",\"time\":12,\"request\":{{\"method\":\"GET\",\"url\":\"https://api.shop.test/v1/items?page={i}&list={list}\",\
             \"httpVersion\":\"HTTP/1.1\",\"cookies\":[],\"headers\":[{{\"name\":\"accept\",\"value\":\"*/*\"}}],\"queryString\":[],\"headersSize\":-1,\"bodySize\":0}},\
             \"response\":{{\"status\":200,\"statusText\":\"OK\",\"httpVersion\":\"HTTP/1.1\",\"cookies\":[],\"headers\":[{{\"name\":\"content-type\",\
             \"value\":\"application/json\"}},{{\"name\":\"server\",\"value\":\"nginx\"}}],\"content\":{{\"size\":{},\"mimeType\":\"application/json\",\"text\":\"{quoted}\"}},\
             \"redirectURL\":\"\",\"headersSize\":-1,\"bodySize\":-1}},\"cache\":{{}},\"timings\":{{\"send\":0,\"wait\":12,\"receive\":0}}}}",
            body.len(),
        ));
    }
    format!(
        "{{\"log\":{{\"version\":\"1.2\",\"creator\":{{\"name\":\"Firefox\",\"version\":\"140.0\"}},\"entries\":[{}]}}}}\n",
        entries.join(",")
    )
}
