//! What a client under test connects to: a door to httpbin that can be counted and shut.
//!
//! HTTP/1 goes through as it is, byte for byte. httpbin's server has no HTTP/2, so for a client that opens with its preface the
//! door translates: one request on each side, everything that belongs to the connection left out.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// The door. Shut when it is dropped: connections are refused then, and open ones broken.
pub(crate) struct Front {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    serving: AbortHandle,
}

impl Front {
    /// Opens one on a free port. Inside a tokio runtime.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let serving = tokio::spawn(async move {
            // Ends with this task, and everything in it.
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                open.spawn(serve(stream, server));
                while open.try_join_next().is_some() {}
            }
        });
        Self { address, connections, serving: serving.abort_handle() }
    }

    /// `http://127.0.0.1:<port>`.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many came through.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Shuts it, and waits until it is shut.
    pub(crate) async fn shut(self) {
        let address = self.address;
        drop(self);
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, server: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let mut preface = [0; 3];
    match stream.peek(&mut preface).await {
        Ok(n) if &preface[..n] == b"PRI" => {
            let service = service_fn(move |request| translate(request, server));
            let mut http2 = http2::Builder::new(TokioExecutor::new());
            // httpbin has a date of its own. What ends badly here is seen by the client.
            let _ = http2.auto_date_header(false).serve_connection(TokioIo::new(stream), service).await;
        }
        Ok(n) if n > 0 => {
            if let Ok(mut inner) = TcpStream::connect(server).await {
                let _ = inner.set_nodelay(true);
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut inner).await;
            }
        }
        _ => {}
    }
}

async fn translate(
    mut request: Request<Incoming>,
    server: SocketAddr,
) -> Result<Response<Incoming>, Box<dyn StdError + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(TcpStream::connect(server).await?)).await?;
    tokio::spawn(connection);
    let authority = request.uri().authority().map(|authority| HeaderValue::from_str(authority.as_str()));
    if let Some(authority) = authority {
        request.headers_mut().insert(HOST, authority?);
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    *request.uri_mut() = target.parse()?;
    *request.version_mut() = Version::HTTP_11;
    let mut response = sender.send_request(request).await?;
    for own in [CONNECTION, TRANSFER_ENCODING] {
        response.headers_mut().remove(own);
    }
    Ok(response)
}
