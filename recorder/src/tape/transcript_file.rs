//! A transcript in the file: `messages`, each `sent` or `received`, and `close`.

use std::path::Path;

use super::emit::Out;
use super::error::At;
use super::fields::{self, Fields, wrong};
use super::format;
use super::read_body::Files;
use super::view::{self, BodyFiles, Form};
use super::write::{self, number, word};
use super::yaml::Node;
use super::{Body, Close, Message, MessageKind, Side, Transcript};

/// The fields of a transcript, added to those of its take.
pub(super) fn write(transcript: &Transcript, form: Form, files: &mut BodyFiles, fields: &mut write::Fields) {
    let messages = transcript.messages.iter().map(|message| one(message, form, files)).collect();
    // No messages are written all the same: they say that this is a conversation.
    let messages = if transcript.messages.is_empty() { Out::Seq(Vec::new()) } else { Out::Items(messages) };
    fields.push(("messages".into(), messages));
    if let Some(close) = &transcript.close {
        let mut said = vec![("by".into(), word(close.by))];
        if let Some(code) = close.code {
            said.push(("code".into(), number(code.into())));
        }
        if !close.reason.is_empty() {
            said.push(("reason".into(), Out::Text(close.reason.clone())));
        }
        fields.push(("close".into(), Out::Map(said)));
    }
}

fn one(message: &Message, form: Form, files: &mut BodyFiles) -> Out {
    let form =
        if message.kind == MessageKind::Binary && form < Form::Base64 { readable(&message.data, form) } else { form };
    let mut data = match view::inline(&message.data, "", form) {
        Some(data) => data,
        None => files.add_bytes(message.data.clone(), if message.kind == MessageKind::Text { "txt" } else { "bin" }),
    };
    if message.kind != usual(data.first().map_or("", |(name, _)| name)) {
        data.push(("type".into(), word(message.kind)));
    }
    let several_lines = |(_, value): &(_, Out)| matches!(value, Out::Lines(text) if text.contains('\n'));
    let data = if data.iter().any(several_lines) { Out::Fields(data) } else { Out::Map(data) };
    Out::Fields(vec![(said(message.by).into(), data)])
}

/// Binary messages that happen to be UTF-8 are mostly none; JSON is no accident.
fn readable(data: &[u8], form: Form) -> Form {
    if matches!(data.first(), Some(b'{' | b'[')) { form } else { Form::Base64 }
}

fn said(by: Side) -> &'static str {
    match by {
        Side::Client => "sent",
        Side::Server => "received",
    }
}

/// What a message is where `type` does not say it.
fn usual(form: &str) -> MessageKind {
    if matches!(form, "json" | "text") { MessageKind::Text } else { MessageKind::Binary }
}

/// The transcript of a take, where it has one.
pub(super) fn read(of: &Fields<'_, '_>, folder: &Path, files: &Files<'_>) -> Result<Option<Transcript>, At> {
    let Some(node) = of.get("messages") else {
        return match of.get("close") {
            Some(close) => Err(wrong(close, "close", "it goes with `messages`: remove it".to_owned())),
            None => Ok(None),
        };
    };
    let messages = fields::seq(node, "messages")?;
    let transcript = Transcript {
        messages: messages.iter().map(|node| message(node, folder, files)).collect::<Result<_, _>>()?,
        close: of.get("close").map(close).transpose()?,
    };
    transcript.fits().map_err(|reason| wrong(node, "messages", reason))?;
    Ok(Some(transcript))
}

fn message(node: &Node<'_>, folder: &Path, files: &Files<'_>) -> Result<Message, At> {
    let fields = Fields::new(node, "a message", format::MESSAGE)?;
    let (by, data) = match (fields.get("sent"), fields.get("received")) {
        (Some(data), None) => (Side::Client, data),
        (None, Some(data)) => (Side::Server, data),
        _ => return Err(wrong(node, "messages", "a message is either `sent` or `received`".to_owned())),
    };
    let fields = Fields::new(data, "what was said", format::MESSAGE_DATA)?;
    let Body::Bytes(bytes) = files.readable(&fields, folder)? else {
        return Err(wrong(data, "messages", format!("a message has at most {} bytes", format::MAX_IN_MEMORY)));
    };
    let form = ["json", "text"].into_iter().find(|form| fields.get(form).is_some());
    let kind = fields.get("type").map(|node| fields::word(node, "type")).transpose()?;
    Ok(Message { by, kind: kind.unwrap_or(usual(form.unwrap_or_default())), data: bytes })
}

fn close(node: &Node<'_>) -> Result<Close, At> {
    let fields = Fields::new(node, "`close`", format::CLOSE)?;
    let code = match fields.get("code") {
        Some(node) => {
            let code = u16::try_from(fields::number(node, "code")?).ok();
            Some(code.ok_or_else(|| wrong(node, "code", "a code has 16 bits".to_owned()))?)
        }
        None => None,
    };
    Ok(Close {
        by: fields::word(fields.need("by")?, "by")?,
        code,
        reason: fields.opt_text("reason")?.unwrap_or_default(),
    })
}
