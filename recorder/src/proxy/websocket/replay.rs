//! A recorded conversation: the engine plays the service, and holds what the program says against the tape.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};

use super::Io;
use super::record::{CHUNK, LAST_WORDS, close, end};
use crate::proxy::wire::Line;
use crate::session::{Conversation, Turn};
use crate::tape::{MAX_MESSAGE, MAX_TRANSCRIPT, Message, MessageKind, Side};
use crate::websocket::{Frame, Heard, Opcode, Reader};

/// Plays the conversation to its end, or until the client leaves.
pub(super) async fn converse(client: Io, mut conversation: Conversation, line: &Line) {
    let mut stage =
        Stage { client, reader: Reader::new(Side::Client, MAX_MESSAGE), bytes: vec![0; CHUNK], closed: false };
    loop {
        let result = match conversation.turn() {
            Turn::Say(message, wait) => {
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                stage.say(message).await
            }
            Turn::Hear => match stage.hear().await {
                Ok(said) => {
                    let number = conversation.number();
                    if conversation.heard(&said).is_err() {
                        let reason =
                            format!("traffic-recorder: message {number} is not on the tape; the test says more");
                        return close(&mut stage.client, 1008, &reason).await;
                    }
                    Ok(())
                }
                Err(over) => Err(over),
            },
            Turn::Close(said) => {
                stage.closed = true;
                let answered = async {
                    stage.write(&Frame::close(said.code, &said.reason)).await?;
                    // What is said until the client has seen it, nobody answers.
                    while stage.hear().await.is_ok() {}
                    Ok::<_, Over>(())
                };
                let _ = tokio::time::timeout(LAST_WORDS, answered).await;
                return end(&mut stage.client).await;
            }
            Turn::Fail(fault) => return super::fail(&fault, line).await,
        };
        if result.is_err() {
            return;
        }
    }
}

/// The conversation is over.
struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

struct Stage {
    client: Io,
    reader: Reader,
    bytes: Vec<u8>,
    /// A close frame was sent.
    closed: bool,
}

impl Stage {
    async fn say(&mut self, message: Message) -> Result<(), Over> {
        let opcode = if message.kind == MessageKind::Text { Opcode::Text } else { Opcode::Binary };
        self.write(&Frame::new(opcode, message.data)).await
    }

    /// The program's next message. Pings are answered; a close frame is answered and ends it.
    async fn hear(&mut self) -> Result<Message, Over> {
        loop {
            match self.reader.next() {
                Ok(Some((_, Heard::Message(kind, data)))) => return Ok(Message { by: Side::Client, kind, data }),
                Ok(Some((_, Heard::Ping(data)))) if !self.closed => self.write(&Frame::new(Opcode::Pong, data)).await?,
                Ok(Some((_, Heard::Close(code, reason)))) => {
                    if !self.closed {
                        self.write(&Frame::close(code, &reason)).await?;
                        self.client.shutdown().await?;
                    }
                    return Err(Over);
                }
                Ok(Some((_, Heard::Nothing | Heard::Ping(_)))) => {}
                Ok(None) => match self.client.read(&mut self.bytes).await? {
                    0 => return Err(Over),
                    n => self.reader.push(&self.bytes[..n]),
                },
                Err(violation) => {
                    close(&mut self.client, violation.code(), &violation.to_string()).await;
                    return Err(Over);
                }
            }
        }
    }

    /// Writes a frame, and takes in what the client says meanwhile: it may speak to its end before it listens.
    async fn write(&mut self, frame: &Frame) -> Result<(), Over> {
        let mut out = Vec::new();
        frame.write(&mut out);
        let mut at = 0;
        poll_fn(|cx| {
            while at < out.len() {
                match Pin::new(&mut self.client).poll_write(cx, &out[at..]) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(n)) => at += n,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending if self.reader.waiting() < MAX_TRANSCRIPT => {
                        let mut buffer = ReadBuf::new(&mut self.bytes);
                        ready!(Pin::new(&mut self.client).poll_read(cx, &mut buffer))?;
                        if buffer.filled().is_empty() {
                            return Poll::Pending;
                        }
                        self.reader.push(buffer.filled());
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            Pin::new(&mut self.client).poll_flush(cx)
        })
        .await?;
        Ok(())
    }
}
