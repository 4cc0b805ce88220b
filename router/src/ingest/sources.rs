//! Who may send: write keys, and what belongs to them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::Limits;
use super::window::Window;
use crate::clock::Clock;
use crate::log::{Log, LogError, SourceId};

/// A source of events.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name in the configuration.
    pub name: String,
    /// Its number in the log.
    pub id: SourceId,
    /// The keys by which its clients are known.
    pub write_keys: Vec<String>,
    /// Whether its events are taken.
    pub enabled: bool,
    /// Whether its clients are told which events were refused.
    pub strict: bool,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .field("id", &self.id)
            .field("write_keys", &self.write_keys.len())
            .field("enabled", &self.enabled)
            .field("strict", &self.strict)
            .finish()
    }
}

/// Why sources cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourcesError {
    /// Two sources have one write key.
    #[error("the sources {first} and {second} have the same write key: give each its own")]
    SharedKey {
        /// The name of the one.
        first: String,
        /// The name of the other.
        second: String,
    },
    /// A source has an empty write key.
    #[error("the source {name} has an empty write key: give it one")]
    EmptyKey {
        /// Its name.
        name: String,
    },
    /// The log does not tell which ids came lately.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A source at work.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) source: Source,
    pub(super) window: Arc<Window>,
}

/// The sources by their write keys.
#[derive(Default)]
pub(super) struct Table {
    keys: HashMap<String, Arc<Entry>>,
    windows: HashMap<SourceId, Arc<Window>>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.values().map(|entry| &entry.source)).finish()
    }
}

impl Table {
    pub(super) fn new(
        sources: Vec<Source>,
        old: Option<&Self>,
        log: &dyn Log,
        clock: &Clock,
        limits: &Limits,
    ) -> Result<Self, SourcesError> {
        let mut table = Self::default();
        for source in sources {
            // A source that is gone for a while keeps its window: its clients' retries may still come.
            let known = old.and_then(|old| old.windows.get(&source.id)).or_else(|| table.windows.get(&source.id));
            let window = match known {
                Some(window) => window.clone(),
                None => Arc::new(Window::filled(log, source.id, clock.now(), limits)?),
            };
            table.windows.insert(source.id, window.clone());
            let entry = Arc::new(Entry { source, window });
            for key in &entry.source.write_keys {
                if key.is_empty() {
                    return Err(SourcesError::EmptyKey { name: entry.source.name.clone() });
                }
                if let Some(other) = table.keys.insert(key.clone(), entry.clone())
                    && other.source.id != entry.source.id
                {
                    let (first, second) = (other.source.name.clone(), entry.source.name.clone());
                    return Err(SourcesError::SharedKey { first, second });
                }
            }
        }
        for (id, window) in old.into_iter().flat_map(|old| &old.windows) {
            table.windows.entry(*id).or_insert_with(|| window.clone());
        }
        Ok(table)
    }

    /// The source with this write key; Jitsu's clients put a colon and a secret behind it.
    pub(super) fn find(&self, key: &str) -> Option<&Arc<Entry>> {
        self.keys.get(key).or_else(|| self.keys.get(key.split_once(':')?.0))
    }
}
