//! A running router: what it is made of, and how it follows its configuration. The rooms meet here and nowhere else.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;

use super::config::{self, Loaded};
use super::explain::{Lane, Place};
use super::intake::Gate;
use super::server::StartError;
use super::tokens::TokenFile;
use crate::client::Client;
use crate::clock::Clock;
use crate::delivery::{Backoff, Engine, Instance, Options, Parts, Shares, Topology};
use crate::event::Decoder;
use crate::ingest::{self, Ingest};
use crate::log::{Embedded, EmbeddedOptions, LaneId, LaneState, Log, LogError, Retention, Stored};

/// How often the log's size is looked at.
const MEASURE: Duration = Duration::from_secs(1);

/// Once in so many measures the log gives back what is done with.
const EXPIRE: u32 = 30;

/// A running router.
#[derive(Debug)]
pub(crate) struct App {
    pub(super) log: Arc<dyn Log>,
    pub(super) gate: Arc<Gate>,
    pub(super) clock: Clock,
    pub(super) started: Timestamp,
    pub(super) listen: SocketAddr,
    ingest: Ingest,
    current: ArcSwap<Current>,
    /// The mistakes of the file as it is now, where it is not in force.
    mistakes: Mutex<Option<String>>,
    /// Folders of definitions from the command line.
    more: Vec<PathBuf>,
    /// What the process began with: what needs a restart is compared with it.
    first: config::Config,
}

/// The configuration in force.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) loaded: Loaded,
    pub(super) places: Vec<Place>,
    pub(super) applied: Timestamp,
    pub(super) needs_restart: Vec<&'static str>,
}

