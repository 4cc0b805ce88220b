//! The server on real connections: slow clients, many of them, and the end.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod ingest_support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use destination_router::ingest::{Config, Limits, Serving, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use ingest_support::{Way, way, way_with};

const BODY: &str = r#"{"userId":"u","event":"E"}"#;

struct Server {
    at: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

async fn server(way: &Way, serving: Serving) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel();
    let ended = async {
        let _ = ended.await;
    };
    Server { at, end: Some(end), task: tokio::spawn(serve(listener, way.router.clone(), serving, ended)) }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.at).await.unwrap()
    }
}

fn request(body: &str) -> String {
    format!(
        "POST /v1/track HTTP/1.1\r\nhost: router\r\nauthorization: Basic V0s6\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads one answer, as far as it comes within two seconds.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let reading = async {
        while !text.ends_with(b"}") {
            if stream.read_buf(&mut text).await.unwrap_or(0) == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), reading).await;
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let way = way();
    let server = server(&way, Serving::default()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(request(BODY).as_bytes()).await.unwrap();
        let answer = answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("{\"success\": true}"), "{answer}");
    }
    assert_eq!(way.shelf.events().len(), 3);
}

#[tokio::test]
async fn http_2_is_spoken_by_who_knows_it() {
    let way = way();
    let server = server(&way, Serving::default()).await;
    let executor = hyper_util::rt::TokioExecutor::new();
    let client = hyper_util::client::legacy::Client::builder(executor).http2_only(true).build_http();
    let request = http::Request::post(format!("http://{}/v1/track", server.at)).header("x-write-key", "WK");
    let answer = client.request(request.body(http_body_util::Full::<bytes::Bytes>::from(BODY)).unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    assert_eq!(way.shelf.events().len(), 1);
}

#[tokio::test]
async fn a_head_that_does_not_end_ends_the_connection() {
    let way = way();
    let serving = Serving { head_time: Duration::from_millis(100), ..Serving::default() };
    let server = server(&way, serving).await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST /v1/track HTTP/1.1\r\nx-a: ").await.unwrap();
    let mut rest = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut rest)).await;
    assert!(end.is_ok(), "the connection is still open");
}

#[tokio::test]
async fn a_body_that_does_not_end_is_answered() {
    let limits = Limits { body_time: Duration::from_millis(100), ..Limits::default() };
    let way = way_with(Config { limits, ..Config::default() }, Arc::default());
    let server = server(&way, Serving::default()).await;
    let mut stream = server.connect().await;
    let whole = request(BODY);
    stream.write_all(&whole.as_bytes()[..whole.len() - 1]).await.unwrap();
    let answer = answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(way.shelf.events().len(), 0);
}

#[tokio::test]
async fn a_client_that_sends_too_much_still_reads_why() {
    let way = way();
    let server = server(&way, Serving::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(request(&" ".repeat(3_000_000)).as_bytes()).await.unwrap();
    let answer = answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("too_large"), "{answer}");
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_a_place() {
    let way = way();
    let server = server(&way, Serving { connections: 1, ..Serving::default() }).await;
    let first = server.connect().await;
    let mut second = server.connect().await;
    second.write_all(request(BODY).as_bytes()).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(100), second.readable()).await;
    assert!(early.is_err(), "it was served beside the first");
    drop(first);
    assert!(answer(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_end_waits_for_what_is_being_worked_on() {
    let way = way();
    way.shelf.gate.forget_permits(1);
    let mut server = server(&way, Serving::default()).await;
    let mut busy = server.connect().await;
    let idle = server.connect().await;
    busy.write_all(request(BODY).as_bytes()).await.unwrap();
    while way.shelf.begun.load(SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    server.end.take().unwrap().send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!server.task.is_finished());
    assert!(TcpStream::connect(server.at).await.is_err(), "no new connection is taken");
    way.shelf.gate.add_permits(1);
    assert!(answer(&mut busy).await.starts_with("HTTP/1.1 200"));
    server.task.await.unwrap();
    drop(idle);
    assert_eq!(way.shelf.events().len(), 1);
}

#[tokio::test]
async fn an_end_that_takes_too_long_comes_anyway() {
    let way = way();
    way.shelf.gate.forget_permits(1);
    let mut server = server(&way, Serving { end_time: Duration::from_millis(50), ..Serving::default() }).await;
    let mut busy = server.connect().await;
    busy.write_all(request(BODY).as_bytes()).await.unwrap();
    while way.shelf.begun.load(SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    server.end.take().unwrap().send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(2), server.task).await.unwrap().unwrap();
}
