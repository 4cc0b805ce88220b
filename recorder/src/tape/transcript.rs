//! What was said on a connection after its upgrade: whole messages in order, and how the conversation was closed.

use std::fmt;

use bytes::Bytes;

/// The most bytes that one message of a transcript has.
pub(crate) const MAX_MESSAGE: usize = super::format::MAX_IN_MEMORY as usize;
/// The most bytes that all messages of a transcript have together.
pub(crate) const MAX_TRANSCRIPT: usize = 16 << 20;
/// The most messages that a transcript has.
pub(crate) const MAX_MESSAGES: usize = 65_536;

/// The messages of both sides in the order in which they passed the recorder. How it ended where nobody closed it says
/// [`Answer::cut`](super::Answer::cut).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    /// Whole messages: frames are put together, pings and pongs left out.
    pub messages: Vec<Message>,
    /// The first close frame, where one was sent.
    pub close: Option<Close>,
}

/// One message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Who said it.
    pub by: Side,
    /// Text or binary, as its frames said.
    pub kind: MessageKind,
    /// What was said; of a text UTF-8.
    pub data: Bytes,
}

/// The end of a conversation that somebody closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Who closed it first.
    pub by: Side,
    /// The status code, where there was one.
    pub code: Option<u16>,
    /// The reason in words; mostly empty.
    pub reason: String,
}

/// A side of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The program that is tested; its messages are `sent`.
    Client,
    /// The service; its messages are `received`.
    Server,
}

/// What the frames of a message say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

impl Message {
    /// The message as text, where it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.data).ok()
    }
}

impl Transcript {
    /// How many bytes all messages have together.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.messages.iter().map(|message| message.data.len() as u64).sum()
    }

    /// Whether a tape can hold it: texts are UTF-8, no message has more than 1 MiB, and there are not too many of them.
    ///
    /// # Errors
    /// In a sentence.
    pub fn fits(&self) -> Result<(), String> {
        let (messages, bytes) = (self.messages.len(), self.len());
        if messages > MAX_MESSAGES || bytes > MAX_TRANSCRIPT as u64 {
            return Err(format!(
                "{messages} messages of {bytes} bytes are more than a transcript holds, {MAX_MESSAGES} of {MAX_TRANSCRIPT} bytes"
            ));
        }
        for (i, message) in self.messages.iter().enumerate() {
            if message.data.len() > MAX_MESSAGE {
                return Err(format!("message {} has more than {MAX_MESSAGE} bytes", i + 1));
            }
            if message.kind == MessageKind::Text && message.text().is_none() {
                return Err(format!("message {} is a text and not UTF-8", i + 1));
            }
        }
        Ok(())
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

/// The length alone: the content may be a secret.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?}, {:?}, {} bytes)", self.by, self.kind, self.data.len())
    }
}
