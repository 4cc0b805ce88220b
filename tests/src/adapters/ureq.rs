//! ureq 3 behind the recorder's middleware, in threads that may block.

use std::io::{self, Read};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::spawn_blocking;
use traffic_recorder::Tapes;
use traffic_recorder::tape::Layer;
use ureq::{Agent, Error, ResponseExt, SendBody, Timeout};

use super::{Adapter, Answer, Ask, AskBody, Client, Failure, Frames, Opened, Options, Piece, fields, http_request};

/// `tapes.ureq(..)`, with statuses as answers.
#[derive(Debug)]
pub struct Ureq;

/// The adapter.
pub static UREQ: Ureq = Ureq;

struct UreqClient(Agent);

const NO_TRAILERS: &str = "ureq does not tell trailers";

const CANNOT: &[(&str, &str)] = &[
    super::LOWER_CASE,
    super::REDIRECTS_BELOW,
    super::OWN_LIMIT,
    (
        "r10_a_redirect_to_a_host_off_the_list_is_not_followed",
        "ureq follows redirects below its middleware: set `max_redirects(0)` where a host must not be reached",
    ),
    (
        "r20_absent_empty_and_null_bodies_are_three_things",
        "ureq does not tell its middleware a body of no bytes from none: both are absent",
    ),
    ("r38_the_reason_survives", "ureq does not tell the reason phrase"),
    ("r38_trailers_survive", NO_TRAILERS),
    ("r89_a_unary_call_keeps_message_and_trailers", NO_TRAILERS),
    ("r89_a_streaming_call_keeps_its_messages", NO_TRAILERS),
];

impl Adapter for Ureq {
    fn name(&self) -> &'static str {
        "ureq"
    }

    fn seam(&self) -> [&'static str; 3] {
        ["tapes.ureq(..)", "ureq 3, by its middleware", "ureq"]
    }

    fn layer(&self) -> Layer {
        Layer::Logical
    }

    fn cannot(&self) -> &'static [(&'static str, &'static str)] {
        CANNOT
    }

    fn client(&self, tapes: &Tapes, options: &Options) -> Arc<dyn Client> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .proxy(None)
            .timeout_global(options.timeout);
        Arc::new(UreqClient(tapes.ureq(config)))
    }
}

#[async_trait]
impl Client for UreqClient {
    async fn open(&self, ask: Ask) -> Result<Opened, Failure> {
        let agent = self.0.clone();
        let asked = spawn_blocking(move || match &ask.body {
            AskBody::Absent => agent.run(http_request(&ask, ())?).map_err(|e| failure(&e)),
            AskBody::Empty => agent.run(http_request(&ask, &b""[..])?).map_err(|e| failure(&e)),
            AskBody::Bytes(bytes) => agent.run(http_request(&ask, &bytes[..])?).map_err(|e| failure(&e)),
            AskBody::Stream(chunks) => {
                let body = SendBody::from_owned_reader(io::Cursor::new(chunks.concat()));
                agent.run(http_request(&ask, body)?).map_err(|e| failure(&e))
            }
        });
        let response = asked.await.expect("ureq does not panic")?;
        let url = Some(response.get_uri().to_string());
        let (parts, body) = response.into_parts();
        let answer = Answer {
            status: parts.status.as_u16(),
            version: format!("{:?}", parts.version),
            headers: fields(&parts.headers),
            url,
            ..Answer::default()
        };
        Ok(Opened::new(answer, Reading(Some(Box::new(body.into_reader())))))
    }
}

struct Reading(Option<Box<dyn Read + Send>>);

#[async_trait]
impl Frames for Reading {
    async fn next(&mut self) -> Option<Result<Piece, Failure>> {
        let mut reader = self.0.take()?;
        let read = spawn_blocking(move || {
            let mut buffer = vec![0; 64 * 1024];
            let n = reader.read(&mut buffer)?;
            buffer.truncate(n);
            io::Result::Ok((reader, buffer))
        });
        match read.await.expect("ureq does not panic") {
            Ok((_, bytes)) if bytes.is_empty() => None,
            Ok((reader, bytes)) => {
                self.0 = Some(reader);
                Some(Ok(Piece::Data(Bytes::from(bytes))))
            }
            Err(error) => {
                let mut failed = Failure::of(&error);
                failed.is_timeout = error.kind() == io::ErrorKind::TimedOut;
                Some(Err(failed))
            }
        }
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reading")
    }
}

fn failure(error: &Error) -> Failure {
    let mut failure = Failure::of(error);
    if let Error::Other(inner) = error {
        failure.refusal = super::refusal(&**inner);
    }
    if let Error::Io(io) = error {
        let of_io = Failure::of(io);
        (failure.io, failure.kind) = (of_io.io, of_io.kind);
    }
    let refused = matches!(error, Error::Io(io) if io.kind() == io::ErrorKind::ConnectionRefused);
    failure.is_timeout = matches!(error, Error::Timeout(_));
    failure.is_connect =
        refused || matches!(error, Error::ConnectionFailed | Error::HostNotFound | Error::Timeout(Timeout::Connect));
    failure
}
