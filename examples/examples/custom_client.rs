//! A client library that the recorder does not know, joined to it in about thirty lines (besides turning pairs of strings into
//! header fields and back); and an async one in fewer.
//!
//! `cargo run --example custom_client` records two requests of the one and one of the other against a service in this process that
//! answers three and no more, and replays them. A test would have `tapes!()` where `main` has `Recorder::at(..)`.

use std::io::{self, Read};
use std::net::TcpListener;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use traffic_recorder::client::{self, Boxed, Payload, Stop, Translate};
use traffic_recorder::session::{Head, Session};
use traffic_recorder::tape::{Fault, Layer};
use traffic_recorder::{Mode, Origin, Recorder};

/// What joins `plain` to the recorder: its requests in, its answers out, its errors both ways.
struct Taped(Session);

impl Taped {
    fn send(&self, request: &plain::Request) -> Result<plain::Response, plain::Error> {
        let headers = fields_in(&request.headers)?;
        let head = Head::with_url(request.method, &request.url, http::Version::HTTP_10, &headers);
        let payload = match &request.body {
            Some(body) => Payload::Ready(body.clone().into()),
            None => Payload::<io::Empty>::Absent,
        };
        let send = |_| {
            let plain::Response { status, headers, body } = plain::send(request)?;
            let mut answer = http::Response::new(body);
            *answer.status_mut() = http::StatusCode::from_u16(status).map_err(|_| plain::Error::NotHttp)?;
            *answer.headers_mut() = fields_in(&headers)?;
            Ok(answer)
        };
        let answer = client::exchange_blocking(&self.0, Layer::Wire, head, payload, &Errors, send)?;
        let (status, headers) = (answer.status().as_u16(), fields_out(answer.headers()));
        Ok(plain::Response { status, headers, body: Box::new(answer.into_body()) })
    }
}

struct Errors;

impl Translate for Errors {
    type Error = plain::Error;

    fn fault(&self, error: &plain::Error) -> Fault {
        client::classify(error)
    }

    fn error(&self, stop: Stop) -> plain::Error {
        plain::Error::Io(stop.into())
    }
}

fn fields_in(pairs: &[(String, String)]) -> Result<HeaderMap, plain::Error> {
    let fields = pairs.iter().map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
    fields.collect::<Option<_>>().ok_or(plain::Error::NotHttp)
}

