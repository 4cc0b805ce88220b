//! The folder of a router that does not run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::app;
use super::config;
use super::dead_letters::{self, DeadLetters, ListError, Query};
use super::explain::{Explanation, Gathering, Place};
use super::server::StartError;
use crate::clock::Clock;
use crate::destination::Env;
use crate::destination::document::Report;
use crate::log::{Log, LogError};

/// A data folder, and the configuration that it belongs to.
#[derive(Debug)]
pub(crate) struct Offline {
    log: Arc<dyn Log>,
    places: Vec<Place>,
}

/// Why a folder cannot be looked into.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OfflineError {
    /// The configuration has mistakes.
    #[error("no router runs here, and its folder cannot be read without its configuration:\n{0}")]
    Configuration(Report),
    /// There is no log.
    #[error("no router runs here, and there is no log in {0}: `data` in the configuration is another folder?")]
    Nothing(String),
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] StartError),
}

impl Offline {
    /// Opens the folder of the configuration in this file; `more` are folders of definitions.
    pub(crate) fn open(file: &Path, more: &[PathBuf]) -> Result<Self, OfflineError> {
        let loaded = config::load(file, more, &app::variables).map_err(OfflineError::Configuration)?;
        if !app::log_folder(&loaded.data).exists() {
            return Err(OfflineError::Nothing(loaded.data.display().to_string()));
        }
        let log = app::open(&loaded)?;
        let places = app::places(&loaded, &*log).map_err(StartError::from)?;
        Ok(Self { log, places })
    }

    /// The way of an event.
    pub(crate) fn explain(&self, message_id: &str) -> Result<Explanation, LogError> {
        let env = Env { now: Clock::system().now(), seed: 0 };
        Gathering { log: &*self.log, places: &self.places, env, gates: Default::default() }.explain(message_id)
    }

    /// Dead letters.
    pub(crate) fn dead_letters(&self, query: &Query) -> Result<DeadLetters, ListError> {
        dead_letters::list(&*self.log, query, &self.places)
    }
}
