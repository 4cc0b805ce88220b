//! Partners that answer by a script.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use destination_router::client::{Body, BoxError, Client, Failure};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use tower::util::BoxCloneSyncService;

use crate::world::World;

/// A request as a partner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) at: Duration,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) events: Vec<u64>,
}

/// What a partner does with it.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Status(u16),
    After(u16, u64),
    /// 207: these events, by their place in the request, are to be tried again.
    Partly(Vec<usize>),
    Body(u16, String),
    Refuse,
    Hang,
}

pub(crate) type Script = Box<dyn Fn(&Seen) -> (Duration, Reply) + Send + Sync>;

impl World {
    pub(crate) fn client(&self) -> Client {
        let (seen, script, begun) = (Arc::clone(&self.seen), Arc::clone(&self.script), self.begun);
        let (out, most_out) = (Arc::clone(&self.out), Arc::clone(&self.most_out));
        BoxCloneSyncService::new(tower::service_fn(move |request: http::Request<Full<Bytes>>| {
            let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
            let (out, most_out) = (Arc::clone(&out), Arc::clone(&most_out));
            async move {
                let token = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
                let (host, path) = (request.uri().host().unwrap().to_owned(), request.uri().path().to_owned());
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let events = serde_json::from_slice(&body).unwrap_or_default();
                let request = Seen { at: begun.elapsed(), host, path, token, events };
                let (wait, reply) = script.lock().unwrap()(&request);
                seen.lock().unwrap().push(request);
                most_out.fetch_max(out.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let _guard = Out(out);
                tokio::time::sleep(wait).await;
                answer(reply).await
            }
        }))
    }
}

struct Out(Arc<AtomicUsize>);

impl Drop for Out {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn answer(reply: Reply) -> Result<http::Response<Body>, BoxError> {
    let (status, retry, body) = match reply {
        Reply::Status(status) => (status, None, String::new()),
        Reply::After(status, seconds) => (status, Some(seconds), String::new()),
        Reply::Partly(failed) => (207, None, json!(failed).to_string()),
        Reply::Body(status, body) => (status, None, body),
        Reply::Refuse => return Err(Box::new(Failure::Connect("refused".into()))),
        Reply::Hang => std::future::pending().await,
    };
    let mut response = http::Response::builder().status(status);
    if let Some(seconds) = retry {
        response = response.header("retry-after", seconds);
    }
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {});
    Ok(response.body(Body::new(body)).unwrap())
}
