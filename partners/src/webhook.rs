//! A receiver of webhooks, for any path of `webhook.test` and its subdomains. Nobody documents it, so it is as strict as a careful
//! receiver: JSON where there is a body, and on `signed.webhook.test` a signature that fits.
//!
//! <https://www.twilio.com/docs/segment/connections/destinations/catalog/actions-webhook> says how requests are signed: `X-Signature`
//! holds the HMAC-SHA1 of the body in hex. The secret is [`SECRET`].

use http::Method;
use serde_json::{Value, json};

use crate::partner::occurrences;
use crate::{Answer, Desk, Partner, Request};

/// What signatures on `signed.webhook.test` are checked with.
const SECRET: &str = "fake-shared-secret";
/// Bytes in one request.
const BODY: usize = 10 << 20;

/// Plays somebody's receiver.
#[derive(Debug)]
pub(crate) struct Webhook;

impl Partner for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["webhook.test", "*.webhook.test"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        if ![Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(&request.method) {
            return Answer::json(405, &json!({"error": "method not allowed"}));
        }
        if request.body.len() > BODY {
            return self.failure(413);
        }
        if request.host == "signed.webhook.test" {
            let digest = hmac_sha1_compact::HMAC::mac(&request.body, SECRET.as_bytes());
            let signature: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            if request.header("x-signature") != Some(signature.as_str()) {
                return Answer::json(401, &json!({"error": "the signature does not fit"}));
            }
        }
        if request.body.is_empty() {
            desk.take(None, &Value::Null);
            return Answer::empty(204);
        }
        match request.json() {
            Ok(_) if !request.says_json() => Answer::json(415, &json!({"error": "send application/json"})),
            Ok(Value::Array(events)) => {
                events.iter().for_each(|event| take(event, desk));
                Answer::json(200, &json!({"received": events.len()}))
            }
            Ok(event) => {
                take(&event, desk);
                Answer::json(200, &json!({"received": 1}))
            }
            Err(why) => Answer::json(400, &json!({ "error": why })),
        }
    }

    fn at_a_glance(&self, request: &Request) -> Option<(u64, Answer)> {
        let events = occurrences(&request.body, "\"messageId\":");
        Some((events, Answer::json(200, &json!({ "received": events }))))
    }
}

/// A Segment event that came twice is known by its id.
fn take(event: &Value, desk: &Desk<'_>) {
    desk.take(event.get("messageId").and_then(Value::as_str), event);
}
