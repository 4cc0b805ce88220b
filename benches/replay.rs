//! Replaying what has been replayed before: w1, w2 and w3 through tower and through reqwest's middleware, beside the floor.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use recorder_benches::floor::Floor;
use recorder_benches::origin::Nowhere;
use recorder_benches::timing::{Times, in_turn, show, table};
use recorder_benches::workload::{self, Ask, BLOB, Workload};
use recorder_benches::{Error, ours};
use tokio::runtime::Runtime;
use tower::{Layer, ServiceExt};

const ROUNDS: usize = 11;
/// Requests in one round.
const REQUESTS: usize = 1_000;

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let stores = [(Workload::Items, 1_000), (Workload::Items, 100_000), (Workload::Tracks, 1_000), (Workload::Blob, 1)];
    for (workload, stored) in stores {
        let name = store(workload, stored);
        runtime.block_on(ours::record(&folder.path().join(name), workload, stored))?;
    }

    println!("\n## Replaying, warm: time for a request, median of {ROUNDS} rounds of {REQUESTS}\n");
    let mut rows = Vec::new();
    let mut small = Times::default();
    for (workload, stored) in &stores[..3] {
        let (us, floor) = through_tower(&runtime, folder.path(), *workload, *stored)?;
        rows.push(row(&format!("{} through tower, {stored} stored", workload.name()), &us, &floor));
        match (workload, stored) {
            (Workload::Items, 1_000) => small = us,
            (Workload::Items, _) => rows.push(row("w1, 100000 stored beside 1000 stored", &us, &small)),
            _ => {}
        }
    }
    for workload in [Workload::Items, Workload::Tracks] {
        let (us, floor) = through_reqwest(&runtime, folder.path(), workload, 1_000)?;
        rows.push(row(&format!("{} through reqwest, 1000 stored", workload.name()), &us, &floor));
    }
    print!("{}", table(&["", "us", "floor", "ratio"], &rows));
    println!(
        "\nfloor: the same requests built, hashed with xxh3, looked up, compared in full, the answer cloned and read"
    );

    println!("\n## w3: 10 MiB, median of {ROUNDS} rounds of 10\n");
    print!("{}", table(&["", "us", "memcpy", "ratio"], &large(&runtime, folder.path())?));
    Ok(())
}

fn store(workload: Workload, stored: usize) -> String {
    format!("{}-{stored}", workload.name())
}

fn row(name: &str, us: &Times, other: &Times) -> Vec<String> {
    vec![name.to_owned(), show(us.median()), show(other.median()), format!("{:.2}", us.ratio(other))]
}

fn through_tower(runtime: &Runtime, folder: &Path, workload: Workload, stored: usize) -> Result<(Times, Times), Error> {
    let tapes = ours::replaying(&folder.join(store(workload, stored)))?;
    let mut service = tapes.layer().layer(Nowhere);
    let floor = Floor::new(workload, ours::BASE, stored)?;
    let asks = workload.asks(ours::BASE, stored, REQUESTS);

    let mut ours = || {
        timed(runtime, &asks, async |ask| {
            let (status, body) = ours::exchange(&mut service, ask).await?;
            Ok(workload.fits(ask.number, status, &body))
        })
    };
    let mut theirs = || {
        timed(runtime, &asks, async |ask| {
            let (head, body) = ask.http()?.into_parts();
            let url = head.uri.to_string();
            let body = body.collect().await?.to_bytes();
            let answer = floor.answer(head.method.as_str(), &url, &head.headers, &body).ok_or("not on the floor")?;
            let status = answer.status().as_u16();
            Ok(workload.fits(ask.number, status, &answer.into_body().collect().await?.to_bytes()))
        })
    };
    let [us, floor] = in_turn(ROUNDS, asks.len(), [&mut ours, &mut theirs])?;
    drop(service);
    tapes.finish()?;
    Ok((us, floor))
}

