//! Plays the shop while recording, so that these tapes can be made on any machine.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What it takes for a valid key. Nobody else's shop has it.
const KEY: &str = "fake-shop-key";

type Answer = Response<Full<Bytes>>;

/// A shop for one test.
#[derive(Debug, Default)]
pub(crate) struct StandIn {
    /// How often somebody asked after an order.
    asked: AtomicUsize,
}

impl StandIn {
    /// Answers until nobody waits for it any more.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let shop = Arc::clone(&self);
            let answer = service_fn(move |request| {
                let shop = Arc::clone(&shop);
                async move { Ok::<_, Infallible>(shop.answer(request).await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let key = request.headers().get(header::AUTHORIZATION).cloned();
        let known = key.is_some_and(|key| key == format!("Bearer {KEY}").as_str());
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        match (method, path.as_str()) {
            (Method::GET, "/prices/pen") => price(request.uri().query().unwrap_or_default()),
            _ if !known => answer(401, &json!({"error": "the key is not known"})),
            (Method::POST, "/orders") => order(request.into_body()).await,
            (Method::GET, "/orders/17") => self.status(),
            (Method::GET, "/orders/404") => answer(200, &json!({"id": 404, "status": "lost"})),
            _ => answer(404, &json!({"error": "there is no such thing"})),
        }
    }

    /// Things take their time.
    fn status(&self) -> Answer {
        let status = ["placed", "placed", "paid", "paid"].get(self.asked.fetch_add(1, Ordering::Relaxed));
        answer(200, &json!({"id": 17, "status": status.unwrap_or(&"shipped")}))
    }
}

async fn order(body: Incoming) -> Answer {
    let body = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
    let order: Value = serde_json::from_slice(&body).unwrap_or_default();
    match order["lines"][0]["quantity"].as_u64() {
        None => answer(422, &json!({"error": "this is no order"})),
        Some(1000..) => answer(422, &json!({"error": "so many are not in stock"})),
        Some(_) => answer(201, &json!({"id": 17, "status": "placed"})),
    }
}

fn price(query: &str) -> Answer {
    let currency = match query {
        "country=CH" => "CHF",
        "country=GB" => "GBP",
        _ => "EUR",
    };
    answer(200, &json!({"amount": 120, "currency": currency}))
}

fn answer(status: u16, body: &Value) -> Answer {
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    answer.body(Full::from(body.to_string())).expect("these headers are right")
}
