//! Paths.
//!
//! | path | takes |
//! |---|---|
//! | `/v1/track`, `/v1/t` and so on for identify, page, screen, group, alias | one event |
//! | `/v1/batch`, `/v1/b`, `/v1/import` | `{"batch": [..]}` |
//! | `/v1/m` | what Segment's library for browsers measures of itself; thrown away |
//! | `/api/s/track`, `/api/s/s2s/track` and so on | one event, as Jitsu's client sends it |
//!
//! Each also with a slash at its end. The short ones are what Segment's library for browsers uses.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use http::header;

use super::accept::{self, Done};
use super::read::{Call, Shape};
use super::refusal::Problem;
use super::{Ingest, answer};

/// The paths of the tracking API.
pub fn router(ingest: Ingest) -> Router {
    let mut router = Router::new();
    for call in Call::ALL {
        let name = call.name();
        let short = name.get(..1).unwrap_or(name);
        for path in
            [format!("/v1/{name}"), format!("/v1/{short}"), format!("/api/s/{name}"), format!("/api/s/s2s/{name}")]
        {
            router = both(router, &path, taking(Shape::One(call)));
        }
    }
    for path in ["/v1/batch", "/v1/b", "/v1/import"] {
        router = both(router, path, taking(Shape::Batch));
    }
    router = both(router, "/v1/m", post(thrown_away).options(preflight));
    let not_found =
        |State(ingest): State<Ingest>, request: Request| async move { refuse(&ingest, &request, Problem::NotFound) };
    let method =
        |State(ingest): State<Ingest>, request: Request| async move { refuse(&ingest, &request, Problem::Method) };
    router.fallback(not_found).method_not_allowed_fallback(method).with_state(ingest)
}

fn both(router: Router<Ingest>, path: &str, methods: MethodRouter<Ingest>) -> Router<Ingest> {
    router.route(path, methods.clone()).route(&format!("{path}/"), methods)
}

fn taking(shape: Shape) -> MethodRouter<Ingest> {
    let take = move |State(ingest): State<Ingest>, request: Request| async move {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let (strict, outcome) = accept::accept(&ingest, shape, request).await;
        answer::answer(&ingest, origin, strict, outcome)
    };
    post(take).options(preflight)
}

async fn preflight(State(ingest): State<Ingest>, request: Request) -> Response {
    answer::preflight(&ingest, request.headers())
}

async fn thrown_away(State(ingest): State<Ingest>, request: Request) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    answer::answer(&ingest, origin, false, Ok(Done::default()))
}

fn refuse(ingest: &Ingest, request: &Request, problem: Problem) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    answer::answer(ingest, origin, false, Err(problem))
}
