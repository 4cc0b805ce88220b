//! Recording: what it adds to a request on loopback, and how saving grows with the number of exchanges.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use recorder_benches::origin::Loopback;
use recorder_benches::timing::{in_turn, show, table};
use recorder_benches::workload::{Ask, Workload};
use recorder_benches::{Error, ours};
use tokio::runtime::Runtime;
use tower::{Layer, Service};

const ROUNDS: usize = 21;
/// Requests in one round.
const REQUESTS: usize = 500;

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;

    println!("\n## Recording on loopback: time for a request, median of {ROUNDS} rounds of {REQUESTS}\n");
    let origin = Loopback::start()?;
    let mut rows = Vec::new();
    for workload in [Workload::Items, Workload::Tracks] {
        let asks = workload.asks(&origin.base(), REQUESTS, REQUESTS);
        rows.push(beside_unrecorded(&runtime, scratch.path(), workload, &asks)?);
    }
    print!("{}", table(&["", "recorded", "not recorded", "ratio"], &rows));
    drop(origin);

    println!("\n## Saving: time for all together, median of 5 rounds\n");
    let mut rows = Vec::new();
    for workload in [Workload::Items, Workload::Tracks] {
        let mut small = || saved(&runtime, scratch.path(), workload, 1_000);
        let mut large = || saved(&runtime, scratch.path(), workload, 10_000);
        let [small, large] = in_turn(5, 1, [&mut small, &mut large])?;
        let ratio = format!("{:.2}", large.ratio(&small));
        rows.push(vec![workload.name().to_owned(), show(small.median()), show(large.median()), ratio]);
    }
    print!("{}", table(&["", "1000 exchanges", "10000 exchanges", "ratio"], &rows));
    Ok(())
}

/// A row of the first table: the same requests with and without the recorder between client and service.
fn beside_unrecorded(
    runtime: &Runtime,
    scratch: &Path,
    workload: Workload,
    asks: &[Ask],
) -> Result<Vec<String>, Error> {
    // Two clients, since what the recorder hands on is a body of its own type: each keeps one connection.
    let (client, mut bare) = (client(), client());
    let mut recorded = || {
        let folder = tempfile::tempdir_in(scratch)?;
        let tapes = ours::recording(folder.path())?;
        let mut service = tapes.layer().layer(client.clone());
        let took = timed(runtime, workload, asks, &mut service)?;
        drop(service);
        // Saving is measured apart.
        tapes.finish()?;
        Ok(took)
    };
    let mut unrecorded = || timed(runtime, workload, asks, &mut bare);
    let [recorded, unrecorded] = in_turn(ROUNDS, asks.len(), [&mut recorded, &mut unrecorded])?;
    let ratio = format!("{:.2}", recorded.ratio(&unrecorded));
    Ok(vec![workload.name().to_owned(), show(recorded.median()), show(unrecorded.median()), ratio])
}

fn client<B>() -> Client<HttpConnector, B>
where
    B: http_body::Body + Send,
    B::Data: Send,
{
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

fn timed<S, B>(runtime: &Runtime, workload: Workload, asks: &[Ask], service: &mut S) -> Result<Duration, Error>
where
    S: Service<Request<Full<Bytes>>, Response = http::Response<B>>,
    S::Error: Into<Error>,
    B: http_body::Body,
    B::Error: Into<Error>,
{
    runtime.block_on(async {
        let start = Instant::now();
        for ask in asks {
            let (status, body) = ours::exchange(service, ask).await?;
            if !workload.fits(ask.number, status, &body) {
                return Err(format!("{}: a wrong answer", ask.url).into());
            }
        }
        Ok(start.elapsed())
    })
}

fn saved(runtime: &Runtime, scratch: &Path, workload: Workload, count: usize) -> Result<Duration, Error> {
    // Kept until the end: creating files just after as many were removed costs ext4 more with each.
    let folder = tempfile::tempdir_in(scratch)?.keep();
    runtime.block_on(ours::record(&folder, workload, count))
}
