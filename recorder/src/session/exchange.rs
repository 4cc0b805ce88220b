//! What was sent and answered in a test, for assertions and snapshots.

use std::fmt;

use super::recording::lock;
use super::state::{Entry, Session};
use crate::tape::{Body, Headers, Outcome, Request, Side, Transcript};

/// One request and its answer, secrets masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What was sent.
    pub request: Request,
    /// What came back; `None` while nothing did.
    pub outcome: Option<Outcome>,
    /// Whether it came from a tape.
    pub replayed: bool,
}

impl Exchange {
    pub(super) fn all(session: &Session) -> Vec<Self> {
        let state = &mut *lock(&session.0.state);
        let mut exchanges = Vec::with_capacity(state.entries.len());
        let mut live = Vec::new();
        for entry in &state.entries {
            match entry {
                Entry::Gone | Entry::Imported(_) => {}
                Entry::Played(found, take) => exchanges.push(Self {
                    request: found.request.clone(),
                    outcome: Some(found.shelf.tape.takes[*take].outcome.clone()),
                    replayed: true,
                }),
                Entry::Live(slot, _) => {
                    let (request, outcome) = lock(slot).view();
                    // Numbers are given in the order of the requests, before anything is replaced.
                    state.redactor.learn_request(&request);
                    if let Some(Outcome::Answer(answer)) = &outcome {
                        state.redactor.learn_answer(answer);
                    }
                    live.push(exchanges.len());
                    exchanges.push(Self { request, outcome, replayed: false });
                }
            }
        }
        for index in live {
            let exchange = &mut exchanges[index];
            exchange.request = state.redactor.request(&exchange.request).message;
            if let Some(Outcome::Answer(answer)) = &mut exchange.outcome {
                *answer = state.redactor.answer(answer).message;
            }
        }
        exchanges
    }

    /// The status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match &self.outcome {
            Some(Outcome::Answer(answer)) => Some(answer.status),
            _ => None,
        }
    }

    /// The request's body as text, where it is in memory and UTF-8.
    #[must_use]
    pub fn sent_text(&self) -> Option<&str> {
        text(&self.request.body)
    }

    /// The answer's body as text, where it is in memory and UTF-8.
    #[must_use]
    pub fn answered_text(&self) -> Option<&str> {
        match &self.outcome {
            Some(Outcome::Answer(answer)) => text(&answer.body),
            _ => None,
        }
    }
}

fn text(body: &Body) -> Option<&str> {
    body.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
}

/// As a message reads on the wire: request line, fields, body; status, fields, body. Facts that change with every run
/// (ports of local listeners, dates, user agents) are left out, so that it may be a snapshot.
impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "> {} {}", self.request.method, without_local_port(&self.request.url))?;
        fields(f, '>', &self.request.headers)?;
        body(f, '>', &self.request.body)?;
        match &self.outcome {
            None => writeln!(f, "< no answer yet"),
            Some(Outcome::Fault(fault)) => writeln!(f, "< {:?}", fault.kind),
            Some(Outcome::Answer(answer)) => {
                writeln!(f, "< {}", answer.status)?;
                fields(f, '<', &answer.headers)?;
                if let Some(transcript) = &answer.transcript {
                    return conversation(f, transcript);
                }
                body(f, '<', &answer.body)
            }
        }
    }
}

fn without_local_port(url: &str) -> String {
    for host in ["://127.0.0.1:", "://localhost:", "://[::1]:"] {
        if let Some(at) = url.find(host) {
            let port = at + host.len();
            let rest = url[port..].trim_start_matches(|c: char| c.is_ascii_digit());
            return format!("{}{rest}", &url[..port - 1]);
        }
    }
    url.to_owned()
}

fn fields(f: &mut fmt::Formatter<'_>, mark: char, headers: &Headers) -> fmt::Result {
    const LEFT_OUT: [&str; 5] = ["date", "user-agent", "host", "connection", "accept-encoding"];
    for (name, value) in headers.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.to_ascii_lowercase().as_str())) {
        writeln!(f, "{mark} {name}: {}", String::from_utf8_lossy(value))?;
    }
    Ok(())
}

fn conversation(f: &mut fmt::Formatter<'_>, transcript: &Transcript) -> fmt::Result {
    for message in &transcript.messages {
        let mark = if message.by == Side::Client { '>' } else { '<' };
        match message.text() {
            Some(text) => text.lines().try_for_each(|line| writeln!(f, "{mark} {line}"))?,
            None => writeln!(f, "{mark} ({} bytes)", message.data.len())?,
        }
    }
    Ok(())
}

fn body(f: &mut fmt::Formatter<'_>, mark: char, body: &Body) -> fmt::Result {
    match (body, text(body)) {
        (Body::Absent, _) => Ok(()),
        (_, Some(text)) => text.lines().try_for_each(|line| writeln!(f, "{mark} {line}")),
        _ => writeln!(f, "{mark} ({} bytes)", body.len()),
    }
}
