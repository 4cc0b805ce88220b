//! Frames (RFC 6455 §5): bytes into frames and back. Strict: what the RFC does not allow is a [`Violation`].

use bytes::{Buf as _, Bytes, BytesMut};

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whether it is the last one of its message.
    pub fin: bool,
    /// What it holds.
    pub opcode: Opcode,
    /// What the payload is masked with on the wire: frames of clients are, those of servers are not.
    pub mask: Option<[u8; 4]>,
    /// The payload, unmasked.
    pub payload: Bytes,
}

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the RFC")]
pub enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

/// What a peer must not send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Bits of extensions that were not agreed upon.
    #[error("a frame with reserved bits, as of an extension that nobody agreed upon")]
    Reserved,
    /// An opcode that there is not.
    #[error("a frame of the unknown kind {0:#x}")]
    Opcode(u8),
    /// A control frame in pieces, or with more than 125 bytes.
    #[error("a control frame that is too long or in pieces")]
    Control,
    /// A client's frame without a mask, or a server's with one.
    #[error("{}", if *.0 { "a masked frame, which only clients send" } else { "a frame without a mask, which only servers send" })]
    Mask(bool),
    /// A length that could have been said in fewer bytes, or has its highest bit set.
    #[error("a frame whose length is not said in the shortest way")]
    Length,
    /// A message that goes on and had not begun, or begins before the last one ended.
    #[error("pieces of messages out of order")]
    Order,
    /// A text that is none.
    #[error("a text that is not UTF-8")]
    Utf8,
    /// A close frame that says no code where it must, or one that may not be sent.
    #[error("a close frame without a code that may be sent")]
    Close,
    /// Anything after a close frame.
    #[error("a frame after its close frame")]
    AfterClose,
    /// More than fits.
    #[error("a message of more than {0} bytes")]
    TooLarge(usize),
}

impl Violation {
    /// The code of the close frame that answers it (RFC 6455 §7.4.1).
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Utf8 => 1007,
            Self::TooLarge(_) => 1009,
            _ => 1002,
        }
    }
}

impl Opcode {
    fn of(bits: u8) -> Result<Self, Violation> {
        [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong]
            .into_iter()
            .find(|opcode| *opcode as u8 == bits)
            .ok_or(Violation::Opcode(bits))
    }

    fn is_control(self) -> bool {
        self as u8 >= 0x8
    }
}

/// The most bytes that a control frame carries.
const MAX_CONTROL: usize = 125;

impl Frame {
    /// A frame of a server.
    #[must_use]
    pub fn new(opcode: Opcode, payload: impl Into<Bytes>) -> Self {
        Self { fin: true, opcode, mask: None, payload: payload.into() }
    }

    /// A close frame of a server. A reason that is too long is cut at a character.
    #[must_use]
    pub fn close(code: Option<u16>, reason: &str) -> Self {
        let Some(code) = code else { return Self::new(Opcode::Close, Bytes::new()) };
        let mut payload = code.to_be_bytes().to_vec();
        let end = (0..=reason.len().min(MAX_CONTROL - 2)).rev().find(|&end| reason.is_char_boundary(end));
        payload.extend_from_slice(&reason.as_bytes()[..end.unwrap_or(0)]);
        Self::new(Opcode::Close, payload)
    }

    /// Appends the frame as it is on the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (len, masked) = (self.payload.len(), if self.mask.is_some() { 0x80 } else { 0 });
        out.push(if self.fin { 0x80 } else { 0 } | self.opcode as u8);
        match len {
            0..=125 => out.push(masked | len as u8),
            126..=0xffff => {
                out.push(masked | 126);
                out.extend_from_slice(&(len as u16).to_be_bytes());
            }
            _ => {
                out.push(masked | 127);
                out.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        let Some(mask) = self.mask else { return out.extend_from_slice(&self.payload) };
        out.extend_from_slice(&mask);
        let start = out.len();
        out.extend_from_slice(&self.payload);
        apply(mask, &mut out[start..]);
    }

    /// The next frame in `buffer`, taken off it; `None` while it is not whole. Nothing is allocated for a length that is only
    /// claimed.
    pub(super) fn read(buffer: &mut BytesMut, masked: bool, limit: usize) -> Result<Option<Self>, Violation> {
        let [first, second, rest @ ..] = &buffer[..] else { return Ok(None) };
        let (fin, opcode) = (first & 0x80 != 0, Opcode::of(first & 0x0f)?);
        if first & 0x70 != 0 {
            return Err(Violation::Reserved);
        }
        if (second & 0x80 != 0) != masked {
            return Err(Violation::Mask(!masked));
        }
        let (len, len_bytes) = match (second & 0x7f, rest) {
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 2),
            (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 8),
            (126 | 127, _) => return Ok(None),
            (len, _) => (u64::from(len), 0),
        };
        let shortest = match len_bytes {
            0 => true,
            2 => len > 125,
            _ => len > 0xffff && len >> 63 == 0,
        };
        if !shortest {
            return Err(Violation::Length);
        }
        if opcode.is_control() && (!fin || len > MAX_CONTROL as u64) {
            return Err(Violation::Control);
        }
        let len = usize::try_from(len).ok().filter(|len| *len <= limit).ok_or(Violation::TooLarge(limit))?;
        let head = 2 + len_bytes + if masked { 4 } else { 0 };
        if buffer.len() < head + len {
            return Ok(None);
        }
        let mask = masked.then(|| {
            let mut mask = [0; 4];
            mask.copy_from_slice(&buffer[head - 4..head]);
            mask
        });
        buffer.advance(head);
        let mut payload = buffer.split_to(len);
        if let Some(mask) = mask {
            apply(mask, &mut payload);
        }
        Ok(Some(Self { fin, opcode, mask, payload: payload.freeze() }))
    }
}

fn apply(mask: [u8; 4], payload: &mut [u8]) {
    payload.iter_mut().zip(mask.into_iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
}
