//! `tapes show`: one tape, bodies readable.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::bail;
use serde_json::{Value, json};
use traffic_recorder::tape::{Body, Headers, Message, Side, Take, Tape, Transcript};
use traffic_recorder::tools::{plain_body, stream_events};

use crate::output::{print_json, say};
use crate::select::one;
use crate::{Outcome, Verdict, words};

/// Shows a tape with its bodies readable: codings undone, JSON indented, events of a stream one by one
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  tapes show tapes/orders/created/post-api.example.com-orders-9c1d6f0e4b7a.yaml\n  \
    tapes show 9c1d6f\n  tapes show 9c1d6f --take 2 --body > answer.json\n\n\
    JSON: {file, key, layer, rules, request: {method, url, version, headers: [[name, value]], body}, \
    takes: [{status, reason, version, url, headers, body, trailers, cut, fault, \
    messages: [{by: client|server, type: text|binary, bytes, text, ms}], close: {by, code, reason}, \
    recorded: {at, elapsed_ms, from, notes}}]}; a body is null or {bytes, text}, whose text is null where it is none"
)]
pub(crate) struct Args {
    /// A tape, or the first digits of its key
    #[arg(value_name = "TAPE")]
    tape: PathBuf,
    /// Only this take, counted from 1
    #[arg(long, value_name = "N")]
    take: Option<usize>,
    /// Writes the body of the answer alone, codings undone, byte for byte
    #[arg(long, conflicts_with = "json")]
    body: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Lines of a body that are shown.
const LINES: usize = 200;

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let (file, mut tape) = one(&self.tape)?;
        let all = tape.takes.len();
        let first = self.take.unwrap_or(1);
        if let Some(take) = self.take {
            if take == 0 || take > all {
                bail!("{} has {}, there is no take {take}", file.display(), words::count(all, "take"));
            }
            tape.takes = vec![tape.takes.swap_remove(take - 1)];
        }
        if self.body {
            let Some(answer) = tape.takes.first().and_then(words::answer) else {
                bail!("take {first} is a fault and has no body");
            };
            if answer.transcript.is_some() {
                bail!("take {first} is a conversation and has no body: --json has its messages");
            }
            std::io::stdout().lock().write_all(&plain_body(&answer.headers, &answer.body)?)?;
            return Ok(Verdict::Fine);
        }
        if self.json {
            print_json(&document(&file, &tape)?)?;
            return Ok(Verdict::Fine);
        }
        say!("{}", file.display());
        say!("key {} ({})", tape.key, tape.layer);
        for rule in &tape.rules {
            say!("rule {}", words::printable(rule));
        }
        let request = &tape.request;
        say!("\n{} {} {}", words::printable(&request.method), words::printable(&request.url), request.version);
        fields(&request.headers)?;
        body(&request.headers, &request.body)?;
        fields(&request.trailers)?;
        for (at, take) in tape.takes.iter().enumerate() {
            say!("\n--- take {} of {all}, {}", first + at, origin(take));
            show_take(take)?;
        }
        Ok(Verdict::Fine)
    }
}

fn origin(take: &Take) -> String {
    let recorded = &take.recorded;
    format!("{} {}, after {}", recorded.from, words::moment(recorded.at), words::elapsed(recorded.elapsed))
}

fn show_take(take: &Take) -> anyhow::Result<()> {
    for note in &take.recorded.notes {
        say!("note: {}", words::printable(note));
    }
    let Some(answer) = words::answer(take) else {
        if let traffic_recorder::tape::Outcome::Fault(fault) = &take.outcome {
            say!("fault {}: {}", fault.kind, words::printable(&fault.message));
        }
        return Ok(());
    };
    let reason = answer.reason.as_deref().map(|reason| format!(" {}", words::printable(reason))).unwrap_or_default();
    say!("{} {}{reason}", answer.version, answer.status);
    if let Some(url) = &answer.url {
        say!("answered by {}", words::printable(url));
    }
    fields(&answer.headers)?;
    body(&answer.headers, &answer.body)?;
    fields(&answer.trailers)?;
    if let Some(transcript) = &answer.transcript {
        conversation(take, transcript)?;
    }
    if let Some(cut) = &answer.cut {
        say!("(cut: {})", words::cut_word(cut));
    }
    Ok(())
}

/// Each message behind an arrow that says where it went.
fn conversation(take: &Take, transcript: &Transcript) -> anyhow::Result<()> {
    for (at, message) in transcript.messages.iter().take(LINES).enumerate() {
        let arrow = if message.by == Side::Client { "->" } else { "<-" };
        let time =
            take.recorded.frames.get(at).map(|time| format!(", after {}", words::elapsed(*time))).unwrap_or_default();
        say!("\n{arrow} {} {}{time}", message.kind, words::size(message.data.len() as u64));
        text(&message.data)?;
    }
    if transcript.messages.len() > LINES {
        say!("(and {} more; --json has all of them)", words::count(transcript.messages.len() - LINES, "message"));
    }
    if let Some(close) = &transcript.close {
        let code = close.code.map(|code| format!(", {code}")).unwrap_or_default();
        say!("\nclosed by the {}{code} {}", close.by, words::printable(&close.reason));
    }
    Ok(())
}

