//! Answers, and what browsers need to see them.

use axum::body::Body;
use axum::response::Response;
use http::header::{self, HeaderMap, HeaderValue};
use http::{HeaderName, StatusCode};
use serde_json::json;

use super::accept::Done;
use super::refusal::{Problem, Refusal};
use super::{Ingest, Limits};

const SUCCESS: &str = r#"{"success": true}"#;

const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The answer to a request that was worked on.
pub(super) fn answer(
    ingest: &Ingest,
    origin: Option<HeaderValue>,
    strict: bool,
    outcome: Result<Done, Problem>,
) -> Response {
    let limits = &ingest.0.config.limits;
    let mut response = match outcome {
        Ok(done) if strict => told(&done, limits),
        Ok(_) => body(StatusCode::OK, SUCCESS),
        Err(problem) => failed(&problem, strict, limits),
    };
    allow(response.headers_mut(), origin);
    ingest.0.counters.answer(response.status());
    response
}

/// The answer to a browser that asks whether it may.
pub(super) fn preflight(ingest: &Ingest, asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    allow(headers, asked.get(header::ORIGIN).cloned());
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    // Whatever header a client's library has: none of them decides anything here but the write key.
    let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let usual = HeaderValue::from_static("authorization, content-type, content-encoding, x-write-key");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.unwrap_or(usual));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    ingest.0.counters.answer(StatusCode::NO_CONTENT);
    response
}

/// Lets the page that sent this read the answer. Any page may send: write keys stand in pages, they are no secret; and no cookie is
/// read here, so that credentials, which `sendBeacon` always sends, give nobody anything.
fn allow(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers
            .insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after, x-ratelimit-reset"));
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
}

/// What became of every event.
fn told(done: &Done, limits: &Limits) -> Response {
    let entry = |index: usize, message_id: Option<&str>, reason: Refusal| {
        let mut entry = json!({ "index": index, "code": reason.code(), "message": reason.message(limits) });
        if let (Some(id), Some(fields)) = (message_id, entry.as_object_mut()) {
            fields.insert("messageId".to_owned(), id.into());
        }
        entry
    };
    let mut refused: Vec<_> =
        done.refused.iter().map(|event| entry(event.index, event.message_id.as_deref(), event.reason)).collect();
    // One entry for all of them: there may be as many as commas fit into a body.
    refused.extend(done.beyond.map(|(from, more)| {
        let mut entry = entry(from, None, Refusal::TooMany);
        if let Some(fields) = entry.as_object_mut() {
            fields.insert("events".to_owned(), more.into());
        }
        entry
    }));
    let right = refused.is_empty();
    let told = json!({
        "success": right,
        "accepted": done.accepted,
        "duplicates": done.duplicates,
        "refused": refused,
    });
    body(if right { StatusCode::OK } else { StatusCode::BAD_REQUEST }, told.to_string())
}

fn failed(problem: &Problem, strict: bool, limits: &Limits) -> Response {
    // Segment's SDKs read `code` and `message`.
    let told = json!({ "success": false, "code": problem.code(), "message": problem.message(limits) });
    let mut response = body(problem.status(strict), told.to_string());
    let headers = response.headers_mut();
    if let Some(seconds) = problem.retry_after() {
        headers.insert(header::RETRY_AFTER, seconds.into());
        // Segment's library for browsers reads this one.
        headers.insert(RATE_LIMIT_RESET, seconds.into());
    }
    match problem {
        Problem::Method => {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
        }
        Problem::NoKey | Problem::UnknownKey => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"write key\""));
        }
        _ => {}
    }
    response
}

fn body(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
