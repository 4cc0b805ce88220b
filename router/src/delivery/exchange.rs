//! One request and its whole answer.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;

use crate::client::{Answer, Client, Failure};

/// Sends a request and reads the answer to its end.
///
/// # Errors
/// There is no answer, or one that is too large or came too late.
pub(super) async fn exchange(
    client: &Client,
    request: http::Request<Bytes>,
    timeout: Duration,
    limit: usize,
) -> Result<Answer, Failure> {
    let begun = tokio::time::Instant::now();
    let answer = async {
        let sent = client.clone().oneshot(request.map(Full::new)).await;
        let (head, mut body) = sent.map_err(|e| e.downcast().map_or_else(|e| Failure::Connect(e.to_string()), |e| *e))?.into_parts();
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::Broken(error.to_string()))?;
            if let Some(data) = frame.data_ref() {
                if read.len() + data.len() > limit {
                    return Err(Failure::TooLarge(limit));
                }
                read.extend_from_slice(data);
            }
        }
        Ok(Answer { status: head.status, headers: head.headers, body: read.freeze(), elapsed: begun.elapsed() })
    };
    tokio::time::timeout(timeout, answer).await.unwrap_or(Err(Failure::Timeout(timeout)))
}
