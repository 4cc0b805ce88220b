//! The floors: a map in memory, and hyper to hyper on loopback.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use recorder_benches::floor::Floor;
use recorder_benches::origin::Loopback;
use recorder_benches::ours::exchange;
use recorder_peers::{Ask, Error, Job, Peer, run};

/// Canonical bytes, xxh3, a map with full equality, a clone.
struct Map(Floor);

impl Peer for Map {
    async fn open(job: &Job) -> Result<Self, Error> {
        Ok(Self(Floor::new(job.workload, &job.base, job.stored)?))
    }

    async fn ask(&self, ask: &Ask) -> Result<(u16, Bytes), Error> {
        let (head, body) = ask.http()?.into_parts();
        let (url, body) = (head.uri.to_string(), body.collect().await?.to_bytes());
        let answer = self.0.answer(head.method.as_str(), &url, &head.headers, &body).ok_or("not on the floor")?;
        Ok((answer.status().as_u16(), answer.into_body().collect().await?.to_bytes()))
    }
}

/// Nothing is replayed: a service that computes its answers, in a thread of its own.
struct Hyper {
    client: Client<HttpConnector, Full<Bytes>>,
    origin: Loopback,
    recorded: usize,
}

impl Peer for Hyper {
    async fn open(job: &Job) -> Result<Self, Error> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, origin: Loopback::start()?, recorded: job.base.len() })
    }

    async fn ask(&self, ask: &Ask) -> Result<(u16, Bytes), Error> {
        let url = format!("{}{}", self.origin.base(), &ask.url[self.recorded..]);
        exchange(&mut self.client.clone(), &Ask { url, ..ask.clone() }).await
    }
}

fn main() -> Result<(), Error> {
    if std::env::args().next_back().as_deref() == Some("hyper") { run::<Hyper>() } else { run::<Map>() }
}