fn through_reqwest(
    runtime: &Runtime,
    folder: &Path,
    workload: Workload,
    stored: usize,
) -> Result<(Times, Times), Error> {
    let tapes = ours::replaying(&folder.join(store(workload, stored)))?;
    let client = tapes.reqwest(reqwest_0_13::Client::new());
    let bare = reqwest_0_13::Client::new();
    let floor = Floor::new(workload, ours::BASE, stored)?;
    let asks = workload.asks(ours::BASE, stored, REQUESTS);

    let mut ours = || {
        timed(runtime, &asks, async |ask| {
            let (status, body) = ours::exchange_reqwest(&client, ask).await?;
            Ok(workload.fits(ask.number, status, &body))
        })
    };
    let mut theirs = || {
        timed(runtime, &asks, async |ask| {
            let mut request = bare.request(ask.method.parse()?, ask.url.as_str());
            for (name, value) in ask.headers {
                request = request.header(*name, *value);
            }
            let request = request.body(ask.body.clone().unwrap_or_default()).build()?;
            let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
            let answer = floor.answer(request.method().as_str(), request.url().as_str(), request.headers(), body);
            let answer = reqwest_0_13::Response::from(answer.ok_or("not on the floor")?.map(reqwest_0_13::Body::wrap));
            let status = answer.status().as_u16();
            Ok(workload.fits(ask.number, status, &answer.bytes().await?))
        })
    };
    let [us, floor] = in_turn(ROUNDS, asks.len(), [&mut ours, &mut theirs])?;
    drop(client);
    tapes.finish()?;
    Ok((us, floor))
}

/// Every request once, one after the other; any answer that is not right ends the benchmark.
fn timed(
    runtime: &Runtime,
    asks: &[Ask],
    mut exchange: impl AsyncFnMut(&Ask) -> Result<bool, Error>,
) -> Result<Duration, Error> {
    runtime.block_on(async {
        let start = Instant::now();
        for ask in asks {
            if !exchange(ask).await? {
                return Err(format!("{} {}: a wrong answer", ask.method, ask.url).into());
            }
        }
        Ok(start.elapsed())
    })
}

/// The large answer read frame by frame, and read into one piece, each beside copying it once.
fn large(runtime: &Runtime, folder: &Path) -> Result<Vec<Vec<String>>, Error> {
    let tapes = ours::replaying(&folder.join(store(Workload::Blob, 1)))?;
    let service = tapes.layer().layer(Nowhere);
    let ask = Workload::Blob.ask(ours::BASE, 0);
    let blob = workload::blob();

    let mut frames = || {
        repeated(runtime, async || {
            let mut body = service.clone().oneshot(ask.http()?).await?.into_body();
            let mut read = 0;
            while let Some(frame) = body.frame().await {
                read += black_box(frame?.into_data().unwrap_or_default()).len();
            }
            Ok(read)
        })
    };
    let mut whole = || {
        let mut service = service.clone();
        repeated(runtime, async || Ok(black_box(ours::exchange(&mut service, &ask).await?.1).len()))
    };
    let mut copy = || repeated(runtime, async || Ok(black_box(Bytes::copy_from_slice(black_box(&blob))).len()));
    let [frames, whole, copy] = in_turn(ROUNDS, 10, [&mut frames, &mut whole, &mut copy])?;
    drop(service);
    tapes.finish()?;
    Ok(vec![row("read frame by frame", &frames, &copy), row("read into one piece", &whole, &copy)])
}

fn repeated(runtime: &Runtime, mut read: impl AsyncFnMut() -> Result<usize, Error>) -> Result<Duration, Error> {
    runtime.block_on(async {
        let start = Instant::now();
        for _ in 0..10 {
            let length = read().await?;
            if length != BLOB {
                return Err(format!("{length} bytes came instead of {BLOB}").into());
            }
        }
        Ok(start.elapsed())
    })
}
