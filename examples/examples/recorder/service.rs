//! A small shop, in this process: everything that the demo asks for, and nothing that knows of a recorder.

use std::convert::Infallible;
use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Channel, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// What the shop grants to who logs in.
pub(crate) const TOKEN: &str = "demo-token-granted-by-the-shop";

/// Between two events of the stream.
const PAUSE: Duration = Duration::from_millis(40);

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Listens until it is stopped.
pub(crate) struct Service {
    url: String,
    task: JoinHandle<()>,
}

impl Service {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self { url, task: tokio::spawn(serve(listener)) })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Closes the listener and every connection.
    pub(crate) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}

async fn answer(request: Request<Incoming>) -> Result<Answer, Infallible> {
    let authorized = request.headers().get(header::AUTHORIZATION).is_some_and(|value| value == bearer().as_str());
    Ok(match (request.method(), request.uri().path()) {
        (&Method::POST, "/session") => json(StatusCode::CREATED, &json!({"token": TOKEN, "expires_in": 3600})),
        (&Method::POST, "/orders") if authorized => order(request.into_body()).await,
        (&Method::GET, "/catalogue") => catalogue(),
        (&Method::GET, "/shop-window") => redirect("/catalogue/1"),
        (&Method::GET, "/catalogue/1") => json(StatusCode::OK, &json!({"sku": "pen", "price": "1.20"})),
        (&Method::GET, "/orders/17/events") => events(),
        (&Method::GET, "/catalogue/1/model") => model(),
        (_, "/orders") => json(StatusCode::UNAUTHORIZED, &json!({"error": "log in first"})),
        _ => json(StatusCode::NOT_FOUND, &json!({"error": "there is no such thing"})),
    })
}

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

async fn order(body: Incoming) -> Answer {
    let body = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
    match serde_json::from_slice::<Value>(&body) {
        Ok(order) => json(StatusCode::CREATED, &json!({"id": 17, "status": "placed", "lines": order["lines"]})),
        Err(_) => json(StatusCode::BAD_REQUEST, &json!({"error": "this is no JSON"})),
    }
}

fn catalogue() -> Answer {
    let items: Vec<Value> = (1..=40).map(|n| json!({"sku": format!("pen-{n}"), "price": n})).collect();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    let packed = packed.write_all(json!({ "items": items }).to_string().as_bytes()).and_then(|()| packed.finish());
    let packed = packed.expect("writing to memory cannot fail");
    whole(Response::builder().header("content-encoding", "gzip").header("content-type", "application/json"), packed)
}

fn redirect(to: &str) -> Answer {
    whole(Response::builder().status(StatusCode::FOUND).header("location", to), Vec::new())
}

/// Server-sent events, as things happen.
fn events() -> Answer {
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        for event in ["placed", "paid", "shipped"] {
            if sender.send_data(Bytes::from(format!("event: {event}\ndata: {{\"order\":17}}\n\n"))).await.is_err() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    let answer = Response::builder().header("content-type", "text/event-stream").body(body.boxed());
    answer.expect("these headers are right")
}

/// A megabyte in which every byte value occurs.
fn model() -> Answer {
    let bytes = (0..1_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 21) as u8).collect();
    whole(Response::builder().header("content-type", "application/octet-stream"), bytes)
}

fn json(status: StatusCode, value: &Value) -> Answer {
    let answer = Response::builder().status(status).header("content-type", "application/json");
    whole(answer, value.to_string().into_bytes())
}

fn whole(answer: http::response::Builder, body: Vec<u8>) -> Answer {
    answer.body(Full::from(body).boxed()).expect("these headers are right")
}
