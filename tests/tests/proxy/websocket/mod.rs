//! WebSocket through the engine: the conversation after the handshake is recorded and replayed. Both ends are another library's.

mod endings;
mod misses;
mod modes;
mod secrets;
mod talk;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use recorder_tests::secure::Secure;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};
use traffic_recorder::proxy::Proxy;
use traffic_recorder::{Mode, Recorder, Tapes};

/// Bytes both ways.
trait Io: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Io for T {}

type Socket = WebSocketStream<Box<dyn Io>>;
type Served = WebSocketStream<TcpStream>;
type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A service that speaks WebSocket, and a folder for tapes.
struct Stage {
    port: u16,
    /// Handshakes that arrived.
    hits: Arc<AtomicUsize>,
    dir: TempDir,
}

impl Stage {
    /// Each connection is served by `serve`. Of the offered protocols it takes the last one.
    async fn new(serve: impl Fn(Served) -> Serving + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, hits) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&hits);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                #[expect(clippy::result_large_err, reason = "the library wants it so")]
                let accept = move |request: &Request, mut response: Response| {
                    count.fetch_add(1, Ordering::SeqCst);
                    let field =
                        |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
                    assert_eq!(field("sec-websocket-extensions"), None, "nothing is compressed while it is recorded");
                    if let Some(protocols) = field("sec-websocket-protocol") {
                        let chosen = protocols.rsplit(',').next().unwrap().trim().parse().unwrap();
                        response.headers_mut().insert("sec-websocket-protocol", chosen);
                    }
                    Ok(response)
                };
                if let Ok(served) = accept_hdr_async(stream, accept).await {
                    tokio::spawn(serve(served));
                }
            }
        });
        Self { port, hits, dir: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("tapes/test")
    }

    fn recorder(&self, mode: Mode) -> Recorder {
        Recorder::at(self.folder()).mode(mode)
    }

    fn tapes(&self, mode: Mode) -> Tapes {
        self.recorder(mode).open().unwrap()
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    fn only_tape(&self) -> String {
        let tapes: Vec<_> = std::fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
        let [tape] = &tapes[..] else { panic!("one tape: {tapes:?}") };
        std::fs::read_to_string(tape).unwrap()
    }

    /// A WebSocket to the service, through a tunnel of the engine.
    async fn open(&self, proxy: &Proxy, path: &str) -> Socket {
        let mut stream = tunnel(proxy, &format!("127.0.0.1:{}", self.port)).await;
        stream.flush().await.unwrap();
        let url = format!("ws://127.0.0.1:{}{path}", self.port);
        client_async(url, stream).await.unwrap().0
    }

    /// What a program hears while it is recorded, and then from the tape.
    async fn twice<T, F>(&self, program: impl Fn(Socket) -> F) -> T
    where
        T: PartialEq + std::fmt::Debug,
        F: Future<Output = T>,
    {
        let tapes = self.tapes(Mode::Record);
        let proxy = tapes.proxy();
        let live = program(self.open(&proxy, "/talk").await).await;
        settle().await;
        tapes.finish().unwrap();
        let hits = self.hits();
        assert!(hits > 0);
        let tapes = self.tapes(Mode::Replay);
        let proxy = tapes.proxy();
        assert_eq!(program(self.open(&proxy, "/talk").await).await, live);
        tapes.finish().unwrap();
        assert_eq!(self.hits(), hits, "replaying asks nobody");
        live
    }
}

/// What happens to a connection is known to the engine a moment after the program knows it.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// A connection to `host:port` through the engine.
async fn tunnel(proxy: &Proxy, to: &str) -> Box<dyn Io> {
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n").as_bytes()).await.unwrap();
    let head = head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    Box::new(stream)
}

/// Reads the head of an answer, and not a byte more.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// A service that does this with each connection.
macro_rules! service {
    (|$socket:ident| $body:block) => {
        |mut $socket: crate::websocket::Served| -> crate::websocket::Serving { Box::pin(async move { $body }) }
    };
}
use service;

fn text(text: &str) -> Message {
    Message::text(text)
}

/// What comes next, as a short word; pings and pongs left out.
async fn next<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) -> String {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.expect("something comes");
        return match next {
            Some(Ok(Message::Text(text))) => text.to_string(),
            Some(Ok(Message::Binary(bytes))) => format!("{bytes:?}"),
            Some(Ok(Message::Close(Some(close)))) => format!("close {} {}", u16::from(close.code), close.reason),
            Some(Ok(Message::Close(None))) => "close".to_owned(),
            Some(Ok(_)) => continue,
            Some(Err(Error::Io(error))) => format!("broken: {:?}", error.kind()),
            Some(Err(error)) => format!("broken: {error}"),
            None => "end".to_owned(),
        };
    }
}

/// Closes and reads to the end.
async fn leave(mut socket: Socket) -> Vec<String> {
    socket.close(Some(CloseFrame { code: 1000.into(), reason: "done".into() })).await.unwrap();
    let mut rest = Vec::new();
    loop {
        let said = next(&mut socket).await;
        if said == "end" || said.starts_with("broken") {
            return rest;
        }
        rest.push(said);
    }
}
