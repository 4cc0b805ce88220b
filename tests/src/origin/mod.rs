//! An HTTP service in this process, on loopback, that answers as a test wants: well, slowly, compressed, cut off, reset, or not
//! at all. It speaks HTTP/1.1 by hand, since a library would be too polite, and HTTP/2 to whoever opens with its preface; and it
//! counts what really arrived.

mod gate;
mod http1;
mod http2;
mod reply;
mod routes;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub use gate::Gate;
pub use reply::Reply;

/// The service. Stops when it is dropped.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: AbortHandle,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: String,
    /// Path and query, as they were on the wire.
    pub target: String,
    /// Header fields in order, spelled as they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, chunks joined; `None` where none was announced.
    pub body: Option<Bytes>,
    /// How many requests for this path there have been, this one counted.
    pub nth: usize,
}

type Handler = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

#[derive(Default)]
struct Shared {
    handlers: Mutex<HashMap<String, Handler>>,
    received: Mutex<Vec<Received>>,
    connections: Mutex<usize>,
    count: watch::Sender<usize>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Origin {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// Where loopback has none.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at(0)
    }

    /// Starts one on this port.
    ///
    /// # Panics
    /// Where it is taken.
    #[must_use]
    pub fn start_at(port: u16) -> Self {
        let shared = Arc::new(Shared::default());
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a free port on loopback");
        listener.set_nonblocking(true).expect("a listener of an async runtime");
        let address = listener.local_addr().expect("an address");
        let serving = Arc::clone(&shared);
        let listening = runtime().spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                *serving.connections.lock().unwrap() += 1;
                let shared = Arc::clone(&serving);
                let task = tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let mut preface = [0; 3];
                    // A client that sends nothing is no client.
                    match stream.peek(&mut preface).await {
                        Ok(n) if &preface[..n] == b"PRI" => http2::serve(stream, shared).await,
                        Ok(n) if n > 0 => drop(http1::serve(stream, shared).await),
                        _ => {}
                    }
                });
                serving.tasks.lock().unwrap().push(task.abort_handle());
            }
        });
        Self { address, shared, listening: listening.abort_handle() }
    }

    /// `http://127.0.0.1:<port>` and the path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it answers to requests for a path, the query aside. Other paths keep the answers of `routes.rs`.
    pub fn on(&self, path: &str, handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        self.shared.handlers.lock().unwrap().insert(path.to_owned(), Arc::new(handler));
    }

    /// The same answer to every request for a path.
    pub fn answer(&self, path: &str, reply: Reply) {
        self.on(path, move |_| reply.clone());
    }

    /// Everything that arrived, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// How many requests arrived.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.shared.received.lock().unwrap().len()
    }

    /// Waits until so many requests have arrived.
    pub async fn arrived(&self, requests: usize) {
        // The sender is in `self`.
        let _ = self.shared.count.subscribe().wait_for(|count| *count >= requests).await;
    }

    /// How many connections were opened.
    #[must_use]
    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }
}

/// Neither listens any more nor keeps a connection.
impl Drop for Origin {
    fn drop(&mut self) {
        self.listening.abort();
        for task in self.shared.tasks.lock().unwrap().drain(..) {
            task.abort();
        }
    }
}

impl Shared {
    /// Notes a request and finds its answer.
    fn reply(&self, mut received: Received) -> Reply {
        let path = received.path().to_owned();
        {
            let mut all = self.received.lock().unwrap();
            received.nth = 1 + all.iter().filter(|other| other.path() == path).count();
            all.push(received.clone());
            self.count.send_replace(all.len());
        }
        let handler = self.handlers.lock().unwrap().get(&path).cloned();
        handler.map_or_else(|| routes::reply(&received), |handler| handler(&received))
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} requests", self.received.lock().unwrap().len())
    }
}

impl Received {
    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first header field under a name, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The body as text; empty where there is none.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body.as_deref().unwrap_or_default()).into_owned()
    }
}

/// A port of loopback on which nothing listens, and on which nobody else can begin to while this is held.
#[derive(Debug)]
pub struct RefusedPort {
    address: SocketAddr,
    _held: TcpSocket,
}

impl RefusedPort {
    /// Takes a free port.
    ///
    /// # Panics
    /// Where loopback has none.
    #[must_use]
    pub fn take() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port on loopback");
        Self { address: socket.local_addr().expect("an address"), _held: socket }
    }

    /// A URL at that port.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// The bytes `from..from + len` of an endless pattern that no period of a power of two hides in.
#[must_use]
pub fn pattern(from: u64, len: usize) -> Vec<u8> {
    (from..).take(len).map(|i| (i % 251) as u8 ^ (i / 65_521) as u8).collect()
}

/// `plain` in a content coding.
///
/// # Panics
/// For a coding other than `gzip`, `deflate`, `br` and `zstd`.
#[must_use]
pub fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::new(6);
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut coded = Vec::new();
            let params = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
            brotli::BrotliCompress(&mut &*plain, &mut coded, &params).unwrap();
            coded
        }
        "zstd" => ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest),
        _ => panic!("no coding: {coding}"),
    }
}

/// What was coded, by a decoder of its own.
///
/// # Panics
/// For another coding, and for what is not coded so.
#[must_use]
pub fn decode(coding: &str, coded: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let read = match coding {
        "gzip" => flate2::read::MultiGzDecoder::new(coded).read_to_end(&mut plain),
        "deflate" => flate2::read::ZlibDecoder::new(coded).read_to_end(&mut plain),
        "br" => brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain),
        "zstd" => ruzstd::decoding::StreamingDecoder::new(coded).expect("a frame").read_to_end(&mut plain),
        _ => panic!("no coding: {coding}"),
    };
    read.expect("a coded body");
    plain
}

/// One runtime for all origins of a process, apart from those of the tests: a test may block its own.
pub(crate) fn runtime() -> &'static Handle {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).thread_name("origin").enable_all().build().expect("a runtime")
    });
    runtime.handle()
}
