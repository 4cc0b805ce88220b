//! The configuration: one file, read whole and checked whole. What is wrong in it is told at once, with the place of each mistake.
//!
//! * this file has the types, in the order of `router.example.yaml`, whose comments explain each of them;
//! * [`read`] makes them of a document, `reader` is how it walks through one, `units` reads sizes and durations;
//! * [`load`] joins them to files: environment variables, [`definitions`], instances.

pub mod definitions;
mod load;
mod read;
mod reader;
mod units;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

pub(crate) use load::folders;
pub use load::{Configured, Loaded, Variables, glance, load};
pub use read::read;
pub(crate) use units::show_size;

/// The configuration that explains itself: `router.example.yaml`, with every key and its default.
pub const EXAMPLE: &str = include_str!("../../../router.example.yaml");

/// What an operator has decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where events come in.
    pub listen: SocketAddr,
    /// Where metrics, health and the admin API are.
    pub admin: Admin,
    /// The folder of the log, as written: relative to the configuration file.
    pub data: PathBuf,
    /// Folders with more definition files, as written.
    pub destinations_from: Vec<PathBuf>,
    /// Who sends events, in the order of the file.
    pub sources: Vec<Source>,
    /// Who gets them, in the order of the file.
    pub destinations: Vec<Destination>,
    /// How much is taken.
    pub limits: Limits,
    /// How duplicates are recognised.
    pub dedupe: Dedupe,
    /// How long what is done with is kept.
    pub retention: Retention,
    /// How events are sent.
    pub delivery: Delivery,
    /// Whether a proxy stands before this, whose `X-Forwarded-For` names the client.
    pub behind_proxy: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            admin: Admin::default(),
            data: PathBuf::from("./data"),
            destinations_from: Vec::new(),
            sources: Vec::new(),
            destinations: Vec::new(),
            limits: Limits::default(),
            dedupe: Dedupe::default(),
            retention: Retention::default(),
            delivery: Delivery::default(),
            behind_proxy: false,
        }
    }
}

/// The admin listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Its address; on this machine alone, unless there is a token.
    pub listen: SocketAddr,
    /// What a caller must show (`Authorization: Bearer …`) for everything but `/healthz` and `/readyz`.
    pub token: Option<Secret>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)), token: None }
    }
}

/// Who sends events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// The keys that its clients show.
    pub write_keys: Vec<Secret>,
    /// The names of the instances that get its events.
    pub destinations: Vec<String>,
    /// Whether a client is told which events of a batch were refused; Segment's contract is to accept the others silently.
    pub strict: bool,
}

/// An instance of a destination.
#[derive(Clone, PartialEq)]
pub struct Destination {
    /// Its name.
    pub name: String,
    /// The definition it is an instance of.
    pub slug: String,
    /// Whether anything is sent. What a disabled instance would get is kept for it.
    pub enabled: bool,
    /// Whether the events of one user go one after the other.
    pub ordered: bool,
    /// Whether it may send to addresses inside our own network.
    pub allow_internal: bool,
    /// The whole entry, secrets included: the kit reads settings, filter, actions and limits from it.
    pub entry: Value,
}

impl fmt::Debug for Destination {
    /// Without the entry: settings hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("name", &self.name)
            .field("slug", &self.slug)
            .field("enabled", &self.enabled)
            .field("ordered", &self.ordered)
            .field("allow_internal", &self.allow_internal)
            .finish_non_exhaustive()
    }
}

/// How much is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest event, in bytes.
    pub event: usize,
    /// The largest body, decompressed, in bytes.
    pub body: usize,
    /// The most events of a batch.
    pub batch: usize,
    /// The most events that wait.
    pub backlog_events: u64,
    /// The most bytes on disk.
    pub backlog_bytes: u64,
    /// The most connections at once.
    pub connections: usize,
}

impl Default for Limits {
    /// Segment's own, and a backlog of 50 million events in 50 GB.
    fn default() -> Self {
        Self {
            event: 32 << 10,
            body: 500 << 10,
            batch: 2_500,
            backlog_events: 50_000_000,
            backlog_bytes: 50_000_000_000,
            connections: 10_000,
        }
    }
}

/// How duplicates are recognised: by `messageId`, for each source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dedupe {
    /// How long an id is remembered.
    pub window: Duration,
    /// How many are remembered; the oldest go first.
    pub ids: usize,
}

impl Default for Dedupe {
    /// A day, a million ids.
    fn default() -> Self {
        Self { window: Duration::from_secs(24 * 3600), ids: 1_000_000 }
    }
}

/// How long what is done with is kept, for `explain` and redelivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// What is older goes.
    pub age: Duration,
    /// The oldest goes while there is more, in bytes.
    pub bytes: u64,
}

impl Default for Retention {
    /// A week, 20 GB.
    fn default() -> Self {
        Self { age: Duration::from_secs(7 * 24 * 3600), bytes: 20_000_000_000 }
    }
}

/// How events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The most requests at once, over all instances.
    pub concurrency: usize,
    /// How long an event is tried again before it is a dead letter.
    pub window: Duration,
}

impl Default for Delivery {
    /// 256 requests, 4 hours.
    fn default() -> Self {
        Self { concurrency: 256, window: Duration::from_secs(4 * 3600) }
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// The text itself: for comparing, not for showing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
