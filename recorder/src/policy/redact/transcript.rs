//! Messages of a conversation: each is looked at like a body without a content type.

use super::body::Form;
use super::edit::apply;
use super::fields::{Field, Finder};
use super::message::View;
use super::redactor::Redactor;
#[cfg(feature = "proxy")]
use super::reveal;
use crate::tape::{Message, Transcript};

impl View<'_> {
    /// The secret fields in all messages.
    pub(super) fn transcript_fields(&self, transcript: &Transcript) -> Vec<Field> {
        transcript.messages.iter().flat_map(|message| self.said_fields(message)).collect()
    }

    pub(super) fn said_fields(&self, message: &Message) -> Vec<Field> {
        let mut finder = Finder::new(self.rules, self.book);
        finder.body(&message.data, 0..message.data.len(), &Form::of(&message.data, None));
        finder.out
    }

    /// Every known value in it replaced.
    pub(super) fn transcript(&self, transcript: &mut Transcript) {
        for message in &mut transcript.messages {
            *message = self.said(message);
        }
        if let Some(close) = &mut transcript.close {
            close.reason = self.text(&close.reason);
        }
    }

    pub(super) fn said(&self, message: &Message) -> Message {
        let form = Form::of(&message.data, None);
        let edits = self.rewrite(&message.data, self.said_fields(message), form.spelling());
        let mut masked = message.clone();
        if !edits.is_empty() {
            masked.data = apply(&message.data, &edits).into();
        }
        masked
    }
}

impl Redactor {
    /// Takes notice of the placeholders in a transcript.
    pub(super) fn note_transcript(&mut self, transcript: &Transcript) {
        transcript.messages.iter().for_each(|message| self.note(&message.data));
    }
}

/// One message at a time, while a conversation is replayed.
#[cfg(feature = "proxy")]
impl Redactor {
    /// Takes notice of the placeholders in a replayed message.
    pub(crate) fn note_message(&mut self, message: &Message) {
        if !self.is_off() {
            self.note(&message.data);
        }
    }

    /// Learns the values in a message's secret fields.
    pub(crate) fn learn_message(&mut self, message: &Message) {
        if self.is_off() {
            return;
        }
        self.note(&message.data);
        let fields = self.view().said_fields(message);
        self.learn(fields);
    }

    /// The message with every known value replaced.
    pub(crate) fn message(&self, message: &Message) -> Message {
        if self.is_off() { message.clone() } else { self.view().said(message) }
    }

    /// The message with the values that are known in place of their placeholders.
    pub(crate) fn reveal_message(&self, message: &Message) -> Message {
        let mut shown = message.clone();
        reveal::message(&self.book, &mut shown);
        shown
    }
}
