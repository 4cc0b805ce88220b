//! A client of tonic on the in-memory wire (R89): unary and streaming calls, and errors, from tapes.
//!
//! The service is tonic's as well, on a port of its own. Messages are bytes: how they are made is nobody's business here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Buf as _, BufMut as _};
use http::uri::PathAndQuery;
use hyper::service::service_fn;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio_stream::{StreamExt as _, iter};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};
use traffic_recorder::{Mode, Recorder, Tapes};

/// Messages as they are.
#[derive(Debug, Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = bytes.remaining();
        Ok(Some(bytes.copy_to_bytes(length).to_vec()))
    }
}

type Said = Result<Vec<u8>, Status>;

/// Answers one call.
async fn serve(request: http::Request<hyper::body::Incoming>) -> http::Response<tonic::body::Body> {
    let path = request.uri().path().to_owned();
    let mut grpc = tonic::server::Grpc::new(Raw);
    match path.as_str() {
        "/orders.Orders/Place" => {
            let place = async |order: Request<Vec<u8>>| {
                let mut placed = Response::new([b"placed ", &*order.into_inner()].concat());
                placed.metadata_mut().insert("x-order", "17".parse().expect("a value"));
                Ok::<_, Status>(placed)
            };
            grpc.unary(tower::service_fn(place), request).await
        }
        "/orders.Orders/Follow" => {
            let follow = async |_: Request<Vec<u8>>| {
                let states = ["placed", "packed", "shipped"].map(|state| Said::Ok(state.as_bytes().to_vec()));
                Ok::<_, Status>(Response::new(iter(states)))
            };
            grpc.server_streaming(tower::service_fn(follow), request).await
        }
        "/orders.Orders/Sum" => {
            let sum = async |lines: Request<Streaming<Vec<u8>>>| {
                let lines: Vec<_> = lines.into_inner().collect().await;
                let lines = lines.into_iter().collect::<Result<Vec<_>, _>>()?;
                Ok::<_, Status>(Response::new(lines.join(&b'+')))
            };
            grpc.client_streaming(tower::service_fn(sum), request).await
        }
        "/orders.Orders/Price" => {
            let price = async |lines: Request<Streaming<Vec<u8>>>| {
                let priced = lines.into_inner().map(|line| line.map(|line| [&*line, b": 2"].concat()));
                Ok::<_, Status>(Response::new(priced))
            };
            grpc.streaming(tower::service_fn(price), request).await
        }
        "/orders.Orders/Break" => {
            let broken = async |_: Request<Vec<u8>>| {
                let said = [Said::Ok(b"so far".to_vec()), Said::Err(Status::data_loss("the rest is gone"))];
                Ok::<_, Status>(Response::new(iter(said)))
            };
            grpc.server_streaming(tower::service_fn(broken), request).await
        }
        _ => {
            let none = async |_: Request<Vec<u8>>| Err::<Response<Vec<u8>>, _>(Status::not_found("no such order"));
            grpc.unary(tower::service_fn(none), request).await
        }
    }
}

/// A service that counts its connections.
async fn start() -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let service = service_fn(async |request| Ok::<_, std::convert::Infallible>(serve(request).await));
            tokio::spawn(async move {
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                server.serve_connection(TokioIo::new(stream), service).await.ok();
            });
        }
    });
    (url, count)
}

/// What a program sees that makes every kind of call.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    placed: (Vec<u8>, String),
    followed: Vec<Vec<u8>>,
    sum: Vec<u8>,
    prices: Vec<Vec<u8>>,
    broken: (Vec<u8>, Code, String),
    none: (Code, String),
}

async fn program(tapes: &Tapes, url: &str) -> Seen {
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("a URL");
    let channel = endpoint.connect_with_connector_lazy(tapes.connector_http2(HttpConnector::new()));
    let path = |method: &str| format!("/orders.Orders/{method}").parse::<PathAndQuery>().expect("a path");
    let client = || Grpc::<Channel>::new(channel.clone());
    let order = || Request::new(b"three pens".to_vec());
    let lines = || Request::new(iter(["pen", "ink"].map(|line| line.as_bytes().to_vec())));
    let ready = async || {
        let mut client = client();
        client.ready().await.expect("a channel");
        client
    };

    let placed = ready().await.unary(order(), path("Place"), Raw).await.expect("placed");
    let number = placed.metadata().get("x-order").and_then(|n| n.to_str().ok()).unwrap_or_default().to_owned();
    let followed = ready().await.server_streaming(order(), path("Follow"), Raw).await.expect("followed").into_inner();
    let sum = ready().await.client_streaming(lines(), path("Sum"), Raw).await.expect("a sum").into_inner();
    let prices = ready().await.streaming(lines(), path("Price"), Raw).await.expect("prices").into_inner();
    let mut broken = ready().await.server_streaming(order(), path("Break"), Raw).await.expect("a start").into_inner();
    let first = broken.message().await.expect("a message").expect("one");
    let end = broken.message().await.expect_err("the end of it");
    let none = ready().await.unary(order(), path("None"), Raw).await.expect_err("none");
    Seen {
        placed: (placed.into_inner(), number),
        followed: all(followed).await,
        sum,
        prices: all(prices).await,
        broken: (first, end.code(), end.message().to_owned()),
        none: (none.code(), none.message().to_owned()),
    }
}

async fn all(stream: Streaming<Vec<u8>>) -> Vec<Vec<u8>> {
    stream.map(|message| message.expect("a message")).collect().await
}

#[tokio::test]
async fn r89_calls_of_tonic_are_replayed_with_messages_metadata_and_statuses() {
    let folder = tempfile::tempdir().unwrap();
    let open = |mode| Recorder::at(folder.path().join("orders")).mode(mode).open().unwrap();
    let (url, connections) = start().await;

    let tapes = open(Mode::Record);
    let live = program(&tapes, &url).await;
    assert_eq!(tapes.finish().unwrap().written.len(), 6);
    assert_eq!(live.placed, (b"placed three pens".to_vec(), "17".to_owned()));
    assert_eq!(live.followed.last().map(Vec::as_slice), Some(&b"shipped"[..]));
    assert_eq!((live.sum.as_slice(), live.prices.len()), (&b"pen+ink"[..], 2));
    assert_eq!(live.broken, (b"so far".to_vec(), Code::DataLoss, "the rest is gone".to_owned()));
    assert_eq!(live.none, (Code::NotFound, "no such order".to_owned()));

    let before = connections.load(Ordering::SeqCst);
    let tapes = open(Mode::Replay);
    assert_eq!(program(&tapes, &url).await, live);
    tapes.finish().unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), before, "nobody was asked");
}

#[tokio::test]
async fn r09_a_miss_is_a_status_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let tapes = Recorder::at(folder.path().join("orders")).mode(Mode::Replay).open().unwrap();
    let endpoint = Endpoint::from_static("http://127.0.0.1:1");
    let channel = endpoint.connect_with_connector_lazy(tapes.connector_http2(HttpConnector::new()));
    let mut client = Grpc::<Channel>::new(channel);
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/orders.Orders/Place");
    let status = client.unary(Request::new(b"x".to_vec()), path, Raw).await.unwrap_err();
    assert_ne!(status.code(), Code::Ok);
    assert_eq!(tapes.finish().unwrap_err().code(), "miss");
}
