//! What follows an upgrade: recorded message by message, and replayed with the program's messages held against the tape.
//!
//! A seam finds one of the two in the extensions of a 101: an [`Upgrade`] where the service answered, a [`Conversation`] where
//! a tape did, none where nobody looks.

use std::sync::Arc;
use std::time::Duration;

use super::memo::Found;
use super::miss::{self, Candidate, MissReason};
use super::playback::Timing;
use super::recording::{SharedSlot, lock};
use super::state::{Session, State};
use super::{Error, ErrorKind};
use crate::key::{self, Canonical, Difference};
use crate::policy::Reveal;
use crate::tape::{Answer, Body, Close, Cut, Fault, Headers, Message, Outcome, Request, Side, Transcript};

/// The conversation after a live upgrade, while it is recorded. Unless it is told how it ended, its take says that the program
/// left.
#[derive(Debug, Clone)]
pub(crate) struct Upgrade {
    session: Session,
    slot: SharedSlot,
}

impl Upgrade {
    pub(super) fn new(session: Session, slot: SharedSlot) -> Self {
        Self { session, slot }
    }

    /// Messages follow. Without this the take is an answer like any other.
    pub(crate) fn begin(&self) {
        lock(&self.slot).upgraded();
    }

    /// The next message of either side.
    ///
    /// # Errors
    /// Where it is more than a tape holds: the test fails for it.
    pub(crate) fn said(&self, message: Message) -> Result<(), Error> {
        let said = lock(&self.slot).said(message);
        said.map_err(|reason| self.refused(reason))
    }

    /// Somebody closed it.
    pub(crate) fn closed(&self, close: Close) {
        lock(&self.slot).closed(close);
    }

    /// The connection to the service failed before anybody closed.
    pub(crate) fn failed(&self, fault: Fault) {
        lock(&self.slot).broken_off(Cut::Fault(fault));
    }

    /// The program left before anybody closed.
    pub(crate) fn left(&self) {
        lock(&self.slot).broken_off(Cut::Caller);
    }

    /// No tape can hold it: the test fails for it.
    pub(crate) fn refused(&self, reason: String) -> Error {
        let url = lock(&self.slot).url().to_owned();
        self.session.no_conversation(&url, reason)
    }
}

impl Session {
    /// There can be no conversation: the test fails for it.
    pub(crate) fn no_conversation(&self, url: &str, reason: String) -> Error {
        let mut state = lock(&self.0.state);
        let url = state.redactor.url(url);
        state.fail(ErrorKind::Conversation { url, reason }.into())
    }
}

/// A recorded conversation, and how far it has come.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    session: Session,
    found: Arc<Found>,
    take: usize,
    at: usize,
}

/// What happens next.
#[derive(Debug)]
pub(crate) enum Turn {
    /// The service says this, after a while.
    Say(Message, Duration),
    /// It is for the program to go on.
    Hear,
    /// The service closes.
    Close(Close),
    /// The connection fails.
    Fail(Fault),
}

impl Conversation {
    /// The one in this take, where there is one.
    pub(super) fn of(session: &Session, found: &Arc<Found>, take: usize) -> Option<Self> {
        let Outcome::Answer(answer) = &found.shelf.tape.takes[take].outcome else { return None };
        answer.transcript.as_ref()?;
        Some(Self { session: session.clone(), found: Arc::clone(found), take, at: 0 })
    }

    /// What happens next: messages of the service are said once and come before the program's next one.
    pub(crate) fn turn(&mut self) -> Turn {
        let (at, answer) = (self.at, self.answer());
        let Some(transcript) = &answer.transcript else { return Turn::Hear };
        match transcript.messages.get(at) {
            Some(message) if message.by == Side::Server => {
                // Values that the program sends from now on are numbered after those it hears.
                let mut state = lock(&self.session.0.state);
                state.redactor.note_message(message);
                let said = match self.session.0.options.reveal {
                    Reveal::Value => state.redactor.reveal_message(message),
                    Reveal::Placeholder => message.clone(),
                };
                drop(state);
                let wait = self.wait();
                self.at += 1;
                Turn::Say(said, wait)
            }
            Some(_) => Turn::Hear,
            None => match (&transcript.close, &answer.cut) {
                (Some(close), _) if close.by == Side::Server => Turn::Close(close.clone()),
                (None, Some(Cut::Fault(fault))) => Turn::Fail(fault.clone()),
                _ => Turn::Hear,
            },
        }
    }

