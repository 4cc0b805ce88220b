//! What an answer says, in words that may be shown: short, on one line, without secrets.

use std::borrow::Cow;

use serde_json::Value;

use crate::client::Answer;
use crate::destination::value::percent;
use crate::js;

/// More characters than this of a partner's words are not kept.
const MAX_WORDS: usize = 500;
/// A shorter secret is none, and masking it would make the words unreadable.
const MIN_SECRET: usize = 4;

/// The status and the partner's own words: of a JSON body the message, of any other its beginning.
#[must_use]
pub(crate) fn reason(answer: &Answer, secrets: &[&str]) -> String {
    with_status(answer, &words(&answer.body), secrets)
}

/// Puts `***` in the place of each secret, also of one that is percent-encoded.
#[must_use]
pub(crate) fn mask<'t>(text: &'t str, secrets: &[&str]) -> Cow<'t, str> {
    let mut secrets: Vec<Cow<'_, str>> = secrets
        .iter()
        .filter(|secret| secret.chars().count() >= MIN_SECRET)
        .flat_map(|secret| [Cow::Borrowed(*secret), Cow::Owned(in_url(secret))])
        .collect();
    // The longest first: one secret may be part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let mut masked = Cow::Borrowed(text);
    for secret in secrets {
        if masked.contains(&*secret) {
            masked = Cow::Owned(masked.replace(&*secret, "***"));
        }
    }
    masked
}

/// `400 Bad Request: words`.
pub(super) fn with_status(answer: &Answer, words: &str, secrets: &[&str]) -> String {
    let status = match answer.status.canonical_reason() {
        Some(name) => format!("{} {name}", answer.status.as_u16()),
        None => answer.status.as_u16().to_string(),
    };
    let words = tidy(words, secrets);
    if words.is_empty() { status } else { format!("{status}: {words}") }
}

/// One line without control characters and secrets, of at most [`MAX_WORDS`] characters.
pub(super) fn tidy(words: &str, secrets: &[&str]) -> String {
    let mut line = String::with_capacity(words.len().min(MAX_WORDS * 4));
    for word in words.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !turns_direction(*c)));
    }
    // Masked before it is cut: half a secret is one too.
    let masked = mask(&line, secrets);
    match masked.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &masked[..end]),
        None => masked.into_owned(),
    }
}

/// A value as words.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => js::to_json(value),
        other => {
            let mut out = String::new();
            js::push_text(&mut out, other);
            out
        }
    }
}

fn words(body: &[u8]) -> String {
    let message = serde_json::from_slice::<Value>(body).ok().and_then(|json| message(&json, 0));
    message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

/// The fields in which partners say what is wrong, the most telling first.
const MESSAGES: [&str; 14] = [
    "error_description",
    "message",
    "detail",
    "errorMessage",
    "error_message",
    "error",
    "errors",
    "reason",
    "description",
    "msg",
    "title",
    "details",
    "fault",
    "code",
];

/// The first message in a JSON body, at most a few levels down.
fn message(json: &Value, depth: usize) -> Option<String> {
    match json {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) if depth > 0 => Some(number.to_string()),
        Value::Array(items) if depth < 4 => {
            let all: Vec<String> = items.iter().take(5).filter_map(|item| message(item, depth + 1)).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(fields) if depth < 4 => {
            MESSAGES.iter().find_map(|name| fields.get(*name).and_then(|value| message(value, depth + 1)))
        }
        _ => None,
    }
}

fn in_url(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    percent(&mut out, text);
    out
}

/// Marks that turn the direction of writing could make a log line read as something else.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};
    use proptest::prelude::*;
    use std::time::Duration;

    fn says(status: u16, body: &str, secrets: &[&str]) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        let body = body.to_owned().into();
        reason(&Answer { status, headers: HeaderMap::new(), body, elapsed: Duration::ZERO }, secrets)
    }

    #[test]
    fn the_partners_own_words_are_found_in_the_usual_fields() {
        let cases = [
            (r#"{"code": 400, "error": "Bad event"}"#, "Bad event"),
            (
                r#"{"status": "error", "message": "Property \"x\" is unknown", "correlationId": "c"}"#,
                "Property \"x\" is unknown",
            ),
            (r#"{"error": {"code": 190, "message": "Invalid token"}}"#, "Invalid token"),
            (r#"{"type": "error.list", "errors": [{"code": "not_found", "message": "No such user"}]}"#, "No such user"),
            (
                r#"{"errors": [{"title": "Invalid", "detail": "a is needed"}, {"detail": "b too"}]}"#,
                "a is needed; b too",
            ),
            (r#"{"error": "invalid_grant", "error_description": "Token was revoked"}"#, "Token was revoked"),
            (r#"{"fields": {"a": 1}}"#, r#"{"fields": {"a": 1}}"#),
            ("<h1>Bad\r\n\tGateway</h1>", "<h1>Bad Gateway</h1>"),
        ];
        for (body, expected) in cases {
            assert_eq!(says(400, body, &[]), format!("400 Bad Request: {expected}"));
        }
        assert_eq!(says(400, "", &[]), "400 Bad Request");
        assert_eq!(says(599, "x", &[]), "599: x");
    }

    #[test]
    fn secrets_are_masked_before_the_words_are_cut() {
        let secrets = ["fake-key/1", "fake", "ab"];
        assert_eq!(
            says(401, r#"{"message": "fake-key/1 or fake-key%2F1 is wrong, ab"}"#, &secrets),
            "401 Unauthorized: *** or *** is wrong, ab"
        );
        let cut = says(401, &format!("{}fake-key/1", "x".repeat(495)), &secrets);
        assert!(cut.ends_with("xxx***") && !cut.contains("fake"), "{cut}");
        assert_eq!(says(401, "fake\u{7}-key\u{202e}/1", &["-key/1"]), "401 Unauthorized: fake ***");
    }

    #[test]
    fn words_are_one_short_line() {
        let said = says(500, &"long \u{0} words\n".repeat(10_000), &[]);
        assert_eq!(said.chars().count(), "500 Internal Server Error: ".len() + 501);
        assert!(!said.contains(char::is_control));
        assert!(said.ends_with('…'));
    }

    proptest! {
        #[test]
        fn no_secret_and_no_control_character_is_ever_shown(before in "\\PC{0,600}", after in "(?s).{0,40}") {
            let said = says(400, &format!("{before}fake-secret-1{after}"), &["fake-secret-1"]);
            prop_assert!(!said.contains("fake-secret-1") && !said.contains(char::is_control));
        }
    }
}
