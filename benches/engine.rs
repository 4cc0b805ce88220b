//! The loopback engine while replaying, beside a plain hyper server that gives the same answers on loopback: the same client (hyper's, a
//! connection each), the same requests, in turn. Each server has one thread.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use recorder_benches::origin::Loopback;
use recorder_benches::timing::{Side, Times, in_turn, show, table};
use recorder_benches::workload::{Ask, Workload};
use recorder_benches::{Error, ours};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

const ROUNDS: usize = 15;
/// Requests in one round.
const REQUESTS: usize = 1_000;
/// Large answers in one round.
const BLOBS: usize = 10;

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    for (workload, stored) in [(Workload::Items, REQUESTS), (Workload::Blob, 1)] {
        runtime.block_on(ours::record(&folder.path().join(workload.name()), workload, stored))?;
    }
    println!("\n## The engine beside hyper to hyper on loopback, median of {ROUNDS} rounds\n");
    let mut rows = Vec::new();
    for (workload, count, connections) in
        [(Workload::Items, REQUESTS, 1), (Workload::Items, REQUESTS, 32), (Workload::Blob, BLOBS, 1)]
    {
        let name = format!("{}, {connections} at once", workload.name());
        let tapes = ours::replaying(&folder.path().join(workload.name()))?;
        let proxy = tapes.proxy();
        let reverse = tapes.proxy_builder().upstream(ours::BASE).start()?;
        let asks = workload.asks(ours::BASE, REQUESTS, count);
        let asks: Vec<Ask> = asks.iter().cycle().take(count).cloned().collect();
        let origin = Loopback::holding(&asks)?;
        let mut forward = Client::new(&runtime, proxy.address(), true, workload, &asks, connections)?;
        let mut reversed = Client::new(&runtime, reverse.address(), false, workload, &asks, connections)?;
        let mut bare = Client::new(&runtime, origin.address(), false, workload, &asks, connections)?;
        let (mut forward, mut reversed, mut bare) = (|| forward.round(), || reversed.round(), || bare.round());
        let sides: [Side<'_>; 3] = [&mut forward, &mut reversed, &mut bare];
        let [forward, reversed, bare] = in_turn(ROUNDS, count, sides)?;
        rows.push(row(&format!("{name}, forward proxy"), &forward, &bare));
        rows.push(row(&format!("{name}, in front of one service"), &reversed, &bare));
        drop((proxy, reverse));
        tapes.finish()?;
    }
    print!("{}", table(&["", "engine", "hyper", "time", "throughput"], &rows));
    Ok(())
}

fn row(name: &str, ours: &Times, theirs: &Times) -> Vec<String> {
    let ratio = ours.ratio(theirs);
    let (time, throughput) = (format!("{ratio:.2}x"), format!("{:.0}%", 100.0 / ratio));
    vec![name.to_owned(), show(ours.median()), show(theirs.median()), time, throughput]
}

/// Connections that are open already, and what goes over each.
struct Client<'a> {
    runtime: &'a Runtime,
    workload: Workload,
    lanes: Vec<(SendRequest<Full<Bytes>>, Vec<Ask>)>,
    absolute: bool,
}

impl<'a> Client<'a> {
    fn new(
        runtime: &'a Runtime,
        server: SocketAddr,
        absolute: bool,
        workload: Workload,
        asks: &[Ask],
        connections: usize,
    ) -> Result<Self, Error> {
        let lanes = runtime.block_on(async {
            let mut lanes = Vec::new();
            for lane in 0..connections {
                let stream = TcpStream::connect(server).await?;
                stream.set_nodelay(true)?;
                let (sender, connection) = handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                lanes.push((sender, asks.iter().skip(lane).step_by(connections).cloned().collect()));
            }
            Ok::<_, Error>(lanes)
        })?;
        Ok(Self { runtime, workload, lanes, absolute })
    }

    /// Every request once, each connection one after the other.
    fn round(&mut self) -> Result<Duration, Error> {
        let (workload, absolute) = (self.workload, self.absolute);
        self.runtime.block_on(async {
            let start = Instant::now();
            let mut running = Vec::new();
            for (mut sender, asks) in self.lanes.drain(..) {
                running.push(tokio::spawn(async move {
                    for ask in &asks {
                        exchange(&mut sender, ask, workload, absolute).await?;
                    }
                    Ok::<_, Error>((sender, asks))
                }));
            }
            for lane in running {
                self.lanes.push(lane.await??);
            }
            Ok(start.elapsed())
        })
    }
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    ask: &Ask,
    workload: Workload,
    absolute: bool,
) -> Result<(), Error> {
    let mut request: Request<_> = ask.http()?;
    let host = request.uri().authority().ok_or("no host")?.as_str().parse()?;
    request.headers_mut().insert(http::header::HOST, host);
    if !absolute {
        *request.uri_mut() = request.uri().path_and_query().ok_or("no path")?.as_str().parse()?;
    }
    sender.ready().await?;
    let answer = sender.send_request(request).await?;
    let (status, body) = (answer.status().as_u16(), answer.into_body().collect().await?.to_bytes());
    if workload.fits(ask.number, status, &body) {
        return Ok(());
    }
    Err(format!("{} {}: a wrong answer ({status}): {}", ask.method, ask.url, String::from_utf8_lossy(&body)).into())
}
