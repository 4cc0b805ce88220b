//! The state of redaction in one session.

use super::book::{Book, RegisterError, Shown};
use super::fields::Field;
use super::message::{Plain, Redacted, View};
use super::placeholder;
use super::rule::{RedactRule, RuleSet};
use super::scan::{self, Spelling};
use crate::tape::{Answer, Body, Headers, Request};

/// Knows values and hides them. See the module for how to use it.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    rules: RuleSet,
    pub(super) book: Book,
    /// Whether it does nothing at all.
    off: bool,
}

impl Redactor {
    /// A redactor with the defaults and these rules.
    pub(crate) fn new(rules: impl IntoIterator<Item = RedactRule>) -> Self {
        let rules = RuleSet::new(rules);
        let mut book = Book::default();
        rules.dummies().for_each(|dummy| book.fix(dummy.trim_matches('"')));
        Self { rules, book, off: false }
    }

    /// One that learns nothing and hides nothing.
    #[cfg(feature = "formats")]
    pub(crate) fn off() -> Self {
        Self { off: true, ..Self::default() }
    }

    /// Makes a value known under a name: `{{secret:NAME}}` takes its place everywhere. Where the test has no value, because it
    /// only replays, `placeholder(name)` may be registered as the value.
    ///
    /// # Errors
    /// Where the name cannot stand in a placeholder, the value is too short, or the pair is ambiguous.
    pub(crate) fn register(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), RegisterError> {
        self.book.register(name, value.as_ref())
    }

    /// What stands in a tape for the value of this name.
    pub(crate) fn placeholder(name: &str) -> String {
        placeholder::written(name)
    }

    /// Learns the values in a request's secret fields.
    pub(crate) fn learn_request(&mut self, request: &Request) {
        if self.off {
            return;
        }
        self.note(request.url.as_bytes());
        self.note_headers(&request.headers);
        self.note_body(&request.headers, &request.body);
        let fields = View { rules: &self.rules, book: &self.book }.request_fields(request);
        self.learn(fields);
    }

    /// Learns the values in an answer's secret fields.
    pub(crate) fn learn_answer(&mut self, answer: &Answer) {
        if self.off {
            return;
        }
        self.note_placeholders(answer);
        if let Some(transcript) = &answer.transcript {
            self.note_transcript(transcript);
        }
        let fields = View { rules: &self.rules, book: &self.book }.answer_fields(answer);
        self.learn(fields);
    }

    /// Takes notice of the placeholders in a replayed answer, so that new values are numbered after them. Those of a conversation
    /// are noted when they are said.
    pub(crate) fn note_placeholders(&mut self, answer: &Answer) {
        if self.off {
            return;
        }
        self.note_headers(&answer.headers);
        self.note_headers(&answer.trailers);
        self.note_body(&answer.headers, &answer.body);
    }

    /// The request with every known value replaced.
    pub(crate) fn request(&self, request: &Request) -> Redacted<Request> {
        if self.off {
            return Redacted { message: request.clone(), notes: Vec::new() };
        }
        self.view().request(request)
    }

    /// The answer with every known value replaced.
    pub(crate) fn answer(&self, answer: &Answer) -> Redacted<Answer> {
        if self.off {
            return Redacted { message: answer.clone(), notes: Vec::new() };
        }
        self.view().answer(answer)
    }

    /// A message, an error or a debug dump with every known value replaced.
    pub(crate) fn text(&self, text: &str) -> String {
        if self.off { text.to_owned() } else { self.view().text(text) }
    }

    /// A URL with every known value and every secret parameter replaced, as far as they were learned.
    pub(crate) fn url(&self, url: &str) -> String {
        if self.off { url.to_owned() } else { self.view().url(url) }
    }

    /// The rules that never applied (R53).
    pub(crate) fn unmatched(&self) -> Vec<String> {
        self.rules.unmatched()
    }

    /// The byte at which a known value stands in the text, in whatever encoding, and the name of the value.
    pub(crate) fn find(&self, text: &[u8]) -> Option<(usize, String)> {
        if text.len() < self.book.least() {
            return None;
        }
        let edits = scan::edits(&self.book, text, 0..text.len(), Spelling::Raw);
        let found = edits.into_iter().find(|edit| edit.hides && text[edit.span.clone()] != *edit.with)?;
        let name = self.name_at(text, found.span.start);
        Some((found.span.start, name))
    }

    /// Whether `text` is, or stands in, a dummy of a rule.
    pub(crate) fn is_dummy(&self, text: &[u8]) -> bool {
        self.book.is_dummy(text) || self.book.dummies().any(|dummy| memchr::memmem::find(dummy, text).is_some())
    }

    #[cfg(feature = "proxy")]
    pub(super) fn is_off(&self) -> bool {
        self.off
    }

    pub(super) fn view(&self) -> View<'_> {
        View { rules: &self.rules, book: &self.book }
    }

    fn name_at(&self, text: &[u8], at: usize) -> String {
        match self.book.longest_at(text, at).map(|(_, id)| self.book.shown_of(id)) {
            Some(Shown::Name(name)) => name.clone(),
            Some(Shown::Dummy(_)) => "replaced by a dummy".to_owned(),
            None => "inside base64".to_owned(),
        }
    }

    pub(super) fn learn(&mut self, fields: Vec<Field>) {
        for field in fields {
            match &field.dummy {
                Some(dummy) => self.book.learn_dummy(&field.value, dummy),
                None => {
                    self.book.learn(&field.kind, &field.value);
                    if let Some(password) = &field.password {
                        self.book.learn_part(&field.value, "password", password);
                    }
                }
            }
        }
    }

    fn note_headers(&mut self, headers: &Headers) {
        for (_, value) in headers.iter() {
            self.note(value);
        }
    }

    fn note_body(&mut self, headers: &Headers, body: &Body) {
        if let Some(bytes) = body.bytes() {
            self.note(&Plain::of(headers, bytes).bytes);
        }
    }

    pub(super) fn note(&mut self, text: &[u8]) {
        for (_, found) in placeholder::all(text) {
            self.book.note(&found.name);
        }
    }
}