fn fields_out(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// A body that is in memory.
type Whole = Full<Bytes>;

/// The same for async code. This one has nothing but a URL to send, and any error will do.
async fn fetch(session: &Session, url: &str) -> Result<String, client::BoxError> {
    let headers = HeaderMap::new();
    let head = Head::with_url("GET", url, http::Version::HTTP_10, &headers);
    let nothing = Payload::<Whole>::Absent;
    let send = |_| async { Ok(http::Response::new(Whole::new(plain_async::get(url).await?))) };
    let answer = client::exchange(session, Layer::Wire, head, nothing, &Boxed, send).await?;
    Ok(String::from_utf8(answer.into_body().collect().await?.to_bytes().into())?)
}

fn main() -> Result<(), client::BoxError> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let service = format!("http://{}", listener.local_addr()?);
    let thread = std::thread::spawn(move || greet(&listener, 3));

    for mode in [Mode::Record, Mode::Replay] {
        let tapes = Recorder::at(folder.path().join("greetings")).mode(mode).origin(Origin::Simulated).open()?;
        let taped = Taped(tapes.session().clone());

        let mut answer = taped.send(&plain::Request::get(&format!("{service}/ada")))?;
        println!("{mode}: {} {}", answer.status, text(&mut answer.body)?);
        let mut answer = taped.send(&plain::Request::post(&format!("{service}/guests"), "grace"))?;
        println!("{mode}: {} {}", answer.status, text(&mut answer.body)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        println!("{mode}: async {}", runtime.block_on(fetch(tapes.session(), &format!("{service}/linus")))?);

        if mode == Mode::Replay {
            let error = taped.send(&plain::Request::get(&format!("{service}/nobody"))).err();
            println!("\nAnd what no tape answers is an error of the client's own type:\n{}", error.ok_or("no error")?);
            assert!(tapes.finish().is_err_and(|error| error.miss().is_some()), "the miss is told at the end, too");
        } else {
            tapes.finish()?;
        }
    }
    thread.join().map_err(|_| "the service panicked")??;
    Ok(())
}

fn text(body: &mut dyn Read) -> io::Result<String> {
    let mut text = String::new();
    body.read_to_string(&mut text)?;
    Ok(text)
}

/// Answers so many requests, then listens no more.
fn greet(listener: &TcpListener, requests: usize) -> io::Result<()> {
    for _ in 0..requests {
        let (stream, _) = listener.accept()?;
        plain::serve(stream, |path, body| format!("hello {}{body}", path.trim_start_matches('/')))?;
    }
    Ok(())
}

/// The client library: HTTP/1.0 over a socket, as small as it can be, with its own types and errors.
mod plain {
    use super::{Read, io};
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpStream;

    pub(crate) struct Request {
        pub(crate) method: &'static str,
        pub(crate) url: String,
        pub(crate) headers: Vec<(String, String)>,
        pub(crate) body: Option<Vec<u8>>,
    }

    pub(crate) struct Response {
        pub(crate) status: u16,
        pub(crate) headers: Vec<(String, String)>,
        pub(crate) body: Box<dyn Read>,
    }

    #[derive(Debug, thiserror::Error)]
    pub(crate) enum Error {
        #[error("the URL has no host")]
        NoHost,
        #[error("this is not HTTP")]
        NotHttp,
        #[error("{0}")]
        Io(#[from] io::Error),
    }

    impl Request {
        pub(crate) fn get(url: &str) -> Self {
            Self { method: "GET", url: url.to_owned(), headers: Vec::new(), body: None }
        }

        pub(crate) fn post(url: &str, body: &str) -> Self {
            let headers = vec![("content-length".to_owned(), body.len().to_string())];
            Self { method: "POST", url: url.to_owned(), headers, body: Some(body.into()) }
        }
    }

    pub(crate) fn send(request: &Request) -> Result<Response, Error> {
        let rest = request.url.strip_prefix("http://").ok_or(Error::NoHost)?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mut stream = TcpStream::connect(host)?;
        write!(stream, "{} {path} HTTP/1.0\r\n", request.method)?;
        for (name, value) in &request.headers {
            write!(stream, "{name}: {value}\r\n")?;
        }
        write!(stream, "\r\n")?;
        stream.write_all(request.body.as_deref().unwrap_or_default())?;

        let mut reader = BufReader::new(stream);
        let (status_line, headers) = head(&mut reader)?;
        let status = status_line.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or(Error::NotHttp)?;
        Ok(Response { status, headers, body: Box::new(reader) })
    }

    fn head(reader: &mut impl BufRead) -> Result<(String, Vec<(String, String)>), Error> {
        let mut lines = reader.lines();
        let first = lines.next().ok_or(Error::NotHttp)??;
        let mut headers = Vec::new();
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok((first, headers))
    }

    /// The other side, for the service of this example.
    pub(crate) fn serve(mut stream: TcpStream, answer: impl Fn(&str, &str) -> String) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (first, headers) = head(&mut reader).map_err(io::Error::other)?;
        let length =
            headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        let answer = answer(first.split(' ').nth(1).unwrap_or("/"), &String::from_utf8_lossy(&body));
        write!(stream, "HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\n{answer}")
    }
}

/// An async client that knows GET and nothing else.
mod plain_async {
    use super::{Bytes, client};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    pub(crate) async fn get(url: &str) -> Result<Bytes, client::BoxError> {
        let rest = url.strip_prefix("http://").ok_or("the URL has no host")?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mut stream = TcpStream::connect(host).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let body = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("the answer is not HTTP")?;
        Ok(answer.split_off(body + 4).into())
    }
}
