//! `tapes show`: one tape, bodies readable.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::bail;
use serde_json::{Value, json};
use traffic_recorder::tape::{Body, Headers, Take, Tape};
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
    takes: [{status, reason, version, url, headers, body, trailers, cut, fault, recorded: {at, elapsed_ms, from, notes}}]}; \
    a body is null or {bytes, text}, whose text is null where it is none"
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
    if let Some(cut) = &answer.cut {
        say!("(cut: {})", words::cut_word(cut));
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
    let lines = shown.lines().count();
    for line in shown.lines().take(LINES) {
        say!("{}", words::printable(line));
    }
    if lines > LINES {
        say!("(and {} more; `tapes show --body` writes all of it)", words::count(lines - LINES, "line"));
    }
    Ok(())
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
        }),
    })
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
