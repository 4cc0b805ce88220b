//! The program that is recorded: a client of the shop.

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest_middleware::ClientWithMiddleware;
use serde_json::{Value, json};

use crate::service::TOKEN;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Asks one shop.
pub(crate) struct Shop {
    client: ClientWithMiddleware,
    url: String,
}

/// What came back, and how long it took until all of it was there.
pub(crate) struct Answer {
    pub(crate) what: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) elapsed: Duration,
    url: String,
    headers: HeaderMap,
    /// How many pieces the body came in.
    pieces: usize,
}

impl Shop {
    pub(crate) fn new(client: ClientWithMiddleware, url: &str) -> Self {
        Self { client, url: url.to_owned() }
    }

    pub(crate) async fn ask_everything(&self, key: &str) -> Result<Vec<Answer>> {
        let session = self.log_in(key).await?;
        let token = session.token()?;
        Ok(vec![
            session,
            self.order(&token, "pen").await?,
            self.get("/catalogue", "gzip").await?,
            self.get("/shop-window", "after a redirect").await?,
            self.get("/orders/17/events", "event stream").await?,
            self.get("/catalogue/1/model", "binary").await?,
            self.get("/catalogue/1/review", "JSON, an error").await?,
        ])
    }

    pub(crate) async fn log_in_and_order(&self, key: &str, sku: &str) -> Result<Answer> {
        let token = self.log_in(key).await?.token()?;
        self.order(&token, sku).await
    }

    async fn log_in(&self, key: &str) -> Result<Answer> {
        let body = json!({"user": "ada"});
        self.send(Method::POST, "/session", "JSON, a token", Some(key), Some(body)).await
    }

    async fn order(&self, token: &str, sku: &str) -> Result<Answer> {
        let body = json!({"lines": [{"sku": sku, "quantity": 2}]});
        self.send(Method::POST, "/orders", "JSON", Some(token), Some(body)).await
    }

    async fn get(&self, path: &'static str, kind: &'static str) -> Result<Answer> {
        self.send(Method::GET, path, kind, None, None).await
    }

    async fn send(
        &self,
        method: Method,
        what: &'static str,
        kind: &'static str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Result<Answer> {
        let mut request = self.client.request(method, format!("{}{what}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let start = Instant::now();
        let mut answer = request.send().await?;
        let mut body = Vec::new();
        let mut pieces = 0;
        while let Some(piece) = answer.chunk().await? {
            body.extend_from_slice(&piece);
            pieces += 1;
        }
        Ok(Answer {
            what,
            kind,
            status: answer.status().as_u16(),
            body: body.into(),
            elapsed: start.elapsed(),
            url: answer.url().to_string(),
            headers: answer.headers().clone(),
            pieces,
        })
    }
}

impl Answer {
    fn token(&self) -> Result<String> {
        let body: Value = serde_json::from_slice(&self.body)?;
        Ok(body["token"].as_str().ok_or("the shop grants a token")?.to_owned())
    }

    /// Whether a replayed answer is this one: status, final URL, headers, every byte, and the pieces of a stream.
    pub(crate) fn compare(&self, replayed: &Self) -> Result<&'static str> {
        if (self.status, &self.url) != (replayed.status, &replayed.url) {
            return Err(format!("{} {} became {} {}", self.status, self.url, replayed.status, replayed.url).into());
        }
        if self.kind == "event stream" && self.pieces != replayed.pieces {
            return Err(format!("{}: {} pieces became {}", self.what, self.pieces, replayed.pieces).into());
        }
        if (&self.headers, &self.body) == (&replayed.headers, &replayed.body) {
            return Ok("equal");
        }
        // On the tape a placeholder stands for the token, and so it does in the replayed answer.
        let masked = String::from_utf8_lossy(&self.body).replace(TOKEN, &replayed.token()?);
        if masked.as_bytes() == replayed.body {
            return Ok("equal, token masked");
        }
        Err(format!("{}: the replayed answer is another one", self.what).into())
    }
}
