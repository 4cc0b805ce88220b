//! The same replies over HTTP/2, by hyper: what is a reset there is a reset of the stream.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::reply::{Ending, Framing, Piece};
use super::{Received, Reply, Shared, pattern};

/// Answers the requests of one connection.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move { answer(request, &shared).await }
    });
    let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let server = server.auto_date_header(false);
    // What ends badly here ends as the reply wants it.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, shared: &Shared) -> Result<Response<Pieces>, io::Error> {
    let (parts, body) = request.into_parts();
    let absent = http_body::Body::is_end_stream(&body);
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let announced = parts.headers.contains_key(http::header::CONTENT_LENGTH);
    let received = Received {
        method: parts.method.to_string(),
        target: parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        headers: parts.headers.iter().map(|(n, v)| (n.to_string(), v.as_bytes().to_vec())).collect(),
        body: (!absent || announced).then_some(body),
        nth: 0,
    };
    let head_only = received.method == "HEAD";
    let reply = shared.reply(received);
    if let Some(gate) = &reply.hold {
        gate.passed().await;
    }
    if reply.raw.is_some() || matches!(reply.ending, Ending::NoHead | Ending::NoHeadReset) {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, HeaderValue::from_bytes(value).map_err(io::Error::other)?);
    }
    if let Framing::Length(length) = reply.framing {
        let length = length.unwrap_or_else(|| reply.length());
        response = response.header(http::header::CONTENT_LENGTH, length);
    }
    let bodiless = head_only || reply.framing == Framing::Bodiless;
    let empty = bodiless || (reply.framing == Framing::Length(None) && reply.length() == 0);
    let body = if empty { Pieces(None) } else { Pieces::of(reply) };
    response.body(body).map_err(io::Error::other)
}

/// A body that comes piece by piece.
struct Pieces(Option<mpsc::Receiver<Result<Frame<Bytes>, io::Error>>>);

impl Pieces {
    fn of(reply: Reply) -> Self {
        let (send, receive) = mpsc::channel(1);
        tokio::spawn(async move {
            for piece in &reply.pieces {
                match piece {
                    Piece::Wait(gate) => gate.passed().await,
                    Piece::Pause(pause) => tokio::time::sleep(*pause).await,
                    Piece::Bytes(bytes) => drop(send.send(Ok(Frame::data(bytes.clone()))).await),
                    Piece::Pattern(len) => {
                        for from in (0..*len).step_by(64 * 1024) {
                            let block = pattern(from, (64 * 1024).min(len - from) as usize);
                            if send.send(Ok(Frame::data(block.into()))).await.is_err() {
                                return;
                            }
                        }
                    }
                }
            }
            if reply.ending != Ending::Whole {
                // A reset may overtake what was sent before: a test that wants that to arrive waits for it at a gate.
                let _ = send.send(Err(io::ErrorKind::ConnectionReset.into())).await;
            } else if !reply.trailers.is_empty() {
                let fields = reply.trailers.iter().map(|(name, value)| {
                    let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                    (name, HeaderValue::from_bytes(value).expect("a value"))
                });
                let _ = send.send(Ok(Frame::trailers(fields.collect::<HeaderMap>()))).await;
            }
        });
        Self(Some(receive))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.0 {
            None => Poll::Ready(None),
            Some(pieces) => pieces.poll_recv(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}
