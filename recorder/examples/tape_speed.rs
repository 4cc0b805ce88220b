//! How long a tape takes to read and to write: `cargo run --release --example tape_speed`.
//!
//! The yardstick is serde-saphyr reading the same text into plain structs, without making a body of it again.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde::Deserialize;
use traffic_recorder::tape::{
    Answer, Body, Headers, Key, Layer, Origin, Outcome, Recorded, Request, Take, Tape, Version,
};

/// The same file as plain data.
#[derive(Deserialize)]
struct Plain {
    tape: u32,
    key: String,
    request: PlainRequest,
    takes: Vec<PlainTake>,
}

#[derive(Deserialize)]
struct PlainRequest {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct PlainTake {
    status: u16,
    headers: BTreeMap<String, String>,
    body: PlainBody,
    recorded: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct PlainBody {
    json: PlainList,
}

#[derive(Deserialize)]
struct PlainList {
    data: Vec<PlainItem>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct PlainItem {
    id: u64,
    name: String,
    price: f64,
    tags: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let one = tape(1, 12);
    let text = one.render()?.yaml;
    println!("a tape of {} bytes, its body {} bytes", text.len(), body(12).len());
    let plain = time(|| {
        let plain: Plain = serde_saphyr::from_str(black_box(&text)).expect("the same fields");
        let item = &plain.takes[0].body.json.data[0];
        let counts = (plain.tape, plain.key.len(), plain.request.method.len() + plain.request.url.len());
        let more = (plain.request.headers.len(), plain.takes[0].status, plain.takes[0].headers.len());
        let most = (plain.takes[0].recorded.len(), plain.takes[0].body.json.next.is_none(), item.id);
        black_box((counts, more, most, item.name.len(), item.price, item.tags.len()));
    });
    let read = time(|| drop(black_box(Tape::parse(black_box(&text), Path::new("t.yaml")))));
    let written = time(|| drop(black_box(one.render())));
    println!("serde-saphyr into plain structs {plain:?}");
    println!("Tape::parse {read:?}, {:.2} of that", read.as_secs_f64() / plain.as_secs_f64());
    println!("Tape::render with its proof {written:?}");
    for takes in [100, 1000, 10_000] {
        let many = tape(takes, 12);
        let start = Instant::now();
        let rendered = many.render()?;
        let (bytes, elapsed) = (rendered.yaml.len(), start.elapsed());
        println!("{takes} takes, {bytes} bytes: rendered in {elapsed:?}, {:?} each", elapsed / takes);
    }
    Ok(())
}

/// The shortest of many runs.
fn time(mut run: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..2000 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed());
    }
    best
}

fn body(items: u32) -> String {
    let item =
        |i| format!(r#"{{"id":{i},"name":"A thing number {i}","price":{i}.50,"tags":["blue","small","fragile"]}}"#);
    let items: Vec<_> = (1..=items).map(item).collect();
    format!(r#"{{"data":[{}],"next":null}}"#, items.join(","))
}

fn tape(takes: u32, items: u32) -> Tape {
    let headers = |fields: &[(&str, &str)]| -> Headers {
        fields.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect()
    };
    let answer = Answer {
        status: 200,
        reason: None,
        version: Version::Http11,
        url: None,
        headers: headers(&[
            ("content-type", "application/json"),
            ("content-length", "1012"),
            ("date", "Sat, 21 Nov 2026 10:00:00 GMT"),
            ("x-request-id", "5f0c2b1e-0000-4000-8000-000000000000"),
        ]),
        body: Body::Bytes(body(items).into()),
        frames: Vec::new(),
        trailers: Headers::new(),
        transcript: None,
        cut: None,
    };
    let recorded = Recorded {
        at: UNIX_EPOCH + Duration::from_secs(1_795_255_200),
        elapsed: Duration::from_millis(182),
        frames: Vec::new(),
        from: Origin::Live,
        notes: Vec::new(),
    };
    Tape {
        key: Key([0x9c; 32]),
        layer: Layer::Wire,
        rules: Vec::new(),
        request: Request {
            method: "GET".to_owned(),
            url: "https://api.example.test/things?page=1".to_owned(),
            version: Version::Http11,
            headers: headers(&[("accept", "application/json"), ("authorization", "Bearer {{secret:example}}")]),
            body: Body::Absent,
            trailers: Headers::new(),
        },
        takes: vec![Take { outcome: Outcome::Answer(answer), recorded }; takes as usize],
    }
}
