//! Partners that hang, break, lie and flood: each is a failure that says so, and soon.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use bytes::Bytes;
use destination_router::client::{AllowInternal, Answer, Failure, Options, exchange, open};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIMIT: usize = 100_000;

/// A partner that reads the head of a request and then does as it likes. Counts its connections.
async fn partner<F>(behave: impl Fn(TcpStream) -> F + Send + 'static) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let connections = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.fetch_add(1, SeqCst);
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            tokio::spawn(behave(stream));
        }
    });
    (at, count)
}

/// A partner that sends these bytes and ends the connection.
async fn saying(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes: Arc<Vec<u8>> = Arc::new(bytes.into());
    let says = move |mut stream: TcpStream| {
        let bytes = bytes.clone();
        async move {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
    };
    partner(says).await.0
}

async fn ask(at: SocketAddr, timeout: Duration) -> Result<Answer, Failure> {
    let mut request = Request::post(format!("http://{at}/import")).body(Bytes::from("{}")).unwrap();
    request.extensions_mut().insert(AllowInternal);
    exchange(&open(&Options::default()).unwrap(), request, timeout, LIMIT).await
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn an_answer_is_read_to_its_end_whatever_its_status() {
    let at = saying("HTTP/1.1 429 Slow Down\r\nretry-after: 7\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await;
    let answer = ask(at, LONG).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (429, &b"abcde"[..]));
    assert_eq!(answer.headers["retry-after"], "7");
    assert!(answer.elapsed < LONG);
}

#[tokio::test]
async fn a_partner_that_hangs_is_a_timeout() {
    let (at, _) = partner(|stream| async move {
        tokio::time::sleep(LONG).await;
        drop(stream);
    })
    .await;
    let begun = Instant::now();
    assert_eq!(ask(at, SHORT).await, Err(Failure::Timeout(SHORT)));
    assert!(begun.elapsed() < LONG / 2);
}

#[tokio::test]
async fn headers_and_bodies_that_drip_are_a_timeout() {
    for head in ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"] {
        let (at, _) = partner(move |mut stream| async move {
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        assert_eq!(ask(at, SHORT).await, Err(Failure::Timeout(SHORT)), "{head}");
    }
}

#[tokio::test]
async fn a_partner_that_resets_broke() {
    let (at, _) = partner(|stream| async move {
        stream.set_zero_linger().unwrap();
        drop(stream);
    })
    .await;
    assert!(matches!(ask(at, LONG).await, Err(Failure::Broken(_))));
}

#[tokio::test]
async fn an_answer_that_ends_too_early_broke() {
    let at = saying("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    assert!(matches!(ask(at, LONG).await, Err(Failure::Broken(_))));
    let at = saying("").await;
    assert!(matches!(ask(at, LONG).await, Err(Failure::Broken(_))));
}

#[tokio::test]
async fn garbage_is_no_answer() {
    let noise: Vec<u8> = (0..5000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let headers = "HTTP/1.1 200 OK\r\n".to_owned() + &"x: y\r\n".repeat(100_000);
    for garbage in
        [noise, b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), b"HTTP/1.1 2x0 OK\r\n\r\n".to_vec(), headers.into_bytes()]
    {
        let failure = ask(saying(garbage).await, LONG).await.unwrap_err();
        assert!(matches!(failure, Failure::Broken(_)), "{failure}");
    }
}

#[tokio::test]
async fn gigabytes_are_not_read() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let (at, _) = partner(move |mut stream| {
        let sent = counted.clone();
        async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8000000000\r\n\r\n").await;
            while stream.write_all(&[b'x'; 65536]).await.is_ok() {
                sent.fetch_add(65536, SeqCst);
            }
        }
    })
    .await;
    assert_eq!(ask(at, LONG).await, Err(Failure::TooLarge(LIMIT)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(sent.load(SeqCst) < 50_000_000, "the connection goes on: {sent:?}");
}

#[tokio::test]
async fn a_redirect_to_the_inside_is_an_answer_and_is_not_followed() {
    let (inside, connections) = partner(|stream| async move { drop(stream) }).await;
    let at =
        saying(format!("HTTP/1.1 302 Found\r\nlocation: http://{inside}/latest\r\ncontent-length: 0\r\n\r\n")).await;
    let answer = ask(at, LONG).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(connections.load(SeqCst), 0);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let failure = ask(at, LONG).await.unwrap_err();
    assert!(matches!(&failure, Failure::Connect(text) if text.contains("refused")), "{failure}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_no_connection() {
    let request = Request::get("http://partner.invalid/").body(Bytes::new()).unwrap();
    let failure = exchange(&open(&Options::default()).unwrap(), request, LONG, LIMIT).await.unwrap_err();
    assert!(matches!(failure, Failure::Connect(_)), "{failure}");
}

fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn content_codings_are_undone_within_the_limit() {
    let text = b"{\"ok\":true}";
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(text).unwrap();
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    raw.write_all(text).unwrap();
    for answer in [
        coded("gzip", &gzip(text)),
        coded("GZIP", &gzip(text)),
        coded("deflate", &zlib.finish().unwrap()),
        coded("deflate", &raw.finish().unwrap()),
    ] {
        let answer = ask(saying(answer).await, LONG).await.unwrap();
        assert_eq!(&answer.body[..], text);
        assert_eq!((answer.headers.get("content-encoding"), answer.headers.get("content-length")), (None, None));
    }
    let unknown = ask(saying(coded("br", b"left alone")).await, LONG).await.unwrap();
    assert_eq!((&unknown.body[..], &unknown.headers["content-encoding"]), (&b"left alone"[..], &"br".parse().unwrap()));
    assert_eq!(&ask(saying(coded("gzip", b"")).await, LONG).await.unwrap().body[..], b"");
    let bomb = gzip(&vec![b'x'; LIMIT + 1]);
    assert_eq!(ask(saying(coded("gzip", &bomb)).await, LONG).await, Err(Failure::TooLarge(LIMIT)));
    let lie = ask(saying(coded("gzip", text)).await, LONG).await.unwrap_err();
    assert!(matches!(&lie, Failure::Broken(text) if text.contains("gzip")), "{lie}");
}

#[tokio::test]
async fn connections_are_used_again() {
    let (at, connections) = partner(|mut stream| async move {
        let mut request = [0; 4096];
        loop {
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.is_err()
                || stream.read(&mut request).await.unwrap_or(0) == 0
            {
                break;
            }
        }
    })
    .await;
    let client = open(&Options::default()).unwrap();
    for _ in 0..5 {
        let mut request = Request::get(format!("http://{at}/")).body(Bytes::new()).unwrap();
        request.extensions_mut().insert(AllowInternal);
        assert_eq!(exchange(&client, request, LONG, LIMIT).await.unwrap().status, 200);
    }
    assert_eq!(connections.load(SeqCst), 1);
}
