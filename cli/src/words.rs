//! Sizes, times, headers and bodies as people read them.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use traffic_recorder::tape::{Answer, Cut, Fault, Headers, Outcome, Take};

/// `1 tape`, `2 tapes`.
pub(crate) fn count(n: usize, one: &str) -> String {
    match (n, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (n, Some(stem)) => format!("{n} {stem}ies"),
        (n, None) => format!("{n} {one}s"),
    }
}

/// `812 B`, `1.5 KiB`, `3.0 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut scaled = bytes as f64 / 1024.0;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

/// `182 ms`, `1.2 s`.
pub(crate) fn elapsed(time: Duration) -> String {
    let millis = time.as_millis();
    if millis < 1000 { format!("{millis} ms") } else { format!("{:.1} s", time.as_secs_f64()) }
}

/// `2026-11-21T10:00:00Z`.
pub(crate) fn moment(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

/// `2026-11-21`.
pub(crate) fn day(at: SystemTime) -> String {
    moment(at).chars().take(10).collect()
}

/// What came back, in a word: `200`, `503 cut (reset)`, `fault refused`.
pub(crate) fn outcome(take: &Take) -> String {
    match &take.outcome {
        Outcome::Answer(answer) => {
            let mut text = answer.status.to_string();
            if let Some(transcript) = &answer.transcript {
                let _ = write!(text, " with {}", count(transcript.messages.len(), "message"));
            }
            if let Some(cut) = &answer.cut {
                let _ = write!(text, " cut ({})", cut_word(cut));
            }
            text
        }
        Outcome::Fault(fault) => format!("fault {}", fault.kind),
    }
}

/// Why a body ended early, in a word.
pub(crate) fn cut_word(cut: &Cut) -> String {
    match cut {
        Cut::Caller => "caller".to_owned(),
        Cut::Fault(Fault { kind, .. }) => kind.to_string(),
    }
}

/// The answer of a take, where there is one.
pub(crate) fn answer(take: &Take) -> Option<&Answer> {
    match &take.outcome {
        Outcome::Answer(answer) => Some(answer),
        Outcome::Fault(_) => None,
    }
}

/// Header fields as name and text, in order.
pub(crate) fn fields(headers: &Headers) -> impl Iterator<Item = (&str, String)> {
    headers.iter().map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned()))
}

/// Whether a text is fit for a terminal: no control characters but line ends and tabs.
pub(crate) fn is_printable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// A text that cannot move the cursor or change colours, whoever wrote it.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    if is_printable(text) && !text.contains('\r') { text.to_owned() } else { text.chars().map(shown).collect() }
}

/// JSON with a line for each item. Every token stays as it is spelt; `None` where the text is no JSON.
pub(crate) fn indented(json: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(json).ok()?;
    let (mut out, mut depth, mut in_string, mut escaped) =
        (String::with_capacity(json.len() * 2), 0usize, false, false);
    let mut rest = json.trim().chars().peekable();
    while let Some(c) = rest.next() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            c if c.is_ascii_whitespace() => {}
            '{' | '[' => {
                out.push(c);
                while rest.peek().is_some_and(char::is_ascii_whitespace) {
                    rest.next();
                }
                if let Some(close) = rest.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c => {
                in_string = c == '"';
                out.push(c);
            }
        }
    }
    Some(out)
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    (0..depth).for_each(|_| out.push_str("  "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_keeps_every_spelling() {
        let json = r#"{"a":1.0,"b":[],"c":[1e5,{"d\"}":"x,{y"}],"e":{ }}"#;
        let shown = "{\n  \"a\": 1.0,\n  \"b\": [],\n  \"c\": [\n    1e5,\n    {\n      \"d\\\"}\": \"x,{y\"\n    }\n  ],\n  \"e\": {}\n}";
        assert_eq!(indented(json).as_deref(), Some(shown));
        assert_eq!(indented("{a}"), None);
    }

    #[test]
    fn sizes_and_counts_are_words() {
        assert_eq!((size(812).as_str(), size(1536).as_str(), size(3 << 20).as_str()), ("812 B", "1.5 KiB", "3.0 MiB"));
        assert_eq!(
            (count(1, "tape"), count(0, "tape"), count(2, "body")),
            ("1 tape".into(), "0 tapes".into(), "2 bodies".into())
        );
        assert_eq!(elapsed(Duration::from_millis(1234)), "1.2 s");
    }

    #[test]
    fn what_would_steer_a_terminal_is_spelt_out() {
        assert_eq!(printable("a\u{1b}[31mb\r\n"), "a\\u{1b}[31mb\\r\n");
    }
}
