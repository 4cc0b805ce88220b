//! One connection of a client: HTTP/1.1 or HTTP/2, whichever it opens with, and tunnels inside it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::AsyncReadExt as _;
use tokio_rustls::TlsAcceptor;

use super::answer::{Body, Ended, refusal};
use super::engine::Shared;
use super::request::{self, Via};
use super::route::named_as_user;
use super::wire::{Line, Stream, Tunnel, Wire};

/// The most that the head of an HTTP/1.1 request may have, in bytes; of HTTP/2, hyper's own limit (16 KiB) holds.
const LARGEST_HEAD: usize = 256 * 1024;

/// Serves a connection to its end.
pub(super) async fn serve<S: Stream>(stream: S, shared: Arc<Shared>, via: Via, line: Arc<Line>) {
    let mut server = auto::Builder::new(TokioExecutor::new());
    // What the tape has is what the client gets: nothing is added. A client that takes its time over a head is not waited for.
    server.http1().auto_date_header(false).timer(TokioTimer::new()).max_buf_size(LARGEST_HEAD);
    server.http1().header_read_timeout(shared.head_limit);
    server.http2().auto_date_header(false).timer(TokioTimer::new());
    let wire = TokioIo::new(Wire::new(stream, &line));
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, via, line) = (Arc::clone(&shared), via.clone(), Arc::clone(&line));
        async move {
            if request.method() == Method::CONNECT {
                return Ok::<_, Ended>(connect(request, shared, &via, &line));
            }
            request::answer(request, &shared, &via, &line).await
        }
    });
    // Its errors are the client's doing, or what a tape says that happens to the client.
    let _ = server.serve_connection_with_upgrades(wire, service).await;
}

/// Opens a tunnel that ends here: nothing is dialled, for who is asked and whether at all is told by the requests in it.
fn connect(request: Request<Incoming>, shared: Arc<Shared>, via: &Via, line: &Arc<Line>) -> Response<Body> {
    if matches!(via, Via::Tunnel(..)) || shared.reverse.is_some() {
        let what = "a tunnel inside a tunnel, or through a server that plays one service, leads nowhere";
        return refusal(StatusCode::BAD_REQUEST, "connect", what);
    }
    let Some(authority) = request.uri().authority().filter(|authority| authority.port_u16().is_some()).cloned() else {
        return refusal(StatusCode::BAD_REQUEST, "connect", "CONNECT takes `host:port`");
    };
    if authority.as_str().contains('@') {
        return refusal(StatusCode::BAD_REQUEST, "connect", "CONNECT takes `host:port` without credentials");
    }
    let line = Arc::clone(line);
    let test = named_as_user(request.headers()).map(Arc::from);
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            tunnel(TokioIo::new(upgraded), authority, test, shared, &line).await;
        }
    });
    Response::new(Body::Text(None))
}

async fn tunnel(
    mut stream: TokioIo<hyper::upgrade::Upgraded>,
    authority: Authority,
    test: Option<Arc<str>>,
    shared: Arc<Shared>,
    below: &Arc<Line>,
) {
    /// A handshake of TLS.
    const HANDSHAKE: u8 = 22;
    let limit = shared.head_limit;
    let mut first = [0; 1];
    let Ok(Ok(1)) = tokio::time::timeout(limit, stream.read(&mut first)).await else { return };
    let stream = Tunnel::new(Bytes::copy_from_slice(&first), stream);
    let line = Line::above(below);
    if first[0] != HANDSHAKE {
        let authority = without_port(authority, 80);
        return boxed(serve(stream, shared, Via::Tunnel(Scheme::HTTP, authority, test), line)).await;
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    // A client that is refused in its handshake says so itself.
    let Ok(config) = shared.authority.server(&host) else { return };
    let Ok(Ok(stream)) = tokio::time::timeout(limit, TlsAcceptor::from(config).accept(stream)).await else { return };
    let authority = without_port(authority, 443);
    boxed(serve(stream, shared, Via::Tunnel(Scheme::HTTPS, authority, test), line)).await;
}

/// A server in a tunnel is a server: the type of its future must not hold itself.
fn boxed(serving: impl Future<Output = ()> + Send + 'static) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(serving)
}

/// As a client writes the URL.
fn without_port(authority: Authority, usual: u16) -> Authority {
    if authority.port_u16() != Some(usual) {
        return authority;
    }
    authority.host().parse().unwrap_or(authority)
}