    /// What the program says, when it is its turn.
    ///
    /// # Errors
    /// A miss, where it is not what was recorded: the test fails for it.
    pub(crate) fn heard(&mut self, said: &Message) -> Result<(), Error> {
        let inner = &*self.session.0;
        let mut state = lock(&inner.state);
        if state.stopped {
            let (method, url) = (self.found.request.method.clone(), self.found.request.url.clone());
            return Err(ErrorKind::Stopped { test: inner.location.test().to_owned(), method, url }.into());
        }
        state.redactor.learn_message(said);
        let said = state.redactor.message(said);
        let recorded = self.recorded().messages.get(self.at);
        let differences = match recorded {
            Some(recorded) if *recorded == said => Vec::new(),
            Some(recorded) if recorded.kind != said.kind => vec![Difference {
                place: "type of the message".to_owned(),
                recorded: Some(recorded.kind.to_string()),
                sent: Some(said.kind.to_string()),
                rule: None,
            }],
            Some(recorded) => {
                let recorded = self.canonical(recorded.data.clone().into());
                key::differences(&recorded, &self.canonical(said.data.clone().into()))
            }
            None => vec![Difference {
                place: "message".to_owned(),
                recorded: None,
                sent: Some(beginning(&said)),
                rule: None,
            }],
        };
        if recorded.is_some() && differences.is_empty() {
            self.at += 1;
            return Ok(());
        }
        let miss = self.miss(&state, differences);
        Err(state.fail(miss))
    }

    /// How many messages the program has sent, the one it is about to included.
    pub(crate) fn number(&self) -> usize {
        let before = self.recorded().messages.iter().take(self.at);
        before.filter(|message| message.by == Side::Client).count() + 1
    }

    fn miss(&self, state: &State, differences: Vec<Difference>) -> Error {
        let inner = &*self.session.0;
        let mut differences = miss::only_useful_rules(differences);
        for difference in &mut differences {
            if let Some(place) = difference.place.strip_prefix("body") {
                difference.place = format!("message{place}");
            }
        }
        let sent = |message: &&Message| message.by == Side::Client;
        let recorded = self.recorded().messages.iter().filter(sent).count();
        let reason = MissReason::Message { number: self.number(), recorded };
        let request = &self.found.request;
        let mut miss = miss::describe(inner, state, request, &self.canonical(Body::Absent), reason);
        miss.wanted = inner.folder.file(&self.found.shelf.name);
        miss.candidates = vec![Candidate { file: self.found.shelf.name.clone(), seen: true, differences }];
        miss.command = inner.location.command("1");
        miss.into()
    }

    /// The message in the form in which bodies are compared, by the rules of its URL: as JSON where it looks like it.
    fn canonical(&self, body: Body) -> Canonical {
        let request = Request { headers: Headers::new(), body, ..self.found.request.clone() };
        key::canonical(&request, &self.session.0.policy.rules)
    }

    fn recorded(&self) -> &Transcript {
        const NOTHING: &Transcript = &Transcript { messages: Vec::new(), close: None };
        self.answer().transcript.as_deref().unwrap_or(NOTHING)
    }

    fn answer(&self) -> &Answer {
        match &self.found.shelf.tape.takes[self.take].outcome {
            Outcome::Answer(answer) => answer,
            Outcome::Fault(_) => unreachable!("a conversation is made of an answer"),
        }
    }

    /// How long the service took over this message, where recorded times count.
    fn wait(&self) -> Duration {
        let timing = self.session.0.options.timing;
        if timing == Timing::Instant {
            return Duration::ZERO;
        }
        let times = &self.found.shelf.tape.takes[self.take].recorded.frames;
        let time = |at: usize| times.get(at).copied().unwrap_or_default();
        let before = self.at.checked_sub(1).map(time).unwrap_or_default();
        timing.scale(time(self.at).saturating_sub(before))
    }
}

/// The first words of a message.
fn beginning(message: &Message) -> String {
    const SHOWN: usize = 72;
    match message.text() {
        None => format!("{} bytes", message.data.len()),
        Some(text) if text.chars().count() <= SHOWN => text.to_owned(),
        Some(text) => text.chars().take(SHOWN).chain(['…']).collect(),
    }
}
