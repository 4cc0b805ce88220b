//! Which header fields take part in a key, and in which form.
//!
//! A field takes part where it changes what the server is asked for:
//!
//! - `accept` (alone and `*/*` it says what its absence says, [RFC 9110 §12.5.1], and is left out), `content-type`, `range`,
//!   `if-*`;
//! - the version of the API: every name that ends in `api-version`, `x-ms-version`, and names of the form `WORD-version`
//!   (`stripe-version`, `notion-version`, `accept-version`) unless the word speaks of the caller (`client-version`) or of the
//!   message (`mime-version`);
//! - the operation, where method and path do not say it: `soapaction`, `x-amz-target`, `x-http-method-override`;
//! - that a WebSocket is opened, and for which protocols: `upgrade: websocket`, `sec-websocket-protocol`.
//!
//! [RFC 9110 §12.5.1]: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1

use std::borrow::Cow;

use super::escape;
use super::scope::InScope;
use crate::codec::media::{Media, is_multipart};
use crate::tape::Headers;

/// One field: name in lower case and value, both safe to stand on a line.
pub(super) type Field = (String, String);

/// First words of `WORD-version` that do not name an API.
const CALLERS: [&str; 16] = [
    "agent", "app", "browser", "build", "client", "device", "lib", "library", "mime", "os", "package", "platform",
    "runtime", "sdk", "tls", "user",
];

/// The fields that take part, sorted by name, repeats in their order.
pub(super) fn read(headers: &Headers, scope: &mut InScope<'_>) -> Vec<Field> {
    let mut fields = Vec::new();
    for (name, value) in headers.iter() {
        let lower: Cow<'_, str> = match name.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(name.to_ascii_lowercase()),
            false => Cow::Borrowed(name),
        };
        if !is_listed(&lower) && !is_websocket(&lower, value) && !scope.matches_header(&lower) {
            continue;
        }
        if scope.ignores_header(&lower) {
            continue;
        }
        let value = match &*lower {
            "content-type" => content_type(value),
            "upgrade" if is_websocket(&lower, value) => Cow::Borrowed("websocket"),
            _ => escape::line(value.trim_ascii()),
        };
        fields.push((escape::name(lower.as_bytes(), ':').into_owned(), value.into_owned()));
    }
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut accepts = fields.iter().filter(|(name, _)| name == "accept");
    if accepts.next().is_some_and(|(_, value)| value == "*/*") && accepts.next().is_none() {
        fields.retain(|(name, _)| name != "accept");
    }
    fields
}

/// The fields of a part of a multipart body: all of them, sorted by name.
pub(super) fn of_part<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<Field> {
    let fields = headers.map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let value = if name == b"content-type" { content_type(value) } else { escape::line(value) };
        (escape::name(&name, ':').into_owned(), value.into_owned())
    });
    let mut fields: Vec<_> = fields.collect();
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    fields
}

/// Writes each field on a line.
pub(super) fn write(fields: &[Field], out: &mut String) {
    for (name, value) in fields {
        out.push_str(name);
        out.push_str(": ");
        out.push_str(value);
        out.push('\n');
    }
}

/// A handshake asks for something else than the request without it.
fn is_websocket(name: &str, value: &[u8]) -> bool {
    name == "upgrade" && value.trim_ascii().eq_ignore_ascii_case(b"websocket")
}

fn is_listed(name: &str) -> bool {
    match name {
        "accept"
        | "content-type"
        | "range"
        | "sec-websocket-protocol"
        | "soapaction"
        | "x-amz-target"
        | "x-http-method-override"
        | "x-ms-version" => true,
        name if name.starts_with("if-") || name.ends_with("api-version") => true,
        name => name.strip_suffix("-version").is_some_and(|word| !word.contains('-') && !CALLERS.contains(&word)),
    }
}

/// A content type in one spelling: parameters sorted, the charset in lower case, no boundary.
fn content_type(value: &[u8]) -> Cow<'_, str> {
    let media = std::str::from_utf8(value).ok().and_then(Media::parse);
    let Some(mut media) = media else { return escape::line(value.trim_ascii()) };
    if is_multipart(&media.essence) {
        media.params.retain(|(name, _)| name != "boundary");
    }
    for (name, value) in &mut media.params {
        if name == "charset" && value.bytes().any(|b| b.is_ascii_uppercase()) {
            *value = Cow::Owned(value.to_ascii_lowercase());
        }
    }
    media.params.sort_by(|(a, _), (b, _)| a.cmp(b));
    Cow::Owned(escape::line(media.to_string().as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_short_and_clear() {
        for name in ["accept", "if-none-match", "x-github-api-version", "stripe-version", "api-version", "x-ms-version"]
        {
            assert!(is_listed(name), "{name}");
        }
        for name in ["accept-encoding", "user-agent", "client-version", "x-stainless-package-version", "date", "-x"] {
            assert!(!is_listed(name), "{name}");
        }
    }

    #[test]
    fn content_types_have_one_spelling() {
        for (value, want) in [
            ("Application/JSON;Charset=\"UTF-8\"", "application/json; charset=utf-8"),
            ("multipart/form-data; boundary=x; a=1", "multipart/form-data; a=1"),
            ("text/plain; b=2; a=1", "text/plain; a=1; b=2"),
            ("  nonsense ", "nonsense"),
        ] {
            assert_eq!(content_type(value.as_bytes()), want);
        }
    }
}
