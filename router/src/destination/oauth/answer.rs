//! The answer to a request for a token (RFC 6749, 5).

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use crate::client::{Answer, Failure};
use crate::destination::target::Token;
use crate::destination::verdict::{Blame, Verdict};
use crate::destination::verdicts::{http_date, reason, retry_after};

/// Reads a token, or says what its absence means for the events that wait for it.
pub(super) fn read(outcome: Result<&Answer, &Failure>, secrets: &[&str]) -> Result<Token, Verdict> {
    let answer = outcome.map_err(|failure| match failure {
        Failure::Internal(_) => Verdict::Pause(told(&failure.to_string())),
        _ => retry(Blame::Host, None, &failure.to_string()),
    })?;
    let body = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
    let error = body.get("error").and_then(Value::as_str);
    // Some partners refuse with 200.
    if answer.status.is_success()
        && error.is_none()
        && let Some(token) = token(&body)
    {
        return Ok(token);
    }
    let said = reason(answer, secrets);
    let said = match error {
        Some(code) if !said.contains(code) => format!("{said} ({code})"),
        _ => said,
    };
    let after = wait(&answer.headers);
    Err(match (answer.status.as_u16(), error) {
        (_, Some("temporarily_unavailable" | "server_error" | "slow_down")) => retry(Blame::Host, after, &said),
        (500.., _) => retry(Blame::Host, after, &said),
        (408 | 425 | 429, _) => retry(Blame::Instance, after, &said),
        // The grant, the client or the scope is refused: only a person can mend that.
        (300..=499, _) | (_, Some(_)) => Verdict::Pause(told(&said)),
        _ => retry(Blame::Instance, after, &format!("{} without an access token", status(answer.status))),
    })
}

fn token(body: &Value) -> Option<Token> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let access_token = text("access_token").filter(|token| http::HeaderValue::from_str(token).is_ok())?;
    let expires_in = match body.get("expires_in") {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    // What is no length of time is none; a year is as good as ever.
    let expires_in = expires_in.filter(|seconds| *seconds >= 0.0).map(|seconds| seconds.min(31_536_000.0));
    Some(Token {
        access_token,
        refresh_token: text("refresh_token"),
        expires_in: expires_in.map(Duration::from_secs_f64),
    })
}

/// A date in `Retry-After` is compared with the date of the answer itself: this place has no clock, and the partner's own suits best.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let date = headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
    let now = date.and_then(http_date);
    retry_after(headers, now.unwrap_or(Timestamp::MAX))
}

fn status(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default()).trim_end().to_owned()
}

fn told(reason: &str) -> String {
    format!("no access token: {reason}")
}

fn retry(blame: Blame, after: Option<Duration>, reason: &str) -> Verdict {
    Verdict::Retry { blame, after, reason: told(reason) }
}
