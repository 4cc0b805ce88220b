//! One side of a conversation: its bytes, as they come, into frames and whole messages. Does no I/O, and keeps no more than one message
//! and what was pushed.

use bytes::{Bytes, BytesMut};

use super::frame::{Frame, Opcode, Violation};
use crate::tape::{MessageKind, Side};

/// Reads what one side says.
#[derive(Debug)]
pub struct Reader {
    /// Clients mask their frames.
    masked: bool,
    limit: usize,
    buffer: BytesMut,
    /// The message that has begun.
    begun: Option<(MessageKind, BytesMut)>,
    closed: bool,
}

/// What a frame brought to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A whole message.
    Message(MessageKind, Bytes),
    /// The end of what this side says: the code, if there is one, and the reason.
    Close(Option<u16>, String),
    /// A ping, to be answered with the same bytes.
    Ping(Bytes),
    /// Nothing yet, or a pong.
    Nothing,
}

impl Reader {
    /// For what `side` says, in messages of at most `limit` bytes.
    #[must_use]
    pub fn new(side: Side, limit: usize) -> Self {
        Self { masked: side == Side::Client, limit, buffer: BytesMut::new(), begun: None, closed: false }
    }

    /// The next bytes that came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes were pushed and wait to be a frame.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole frame, and what it brought to its end; `None` until more bytes come.
    ///
    /// # Errors
    /// What this side must not send. Nothing that it says after that makes sense.
    #[expect(clippy::should_implement_trait, reason = "an iterator does not go on after `None`")]
    pub fn next(&mut self) -> Result<Option<(Frame, Heard)>, Violation> {
        if self.closed {
            return if self.buffer.is_empty() { Ok(None) } else { Err(Violation::AfterClose) };
        }
        let Some(frame) = Frame::read(&mut self.buffer, self.masked, self.limit)? else { return Ok(None) };
        let heard = self.hear(&frame)?;
        Ok(Some((frame, heard)))
    }

    fn hear(&mut self, frame: &Frame) -> Result<Heard, Violation> {
        let kind = match frame.opcode {
            Opcode::Ping => return Ok(Heard::Ping(frame.payload.clone())),
            Opcode::Pong => return Ok(Heard::Nothing),
            Opcode::Close => {
                self.closed = true;
                return close(&frame.payload);
            }
            Opcode::Text => Some(MessageKind::Text),
            Opcode::Binary => Some(MessageKind::Binary),
            Opcode::Continuation => None,
        };
        let (kind, data) = match (kind, self.begun.take()) {
            (Some(kind), None) if frame.fin => (kind, frame.payload.clone()),
            (Some(kind), None) => {
                self.begun = Some((kind, BytesMut::from(&frame.payload[..])));
                return Ok(Heard::Nothing);
            }
            (None, Some((kind, mut data))) => {
                if data.len() + frame.payload.len() > self.limit {
                    return Err(Violation::TooLarge(self.limit));
                }
                data.extend_from_slice(&frame.payload);
                if !frame.fin {
                    self.begun = Some((kind, data));
                    return Ok(Heard::Nothing);
                }
                (kind, data.freeze())
            }
            (Some(_), Some(_)) | (None, None) => return Err(Violation::Order),
        };
        if kind == MessageKind::Text && std::str::from_utf8(&data).is_err() {
            return Err(Violation::Utf8);
        }
        Ok(Heard::Message(kind, data))
    }
}

/// Codes that may stand in a close frame (RFC 6455 §7.4): not those that only tell a program what happened.
fn close(payload: &[u8]) -> Result<Heard, Violation> {
    match payload {
        [] => Ok(Heard::Close(None, String::new())),
        [_] => Err(Violation::Close),
        [a, b, reason @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(Violation::Close);
            }
            let reason = std::str::from_utf8(reason).map_err(|_| Violation::Utf8)?;
            Ok(Heard::Close(Some(code), reason.to_owned()))
        }
    }
}
