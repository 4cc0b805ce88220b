//! The bytes between a client and the engine: what HTTP has no words for (a reset, an interim answer, something that is no HTTP)
//! is done here, below hyper's server.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::session::lock;

/// What a connection's server may ask of its bytes. In a tunnel there is one above the other.
#[derive(Debug, Default)]
pub(super) struct Line {
    state: Mutex<LineState>,
    /// The connection ends with a reset.
    reset: AtomicBool,
    below: Option<Arc<Line>>,
}

#[derive(Debug, Default)]
struct LineState {
    /// Bytes to be written before anything else.
    aside: Vec<u8>,
    /// The last write did not fit: what was written before may still be on its way.
    full: bool,
    /// The server's task, which writes.
    server: Option<Waker>,
    /// Who waits until what was written is gone.
    waiting: Option<Waker>,
}

/// How long the bytes before a reset have to reach the client: what it has not read by then a reset may take from it.
const GRACE: Duration = Duration::from_millis(5);

impl Line {
    /// Over the bytes of another.
    pub(super) fn above(below: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self { below: Some(Arc::clone(below)), ..Self::default() })
    }

    /// Writes bytes that hyper knows nothing of, between two messages. Where the one before is not out yet, they are not said: they
    /// would end up in the middle of it.
    pub(super) fn aside(&self, bytes: &[u8]) {
        let mut state = lock(&self.state);
        if state.full {
            return;
        }
        state.aside.extend_from_slice(bytes);
        if let Some(server) = state.server.take() {
            server.wake();
        }
    }

    /// Lets the connection end with a reset in place of a close.
    pub(super) fn reset(&self) {
        self.reset.store(true, Ordering::Relaxed);
        if let Some(below) = &self.below {
            below.reset();
        }
    }

    /// Waits until everything that was written has left, and a little longer.
    pub(super) async fn drained(&self) {
        // What hyper holds it writes when the server's task runs; this future is part of it.
        tokio::time::sleep(GRACE).await;
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.state);
            if state.full || !state.aside.is_empty() {
                state.waiting = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        tokio::time::sleep(GRACE).await;
    }

    fn wrote<T>(&self, result: &Poll<T>) {
        let mut state = lock(&self.state);
        state.full = result.is_pending();
        if !state.full
            && let Some(waiting) = state.waiting.take()
        {
            waiting.wake();
        }
    }
}

/// A stream that can be told how to end.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// The next close is a reset.
    fn reset_on_close(&self) {}
}

impl Stream for TcpStream {
    fn reset_on_close(&self) {
        // A socket that is gone already cannot be reset.
        let _ = self.set_zero_linger();
    }
}

#[cfg(unix)]
impl Stream for UnixStream {}

impl<S: Stream> Stream for tokio_rustls::server::TlsStream<S> {}

/// A client's stream, as hyper's server reads and writes it.
pub(super) struct Wire<S: Stream> {
    stream: S,
    line: Arc<Line>,
}

impl<S: Stream> Wire<S> {
    pub(super) fn new(stream: S, line: &Arc<Line>) -> Self {
        Self { stream, line: Arc::clone(line) }
    }

    fn write_aside(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = lock(&self.line.state);
        while !state.aside.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &state.aside) {
                Poll::Ready(Ok(n)) => drop(state.aside.drain(..n)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: Stream> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.write_aside(cx))?;
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.line.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.write_aside(cx))?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.line.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.write_aside(cx))?;
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.line.wrote(&flushed);
        lock(&self.line.state).server = Some(cx.waker().clone());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: Stream> Drop for Wire<S> {
    fn drop(&mut self) {
        if self.line.reset.load(Ordering::Relaxed) {
            self.stream.reset_on_close();
        }
    }
}

/// A tunnel inside another connection, with the bytes that were read to see what is spoken in it.
pub(super) struct Tunnel<S> {
    first: bytes::Bytes,
    stream: S,
}

impl<S> Tunnel<S> {
    pub(super) fn new(first: bytes::Bytes, stream: S) -> Self {
        Self { first, stream }
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for Tunnel<S> {}

impl<S: AsyncRead + Unpin> AsyncRead for Tunnel<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let n = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first.split_to(n));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tunnel<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
