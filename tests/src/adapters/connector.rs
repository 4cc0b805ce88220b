//! The in-memory connector in hyper-util's client, with HTTP/1 and with HTTP/2.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use traffic_recorder::Tapes;
use traffic_recorder::client::TapedConnector;
use traffic_recorder::tape::Layer;

use super::chunks::Reading;
use super::tower::head;
use super::{Adapter, Ask, AskBody, Chunks, Client, Failure, Opened, Options, http_request};

/// `tapes.connector(..)` in hyper-util's client.
#[derive(Debug)]
pub struct Connector {
    http2: bool,
}

/// The adapter that speaks HTTP/1.1.
pub static CONNECTOR: Connector = Connector { http2: false };
/// The adapter that speaks HTTP/2.
pub static CONNECTOR_HTTP2: Connector = Connector { http2: true };

const OVER_HTTP1: &[(&str, &str)] = &[
    super::LOWER_CASE,
    super::NO_REDIRECTS,
    LIMIT_AROUND,
    ("r92_a_refused_connection_says_so_again", ALWAYS_CONNECTED),
    ("r92_a_failed_connection_answers_the_clients_predicates", ALWAYS_CONNECTED),
    ("r92_a_timeout_answers_the_clients_predicate", ALWAYS_CONNECTED),
    (
        "r28_an_answer_dropped_in_the_middle_is_there_for_the_retry",
        "what fits into the pipe to the client counts as delivered when it is put there, whether the program reads it or not",
    ),
];

const OVER_HTTP2: &[(&str, &str)] = &[
    super::LOWER_CASE,
    super::NO_REDIRECTS,
    LIMIT_AROUND,
    ("r92_a_refused_connection_says_so_again", ALWAYS_CONNECTED),
    ("r92_a_failed_connection_answers_the_clients_predicates", ALWAYS_CONNECTED),
    ("r92_a_timeout_answers_the_clients_predicate", ALWAYS_CONNECTED),
    OVER_HTTP1[6],
    ("r09_a_miss_is_neither_an_answer_nor_worth_a_retry", NUMBERS),
    ("r56_a_tape_that_cannot_be_read_is_an_error_for_the_program", NUMBERS),
    ("r64_a_request_after_the_end_names_its_test", NUMBERS),
    ("r38_the_reason_survives", "HTTP/2 has no reason phrase"),
    ("r41_a_reset_is_replayed_as_one", NUMBERS_LIVE),
    ("r41_a_connection_that_closes_without_an_answer_is_replayed", NUMBERS_LIVE),
    ("r41_what_is_not_http_is_replayed_as_that", NUMBERS_LIVE),
];

const ALWAYS_CONNECTED: &str = "the connection to the recorder is always made: hyper's predicates know of no other, live as from the \
                                tape; over HTTP/1.1 the `io::Error` in the chain tells";

const NUMBERS: &str =
    "of the error of a connection HTTP/2 keeps the words, not the type: a program reads why, and cannot downcast to it";

const NUMBERS_LIVE: &str = "HTTP/2 has only numbers for errors: the program sees a stream that was reset, live as from the tape, which has the kind";

const LIMIT_AROUND: (&str, &str) = (
    "r41_a_timeout_is_replayed_as_one",
    "the client has no time limit of its own, and one around it drops the request: nothing came of it that a tape could have",
);

/// hyper-util's client has no time limit of its own: a program puts one around it.
struct ConnectorClient(HyperClient<TapedConnector<HttpConnector>, Chunks>, Option<Duration>);

impl Adapter for Connector {
    fn name(&self) -> &'static str {
        if self.http2 { "connector_http2" } else { "connector" }
    }

    fn seam(&self) -> [&'static str; 3] {
        if self.http2 {
            ["tapes.connector_http2(..)", "hyper-util's client with HTTP/2, on an in-memory wire", "hyper-util"]
        } else {
            ["tapes.connector(..)", "hyper-util's client, on an in-memory wire", "hyper-util"]
        }
    }

    fn layer(&self) -> Layer {
        Layer::Wire
    }

    fn cannot(&self) -> &'static [(&'static str, &'static str)] {
        if self.http2 { OVER_HTTP2 } else { OVER_HTTP1 }
    }

    fn client(&self, tapes: &Tapes, options: &Options) -> Arc<dyn Client> {
        let network = HttpConnector::new();
        let connector = if self.http2 { tapes.connector_http2(network) } else { tapes.connector(network) };
        let client = HyperClient::builder(TokioExecutor::new()).build(connector);
        Arc::new(ConnectorClient(client, options.timeout))
    }

    fn is_http2(&self) -> bool {
        self.http2
    }
}

#[async_trait]
impl Client for ConnectorClient {
    async fn open(&self, ask: Ask) -> Result<Opened, Failure> {
        let mut request = http_request(&ask, Chunks::of(&ask))?;
        if matches!(ask.body, AskBody::Empty) {
            request.headers_mut().insert(http::header::CONTENT_LENGTH, 0.into());
        }
        let limit = self.1.unwrap_or(Duration::from_secs(600));
        let answered = tokio::time::timeout(limit, self.0.request(request)).await;
        let answered = answered.map_err(|elapsed| Failure { is_timeout: true, ..Failure::of(&elapsed) })?;
        let response = answered.map_err(|error| {
            let mut failure = Failure::of(&error);
            failure.is_connect = error.is_connect();
            failure.is_timeout = is_timeout(&error);
            failure
        })?;
        let (parts, body) = response.into_parts();
        let failure = |error: hyper::Error| {
            let mut failure = Failure::of(&error);
            failure.is_timeout = is_timeout(&error);
            failure
        };
        Ok(Opened::new(head(&parts), Reading::new(body, failure)))
    }
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    let mut link = Some(error);
    while let Some(error) = link {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_timeout) {
            return true;
        }
        link = error.source();
    }
    false
}
