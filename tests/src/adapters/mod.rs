//! One adapter for each client: a plain request goes in, what the program would see comes out, in the same terms for all.
//!
//! What an adapter cannot do it says itself ([`Adapter::cannot`]), by the name of the test and with the reason. Such a test is
//! run all the same and must fail: a limit that is gone has to go from the list.

mod aws;
mod chunks;
mod connector;
mod failure;
mod isahc;
mod plain;
mod reqwest;
mod tower;
mod ureq;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use traffic_recorder::Tapes;
use traffic_recorder::tape::Layer;

pub use self::reqwest::{REQWEST_0_12, REQWEST_0_13};
pub use aws::AWS;
pub use chunks::Chunks;
pub use connector::{CONNECTOR, CONNECTOR_HTTP2};
pub use failure::{Failure, refusal};
pub use isahc::ISAHC;
pub use plain::{REQWEST_BLOCKING, REQWEST_CLIENT};
pub use tower::TOWER;
pub use ureq::UREQ;

/// What none can do that hands over header fields in the map of the `http` crate.
const LOWER_CASE: (&str, &str) = (
    "r35_names_of_headers_keep_their_casing",
    "the client has the names in lower case, as the `http` crate keeps them; a tape keeps those it is given",
);
/// What a seam above redirects does not see.
const REDIRECTS_BELOW: (&str, &str) = (
    "r39_every_hop_of_a_redirect_is_an_exchange",
    "the client follows redirects below the recorder: a chain is one exchange, with the URL that answered in the end",
);
/// What a seam below redirects has no use for.
const NO_REDIRECTS: (&str, &str) = (
    "r79_after_redirects_the_url_is_the_final_one",
    "the client does not follow redirects: each hop is an answer of its own",
);
/// A time limit of the client, below the seam.
const OWN_LIMIT: (&str, &str) = (
    "r42_the_clients_own_time_limit_holds_while_replaying",
    "the client's time limit begins below the recorder and is not reached while replaying; one around the call holds",
);

/// All of them.
pub static ALL: [&dyn Adapter; 10] = [
    &TOWER,
    &CONNECTOR,
    &CONNECTOR_HTTP2,
    &REQWEST_0_12,
    &REQWEST_0_13,
    &UREQ,
    &AWS,
    &REQWEST_CLIENT,
    &REQWEST_BLOCKING,
    &ISAHC,
];

/// How one client is put on tapes.
pub trait Adapter: Sync {
    /// What its tests are called by: the module that `over_all_adapters!` makes.
    fn name(&self) -> &'static str;

    /// What a user writes, the client, and the feature that brings it.
    fn seam(&self) -> [&'static str; 3];

    /// Where it taps its client.
    fn layer(&self) -> Layer;

    /// The behaviours that it cannot show, each as the name of a test, and why.
    fn cannot(&self) -> &'static [(&'static str, &'static str)];

    /// A client on these tapes. Inside a tokio runtime.
    fn client(&self, tapes: &Tapes, options: &Options) -> Arc<dyn Client>;

    /// Whether it is answered over a socket of loopback; the others need no interface at all.
    fn is_over_loopback(&self) -> bool {
        false
    }

    /// Whether its client speaks HTTP/2 to the service.
    fn is_http2(&self) -> bool {
        false
    }
}

/// How a client is configured.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A limit for a whole request, where the client has one of its own.
    pub timeout: Option<Duration>,
}

/// A client on tapes.
#[async_trait]
pub trait Client: Send + Sync {
    /// Sends a request; comes back with the head of the answer, the body yet to be read.
    async fn open(&self, ask: Ask) -> Result<Opened, Failure>;

    /// Sends a request and reads the answer to its end.
    async fn send(&self, ask: Ask) -> Result<Answer, Failure> {
        Ok(self.open(ask).await?.whole().await)
    }
}

/// A request.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The method.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// Header fields in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: AskBody,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub enum AskBody {
    /// None.
    Absent,
    /// One of no bytes.
    Empty,
    /// In memory.
    Bytes(Bytes),
    /// A stream that can be read once, its length unknown.
    Stream(Vec<Bytes>),
}

