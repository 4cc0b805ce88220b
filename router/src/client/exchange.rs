//! One request, and its answer read to the end.

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::guard::InternalAddress;
use super::{Answer, BoxError, Client, Failure, decode};

/// Sends a request and reads its answer, at most `answer_limit` bytes of it, its content coding undone; all of that within `timeout`.
///
/// # Errors
/// There is no whole answer. What a partner answers, whatever its status, is none.
pub async fn exchange(
    client: &Client,
    request: Request<Bytes>,
    timeout: Duration,
    answer_limit: usize,
) -> Result<Answer, Failure> {
    let begun = Instant::now();
    let all = async {
        let response =
            client.clone().oneshot(request.map(Full::new)).await.map_err(|error| failure(&error, timeout))?;
        let (mut parts, mut body) = response.into_parts();
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| failure(&error, timeout))?;
            let data = frame.into_data().unwrap_or_default();
            if bytes.len() + data.len() > answer_limit {
                return Err(Failure::TooLarge(answer_limit));
            }
            bytes.extend_from_slice(&data);
        }
        let body = decode::decode(&mut parts.headers, bytes.freeze(), answer_limit)?;
        Ok(Answer { status: parts.status, headers: parts.headers, body, elapsed: begun.elapsed() })
    };
    tokio::time::timeout(timeout, all).await.unwrap_or(Err(Failure::Timeout(timeout)))
}

/// What an error means, by the errors behind it.
fn failure(error: &BoxError, timeout: Duration) -> Failure {
    let chain = || chain(error);
    if let Some(failure) = chain().find_map(|error| error.downcast_ref::<Failure>()) {
        return failure.clone();
    }
    if let Some(InternalAddress(host)) = chain().find_map(|error| error.downcast_ref()) {
        return Failure::Internal(host.clone());
    }
    // The last one says most, those before it say where.
    let mut text = String::new();
    for said in chain().map(ToString::to_string) {
        if !text.ends_with(&said) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&said);
        }
    }
    let connecting = |error: &(dyn Error + 'static)| {
        let refused = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect())
            || refused == Some(std::io::ErrorKind::ConnectionRefused)
    };
    // A layer below this one may have waited for less long, or remember that it did.
    let waited = |error: &(dyn Error + 'static)| {
        error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
    };
    match (chain().any(connecting), chain().any(waited)) {
        (true, _) => Failure::Connect(text),
        (false, true) => Failure::Timeout(timeout),
        (false, false) => Failure::Broken(text),
    }
}

fn chain(error: &BoxError) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = &**error;
    std::iter::successors(Some(first), |error| (*error).source())
}
