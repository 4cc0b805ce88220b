//! isahc, which is libcurl, with the engine as its proxy.

use std::io::{self, Cursor, Read as _};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use isahc::config::{Configurable as _, RedirectPolicy};
use isahc::{Body, HttpClient, ResponseExt as _};
use tokio::task::spawn_blocking;
use traffic_recorder::Tapes;
use traffic_recorder::proxy::Proxy;
use traffic_recorder::tape::{FaultKind, Layer};

use super::plain::{OVER_A_SOCKET, refused};
use super::{Adapter, Answer, Ask, AskBody, Client, Failure, Frames, Opened, Options, Piece, fields, http_request};

/// `tapes.proxy()`, given to isahc.
#[derive(Debug)]
pub struct Isahc;

/// The adapter.
pub static ISAHC: Isahc = Isahc;

struct IsahcClient {
    client: HttpClient,
    /// As long as there is a client.
    _proxy: Proxy,
}

const CANNOT: &[(&str, &str)] = &{
    let [a, b, c, d, e, f, g, h, i] = OVER_A_SOCKET;
    let reason = ("r38_the_reason_survives", "isahc does not tell the reason phrase");
    let text = (
        "r78_header_values_that_are_no_utf8_are_kept",
        "isahc panics where a header to be sent is not UTF-8, live as well",
    );
    let tls = (
        "r18_another_host_or_scheme_is_another_request_unless_a_rule_says_so",
        "isahc is built without TLS here and knows no other scheme than http",
    );
    [a, b, c, d, e, f, g, h, i, reason, text, tls]
};

impl Adapter for Isahc {
    fn name(&self) -> &'static str {
        "isahc"
    }

    fn seam(&self) -> [&'static str; 3] {
        ["tapes.proxy()", "isahc (libcurl), by the loopback engine", "proxy"]
    }

    fn layer(&self) -> Layer {
        Layer::Wire
    }

    fn is_over_loopback(&self) -> bool {
        true
    }

    fn cannot(&self) -> &'static [(&'static str, &'static str)] {
        CANNOT
    }

    fn client(&self, tapes: &Tapes, options: &Options) -> Arc<dyn Client> {
        let proxy = tapes.proxy();
        let url = proxy.url().parse::<http::Uri>().expect("a URL");
        let mut client = HttpClient::builder()
            .proxy(Some(url))
            .automatic_decompression(false)
            .redirect_policy(RedirectPolicy::Limit(10));
        if let Some(limit) = options.timeout {
            client = client.timeout(limit);
        }
        Arc::new(IsahcClient { client: client.build().expect("a client"), _proxy: proxy })
    }
}

#[async_trait]
impl Client for IsahcClient {
    async fn open(&self, ask: Ask) -> Result<Opened, Failure> {
        let body = match &ask.body {
            AskBody::Absent => Body::from(()),
            AskBody::Empty => Body::from(""),
            AskBody::Bytes(bytes) => Body::from(bytes.to_vec()),
            AskBody::Stream(chunks) => Body::from_reader(Cursor::new(chunks.concat())),
        };
        let (client, request) = (self.client.clone(), http_request(&ask, body)?);
        let asked = spawn_blocking(move || client.send(request).map_err(|error| failure(&error)));
        let response = asked.await.expect("isahc does not panic")?;
        let answer = Answer {
            status: response.status().as_u16(),
            version: format!("{:?}", response.version()),
            headers: fields(response.headers()),
            url: response.effective_uri().map(ToString::to_string),
            ..Answer::default()
        };
        refused(Opened::new(answer, Reading(Some(response)))).await
    }
}

fn failure(error: &isahc::Error) -> Failure {
    use isahc::error::ErrorKind as K;
    let is_connect = matches!(error.kind(), K::ConnectionFailed | K::NameResolution);
    let failure = Failure { is_connect, is_timeout: error.is_timeout(), ..Failure::of(error) };
    // What libcurl has numbers for (curl/curl.h): an unsupported protocol, an empty reply, a failure while receiving.
    let numbers = [("[1] ", FaultKind::Protocol), ("[52] ", FaultKind::Closed), ("[56] ", FaultKind::Reset)];
    match numbers.iter().find(|(number, _)| failure.text.contains(number)) {
        Some((_, kind)) => Failure { kind: Some(*kind), ..failure },
        None => failure,
    }
}

/// The body, then its trailers.
struct Reading(Option<isahc::http::Response<Body>>);

#[async_trait]
impl Frames for Reading {
    async fn next(&mut self) -> Option<Result<Piece, Failure>> {
        let mut response = self.0.take()?;
        let read = spawn_blocking(move || {
            let mut buffer = vec![0; 64 * 1024];
            let n = response.body_mut().read(&mut buffer)?;
            buffer.truncate(n);
            io::Result::Ok((response, buffer))
        });
        match read.await.expect("isahc does not panic") {
            Ok((response, bytes)) if bytes.is_empty() => {
                let trailers = response.trailer().try_get().map(fields).filter(|trailers| !trailers.is_empty());
                trailers.map(|trailers| Ok(Piece::Trailers(trailers)))
            }
            Ok((response, bytes)) => {
                self.0 = Some(response);
                Some(Ok(Piece::Data(Bytes::from(bytes))))
            }
            Err(error) => {
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<isahc::Error>());
                Some(Err(inner.map_or_else(|| Failure::of(&error), failure)))
            }
        }
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reading")
    }
}