/// A message, JSON with a line for each item.
fn text(data: &[u8]) -> anyhow::Result<()> {
    let Some(text) = std::str::from_utf8(data).ok().filter(|text| words::is_printable(text)) else {
        say!("({} that are no text)", words::size(data.len() as u64));
        return Ok(());
    };
    lines(&words::indented(text).unwrap_or_else(|| text.to_owned()), "--json has all of it")
}

fn lines(text: &str, whole: &str) -> anyhow::Result<()> {
    let lines = text.lines().count();
    for line in text.lines().take(LINES) {
        say!("{}", words::printable(line));
    }
    if lines > LINES {
        say!("(and {} more; {whole})", words::count(lines - LINES, "line"));
    }
    Ok(())
}

fn fields(headers: &Headers) -> anyhow::Result<()> {
    for (name, value) in words::fields(headers) {
        say!("{}: {}", words::printable(name), words::printable(&value));
    }
    Ok(())
}

fn body(headers: &Headers, body: &Body) -> anyhow::Result<()> {
    if matches!(body, Body::Absent) {
        return Ok(());
    }
    let plain = plain_body(headers, body)?;
    say!("");
    if plain.is_empty() {
        say!("(empty)");
        return Ok(());
    }
    let Some(text) = std::str::from_utf8(&plain).ok().filter(|text| words::is_printable(text)) else {
        say!("({} that are no text)", words::size(plain.len() as u64));
        return Ok(());
    };
    let shown = match stream_events(headers, &plain) {
        Some(events) => {
            let one = |(at, event): (usize, &traffic_recorder::tools::StreamEvent)| {
                format!("[{}] {}: {}\n", at + 1, event.name, event.data)
            };
            events.iter().enumerate().map(one).collect()
        }
        None => words::indented(text).unwrap_or_else(|| text.to_owned()),
    };
    lines(&shown, "`tapes show --body` writes all of it")
}

fn document(file: &std::path::Path, tape: &Tape) -> anyhow::Result<Value> {
    let request = &tape.request;
    let takes: anyhow::Result<Vec<Value>> = tape.takes.iter().map(take_document).collect();
    Ok(json!({
        "file": file.to_string_lossy(), "key": tape.key.hex(), "layer": tape.layer.to_string(), "rules": tape.rules,
        "request": {
            "method": request.method, "url": request.url, "version": request.version.to_string(),
            "headers": pairs(&request.headers), "body": body_document(&request.headers, &request.body)?,
            "trailers": pairs(&request.trailers),
        },
        "takes": takes?,
    }))
}

/// A take as `tapes show --json` and `tapes view` have it.
pub(crate) fn take_document(take: &Take) -> anyhow::Result<Value> {
    let recorded = json!({
        "at": words::moment(take.recorded.at),
        "elapsed_ms": u64::try_from(take.recorded.elapsed.as_millis()).unwrap_or(u64::MAX),
        "from": take.recorded.from.to_string(), "notes": take.recorded.notes,
    });
    Ok(match &take.outcome {
        traffic_recorder::tape::Outcome::Fault(fault) => {
            json!({"fault": {"kind": fault.kind.to_string(), "message": fault.message}, "recorded": recorded})
        }
        traffic_recorder::tape::Outcome::Answer(answer) => json!({
            "status": answer.status, "reason": answer.reason, "version": answer.version.to_string(), "url": answer.url,
            "headers": pairs(&answer.headers), "body": body_document(&answer.headers, &answer.body)?,
            "trailers": pairs(&answer.trailers), "cut": answer.cut.as_ref().map(words::cut_word), "recorded": recorded,
            "messages": answer.transcript.as_ref().map(|transcript| messages(take, transcript)),
            "close": answer.transcript.as_ref().and_then(|transcript| transcript.close.as_ref()).map(|close| {
                json!({"by": close.by.to_string(), "code": close.code, "reason": close.reason})
            }),
        }),
    })
}

fn messages(take: &Take, transcript: &Transcript) -> Vec<Value> {
    let time = |at: usize| take.recorded.frames.get(at).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let one = |(at, message): (usize, &Message)| {
        json!({
            "by": message.by.to_string(), "type": message.kind.to_string(), "bytes": message.data.len(), "text": message.text(),
            "ms": time(at),
        })
    };
    transcript.messages.iter().enumerate().map(one).collect()
}

/// Header fields as `[[name, value]]`.
pub(crate) fn pairs(headers: &Headers) -> Value {
    words::fields(headers).map(|(name, value)| json!([name, value])).collect()
}

/// A body as `tapes show --json` and `tapes view` have it, codings undone.
pub(crate) fn body_document(headers: &Headers, body: &Body) -> anyhow::Result<Value> {
    if matches!(body, Body::Absent) {
        return Ok(Value::Null);
    }
    let plain = plain_body(headers, body)?;
    let bytes = plain.len();
    Ok(match String::from_utf8(plain) {
        Ok(text) => json!({"bytes": bytes, "text": text}),
        Err(_) => json!({"bytes": bytes, "text": null}),
    })
}