/// Variables of the environment.
pub(crate) fn variables(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl App {
    /// Starts everything but the listeners.
    pub(crate) async fn start(
        loaded: Loaded,
        more: Vec<PathBuf>,
        listen: SocketAddr,
        client: Client,
    ) -> Result<Arc<Self>, StartError> {
        let config = loaded.config.clone();
        let log = open(&loaded)?;
        let clock = Clock::system();
        let places = places(&loaded, &*log)?;
        let parts = Parts {
            log: log.clone(),
            client,
            clock: clock.clone(),
            seed: uuid::Uuid::new_v4().as_u64_pair().0,
            decoder: Arc::new(decode),
            tokens: Some(Arc::new(TokenFile::open(&loaded.data))),
            options: options(&config),
        };
        let engine = Engine::start(parts, topology(&loaded)).await?;
        let gate = Arc::new(Gate::new(engine, config.limits.backlog_bytes));
        let ingest =
            Ingest::new(ingest_config(&config), log.clone(), gate.clone(), clock.clone(), sources(&loaded, &*log)?)?;
        let started = clock.now();
        let current = Current { loaded, places, applied: started, needs_restart: Vec::new() };
        let current = ArcSwap::from_pointee(current);
        let mistakes = Mutex::default();
        Ok(Arc::new(Self { log, gate, clock, started, listen, ingest, current, mistakes, more, first: config }))
    }

    /// The way in.
    pub(crate) fn ingest(&self) -> &Ingest {
        &self.ingest
    }

    pub(super) fn current(&self) -> Arc<Current> {
        self.current.load_full()
    }

    pub(super) fn mistakes(&self) -> MutexGuard<'_, Option<String>> {
        self.mistakes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what was started, a line each.
    pub(crate) fn say(&self) {
        let current = self.current();
        let usage = self.log.usage().unwrap_or_default();
        let (data, events) = (current.loaded.data.display(), usage.events);
        tracing::info!("log in {data}: {events} events kept");
        for source in &current.loaded.config.sources {
            let to =
                if source.destinations.is_empty() { "nobody yet".to_owned() } else { source.destinations.join(", ") };
            tracing::info!("source {} sends to {to}", source.name);
        }
        for configured in &current.loaded.instances {
            let destination = &configured.destination;
            let state = if destination.enabled { "" } else { " is disabled: its events wait" };
            tracing::info!("destination {} ({}){state}", destination.name, destination.slug);
        }
    }

    /// Reads the configuration again. A right one is in force when this answers; a wrong one is reported, and the one before stays.
    /// The answer is the folders to watch from now on.
    pub(crate) async fn reload(&self) -> Vec<PathBuf> {
        let current = self.current();
        let (file, more) = (current.loaded.file.clone(), self.more.clone());
        let reading =
            tokio::task::spawn_blocking(move || (config::load(&file, &more, &variables), config::glance(&file)));
        let Ok((loaded, glance)) = reading.await else { return current.loaded.folders.clone() };
        let applied = match loaded {
            Ok(loaded) => {
                self.apply(loaded.keeping(&current.loaded.instances)).await.map_err(|e| format!("error: {e}\n"))
            }
            Err(report) => Err(report.to_string()),
        };
        match applied {
            Ok(folders) => {
                *self.mistakes() = None;
                folders
            }
            Err(mistakes) => {
                tracing::error!(
                    "the configuration has mistakes; the one before stays in force:\n{}",
                    mistakes.trim_end()
                );
                *self.mistakes() = Some(mistakes);
                // The mistake may be in a file of a folder that only the new configuration names.
                let file = &current.loaded.file;
                glance.map_or_else(|_| current.loaded.folders.clone(), |new| config::folders(&new, file, &self.more))
            }
        }
    }

    async fn apply(&self, loaded: Loaded) -> Result<Vec<PathBuf>, StartError> {
        let places = places(&loaded, &*self.log)?;
        let sources = sources(&loaded, &*self.log)?;
        // Lanes first: an event of a new source must find its own.
        self.gate.engine().reconfigure(topology(&loaded)).await?;
        self.ingest.reload(sources)?;
        let needs_restart = needs_restart(&self.first, &loaded.config);
        for key in &needs_restart {
            tracing::warn!("`{key}` needs a restart: what it was stays until then");
        }
        let (sources, destinations) = (loaded.config.sources.len(), loaded.instances.len());
        tracing::info!("configuration applied: {sources} sources, {destinations} destinations");
        let folders = loaded.folders.clone();
        self.current.store(Arc::new(Current { loaded, places, applied: self.clock.now(), needs_restart }));
        Ok(folders)
    }

    /// Measures the log and lets it give back what is done with, until the process ends.
    pub(crate) async fn upkeep(self: Arc<Self>) {
        for turn in 1_u32.. {
            tokio::time::sleep(MEASURE).await;
            let lanes = if turn % EXPIRE == 0 { self.gate.engine().lanes().await.ok() } else { None };
            let app = self.clone();
            let done = tokio::task::spawn_blocking(move || app.keep_up(lanes)).await;
            if let Ok(Err(error)) = done {
                tracing::error!("looking after the log failed: {error}");
            }
        }
    }

    fn keep_up(&self, lanes: Option<Vec<LaneId>>) -> Result<(), LogError> {
        if let Some(mut lanes) = lanes {
            let current = self.current();
            lanes.extend(self.waiting_lanes(&current)?);
            let config::Retention { age, bytes } = current.loaded.config.retention;
            self.log.expire(&lanes, self.clock.now(), Retention { age, bytes })?;
        }
        self.gate.measured(self.log.usage()?.bytes);
        Ok(())
    }

    /// The lanes of disabled instances that had begun: what waits there is kept.
    fn waiting_lanes(&self, current: &Current) -> Result<Vec<LaneId>, LogError> {
        let mut lanes = Vec::new();
        for place in &current.places {
            for lane in place.lanes.iter().filter(|lane| lane.disabled) {
                let id = LaneId { source: place.id, instance: lane.instance };
                if self.log.lane(id)? != LaneState::default() {
                    lanes.push(id);
                }
            }
        }
        Ok(lanes)
    }

    /// From now on it is not ready.
    pub(crate) fn stopping(&self) {
        self.gate.stop();
    }

    /// Finishes what is being sent, within the time there is.
    pub(crate) async fn stop(&self, grace: Duration) {
        let cut = self.gate.engine().finish(grace).await;
        if cut > 0 {
            tracing::warn!("{cut} deliveries were cut off: they are made again after the next start");
        }
        if let Err(error) = self.log.flushed().await {
            tracing::error!("the log could not be written to its end: {error}");
        }
    }
}

/// The log's own folder in a data folder.
pub(super) fn log_folder(data: &Path) -> PathBuf {
    data.join("log")
}

/// Opens the log of a configuration.
pub(super) fn open(loaded: &Loaded) -> Result<Arc<dyn Log>, StartError> {
    let folder = &loaded.data;
    std::fs::create_dir_all(folder).map_err(|error| StartError::Folder { folder: folder.clone(), error })?;
    Ok(Arc::new(Embedded::open(log_folder(folder), EmbeddedOptions::default())?))
}

/// The sources and their destinations as the log numbers them.
pub(super) fn places(loaded: &Loaded, log: &dyn Log) -> Result<Vec<Place>, LogError> {
    let mut places = Vec::new();
    for source in &loaded.config.sources {
        let mut lanes = Vec::new();
        for configured in loaded.instances.iter().filter(|of| source.destinations.contains(&of.destination.name)) {
            lanes.push(Lane {
                instance: log.instance(&configured.destination.name)?,
                target: configured.instance.clone(),
                mask: configured.mask.clone(),
                disabled: !configured.destination.enabled,
            });
        }
        places.push(Place { source: source.name.clone(), id: log.source(&source.name)?, lanes });
    }
    Ok(places)
}

fn topology(loaded: &Loaded) -> Topology {
    let enabled = loaded.instances.iter().filter(|configured| configured.destination.enabled);
    let instances = enabled.map(|configured| {
        let name = &configured.destination.name;
        let sources = loaded.config.sources.iter().filter(|source| source.destinations.contains(name));
        let sources = sources.map(|source| source.name.clone()).collect();
        let subscriptions = configured.instance.subscriptions();
        Instance {
            ordered: configured.destination.ordered,
            watched: configured.instance.runs_code(),
            ..Instance::new(configured.instance.clone(), subscriptions, sources)
        }
    });
    Topology { instances: instances.collect() }
}

fn sources(loaded: &Loaded, log: &dyn Log) -> Result<Vec<ingest::Source>, LogError> {
    let source = |source: &config::Source| {
        Ok(ingest::Source {
            name: source.name.clone(),
            id: log.source(&source.name)?,
            write_keys: source.write_keys.iter().map(|key| key.expose().to_owned()).collect(),
            enabled: true,
            strict: source.strict,
        })
    };
    loaded.config.sources.iter().map(source).collect()
}

fn options(config: &config::Config) -> Options {
    Options {
        shares: Shares { pool: config.delivery.concurrency, ..Shares::default() },
        backoff: Backoff { window: config.delivery.window, ..Backoff::default() },
        host_concurrency: config.delivery.concurrency,
        backlog: config.limits.backlog_events,
        ..Options::default()
    }
}

fn ingest_config(config: &config::Config) -> ingest::Config {
    let limits = ingest::Limits {
        event_bytes: config.limits.event,
        batch_bytes: config.limits.body,
        batch_events: config.limits.batch,
        duplicates_age: config.dedupe.window,
        duplicates_count: config.dedupe.ids,
        ..ingest::Limits::default()
    };
    ingest::Config { limits, strict: false, forwarded: config.behind_proxy }
}

/// What the events of a parcel are, as destinations see them.
fn decode(stored: &Stored, places: std::ops::Range<usize>) -> Vec<Result<serde_json::Value, String>> {
    match Decoder::new(&stored.parcel) {
        Ok(decoder) => places.map(|place| decoder.event(place).map_err(|error| error.to_string())).collect(),
        Err(error) => places.map(|_| Err(error.to_string())).collect(),
    }
}

/// What differs from what the process began with, and cannot change while it runs.
fn needs_restart(first: &config::Config, now: &config::Config) -> Vec<&'static str> {
    let keys = [
        ("listen", first.listen != now.listen),
        ("admin", first.admin != now.admin),
        ("data", first.data != now.data),
        ("limits", first.limits != now.limits),
        ("dedupe", first.dedupe != now.dedupe),
        ("delivery", first.delivery != now.delivery),
        ("behind_proxy", first.behind_proxy != now.behind_proxy),
    ];
    keys.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
}
