//! Slack's incoming webhooks, as documented at:
//!
//! * <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks> (messages, and the errors, each with its status)
//! * <https://docs.slack.dev/apis/web-api/rate-limits> (one message a second)
//!
//! A webhook is known by its path: `/services/T…/B…/…`. There are channels `#archived` and `#missing` to be refused for.

use std::time::Duration;

use serde_json::Value;

use crate::{Answer, Desk, Partner, Request};

/// Characters that a message may have.
const TEXT: usize = 40_000;
/// Bytes in one request.
const BODY: usize = 1 << 20;

/// Plays Slack.
#[derive(Debug)]
pub(crate) struct Slack;

impl Partner for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["hooks.slack.com", "hooks.slack-gov.com"]
    }

    fn answer(&self, request: &Request, desk: &Desk<'_>) -> Answer {
        if request.method != http::Method::POST {
            return Answer::text(405, "method_not_allowed");
        }
        match &request.segments()[..] {
            [services, team, ..] if services == "services" && !team.starts_with('T') => {
                return Answer::text(404, "no_team");
            }
            [services, _, service, secret] if services == "services" => {
                match (service.starts_with('B'), secret.as_str()) {
                    (false, _) => return Answer::text(404, "no_service"),
                    (true, "revoked") => return Answer::text(403, "invalid_token"),
                    (true, _) => {}
                }
            }
            _ => return Answer::text(404, "no_service"),
        }
        if request.body.len() > BODY {
            return Answer::text(413, "payload_too_large");
        }
        if let Some(wait) = desk.over(&request.path, 1, 1, Duration::from_secs(1)) {
            return Answer::text(429, "rate_limited").retry_after(wait.as_secs().max(1));
        }
        let message = if request.says_json() {
            request.json().ok()
        } else {
            let form = request.form();
            form.iter().find(|(name, _)| name == "payload").and_then(|(_, text)| serde_json::from_str(text).ok())
        };
        let Some(message) = message.filter(Value::is_object) else {
            return Answer::text(400, "invalid_payload");
        };
        let shown = ["text", "blocks", "attachments"].into_iter().filter_map(|part| message.get(part));
        if shown.into_iter().all(|part| part.is_null() || part == "") {
            return Answer::text(400, "no_text");
        }
        match message.get("text") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.chars().count() <= TEXT => {}
            Some(Value::String(_)) => return Answer::text(400, "msg_too_long"),
            Some(_) => return Answer::text(400, "invalid_payload"),
        }
        if message.get("attachments").and_then(Value::as_array).is_some_and(|attachments| attachments.len() > 100) {
            return Answer::text(400, "too_many_attachments");
        }
        match message.get("channel").and_then(Value::as_str).map(|channel| channel.trim_start_matches('#')) {
            Some("missing") => Answer::text(404, "channel_not_found"),
            Some("archived") => Answer::text(410, "channel_is_archived"),
            _ => {
                desk.take(None, &message);
                Answer::of(200, "text/html", "ok".to_owned())
            }
        }
    }

    fn failure(&self, status: u16) -> Answer {
        Answer::text(
            status,
            match status {
                400 => "invalid_payload",
                401 => "invalid_auth",
                403 => "action_prohibited",
                404 => "no_service",
                410 => "channel_is_archived",
                429 => "rate_limited",
                500 => "rollup_error",
                _ => crate::partner::reason(status),
            },
        )
    }
}
