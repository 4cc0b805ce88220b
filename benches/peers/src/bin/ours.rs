//! Us: through tower and through reqwest's middleware, both from the same kind of folder.

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use recorder_benches::ours::{exchange, exchange_reqwest, recording, replaying};
use recorder_peers::{Ask, Error, Job, Peer, Task, run};
use tower::Layer;
use traffic_recorder::Tapes;

type Hyper = Client<HttpConnector, Full<Bytes>>;

struct Tower {
    tapes: Tapes,
    client: Hyper,
}

struct Reqwest {
    tapes: Tapes,
    client: reqwest_middleware::ClientWithMiddleware,
}

fn open(job: &Job) -> Result<Tapes, Error> {
    if job.task == Task::Record { recording(&job.folder) } else { replaying(&job.folder) }
}

impl Peer for Tower {
    async fn open(job: &Job) -> Result<Self, Error> {
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        Ok(Self { tapes: open(job)?, client })
    }

    async fn ask(&self, ask: &Ask) -> Result<(u16, Bytes), Error> {
        exchange(&mut self.tapes.layer().layer(self.client.clone()), ask).await
    }

    async fn close(self) -> Result<(), Error> {
        Ok(self.tapes.finish()?)
    }
}

impl Peer for Reqwest {
    async fn open(job: &Job) -> Result<Self, Error> {
        let tapes = open(job)?;
        let client = tapes.reqwest(reqwest::Client::new());
        Ok(Self { tapes, client })
    }

    async fn ask(&self, ask: &Ask) -> Result<(u16, Bytes), Error> {
        exchange_reqwest(&self.client, ask).await
    }

    async fn close(self) -> Result<(), Error> {
        drop(self.client);
        Ok(self.tapes.finish()?)
    }
}

fn main() -> Result<(), Error> {
    if std::env::args().next_back().as_deref() == Some("tower") { run::<Tower>() } else { run::<Reqwest>() }
}
