//! The admin API, on a listener of its own. Answers are JSON, `/metrics` aside; what went wrong is `{"error": "…"}`.
//!
//! | address | |
//! |---|---|
//! | `GET /healthz` | 200 while the process lives |
//! | `GET /readyz` | 200 while events are accepted, else 503 and why |
//! | `GET /metrics` | for Prometheus |
//! | `GET /v1/status` | [`Status`](super::status::Status) |
//! | `GET /v1/explain/{messageId}` | [`Explanation`](super::explain::Explanation); 404 where there is none |
//! | `GET /v1/dead-letters?destination=&source=&limit=&after=` | [`DeadLetters`](super::dead_letters::DeadLetters) |
//! | `POST /v1/redrive` with the same as JSON | `{"events": 12}` |
//! | `POST /v1/pause/{instance}`, `/v1/resume/{instance}` | `{"destination": "…", "paused": true}` |
//!
//! Who may ask: with a token in the configuration, who shows it. Without one the listener is on this machine alone, and two more
//! guards keep web pages out that a browser on this machine has open: `POST` needs the content type `application/json`, which a page
//! may not send elsewhere, and the `Host` must be an address or `localhost`, which a page that renamed itself does not say.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde::Serialize;
use serde_json::json;

use super::app::App;
use super::config::Secret;
use super::dead_letters::{ListError, Query};
use super::metrics;
use super::percent::decoded;
use crate::log::LogError;

/// What a question was not answered for.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    error: String,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into() }
    }
}

impl From<LogError> for Refused {
    fn from(error: LogError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<ListError> for Refused {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Log(error) => error.into(),
            ListError::Unknown { .. } => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            ListError::After(_) => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        answer(self.status, &json!({ "error": self.error }))
    }
}

/// The admin API of a router.
pub(crate) fn router(app: Arc<App>, token: Option<Secret>) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .route("/v1/status", get(status))
        .route("/v1/explain/{id}", get(explain))
        .route("/v1/dead-letters", get(dead_letters))
        .route("/v1/redrive", post(redrive))
        .route("/v1/pause/{instance}", post(pause))
        .route("/v1/resume/{instance}", post(resume))
        .layer(middleware::from_fn_with_state(Arc::new(token), guard));
    Router::new()
        .route("/healthz", get(|| async { answer(StatusCode::OK, &json!({ "healthy": true })) }))
        .route("/readyz", get(ready))
        .merge(guarded)
        .fallback(|uri: Uri| async move {
            let error = format!("there is nothing at {}: see the operator's guide for the admin API", uri.path());
            Refused::new(StatusCode::NOT_FOUND, error)
        })
        .with_state(app)
}

fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Reading the disk is no work for the threads that serve.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refused> + Send + 'static) -> Result<T, Refused> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, format!("answering failed: {error}"))),
    }
}

