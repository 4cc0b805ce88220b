//! Two answers side by side, in words that a reader of a failed test can use.

use std::fmt::Write as _;

use recorder_tests::adapters::{Answer, Ask, Failure};

/// So many lines tell what is wrong.
const SHOWN: usize = 20;

/// What a program saw of one request: an answer, or the client's error.
pub(crate) type Seen = Result<Answer, Failure>;

/// A request in a word or two.
pub(crate) fn named(ask: &Ask) -> String {
    let headers: Vec<_> = ask.headers.iter().map(|(n, v)| format!("{n}: {}", String::from_utf8_lossy(v))).collect();
    match headers.is_empty() {
        true => format!("{} {}", ask.method, ask.url),
        false => format!("{} {} ({})", ask.method, ask.url, headers.join(", ")),
    }
}

/// What differs, line by line; `None` where nothing does.
pub(crate) fn difference(live: &Seen, replayed: &Seen) -> Option<String> {
    if let (Err(live), Err(replayed)) = (live, replayed)
        && is_same_failure(live, replayed)
    {
        return None;
    }
    let (live, replayed) = (lines(live), lines(replayed));
    (live != replayed).then(|| side_by_side(("live:    ", &live), ("replayed:", &replayed)))
}

/// What differs between two files.
pub(crate) fn difference_of_texts(before: &str, after: &str) -> String {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    side_by_side(("before:", &lines(before)), ("after: ", &lines(after)))
}

/// The lines between what is the same at the start and at the end.
fn side_by_side(a: (&str, &[String]), b: (&str, &[String])) -> String {
    let same = a.1.iter().zip(b.1).take_while(|(a, b)| a == b).count();
    let rest = a.1.len().min(b.1.len()) - same;
    let end = a.1.iter().rev().zip(b.1.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    for (mark, lines) in [a, b] {
        let changed = &lines[same..lines.len() - end];
        for line in changed.iter().take(SHOWN) {
            let _ = writeln!(text, "      {mark} {line}");
        }
        if changed.len() > SHOWN {
            let _ = writeln!(text, "      {mark} ... and {} lines more", changed.len() - SHOWN);
        }
    }
    text
}

/// A client's own error (ureq sends no body twice) is recorded as well: its predicates answer the same, and it says the same,
/// whatever it adds about the tape.
fn is_same_failure(live: &Failure, replayed: &Failure) -> bool {
    (live.is_connect, live.is_timeout) == (replayed.is_connect, replayed.is_timeout)
        && replayed.refusal.is_none()
        && replayed.text.contains(&live.text)
}

/// One line for each fact, the body's lines last.
fn lines(seen: &Seen) -> Vec<String> {
    let answer = match seen {
        Ok(answer) => answer,
        Err(failure) => return vec![format!("error {failure}")],
    };
    let reason = answer.reason.as_deref().unwrap_or("(the usual)");
    let mut lines = vec![format!("{} {} {reason}", answer.version, answer.status)];
    lines.extend(answer.url.iter().map(|url| format!("url {url}")));
    let field = |(name, value): &(String, Vec<u8>)| format!("{name}: {}", value.escape_ascii());
    lines.extend(answer.headers.iter().map(field));
    lines.extend(answer.trailers.iter().map(|trailer| format!("trailer {}", field(trailer))));
    lines.extend(answer.cut.iter().map(|cut| format!("cut off by {cut}")));
    let body = answer.body();
    lines.push(format!("body of {} bytes", body.len()));
    match std::str::from_utf8(&body) {
        Ok(text) => lines.extend(text.split_inclusive('\n').map(|line| format!("| {}", line.escape_debug()))),
        Err(_) => lines.extend(body.chunks(16).map(|chunk| format!("| {chunk:02x?}"))),
    }
    lines
}

/// Fails with every difference there is, adapter and request named.
#[track_caller]
pub(crate) fn assert_none(adapter: &str, what: &str, differences: &[(String, String)]) {
    let mut text = String::new();
    for (request, difference) in differences {
        let _ = write!(text, "\n    {request}\n{difference}");
    }
    let count = differences.len();
    assert!(differences.is_empty(), "{adapter}: {what}: {count} differ\n{text}");
}
