//! What the router sends with: its own client with the recorder around it, and a stopwatch around both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use destination_router::client::{self, Body, BoxError, Client, SendTo};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt};
use traffic_recorder::Tapes;
use traffic_recorder::client::SentBody;

/// How long the answers of each host took, from the first request to the last.
pub(crate) type Times = BTreeMap<String, Vec<Duration>>;

/// Reads the stopwatch.
#[derive(Clone, Default)]
pub(crate) struct Stopwatch(Arc<Mutex<Times>>);

impl Stopwatch {
    pub(crate) fn read(&self) -> Times {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, host: String, elapsed: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(host).or_default().push(elapsed);
    }
}

/// What the recorder sits on: it reads along while a body is sent.
type Network = BoxCloneSyncService<Request<SentBody<Full<Bytes>>>, Response<Body>, BoxError>;

/// The router's client with tapes: all that it takes to record a program that sends through a `tower::Service`.
/// Whatever host a request names, below the recorder it goes to the stand-in.
pub(crate) fn taped(tapes: &Tapes, partners: SendTo, stopwatch: Stopwatch) -> Result<Client, client::OpenError> {
    let client = client::open(&client::Options::default())?;
    let network = Network::new(tower::service_fn(move |request| send(client.clone(), partners.clone(), request)));
    let taped = tapes.layer().layer(network);
    let taped = Client::new(ServiceExt::<Request<Full<Bytes>>>::map_response(taped, |answer| answer.map(Body::new)));
    Ok(Client::new(tower::service_fn(move |request| timed(taped.clone(), stopwatch.clone(), request))))
}

async fn send(
    client: Client,
    partners: SendTo,
    request: Request<SentBody<Full<Bytes>>>,
) -> Result<Response<Body>, BoxError> {
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(partners);
    let body = body.collect().await?.to_bytes();
    client.oneshot(Request::from_parts(parts, Full::new(body))).await
}

async fn timed(taped: Client, stopwatch: Stopwatch, request: Request<Full<Bytes>>) -> Result<Response<Body>, BoxError> {
    let host = request.uri().host().unwrap_or_default().to_owned();
    let start = Instant::now();
    let (parts, body) = taped.oneshot(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    stopwatch.note(host, start.elapsed());
    Ok(Response::from_parts(parts, Body::new(Full::new(body).map_err(|never| match never {}))))
}
