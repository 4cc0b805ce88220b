//! One request: where it is meant to go, whose tapes it belongs to, and what comes of it.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use tower_layer::Layer as _;
use tower_service::Service;

use super::answer::{Body, Ended, failed, fault_of, refusal, refused};
use super::engine::Shared;
use super::route::{named_as_user, named_in_field};
use super::websocket::{self, Handshake};
use super::wire::Line;
use crate::client::TapesLayer;
use crate::session::Error;

/// Where a connection's requests go.
#[derive(Debug, Clone)]
pub(super) enum Via {
    /// The client speaks to the engine.
    Front,
    /// The client speaks to a host through the engine, for the test that it named when it opened the tunnel.
    Tunnel(Scheme, Authority, Option<Arc<str>>),
}

impl Via {
    fn test(&self) -> Option<&str> {
        match self {
            Self::Tunnel(_, _, test) => test.as_deref(),
            Self::Front => None,
        }
    }
}

/// The host under which the engine itself answers.
pub const CONTROL_HOST: &str = "tapes.control";

/// The most that is read of a request to the engine itself, in bytes.
const CONTROL_LIMIT: usize = 64 * 1024;

enum Target {
    Service(Uri),
    Engine,
}

/// Answers one request that is no `CONNECT`.
pub(super) async fn answer(
    mut request: Request<Incoming>,
    shared: &Shared,
    via: &Via,
    line: &Arc<Line>,
) -> Result<Response<Body>, Ended> {
    let target = match target(request.uri(), shared, via) {
        Ok(target) => target,
        Err(reason) => return Ok(refusal(StatusCode::BAD_REQUEST, "request", reason)),
    };
    let Target::Service(uri) = target else { return Ok(control(request, shared).await) };
    let test = match named_in_field(request.headers_mut()) {
        Ok(test) => test.or_else(|| named_as_user(request.headers())),
        Err(reason) => return Ok(refusal(StatusCode::BAD_REQUEST, "request", reason)),
    };
    let session = match shared.route.session(test.as_deref().or_else(|| via.test())) {
        Ok(session) => session,
        Err(reason) => return Ok(refusal(StatusCode::BAD_REQUEST, "test", reason)),
    };
    let handshake = match is_upgrade(request.headers()) {
        true => match Handshake::of(&mut request, &uri, &session) {
            Ok(handshake) => Some(handshake),
            Err(reason) => return Ok(refusal(StatusCode::NOT_IMPLEMENTED, "upgrade", reason)),
        },
        false => None,
    };
    of_this_hop_only(request.headers_mut(), handshake.is_some());
    if matches!(via, Via::Front) && shared.reverse.is_some() {
        // It names the engine; the client of the way out names the service.
        request.headers_mut().remove(header::HOST);
    }
    let is_http2 = request.version() == Version::HTTP_2;
    let (mut parts, body) = request.into_parts();
    parts.uri = uri;
    // hyper's own, of the connection to the client.
    parts.extensions = http::Extensions::new();
    let mut request = Request::from_parts(parts, body);
    if request.version() == Version::HTTP_11 && !session.is_offline() {
        pass_interim_answers_on(&mut request, line);
    }
    let layer = TapesLayer::of(session.for_engine());
    let answered = match &handshake {
        None => layer.layer(shared.upstream.clone()).call(request).await,
        Some(handshake) => layer.layer(handshake.over(shared.upstream.clone())).call(request).await,
    };
    match (answered, handshake) {
        (Ok(response), Some(handshake)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            Ok(websocket::switch(handshake, response, line))
        }
        (Ok(mut response), _) => {
            if is_http2 {
                without_fields_of_http1(response.headers_mut());
            }
            Ok(Body::taped(response, line))
        }
        (Err(error), _) => match error.downcast_ref::<Error>() {
            Some(refusal) => Ok(refused(refusal)),
            None => Err(failed(&fault_of(&error), line, is_http2).await),
        },
    }
}

