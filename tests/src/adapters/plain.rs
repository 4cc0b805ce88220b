//! Clients that take no adapter, over the loopback engine: a plain client of reqwest, async and blocking.

use std::io::{self, Read};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest_0_13 as reqwest;
use tokio::task::spawn_blocking;
use traffic_recorder::Tapes;
use traffic_recorder::proxy::{ERROR_FIELD, REFUSED};
use traffic_recorder::tape::Layer;

use super::chunks::Reading;
use super::tower::head_of;
use super::{Adapter, Answer, Ask, AskBody, Chunks, Client, Failure, Frames, Opened, Options, Piece};

/// `tapes.reqwest_client_builder(..)`.
#[derive(Debug)]
pub struct Plain;

/// `tapes.reqwest_blocking_client_builder(..)`, in threads that may block.
#[derive(Debug)]
pub struct Blocking;

/// The adapter for the async client.
pub static REQWEST_CLIENT: Plain = Plain;
/// The adapter for the blocking client.
pub static REQWEST_BLOCKING: Blocking = Blocking;

struct PlainClient(reqwest::Client);

struct BlockingClient(Option<reqwest::blocking::Client>);

/// What no client shows over a socket to the engine.
pub(super) const OVER_A_SOCKET: [(&str, &str); 9] = [
    super::LOWER_CASE,
    ("r09_a_miss_is_neither_an_answer_nor_worth_a_retry", IN_WORDS),
    ("r56_a_tape_that_cannot_be_read_is_an_error_for_the_program", IN_WORDS),
    ("r64_a_request_after_the_end_names_its_test", IN_WORDS),
    (
        "r28_an_answer_dropped_in_the_middle_is_there_for_the_retry",
        "what fits into the socket to the client counts as delivered when it is put there, whether the program reads it or not",
    ),
    (
        "r41_a_timeout_is_replayed_as_one",
        "a client whose time is up hangs up on the engine as one does that was given up: nothing came of it that a tape could have",
    ),
    ("r92_a_refused_connection_says_so_again", ALWAYS_CONNECTED),
    ("r92_a_failed_connection_answers_the_clients_predicates", ALWAYS_CONNECTED),
    (
        "r92_a_timeout_answers_the_clients_predicate",
        "a recorded timeout is replayed by silence: a client with a limit below ten seconds has its own timeout, another sees a reset then",
    ),
];

const IN_WORDS: &str = "over a socket a refusal is an answer: status 470, the code in the field `x-tapes-error`, the whole explanation as \
                        text";

const ALWAYS_CONNECTED: &str =
    "the connection to the engine is always made: the program sees it reset, live as from the tape, which has the kind";

const NO_TRAILERS: &str = "a blocking response of reqwest does not tell trailers";

const PLAIN_CANNOT: &[(&str, &str)] = &{
    let [a, b, c, d, e, f, g, h, i] = OVER_A_SOCKET;
    let none = "reqwest sends a body of no bytes as none";
    [a, b, c, d, e, f, g, h, i, ("r20_absent_empty_and_null_bodies_are_three_things", none)]
};

const BLOCKING_CANNOT: &[(&str, &str)] = &{
    let [a, b, c, d, e, f, g, h, i] = OVER_A_SOCKET;
    let trailers = ("r38_trailers_survive", NO_TRAILERS);
    let unary = ("r89_a_unary_call_keeps_message_and_trailers", NO_TRAILERS);
    let streaming = ("r89_a_streaming_call_keeps_its_messages", NO_TRAILERS);
    [a, b, c, d, e, f, g, h, i, trailers, unary, streaming]
};

/// A refusal is an answer over a socket: the program sees this status, field and text.
pub(super) async fn refused(opened: Opened) -> Result<Opened, Failure> {
    let code = opened.answer.header(ERROR_FIELD).filter(|_| opened.answer.status == REFUSED);
    let Some(code) = code.map(str::to_owned) else { return Ok(opened) };
    Err(Failure { text: format!("[{code}] {}", opened.whole().await.text()), ..Failure::default() })
}

impl Adapter for Plain {
    fn name(&self) -> &'static str {
        "reqwest_client"
    }

    fn seam(&self) -> [&'static str; 3] {
        ["tapes.reqwest_client()", "a plain client of reqwest, by the loopback engine", "reqwest-client-0_13"]
    }

    fn layer(&self) -> Layer {
        Layer::Wire
    }

    fn is_over_loopback(&self) -> bool {
        true
    }

    fn cannot(&self) -> &'static [(&'static str, &'static str)] {
        PLAIN_CANNOT
    }

    fn client(&self, tapes: &Tapes, options: &Options) -> Arc<dyn Client> {
        let mut client = reqwest::Client::builder();
        if let Some(limit) = options.timeout {
            client = client.timeout(limit);
        }
        Arc::new(PlainClient(tapes.reqwest_client_builder(client).build().expect("a client")))
    }
}

