//! The engine: a thread with a runtime of its own, so that it serves whoever asks, with a runtime or without, and one or two
//! doors to it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http::uri::{Authority as HostPort, Scheme};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::sync::oneshot;

use super::ProxyError;
use super::authority::Authority;
use super::connection::serve;
use super::request::Via;
use super::route::Route;
use super::upstream::Upstream;
use super::wire::Line;
use crate::session::{ENGINE, wait_for_engine};

/// What all connections share.
pub(super) struct Shared {
    pub(super) route: Box<dyn Route>,
    pub(super) upstream: Upstream,
    pub(super) authority: Arc<Authority>,
    /// The one service that is played; none: the request says which.
    pub(super) reverse: Option<Reverse>,
    /// `http://127.0.0.1:<port>`
    pub(super) url: String,
    pub(super) address: SocketAddr,
    /// How long a client may take over the head of a request or a handshake.
    pub(super) head_limit: Duration,
}

/// Whom a reverse proxy stands for.
#[derive(Debug, Clone)]
pub(super) struct Reverse {
    pub(super) scheme: Scheme,
    pub(super) authority: HostPort,
    /// The path of the service, without a slash at its end.
    pub(super) prefix: String,
}

/// A running engine. It stops when the last handle goes.
pub(super) struct Engine {
    pub(super) shared: Arc<Shared>,
    /// The Unix socket, removed at the end.
    pub(super) socket: Option<PathBuf>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What an engine is started with.
pub(super) struct Plan {
    pub(super) route: Box<dyn Route>,
    pub(super) upstream: Upstream,
    pub(super) reverse: Option<Reverse>,
    pub(super) bind: SocketAddr,
    pub(super) socket: Option<PathBuf>,
    pub(super) head_limit: Duration,
}

impl Engine {
    pub(super) fn start(plan: Plan) -> Result<Self, ProxyError> {
        let Plan { route, upstream, reverse, bind, socket, head_limit } = plan;
        let authority = Arc::new(Authority::new()?);
        let refused = |source| ProxyError::Listen { at: bind.to_string(), source };
        let listener = std::net::TcpListener::bind(bind).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let unix = socket.as_deref().map(|path| {
            unix_listener(path).map_err(|source| ProxyError::Listen { at: path.display().to_string(), source })
        });
        let unix = unix.transpose()?;
        let url = format!("http://{address}");
        let shared = Arc::new(Shared { route, upstream, authority, reverse, url, address, head_limit });
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let failed = |source| ProxyError::Thread { source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let thread = std::thread::Builder::new().name(ENGINE.to_owned()).spawn(move || {
            runtime.block_on(async move {
                tokio::spawn(accept(listener, unix, serving));
                // An error is the sender's end: so it is meant.
                let _ = stopped.await;
            });
            // A name that is being resolved is not waited for.
            runtime.shutdown_background();
        });
        Ok(Self { shared, socket, stop: Some(stop), thread: Some(thread.map_err(failed)?) })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let thread = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id());
        if thread.is_some() {
            // A client that went with the engine may not have read all of its answers.
            wait_for_engine(|| self.shared.route.is_handing_on());
        }
        drop(self.stop.take());
        if let Some(thread) = thread {
            // A panic in there has been reported by then.
            let _ = thread.join();
        }
        if let Some(socket) = &self.socket {
            let _ = std::fs::remove_file(socket);
        }
    }
}

#[cfg(unix)]
type Unix = std::os::unix::net::UnixListener;
#[cfg(not(unix))]
type Unix = std::convert::Infallible;

/// A socket that is this user's alone. One that a process left behind which is gone takes no connection: it is replaced.
#[cfg(unix)]
fn unix_listener(path: &Path) -> io::Result<Unix> {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    let listener = match Unix::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
            let asked = std::os::unix::net::UnixStream::connect(path);
            if !is_socket || !asked.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            Unix::bind(path)?
        }
        bound => bound?,
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(not(unix))]
fn unix_listener(_: &Path) -> io::Result<Unix> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
}

async fn accept(listener: std::net::TcpListener, unix: Option<Unix>, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    #[cfg(unix)]
    if let Some(unix) = unix.and_then(|unix| UnixListener::from_std(unix).ok()) {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            loop {
                match unix.accept().await {
                    Ok((stream, _)) => {
                        tokio::spawn(serve(stream, Arc::clone(&shared), Via::Front, Arc::new(Line::default())));
                    }
                    Err(_) => tokio::time::sleep(OUT_OF_FILES).await,
                }
            }
        });
    }
    #[cfg(not(unix))]
    let _ = unix;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(stream, Arc::clone(&shared), Via::Front, Arc::new(Line::default())));
            }
            Err(_) => tokio::time::sleep(OUT_OF_FILES).await,
        }
    }
}

/// What `accept` fails with is a lack of file descriptors, which others give back.
const OUT_OF_FILES: Duration = Duration::from_millis(20);

impl Shared {
    /// Whether a client that names this host and port means the engine.
    pub(super) fn is_me(&self, authority: &HostPort) -> bool {
        if authority.port_u16().unwrap_or(80) != self.address.port() {
            return false;
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip == self.address.ip())
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({})", self.shared.url)
    }
}
