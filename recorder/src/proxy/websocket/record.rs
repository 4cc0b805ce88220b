//! A live conversation: frames go from one side to the other as they are, whole messages are noted.

use std::future::{Future, poll_fn};
use std::io;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::Io;
use crate::client::classify;
use crate::proxy::wire::Line;
use crate::session::Upgrade;
use crate::tape::{Close, Fault, FaultKind, MAX_MESSAGE, Message, Side};
use crate::websocket::{Frame, Heard, Reader, Violation};

/// How long the service has to close after the client did.
const GRACE: Duration = Duration::from_secs(10);
/// How long a client that is sent away has to read why.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(2);
/// How much is read at a time.
pub(super) const CHUNK: usize = 16 * 1024;

/// Why one side says no more.
enum End {
    /// It closed its connection, after its close frame or without one.
    Gone,
    /// It was not to be read any more.
    Broken(io::Error),
    /// It said what must not be said.
    Violation(Violation),
    /// The other side did not take it.
    Undelivered,
    /// No tape can hold it.
    Refused,
}

/// Joins the two until one of them is gone.
pub(super) async fn relay(mut client: Io, mut service: Io, upgrade: &Upgrade, line: &Line) {
    let first = {
        let (mut from_client, mut to_client) = tokio::io::split(&mut client);
        let (mut from_service, mut to_service) = tokio::io::split(&mut service);
        let mut up = Box::pin(carry(Side::Client, &mut from_client, &mut to_service, upgrade));
        let mut down = Box::pin(carry(Side::Server, &mut from_service, &mut to_client, upgrade));
        let first = poll_fn(|cx| match up.as_mut().poll(cx) {
            Poll::Ready(end) => Poll::Ready((Side::Client, end)),
            Poll::Pending => down.as_mut().poll(cx).map(|end| (Side::Server, end)),
        })
        .await;
        drop(up);
        match first {
            (Side::Client, End::Gone) => {
                // A program that has closed its side may still read. Without a close frame it was the program that left.
                upgrade.left();
                let _ = to_service.shutdown().await;
                let _ = tokio::time::timeout(GRACE, down).await;
                first
            }
            // The service takes no more. What it said before that, and how it ended, is still to be read.
            (Side::Client, End::Undelivered) => {
                let end = tokio::time::timeout(GRACE, down).await;
                (Side::Server, end.unwrap_or(End::Gone))
            }
            first => first,
        }
    };
    match first {
        (Side::Client, End::Violation(violation @ Violation::TooLarge(_))) => {
            too_large(&mut client, &mut service, upgrade, "the program", &violation).await;
        }
        (Side::Server, End::Violation(violation @ Violation::TooLarge(_))) => {
            too_large(&mut client, &mut service, upgrade, "the service", &violation).await;
        }
        (Side::Client, End::Violation(violation)) => {
            upgrade.left();
            close(&mut client, violation.code(), &violation.to_string()).await;
        }
        (Side::Server, End::Violation(violation)) => {
            let fault = Fault { kind: FaultKind::Protocol, message: format!("the service sent {violation}") };
            upgrade.failed(fault.clone());
            super::fail(&fault, line).await;
        }
        (_, End::Refused) => close(&mut client, 1009, NO_ROOM).await,
        (Side::Client, End::Gone | End::Broken(_)) | (Side::Server, End::Undelivered) => upgrade.left(),
        (Side::Server, End::Broken(error)) => {
            let fault = classify(&error);
            upgrade.failed(fault.clone());
            super::fail(&fault, line).await;
        }
        (Side::Client, End::Undelivered) | (Side::Server, End::Gone) => {
            let message = "the service closed the connection without a close frame".to_owned();
            upgrade.failed(Fault { kind: FaultKind::Closed, message });
            end(&mut client).await;
        }
    }
}

const NO_ROOM: &str = "traffic-recorder: no tape holds this conversation; the test says more";

async fn too_large(client: &mut Io, service: &mut Io, upgrade: &Upgrade, who: &str, violation: &Violation) {
    upgrade.refused(format!(
        "{who} sent {violation}, which no tape holds. Let it reach this service without the recorder (`pass_through` in recorder.yaml, or NO_PROXY)"
    ));
    close(client, 1009, NO_ROOM).await;
    let _ = service.shutdown().await;
}

/// Passes the frames of one side on to the other.
async fn carry(
    side: Side,
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    upgrade: &Upgrade,
) -> End {
    let mut reader = Reader::new(side, MAX_MESSAGE);
    let (mut bytes, mut out) = (vec![0; CHUNK], Vec::new());
    loop {
        let n = match from.read(&mut bytes).await {
            Ok(0) => return End::Gone,
            Ok(n) => n,
            Err(error) => return End::Broken(error),
        };
        reader.push(&bytes[..n]);
        out.clear();
        // Noted before it is passed on: an answer to it comes after it on the tape.
        let noted = note(side, &mut reader, upgrade, &mut out);
        if !out.is_empty() && (to.write_all(&out).await.is_err() || to.flush().await.is_err()) {
            return End::Undelivered;
        }
        if let Err(end) = noted {
            return end;
        }
    }
}

/// Notes what has come whole, and writes the frames out as they came.
fn note(side: Side, reader: &mut Reader, upgrade: &Upgrade, out: &mut Vec<u8>) -> Result<(), End> {
    while let Some((frame, heard)) = reader.next().map_err(End::Violation)? {
        match heard {
            Heard::Message(kind, data) => {
                upgrade.said(Message { by: side, kind, data }).map_err(|_| End::Refused)?;
            }
            Heard::Close(code, reason) => upgrade.closed(Close { by: side, code, reason }),
            Heard::Ping(_) | Heard::Nothing => {}
        }
        frame.write(out);
    }
    Ok(())
}

/// Closes the connection to the client, in the middle of nothing.
pub(super) async fn close(client: &mut Io, code: u16, reason: &str) {
    let mut out = Vec::new();
    Frame::close(Some(code), reason).write(&mut out);
    // A client that is gone needs no reason.
    let _ = client.write_all(&out).await;
    end(client).await;
}

/// Ends the connection to the client. One that is closed with bytes unread is reset, and what was said last may be lost.
pub(super) async fn end(client: &mut Io) {
    let _ = client.shutdown().await;
    let mut bytes = [0; 1024];
    let rest = async { while client.read(&mut bytes).await.is_ok_and(|n| n > 0) {} };
    let _ = tokio::time::timeout(LAST_WORDS, rest).await;
}
