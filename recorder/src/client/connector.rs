//! An in-memory connector for hyper-util's client: the client speaks real HTTP to the recorder, over a pipe in this process.
//! Trailers, interim answers and truncated bodies surface as hyper's own; `https` needs no TLS on this side.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use http::{Request, Uri};
use http_body::{Body as HttpBody, Frame as HttpFrame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use pin_project_lite::pin_project;
use tokio::io::DuplexStream;
use tower_layer::Layer as _;
use tower_service::Service;

use super::fault::io_kind;
use super::tower::{TapesLayer, TapesService};
use super::{BoxError, ReplayedFault, SentBody, classify};
use crate::session::{Error, Tapes, lock};
use crate::tape::FaultKind;

/// Bytes that may be under way in one direction.
const PIPE: usize = 64 * 1024;

/// Gives a client in-memory connections to the recorder.
pub struct TapedConnector<C> {
    upstream: TapesService<Client<C, SentBody<Incoming>>>,
    http2: bool,
}

/// The client's end of an in-memory connection.
#[derive(Debug)]
pub struct TapedConnection {
    io: TokioIo<DuplexStream>,
    http2: bool,
    end: End,
}

impl Tapes {
    /// A connector for hyper-util's client. `inner` makes the real connections while recording (with TLS, if it does that) and is
    /// never called while replaying. Inside a tokio runtime.
    ///
    /// ```no_run
    /// use hyper_util::client::legacy::{Client, connect::HttpConnector};
    /// use hyper_util::rt::TokioExecutor;
    ///
    /// let tapes = traffic_recorder::tapes!("docs/connector");
    /// let client: Client<_, String> = Client::builder(TokioExecutor::new()).build(tapes.connector(HttpConnector::new()));
    /// ```
    #[must_use]
    pub fn connector<C>(&self, inner: C) -> TapedConnector<C>
    where
        C: Connect + Clone + Send + Sync + 'static,
    {
        self.connector_with(inner, false)
    }

    /// As [`connector`](Self::connector), for a client that speaks HTTP/2 and an upstream that does so without negotiation
    /// (prior knowledge, as gRPC does).
    #[must_use]
    pub fn connector_http2<C>(&self, inner: C) -> TapedConnector<C>
    where
        C: Connect + Clone + Send + Sync + 'static,
    {
        self.connector_with(inner, true)
    }

    fn connector_with<C>(&self, inner: C, http2: bool) -> TapedConnector<C>
    where
        C: Connect + Clone + Send + Sync + 'static,
    {
        let client = Client::builder(TokioExecutor::new()).http2_only(http2).build(inner);
        TapedConnector { upstream: TapesLayer::of(self.session().clone()).layer(client), http2 }
    }
}

impl<C: Clone> Clone for TapedConnector<C> {
    fn clone(&self) -> Self {
        Self { upstream: self.upstream.clone(), http2: self.http2 }
    }
}

impl<C> Service<Uri> for TapedConnector<C>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    type Response = TapedConnection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<TapedConnection, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let upstream = self.upstream.clone();
        let http2 = self.http2;
        Box::pin(async move {
            let (ours, theirs) = tokio::io::duplex(PIPE);
            let end = End::default();
            tokio::spawn(serve(ours, target, upstream, Arc::clone(&end)));
            Ok(TapedConnection { io: TokioIo::new(theirs), http2, end })
        })
    }
}

/// What both ends of a connection know of its end.
type End = Arc<Mutex<Ends>>;

#[derive(Debug, Default)]
struct Ends {
    /// The error that the connection ends with, where it does not just close.
    error: Option<io::Error>,
    /// The error is the recorder's own: not a failure that was recorded.
    refused: bool,
    /// The pipe is full: what was written before an error would be lost with it.
    full: bool,
    /// Who waits until it no longer is.
    waker: Option<Waker>,
}

