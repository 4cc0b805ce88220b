//! WebSocket (RFC 6455): an upgrade that the engine understands, so that what is said after it stands on the tape.
//!
//! The handshake is a request like any other and goes through the session like one; `handshake` keeps what belongs to this
//! connection alone (the key, the extensions) out of it. After a 101, `record` passes the frames of both sides on and notes whole
//! messages, `replay` plays the service. Bytes become frames and messages in [`crate::websocket`].
//!
//! Replaying, what the service said before the program's next message is said at once (or after the recorded times, where a test wants
//! them); then the program has its turn. Its message has to be the recorded one, or the connection is closed with 1008 and the test fails.
//! Pings are answered. A program that waits for what never was recorded waits as long as its own limit lets it: it cannot be told
//! from one that is quiet.

mod handshake;
mod record;
mod replay;

use std::sync::Arc;

use http::Response;
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

pub(super) use handshake::Handshake;

use super::answer::{Body, SILENCE, refused};
use super::wire::Line;
use crate::client::TapedBody;
use crate::session::{Conversation, Upgrade};
use crate::tape::{Fault, FaultKind};

/// The connection after the upgrade.
type Io = TokioIo<Upgraded>;

/// Where the bytes after the upgrade come from.
enum Other {
    /// The service; its messages are recorded.
    Recorded(OnUpgrade, Upgrade),
    /// The service, and nobody looks.
    Untouched(OnUpgrade),
    /// A tape.
    Taped(Conversation),
}

/// Answers the handshake as the service did, and carries on from there.
pub(super) fn switch(
    handshake: Handshake,
    mut response: Response<TapedBody<Incoming>>,
    line: &Arc<Line>,
) -> Response<Body> {
    let extensions = response.extensions_mut();
    let (upgrade, conversation) = (extensions.remove::<Upgrade>(), extensions.remove::<Conversation>());
    let service = extensions.remove::<OnUpgrade>();
    let other = match (conversation, service, upgrade) {
        (Some(conversation), ..) => Other::Taped(conversation),
        (None, Some(service), Some(upgrade)) => {
            upgrade.begin();
            Other::Recorded(service, upgrade)
        }
        (None, Some(service), None) => Other::Untouched(service),
        (None, None, _) => return refused(&handshake.refuse(NO_TRANSCRIPT)),
    };
    let (head, client) = handshake.accept(response);
    let line = Arc::clone(line);
    tokio::spawn(async move {
        // A client that is gone by now has left nothing to do.
        let Ok(client) = client.await else { return };
        let client = TokioIo::new(client);
        match other {
            Other::Taped(conversation) => replay::converse(client, conversation, &line).await,
            Other::Recorded(service, upgrade) => match service.await {
                Ok(service) => record::relay(client, TokioIo::new(service), &upgrade, &line).await,
                Err(error) => upgrade.failed(crate::client::classify(&error)),
            },
            Other::Untouched(service) => {
                if let Ok(service) = service.await {
                    let (mut client, mut service) = (client, TokioIo::new(service));
                    // Its errors are those of the two ends, who have seen them.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut service).await;
                }
            }
        }
    });
    head
}

const NO_TRANSCRIPT: &str = "its tape does not say what followed the handshake, for it was not recorded by this engine. Record the test \
                             again, RECORD=1";

/// Ends the connection to the client as the one to the service ended; the caller drops it then.
async fn fail(fault: &Fault, line: &Line) {
    line.drained().await;
    if fault.kind == FaultKind::Timeout {
        tokio::time::sleep(SILENCE).await;
    }
    if matches!(fault.kind, FaultKind::Timeout | FaultKind::Reset) {
        line.reset();
    }
}
