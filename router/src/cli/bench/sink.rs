//! A partner that counts what it gets.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use tokio::net::TcpListener;

use crate::ingest::{self, Serving};

/// The partner.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) port: u16,
    counted: Arc<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    events: AtomicU64,
    requests: AtomicU64,
}

impl Sink {
    pub(super) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let counted = Arc::new(Counted::default());
        let router = Router::new().route("/import", post(take)).with_state(counted.clone());
        // No limit of axum's own: batches have two megabytes.
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(ingest::serve(listener, router, Serving::default(), std::future::pending()));
        Ok(Self { port, counted })
    }

    pub(super) fn events(&self) -> u64 {
        self.counted.events.load(Ordering::Relaxed)
    }

    pub(super) fn requests(&self) -> u64 {
        self.counted.requests.load(Ordering::Relaxed)
    }
}

async fn take(State(counted): State<Arc<Counted>>, body: Bytes) -> &'static str {
    let events = memchr::memmem::find_iter(&body, b"\"insert_id\"").count();
    counted.events.fetch_add(events as u64, Ordering::Relaxed);
    counted.requests.fetch_add(1, Ordering::Relaxed);
    "{}"
}
