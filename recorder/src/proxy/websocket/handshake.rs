//! The handshake (RFC 6455 §4): what in it is the request, and what is this connection's alone.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tower_service::Service;

use crate::client::{BoxError, ReplayedFault, SentBody};
use crate::proxy::answer::Body;
use crate::proxy::upstream::Upstream;
use crate::session::{Error, Mode, Session};
use crate::tape::{Fault, FaultKind};

/// A client's wish to go on with WebSocket.
pub(in crate::proxy) struct Handshake {
    client: OnUpgrade,
    key: HeaderValue,
    accept: HeaderValue,
    /// Nobody looks at what is said, so that it may be compressed.
    untouched: bool,
    session: Session,
    url: String,
}

/// Whether the connection is to go on with WebSocket.
pub(in crate::proxy) fn is_websocket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

impl Handshake {
    /// Takes the handshake's own fields off the request: the key, which is a new one each time, and the extensions, which
    /// would change the bytes of messages; where nobody looks these stay.
    ///
    /// # Errors
    /// In words, for another upgrade and a handshake that is none.
    pub(in crate::proxy) fn of(
        request: &mut Request<Incoming>,
        url: &Uri,
        session: &Session,
    ) -> Result<Self, &'static str> {
        let untouched = session.mode() == Mode::Off;
        if !is_websocket(request.headers()) {
            return Err(OTHER_UPGRADE);
        }
        let proper = request.method() == Method::GET
            && request.version() == Version::HTTP_11
            && request.body().is_end_stream()
            && request.headers().get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
        let key = request.headers_mut().remove(header::SEC_WEBSOCKET_KEY);
        let (true, Some(key)) = (proper, key) else { return Err(NO_HANDSHAKE) };
        if !untouched {
            request.headers_mut().remove(header::SEC_WEBSOCKET_EXTENSIONS);
        }
        let accept = accept(&key);
        let (client, session, url) = (hyper::upgrade::on(request), session.clone(), url.to_string());
        Ok(Self { client, key, accept, untouched, session, url })
    }

    /// There is nothing to go on with: the test fails for it.
    pub(super) fn refuse(&self, reason: &str) -> Error {
        self.session.no_conversation(&self.url, reason.to_owned())
    }

    /// The way to the service, by which the handshake is whole again.
    pub(in crate::proxy) fn over(&self, upstream: Upstream) -> Dial {
        Dial { upstream, key: self.key.clone(), accept: self.accept.clone(), untouched: self.untouched }
    }

    /// The head of the answer to this very handshake, and the connection to the client.
    pub(super) fn accept<B>(self, response: Response<B>) -> (Response<Body>, OnUpgrade) {
        let mut head = response.map(|_| Body::Text(None));
        let headers = head.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        // From a tape that somebody else recorded.
        if !self.untouched {
            headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
        }
        headers.entry(header::UPGRADE).or_insert(HeaderValue::from_static("websocket"));
        headers.entry(header::CONNECTION).or_insert(HeaderValue::from_static("Upgrade"));
        (head, self.client)
    }
}

const OTHER_UPGRADE: &str = "this connection was to be upgraded to something else than WebSocket, and what is said after that is no \
                             exchange that a tape could hold. Let the program reach this service without the proxy (NO_PROXY), or give it \
                             another transport";

const NO_HANDSHAKE: &str = "a WebSocket is opened by a GET over HTTP/1.1 without a body, with `sec-websocket-key` and \
                            `sec-websocket-version: 13`; this request is none. Let the program reach this service without the proxy \
                            (NO_PROXY)";

/// What proves that the other side speaks WebSocket (RFC 6455 §4.2.2).
fn accept(key: &HeaderValue) -> HeaderValue {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let text = [key.as_bytes().trim_ascii(), GUID].concat();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &text);
    HeaderValue::from_str(&BASE64.encode(digest)).unwrap_or(HeaderValue::from_static(""))
}

/// Sends a handshake on, and checks the answer. What is new each time is not seen by whoever is above.
#[derive(Clone)]
pub(in crate::proxy) struct Dial {
    upstream: Upstream,
    key: HeaderValue,
    accept: HeaderValue,
    untouched: bool,
}

impl Service<Request<SentBody<Incoming>>> for Dial {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<SentBody<Incoming>>) -> Self::Future {
        request.headers_mut().insert(header::SEC_WEBSOCKET_KEY, self.key.clone());
        let (sent, accept, untouched) = (self.upstream.call(request), self.accept.clone(), self.untouched);
        Box::pin(async move {
            let mut response = sent.await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                let headers = response.headers_mut();
                let accepted = headers.remove(header::SEC_WEBSOCKET_ACCEPT);
                let extended = !untouched && headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS);
                if accepted != Some(accept) || !is_websocket(headers) || extended {
                    let message = "the service does not answer a WebSocket handshake as it has to".to_owned();
                    return Err(ReplayedFault::live(Fault { kind: FaultKind::Protocol, message }).into());
                }
            }
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        assert_eq!(accept(&HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