/// Plays the service on the recorder's end of a connection.
async fn serve<C>(io: DuplexStream, target: Uri, upstream: TapesService<Client<C, SentBody<Incoming>>>, end: End)
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let ending = Arc::clone(&end);
    let service = service_fn(move |request: Request<Incoming>| {
        let (mut upstream, target, end) = (upstream.clone(), target.clone(), Arc::clone(&ending));
        async move {
            let request = absolute(request, &target).map_err(|error| ended(&end, error.into()))?;
            match upstream.call(request).await {
                Ok(response) => {
                    let announced = response.headers().contains_key(http::header::CONTENT_LENGTH);
                    Ok(response.map(|body| Ending { body, announced, end, error: None, waited: 0 }))
                }
                Err(error) => Err(ended(&end, error)),
            }
        }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    // What the tape has is what the client gets: nothing is added.
    server.http1().auto_date_header(false);
    server.http2().auto_date_header(false);
    // Its errors are the client's: both ends of the pipe are in this process.
    let _ = server.serve_connection(RecordersEnd { io: TokioIo::new(io), end }, service).await;
}

/// A server sees the path alone.
fn absolute<B>(request: Request<B>, target: &Uri) -> Result<Request<B>, http::Error> {
    let (mut parts, body) = request.into_parts();
    let mut uri = parts.uri.into_parts();
    uri.scheme = uri.scheme.or_else(|| target.scheme().cloned());
    uri.authority = uri.authority.or_else(|| target.authority().cloned());
    parts.uri = Uri::from_parts(uri)?;
    Ok(Request::from_parts(parts, body))
}

/// Leaves the error for the client's end, as a socket would give it, and closes: live as from the tape. A connection that was
/// just closed is left to hyper, which has a name for it.
fn ended(end: &End, error: BoxError) -> Ended {
    let mut refused = false;
    let left = match error.downcast::<Error>() {
        Ok(refusal) => {
            refused = true;
            Some(io::Error::other(*refusal))
        }
        Err(error) => {
            let fault = classify(&*error);
            let reason = match error.downcast::<ReplayedFault>() {
                Ok(replayed) => *replayed,
                Err(_) => ReplayedFault::live(fault.clone()),
            };
            (fault.kind != FaultKind::Closed).then(|| io::Error::new(io_kind(fault.kind), reason))
        }
    };
    let mut end = lock(end);
    end.error = left;
    end.refused = refused;
    Ended
}

/// For the recorder's end; the client's has the reason.
#[derive(Debug, thiserror::Error)]
#[error("the connection ends here")]
struct Ended;

pin_project! {
    /// A body that leaves its error for the client's end. Its length is told only where the service told it: from a tape it is
    /// always known, and hyper would make a header of it.
    struct Ending<B> {
        #[pin]
        body: B,
        announced: bool,
        end: End,
        error: Option<BoxError>,
        waited: u8,
    }
}

/// How often others may run between the last bytes of a body and the error after them: an HTTP/2 client forgets what it has not
/// handed on when a stream is reset.
const PATIENCE: u8 = 64;

impl<B: HttpBody<Error = BoxError>> HttpBody for Ending<B> {
    type Data = B::Data;
    type Error = Ended;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<HttpFrame<B::Data>, Ended>>> {
        let this = self.project();
        if this.error.is_some() {
            let mut ends = lock(this.end);
            if ends.full {
                ends.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            if *this.waited < PATIENCE {
                *this.waited += 1;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(ended(this.end, error))));
        }
        match ready!(this.body.poll_frame(cx)) {
            Some(Err(error)) => {
                // An error closes at once. While it waits, what came before it is written.
                *this.error = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.error.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.announced { self.body.size_hint() } else { SizeHint::new() }
    }
}

/// The recorder's end of a connection: it notes when the pipe is full.
struct RecordersEnd {
    io: TokioIo<DuplexStream>,
    end: End,
}

impl RecordersEnd {
    fn note(&self, written: &Poll<io::Result<usize>>) {
        let mut ends = lock(&self.end);
        ends.full = written.is_pending();
        if !ends.full
            && let Some(waker) = ends.waker.take()
        {
            waker.wake();
        }
    }
}

impl Read for RecordersEnd {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for RecordersEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.note(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl Connection for TapedConnection {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        if self.http2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for TapedConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // HTTP/2 has but a number for what happened to a stream: a refusal is told by the connection, in words.
        let refusal = {
            let mut end = lock(&self.end);
            let told_now = self.http2 && end.refused;
            end.error.take_if(|_| told_now)
        };
        if let Some(error) = refusal {
            return Poll::Ready(Err(error));
        }
        let mut bytes = [0; 16 * 1024];
        let room = buffer.remaining().min(bytes.len());
        let mut read = hyper::rt::ReadBuf::new(&mut bytes[..room]);
        ready!(Pin::new(&mut self.io).poll_read(cx, read.unfilled()))?;
        if read.filled().is_empty()
            && let Some(error) = lock(&self.end).error.take()
        {
            return Poll::Ready(Err(error));
        }
        buffer.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for TapedConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<C> fmt::Debug for TapedConnector<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TapedConnector")
    }
}