/// The absolute URL that a request is for. What a message says of its target is read once, here: a proxy that reads it twice can be
/// made to read two things.
fn target(uri: &Uri, shared: &Shared, via: &Via) -> Result<Target, String> {
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let (scheme, authority) = match via {
        Via::Tunnel(scheme, authority, _) => (scheme.clone(), authority.clone()),
        Via::Front => match &shared.reverse {
            Some(reverse) => {
                let prefix = reverse.prefix.as_str();
                let uri = Uri::builder().scheme(reverse.scheme.clone()).authority(reverse.authority.clone());
                let uri = uri.path_and_query(format!("{prefix}{path}")).build();
                return uri.map(Target::Service).map_err(|error| format!("`{path}` is no path: {error}"));
            }
            None => {
                let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
                    return Ok(Target::Engine);
                };
                // A handshake is a request of HTTP, however its URL is written.
                let scheme = match scheme.as_str() {
                    "ws" => Scheme::HTTP,
                    "wss" => Scheme::HTTPS,
                    _ => scheme.clone(),
                };
                (scheme, authority.clone())
            }
        },
    };
    if authority.host().eq_ignore_ascii_case(CONTROL_HOST) || shared.is_me(&authority) {
        return Ok(Target::Engine);
    }
    if authority.as_str().contains('@') {
        return Err("credentials do not belong into the URL of a request: send them in `authorization`".to_owned());
    }
    if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
        return Err(format!("the scheme `{scheme}` is neither http nor https"));
    }
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build();
    uri.map(Target::Service).map_err(|error| format!("`{path}` is no path: {error}"))
}

async fn control(request: Request<Incoming>, shared: &Shared) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(reason) => return refusal(StatusCode::BAD_REQUEST, "control", reason),
    };
    let path = parts.uri.path();
    // A page that somebody has open in a browser can send here, and says whose it is.
    if parts.headers.contains_key(header::ORIGIN) {
        return refusal(StatusCode::FORBIDDEN, "control", "the recorder itself is not there for pages of the web");
    }
    if parts.method == Method::GET && path == "/ca.pem" {
        return Body::text(StatusCode::OK, shared.authority.pem().to_owned());
    }
    if path == "/test/end" {
        settle(shared).await;
    }
    match shared.route.control(&parts.method, path, &body) {
        Some((status, json)) => {
            let mut said = Body::text(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), json);
            said.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            said
        }
        None => refusal(
            StatusCode::NOT_FOUND,
            "control",
            format!(
                "{} {path}: this is the recorder itself. As a proxy it is asked for absolute URLs (curl -x {} http://..)",
                parts.method, shared.url
            ),
        ),
    }
}

/// A test that ends may have answers that are still read. Not for long: another test may be reading on.
async fn settle(shared: &Shared) {
    const STEPS: u32 = 200;
    for _ in 0..STEPS {
        if !shared.route.is_handing_on() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

async fn read(mut body: Incoming) -> Result<Bytes, String> {
    let mut whole = Vec::new();
    let mut body = std::pin::pin!(&mut body);
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|error| error.to_string())?;
        if let Some(data) = frame.data_ref() {
            whole.extend_from_slice(data);
        }
        if whole.len() > CONTROL_LIMIT {
            return Err(format!("a request to the recorder itself has {CONTROL_LIMIT} bytes at most"));
        }
    }
    Ok(whole.into())
}

/// Whether the connection is to become another. An upgrade to HTTP/2 may be declined, and is.
fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get_all(header::UPGRADE).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"h2c"))
}

/// Fields that a client says to its proxy.
fn of_this_hop_only(headers: &mut HeaderMap, upgrades: bool) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    headers.remove("proxy-connection");
    headers.remove(header::PROXY_AUTHORIZATION);
    if !upgrades && headers.remove(header::UPGRADE).is_some() {
        headers.remove("http2-settings");
        headers.remove(header::CONNECTION);
    }
}

/// The fields that a client says are for this hop alone ([RFC 9110 §7.6.1]). What an upgrade and trailers need is for the next hop as well, and is
/// left; and nothing that a message is read by can be taken off in this way.
///
/// [RFC 9110 §7.6.1]: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
fn named_by_connection(headers: &HeaderMap) -> Vec<header::HeaderName> {
    let stays = [header::UPGRADE, header::TE, header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    let options =
        headers.get_all(header::CONNECTION).iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    let names = options.filter_map(|option| header::HeaderName::from_bytes(option.trim_ascii()).ok());
    names.filter(|name| !stays.contains(name)).collect()
}

/// HTTP/2 has its own ways to say these, and takes none of them.
fn without_fields_of_http1(headers: &mut HeaderMap) {
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        headers.remove(name);
    }
}

/// Interim answers reach the client when they arrive. They are not part of a tape.
fn pass_interim_answers_on(request: &mut Request<Incoming>, line: &Arc<Line>) {
    let line = Arc::clone(line);
    hyper::ext::on_informational(request, move |interim| {
        // The engine's own server says this one.
        if interim.status() == StatusCode::CONTINUE {
            return;
        }
        let mut text = format!("HTTP/1.1 {}\r\n", interim.status()).into_bytes();
        for (name, value) in interim.headers() {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"\r\n");
        line.aside(&text);
    });
}