async fn guard(State(token): State<Arc<Option<Secret>>>, request: Request, next: Next) -> Response {
    match allowed(token.as_ref().as_ref(), request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

fn allowed(token: Option<&Secret>, method: &Method, headers: &HeaderMap) -> Result<(), Refused> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if method == Method::POST && !text(header::CONTENT_TYPE).starts_with("application/json") {
        let error = "send this with `Content-Type: application/json`";
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    match token {
        Some(token) => {
            let shown = text(header::AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default();
            // Of digests, so that the time it takes says nothing about the token.
            let digest = |text: &str| hmac_sha256::Hash::hash(text.as_bytes());
            if digest(shown) == digest(token.expose()) {
                return Ok(());
            }
            let error = "this needs `Authorization: Bearer …` with the `admin.token` of the configuration";
            Err(Refused::new(StatusCode::UNAUTHORIZED, error))
        }
        None if is_address(text(header::HOST)) => Ok(()),
        None => {
            let error =
                "without an `admin.token` the admin API answers to addresses and `localhost` alone, not to other names";
            Err(Refused::new(StatusCode::FORBIDDEN, error))
        }
    }
}

/// Whether a `Host` is an IP address or `localhost`, with or without a port. HTTP/2 has none: no browser speaks it without TLS.
fn is_address(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.is_empty() || name == "localhost" || name.parse::<IpAddr>().is_ok()
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.ready() {
        Ok(()) => answer(StatusCode::OK, &json!({ "ready": true })),
        Err(why) => answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "ready": false, "error": why })),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Refused> {
    let text = aside(move || Ok(app.metrics()?.render())).await?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}

async fn status(State(app): State<Arc<App>>) -> Result<Response, Refused> {
    Ok(answer(StatusCode::OK, &aside(move || app.status()).await?))
}

async fn explain(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Refused> {
    let explanation = aside(move || app.explain(&id)).await?;
    if explanation.events.is_empty() {
        let error = format!("no event with messageId {:?} is in the log", explanation.message_id);
        return Err(Refused::new(StatusCode::NOT_FOUND, error));
    }
    Ok(answer(StatusCode::OK, &explanation))
}

async fn dead_letters(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Refused> {
    let query = query(uri.query().unwrap_or_default())?;
    Ok(answer(StatusCode::OK, &aside(move || app.dead_letters(&query)).await?))
}

async fn redrive(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Refused> {
    let query: Query = if body.is_empty() {
        Query::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| Refused::new(StatusCode::BAD_REQUEST, error.to_string()))?
    };
    let events = app.redrive(&query).await?;
    Ok(answer(StatusCode::OK, &json!({ "events": events })))
}

async fn pause(State(app): State<Arc<App>>, Path(instance): Path<String>) -> Result<Response, Refused> {
    app.pause(&instance).await?;
    Ok(answer(StatusCode::OK, &json!({ "destination": instance, "paused": true })))
}

async fn resume(State(app): State<Arc<App>>, Path(instance): Path<String>) -> Result<Response, Refused> {
    app.resume(&instance).await?;
    Ok(answer(StatusCode::OK, &json!({ "destination": instance, "paused": false })))
}

/// Reads what stands behind the `?`.
fn query(text: &str) -> Result<Query, Refused> {
    let mut query = Query::default();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value);
        match key {
            "destination" => query.destination = Some(value),
            "source" => query.source = Some(value),
            "after" => query.after = Some(value),
            "limit" => match value.parse() {
                Ok(limit) => query.limit = Some(limit),
                Err(_) => {
                    let error = format!("`limit` is a whole number, not {value:?}");
                    return Err(Refused::new(StatusCode::BAD_REQUEST, error));
                }
            },
            other => {
                let error = format!("there is no `{other}` here; known: destination, source, limit, after");
                return Err(Refused::new(StatusCode::BAD_REQUEST, error));
            }
        }
    }
    Ok(query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn pages_in_a_browser_are_kept_out() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (http::HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            pairs.iter().map(pair).collect()
        };
        let post = &Method::POST;
        let json = ("content-type", "application/json; charset=utf-8");
        assert!(allowed(None, post, &headers(&[json, ("host", "127.0.0.1:8081")])).is_ok());
        assert!(allowed(None, post, &headers(&[json, ("host", "[::1]:8081")])).is_ok());
        assert!(allowed(None, post, &headers(&[json, ("host", "localhost:8081")])).is_ok());
        assert!(allowed(None, post, &headers(&[("content-type", "text/plain"), ("host", "127.0.0.1")])).is_err());
        assert!(allowed(None, &Method::GET, &headers(&[("host", "rebound.example:8081")])).is_err());
    }

    #[test]
    fn a_token_is_asked_for_where_there_is_one() {
        let token = Secret::from("fake-token".to_owned());
        let with =
            |value: &'static str| HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
        let get = &Method::GET;
        assert!(allowed(Some(&token), get, &with("Bearer fake-token")).is_ok());
        for wrong in ["Bearer fake-toke", "Bearer ", "fake-token", "Basic fake-token"] {
            let refused = allowed(Some(&token), get, &with(wrong)).unwrap_err();
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{wrong}");
            assert!(!refused.error.contains("fake-token"));
        }
    }

    #[test]
    fn queries_are_read_and_wrong_ones_refused() {
        let read = query("destination=a%20b&limit=5&source=x+y").unwrap();
        assert_eq!(
            (read.destination.as_deref(), read.source.as_deref(), read.limit),
            (Some("a b"), Some("x y"), Some(5))
        );
        assert!(query("limit=many").unwrap_err().error.contains("whole number"));
        assert!(query("dest=a").unwrap_err().error.contains("known: destination"));
    }
}