#[async_trait]
impl Client for PlainClient {
    async fn open(&self, ask: Ask) -> Result<Opened, Failure> {
        let mut request = self.0.request(method(&ask)?, &ask.url);
        for (name, value) in &ask.headers {
            request = request.header(name, &value[..]);
        }
        request = match &ask.body {
            AskBody::Absent => request,
            AskBody::Empty => request.body(""),
            AskBody::Bytes(bytes) => request.body(bytes.clone()),
            AskBody::Stream(_) => request.body(reqwest::Body::wrap(Chunks::of(&ask))),
        };
        let response = request.send().await.map_err(|error| failure(&error))?;
        let head = head_of(response.status(), response.version(), response.headers(), response.extensions());
        let answer = Answer { url: Some(response.url().to_string()), ..head };
        let body = reqwest::Body::from(response);
        refused(Opened::new(answer, Reading::new(body, |error| failure(&error)))).await
    }
}

fn method(ask: &Ask) -> Result<reqwest::Method, Failure> {
    reqwest::Method::from_bytes(ask.method.as_bytes()).map_err(|e| Failure::unsendable(&e))
}

fn failure(error: &reqwest::Error) -> Failure {
    Failure { is_connect: error.is_connect(), is_timeout: error.is_timeout(), ..Failure::of(error) }
}

impl Adapter for Blocking {
    fn name(&self) -> &'static str {
        "reqwest_blocking"
    }

    fn seam(&self) -> [&'static str; 3] {
        [
            "tapes.reqwest_blocking_client()",
            "a plain blocking client of reqwest, by the loopback engine",
            "reqwest-client-0_13",
        ]
    }

    fn layer(&self) -> Layer {
        Layer::Wire
    }

    fn is_over_loopback(&self) -> bool {
        true
    }

    fn cannot(&self) -> &'static [(&'static str, &'static str)] {
        BLOCKING_CANNOT
    }

    fn client(&self, tapes: &Tapes, options: &Options) -> Arc<dyn Client> {
        let limit = options.timeout;
        // It starts a runtime of its own, which async code must neither do nor undo.
        let client = std::thread::scope(|scope| {
            let built = scope.spawn(|| {
                let client = reqwest::blocking::Client::builder().timeout(limit);
                tapes.reqwest_blocking_client_builder(client).build().expect("a client")
            });
            built.join().expect("no panic")
        });
        Arc::new(BlockingClient(Some(client)))
    }
}

impl Drop for BlockingClient {
    fn drop(&mut self) {
        let client = self.0.take();
        let _ = std::thread::spawn(move || drop(client)).join();
    }
}

#[async_trait]
impl Client for BlockingClient {
    async fn open(&self, ask: Ask) -> Result<Opened, Failure> {
        let client = self.0.clone().expect("a client");
        let asked = spawn_blocking(move || {
            let mut request = client.request(method(&ask)?, &ask.url);
            for (name, value) in &ask.headers {
                request = request.header(name, &value[..]);
            }
            request = match &ask.body {
                AskBody::Absent => request,
                AskBody::Empty => request.body(""),
                AskBody::Bytes(bytes) => request.body(bytes.clone()),
                AskBody::Stream(chunks) => request.body(reqwest::blocking::Body::new(io::Cursor::new(chunks.concat()))),
            };
            request.send().map_err(|error| failure(&error))
        });
        let response = asked.await.expect("reqwest does not panic")?;
        let head = head_of(response.status(), response.version(), response.headers(), response.extensions());
        let answer = Answer { url: Some(response.url().to_string()), ..head };
        refused(Opened::new(answer, BlockingBody(Some(response)))).await
    }
}

struct BlockingBody(Option<reqwest::blocking::Response>);

#[async_trait]
impl Frames for BlockingBody {
    async fn next(&mut self) -> Option<Result<Piece, Failure>> {
        let mut response = self.0.take()?;
        let read = spawn_blocking(move || {
            let mut buffer = vec![0; 64 * 1024];
            let n = response.read(&mut buffer)?;
            buffer.truncate(n);
            io::Result::Ok((response, buffer))
        });
        match read.await.expect("reqwest does not panic") {
            Ok((response, bytes)) if bytes.is_empty() => {
                drop_elsewhere(response);
                None
            }
            Ok((response, bytes)) => {
                self.0 = Some(response);
                Some(Ok(Piece::Data(Bytes::from(bytes))))
            }
            Err(error) => {
                let mut failed = Failure::of(&error);
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
                failed.is_timeout = inner.is_some_and(reqwest::Error::is_timeout);
                Some(Err(failed))
            }
        }
    }
}

/// A response holds the runtime of its client.
fn drop_elsewhere(response: reqwest::blocking::Response) {
    let _ = std::thread::spawn(move || drop(response)).join();
}

impl Drop for BlockingBody {
    fn drop(&mut self) {
        if let Some(response) = self.0.take() {
            drop_elsewhere(response);
        }
    }
}

impl std::fmt::Debug for BlockingBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlockingBody")
    }
}