/// The head of an answer, and its body in the making. Dropping it drops the answer.
#[derive(Debug)]
pub struct Opened {
    /// The head; frames and trailers are still empty.
    pub answer: Answer,
    body: Box<dyn Frames>,
}

/// What a program sees of an answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `HTTP/1.1`, `HTTP/2.0`.
    pub version: String,
    /// The reason phrase, where the client shows one that is not the usual.
    pub reason: Option<String>,
    /// Header fields in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body as it arrived.
    pub frames: Vec<Bytes>,
    /// Trailer fields, where the client shows them.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// The URL that answered, where the client follows redirects.
    pub url: Option<String>,
    /// How the body broke off, where it did.
    pub cut: Option<Failure>,
}

/// A body that is read piece by piece.
#[async_trait]
pub trait Frames: Send + std::fmt::Debug {
    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Option<Result<Piece, Failure>>;
}

/// A piece of a body.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Bytes.
    Data(Bytes),
    /// Trailer fields.
    Trailers(Vec<(String, Vec<u8>)>),
}

impl Ask {
    /// Without header fields or body.
    #[must_use]
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self { method: method.to_owned(), url: url.into(), headers: Vec::new(), body: AskBody::Absent }
    }

    /// A `GET`.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` of JSON.
    #[must_use]
    pub fn post_json(url: impl Into<String>, json: impl Into<Bytes>) -> Self {
        Self::new("POST", url).header("content-type", "application/json").body(json)
    }

    /// One more header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// A body in memory.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = AskBody::Bytes(body.into());
        self
    }

    /// A body of no bytes.
    #[must_use]
    pub fn empty(mut self) -> Self {
        self.body = AskBody::Empty;
        self
    }

    /// A body that streams.
    #[must_use]
    pub fn stream(mut self, chunks: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        self.body = AskBody::Stream(chunks.into_iter().map(Into::into).collect());
        self
    }
}

impl Opened {
    fn new(answer: Answer, body: impl Frames + 'static) -> Self {
        Self { answer, body: Box::new(body) }
    }

    /// The next piece of the body; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Piece, Failure>> {
        self.body.next().await
    }

    /// Reads to the end.
    pub async fn whole(mut self) -> Answer {
        let mut answer = self.answer;
        while let Some(piece) = self.body.next().await {
            match piece {
                // HTTP/2 may end a stream with a frame of nothing.
                Ok(Piece::Data(bytes)) if bytes.is_empty() => {}
                Ok(Piece::Data(bytes)) => answer.frames.push(bytes),
                Ok(Piece::Trailers(trailers)) => answer.trailers = trailers,
                Err(failure) => {
                    answer.cut = Some(failure);
                    break;
                }
            }
        }
        answer
    }
}

impl Answer {
    /// The body in one piece.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.frames.concat().into()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    /// The same for a program that reads it, however the body was cut into frames.
    ///
    /// # Panics
    /// Where anything differs.
    #[track_caller]
    pub fn assert_same(&self, other: &Self) {
        assert_eq!((self.status, &self.version, &self.reason), (other.status, &other.version, &other.reason));
        assert_eq!(self.headers, other.headers, "headers");
        assert_eq!(self.body(), other.body(), "body");
        assert_eq!(self.trailers, other.trailers, "trailers");
        assert_eq!(self.url, other.url, "url");
        let end = |answer: &Self| answer.cut.as_ref().map(|cut| (cut.kind, cut.is_timeout, cut.is_connect));
        assert_eq!(end(self), end(other), "how the body ends: {:?}, {:?}", self.cut, other.cut);
    }

    /// The first header field under a name, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Every header field under a name.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        let found = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| &value[..]).collect()
    }
}

/// Fields of an `http` map, in its order.
fn fields(map: &http::HeaderMap) -> Vec<(String, Vec<u8>)> {
    map.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

/// A request of the `http` crate.
fn http_request<B>(ask: &Ask, body: B) -> Result<http::Request<B>, Failure> {
    let mut request = http::Request::builder().method(ask.method.as_bytes()).uri(&ask.url);
    for (name, value) in &ask.headers {
        let value = http::HeaderValue::from_bytes(value).map_err(|e| Failure::unsendable(&e))?;
        request = request.header(name, value);
    }
    request.body(body).map_err(|e| Failure::unsendable(&e))
}
