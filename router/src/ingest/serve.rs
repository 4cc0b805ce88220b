//! The server: connections within limits of number and time, and an end that loses none of them.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

/// The other end of a connection, in the extensions of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// How connections are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// The most connections at once; the next one waits until one of them ends.
    pub connections: usize,
    /// How long the head of a request may take, and how long a connection is kept that sends none.
    pub head_time: Duration,
    /// How long requests that are being worked on may take once the end has come.
    pub end_time: Duration,
}

impl Default for Serving {
    /// 8,192 connections; 75 seconds, more than load balancers keep theirs; 20 seconds to end.
    fn default() -> Self {
        Self { connections: 8192, head_time: Duration::from_secs(75), end_time: Duration::from_secs(20) }
    }
}

/// Serves HTTP/1.1 and HTTP/2 (with prior knowledge) until `end` comes: then no connection is taken any more, and what is being
/// worked on is answered.
pub async fn serve(listener: TcpListener, router: Router, serving: Serving, end: impl Future<Output = ()>) {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(serving.head_time);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(serving.head_time)
        .max_concurrent_streams(128)
        .max_header_list_size(16 * 1024);
    let server = Arc::new(server);
    let places = Arc::new(Semaphore::new(serving.connections));
    let graceful = GracefulShutdown::new();
    let mut end = std::pin::pin!(end);
    loop {
        let (stream, peer, place) = tokio::select! {
            next = next(&listener, &places) => next,
            () = &mut end => break,
        };
        // Answers are small, and somebody waits for each.
        let _ = stream.set_nodelay(true);
        let router = router.clone().map_request(move |mut request: http::Request<_>| {
            request.extensions_mut().insert(Peer(peer));
            request
        });
        let (server, watcher) = (server.clone(), graceful.watcher());
        tokio::spawn(async move {
            let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%peer, error, "a connection broke");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(serving.end_time, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections that did not end in time are broken off");
    }
}

async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            // The semaphore is never closed.
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) => {
                // Most often too many open files: that passes.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
