//! The service that is recorded: in the same process as a `tower::Service`, or on loopback with hyper in a thread of its own.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;
use tower::Service;

use crate::Error;
use crate::workload::{self, Ask};

/// The service without a socket.
#[derive(Debug, Clone)]
pub struct InProcess {
    answers: Arc<Answers>,
}

/// Where answers come from.
#[derive(Debug)]
enum Answers {
    /// Made when they are asked for; the large one is there.
    Made(Bytes),
    /// By path.
    Held(HashMap<String, (&'static str, Bytes)>),
}

/// What must never be reached while replaying: every call fails.
#[derive(Debug, Clone, Copy)]
pub struct Nowhere;

/// The service on loopback, until it is dropped.
#[derive(Debug)]
pub struct Loopback {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Default for InProcess {
    fn default() -> Self {
        Self { answers: Arc::new(Answers::Made(workload::blob())) }
    }
}

impl<B> Service<Request<B>> for InProcess
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Error>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answers = Arc::clone(&self.answers);
        Box::pin(async move { serve(request, &answers).await })
    }
}

impl<B> Service<Request<B>> for Nowhere {
    type Response = Response<Full<Bytes>>;
    type Error = Error;
    type Future = Ready<Result<Self::Response, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Err(format!("{} went past the recorder", request.uri()).into()))
    }
}

impl Loopback {
    /// Listens on a free port.
    ///
    /// # Errors
    /// Where there is no loopback, or no thread to be had.
    pub fn start() -> Result<Self, Error> {
        Self::answering(Answers::Made(workload::blob()))
    }

    /// The same with the answers to these requests made beforehand: what is left is hyper.
    ///
    /// # Errors
    /// As [`start`](Self::start), and for a request that the workload has no answer to.
    pub fn holding(asks: &[Ask]) -> Result<Self, Error> {
        let (blob, mut held) = (workload::blob(), HashMap::new());
        for ask in asks {
            let path = ask.url.parse::<http::Uri>()?.path().to_owned();
            held.insert(path.clone(), workload::answer(&path, b"", &blob)?);
        }
        Self::answering(Answers::Held(held))
    }

    fn answering(answers: Answers) -> Result<Self, Error> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let thread = std::thread::Builder::new().name("origin".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    _ = stopped => {}
                    () = accept(listener, answers) => {}
                }
            });
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Where the thread has ended already there is nobody to tell.
            stop.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

async fn accept(listener: std::net::TcpListener, answers: Answers) {
    let answers = Arc::new(answers);
    let listener = tokio::net::TcpListener::from_std(listener).expect("the runtime has I/O turned on");
    while let Ok((stream, _)) = listener.accept().await {
        let answers = Arc::clone(&answers);
        tokio::spawn(async move {
            stream.set_nodelay(true).ok();
            let service = hyper::service::service_fn(|request| serve(request, &answers));
            // A client that goes away ends its own connection only.
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}

async fn serve<B>(request: Request<B>, answers: &Answers) -> Result<Response<Full<Bytes>>, Error>
where
    B: Body,
    B::Error: Into<Error>,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(Into::into)?.to_bytes();
    let (media, bytes) = match answers {
        Answers::Made(blob) => workload::answer(head.uri.path(), &body, blob)?,
        Answers::Held(held) => held.get(head.uri.path()).cloned().ok_or("nothing is held for this path")?,
    };
    Ok(Response::builder().header("content-type", media).body(Full::new(bytes))?)
}
