//! The stand-in on a port.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use crate::StandIn;

impl StandIn {
    /// Answers on a listener, HTTP/1.1 and HTTP/2 without TLS, until it is dropped. Connections go on by themselves.
    pub async fn serve(self, listener: TcpListener) {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                // No file handle is free, most likely: others will be closed.
                Err(_) => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            };
            // Small answers must not wait for the acknowledgement of the one before.
            let _ = stream.set_nodelay(true);
            let service = TowerToHyperService::new(self.clone());
            tokio::spawn(async move {
                // An error of the service breaks the connection, which is what a scenario wants.
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }
}
