//! Us: through tower and through reqwest's middleware, both from the same kind of folder.

use std::cell::RefCell;
use std::future::poll_fn;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use recorder_benches::ours::{exchange_reqwest, recording, replaying};
use recorder_peers::{Ask, Error, Job, Peer, Task, run};
use tower::{Layer, Service};
use traffic_recorder::Tapes;
use traffic_recorder::client::{SentBody, TapesService};

type Hyper = Client<HttpConnector, SentBody<Full<Bytes>>>;

struct Tower {
    tapes: Tapes,
    service: RefCell<TapesService<Hyper>>,
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
        let tapes = open(job)?;
        let service = tapes.layer().layer(Client::builder(TokioExecutor::new()).build(HttpConnector::new()));
        Ok(Self { tapes, service: RefCell::new(service) })
    }

    async fn ask(&self, ask: &Ask) -> Result<(u16, Bytes), Error> {
        // Borrowed for an instant each time: many requests are under way at once.
        poll_fn(|cx| self.service.borrow_mut().poll_ready(cx)).await?;
        let response = self.service.borrow_mut().call(ask.http()?);
        let response = response.await?;
        Ok((response.status().as_u16(), response.into_body().collect().await?.to_bytes()))
    }

    async fn close(self) -> Result<(), Error> {
        drop(self.service);
        self.tapes.finish()?;
        Ok(())
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
        self.tapes.finish()?;
        Ok(())
    }
}

fn main() -> Result<(), Error> {
    if std::env::args().next_back().as_deref() == Some("tower") { run::<Tower>() } else { run::<Reqwest>() }
}
