//! A cassette of VCR for Ruby.

use std::fmt::Write as _;

use super::super::Exchange;
use super::{Exported, base64, rare, reason};
use crate::tape::{Body, Headers, Outcome, Version, yaml_scalar, yaml_text};

pub(super) fn write(exchanges: &[Exchange]) -> Exported {
    let mut out = String::from("---\nhttp_interactions:\n");
    let mut exported = Exported::default();
    for exchange in exchanges {
        match &exchange.take.outcome {
            Outcome::Answer(answer) => {
                interaction(exchange, answer, &mut out);
                exported.exchanges += 1;
                let mut what = rare(answer);
                if !answer.trailers.is_empty() {
                    what.push("its trailers");
                }
                exported.leave_out(exchange, &what);
            }
            Outcome::Fault(_) => exported.leave_out(exchange, &["that it failed: a cassette has answers only"]),
        }
    }
    if exported.exchanges == 0 {
        out.truncate(out.len() - 1);
        out.push_str(" []\n");
    }
    out.push_str("recorded_with: VCR 6.2.0\n");
    exported.files.push(("tapes.yml".into(), out.into_bytes()));
    exported
}

fn interaction(exchange: &Exchange, answer: &crate::tape::Answer, out: &mut String) {
    let request = &exchange.request;
    out.push_str("- request:\n    method:");
    value(&request.method.to_ascii_lowercase(), 4, out);
    out.push_str("    uri:");
    value(&request.url, 4, out);
    body(&request.body, out);
    headers(&request.headers, out);
    // Writing to a String cannot fail.
    let _ = write!(out, "  response:\n    status:\n      code: {}\n      message:", answer.status);
    value(&reason(answer), 6, out);
    headers(&answer.headers, out);
    body(&answer.body, out);
    let version = match answer.version {
        Version::Http09 => "'0.9'",
        Version::Http10 => "'1.0'",
        Version::Http11 => "'1.1'",
        Version::Http2 => "'2'",
        Version::Http3 => "'3'",
    };
    let _ = writeln!(out, "    http_version: {version}");
    let at = httpdate(exchange.take.recorded.at);
    let _ = writeln!(out, "  recorded_at: {at}");
}

fn body(body: &Body, out: &mut String) {
    let bytes = body.bytes().cloned().unwrap_or_default();
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            out.push_str("    body:\n      encoding: UTF-8\n      string:");
            value(text, 6, out);
        }
        Err(_) => {
            out.push_str("    body:\n      encoding: ASCII-8BIT\n      base64_string:");
            value(&base64(&bytes), 6, out);
        }
    }
}

/// A list of values under each name, in the order of its first.
fn headers(headers: &Headers, out: &mut String) {
    if headers.is_empty() {
        out.push_str("    headers: {}\n");
        return;
    }
    out.push_str("    headers:\n");
    let mut done: Vec<&str> = Vec::new();
    for (name, _) in headers.iter() {
        if done.contains(&name) {
            continue;
        }
        done.push(name);
        out.push_str("      ");
        yaml_scalar(name, false, out);
        out.push_str(":\n");
        for (_, bytes) in headers.iter().filter(|(known, _)| *known == name) {
            out.push_str("      -");
            match std::str::from_utf8(bytes) {
                Ok(text) => value(text, 6, out),
                Err(_) => {
                    let _ = writeln!(out, " !binary {}", base64(bytes));
                }
            }
        }
    }
}

/// After a colon or a dash, up to the end of the line.
fn value(text: &str, indent: usize, out: &mut String) {
    yaml_text(text, indent, out);
}

/// `Mon, 21 Apr 2014 23:13:40 GMT`.
fn httpdate(at: std::time::SystemTime) -> String {
    let seconds = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let rfc3339 = humantime::format_rfc3339_seconds(at).to_string();
    let part = |range: std::ops::Range<usize>| rfc3339.get(range).unwrap_or_default();
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let day = days[usize::try_from(seconds / 86_400 % 7).unwrap_or_default()];
    let month = part(5..7).parse::<usize>().ok().and_then(|month| months.get(month.checked_sub(1)?)).unwrap_or(&"Jan");
    format!("{day}, {} {month} {} {} GMT", part(8..10), part(0..4), part(11..19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_398_122_020);
        assert_eq!(httpdate(at), "Mon, 21 Apr 2014 23:13:40 GMT");
    }
}
