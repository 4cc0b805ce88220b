//! The frames of WebSocket (RFC 6455 §5), without I/O: what a peer says, as its bytes come, into frames and whole messages. Strict: what
//! the RFC does not allow is a [`Violation`], and no peer can make a [`Reader`] hold more than its limit and what was pushed.
//!
//! The loopback engine reads and writes by it; a test that plays a service of its own may, too.
//!
//! ```
//! use traffic_recorder::tape::{MessageKind, Side};
//! use traffic_recorder::websocket::{Frame, Heard, Opcode, Reader};
//!
//! let mut bytes = Vec::new();
//! Frame::new(Opcode::Text, "hello").write(&mut bytes);
//! let mut reader = Reader::new(Side::Server, 1024);
//! reader.push(&bytes);
//! let Some((_, heard)) = reader.next()? else { panic!("it is whole") };
//! assert_eq!(heard, Heard::Message(MessageKind::Text, "hello".into()));
//! # Ok::<(), traffic_recorder::websocket::Violation>(())
//! ```

mod frame;
mod reader;

pub use frame::{Frame, Opcode, Violation};
pub use reader::{Heard, Reader};

#[cfg(test)]
mod tests;
