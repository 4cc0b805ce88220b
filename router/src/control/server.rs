//! A router in this process: everything that `router run` starts, for programs that have signals of their own, and for tests that want
//! the whole way with another client below.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch as signal;
use tokio::task::JoinHandle;

use super::admin;
use super::app::App;
use super::config::Loaded;
use super::running::Running;
use crate::client::{self, Client};
use crate::delivery::EngineError;
use crate::ingest::{self, Serving, SourcesError};
use crate::log::LogError;

/// Why a router does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A port is taken, or an address is not one of this machine.
    #[error("cannot listen on {address}: {error}; `{key}` in the configuration is another one?")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The key of the configuration that says so.
        key: &'static str,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// The folder of the log cannot be made.
    #[error("the data folder {} cannot be made: {error}; `data` in the configuration is another one?", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the file system says.
        error: std::io::Error,
    },
    /// The folder of the log is there and takes no file.
    #[error("{} cannot be written to: {error}", folder.display())]
    Note {
        /// Which.
        folder: PathBuf,
        /// What the file system says.
        error: std::io::Error,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Delivery.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Ingest.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] client::OpenError),
}

/// What no configuration file says.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders of definitions besides those of the configuration, for when it is read again.
    pub destinations: Vec<PathBuf>,
    /// What sends requests to partners: the production client where it is `None`.
    pub client: Option<Client>,
    /// How long requests that are being worked on may take at the end, those of clients and then those to partners.
    pub grace: Duration,
}

impl Default for Options {
    /// The production client, 10 seconds.
    fn default() -> Self {
        Self { destinations: Vec::new(), client: None, grace: Duration::from_secs(10) }
    }
}

/// A running router, listeners and all.
///
/// ```
/// use destination_router::control::{Options, Server, config};
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let file = folder.path().join("router.yaml");
/// let shop = "sources: {shop: {write_keys: [my-key], destinations: []}}";
/// std::fs::write(&file, format!("listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\n{shop}\n"))?;
///
/// let loaded = config::load(&file, &[], &|name| std::env::var(name).ok()).map_err(|mistakes| mistakes.to_string())?;
/// let server = Server::start(loaded, Options::default()).await?;
/// println!("events on http://{}/v1, admin API on http://{}", server.listen(), server.admin());
/// server.stop().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "what is dropped listens no more; call `stop` for an end that cuts nothing off"]
pub struct Server {
    app: Arc<App>,
    note: Running,
    data: PathBuf,
    grace: Duration,
    events: Listening,
    requests: Listening,
    upkeep: JoinHandle<()>,
}

/// A listener at work, and how it is ended.
#[derive(Debug)]
struct Listening {
    end: signal::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts everything: the log, delivery, both listeners. Events are taken when this answers.
    ///
    /// # Errors
    /// A port is taken, the data folder is another router's or cannot be used.
    pub async fn start(loaded: Loaded, options: Options) -> Result<Self, StartError> {
        let (connections, token) = (loaded.config.limits.connections, loaded.config.admin.token.clone());
        let data = loaded.data.clone();
        // Before the log is opened: a port that is taken is no reason to touch it.
        let (events, listen) = bind(loaded.config.listen, "listen").await?;
        let (requests, admin) = bind(loaded.config.admin.listen, "admin.listen").await?;
        let client = match options.client {
            Some(client) => client,
            None => client::open(&client::Options::default())?,
        };
        let app = App::start(loaded, options.destinations, listen, client).await?;
        app.say();
        let serving = Serving { connections, end_time: options.grace, ..Serving::default() };
        let events = Listening::start(events, ingest::router(app.ingest().clone()), serving);
        let serving = Serving { end_time: Duration::from_secs(1), ..Serving::default() };
        let requests = Listening::start(requests, admin::router(app.clone(), token), serving);
        let note = Running { pid: std::process::id(), listen, admin };
        note.write(&data).map_err(|error| StartError::Note { folder: data.clone(), error })?;
        tracing::info!("events on http://{listen}/v1, metrics and admin API on http://{admin}");
        let upkeep = tokio::spawn(app.clone().upkeep());
        Ok(Self { app, note, data, grace: options.grace, events, requests, upkeep })
    }

    /// Where events come in, the port that was chosen in place of a 0.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.note.listen
    }

    /// Where the admin API is.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.note.admin
    }

    /// Reads the configuration again. A right one is in force when this answers; a wrong one is logged, and the one before stays. The
    /// answer is the folders of definitions to watch from now on.
    pub async fn reload(&self) -> Vec<PathBuf> {
        self.app.reload().await
    }

    /// Takes nobody new, answers clients that are being worked on, finishes requests to partners, each within
    /// [`grace`](Options::grace). What is not delivered by then is delivered after the next start.
    pub async fn stop(self) {
        self.app.stopping();
        self.events.stop().await;
        self.upkeep.abort();
        self.app.stop(self.grace).await;
        self.requests.stop().await;
        Running::remove(&self.data);
    }
}

impl Listening {
    fn start(listener: TcpListener, router: axum::Router, serving: Serving) -> Self {
        let (end, mut ending) = signal::channel(false);
        // It ends, too, where the sender is gone.
        let over = async move { drop(ending.wait_for(|over| *over).await) };
        Self { end, task: tokio::spawn(ingest::serve(listener, router, serving, over)) }
    }

    async fn stop(self) {
        let _ = self.end.send(true);
        let _ = self.task.await;
    }
}

async fn bind(address: SocketAddr, key: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen { address, key, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
