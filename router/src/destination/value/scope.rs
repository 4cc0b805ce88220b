//! What the paths of a value may begin at while it runs.

use serde_json::Value;

use crate::destination::Env;
use crate::mapping::Budget;

/// The roots of paths. All of it is borrowed; a scope is copied freely.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// `$.`: the event, the payload, an item of a list, or the body of an answer.
    pub(crate) here: Option<&'a Value>,
    /// `$event`
    pub(crate) event: Option<&'a Value>,
    /// `$payload`
    pub(crate) payload: Option<&'a Value>,
    /// `$settings`
    pub(crate) settings: &'a Value,
    /// The answers of a chain's steps so far, by the place of the step; `Null` for a step that was skipped.
    pub(crate) steps: &'a [Value],
    /// `$batch`
    pub(crate) batch: Option<&'a Value>,
    /// How many items are in the batch.
    pub(crate) count: usize,
    /// `$index`: the place of the item in its list.
    pub(crate) index: usize,
    /// Where `$now` and `$uuid` come from.
    pub(crate) env: Env,
    /// Tells the events of one plan apart, so that each has its own `$uuid`.
    pub(crate) salt: u64,
    /// How much may still be made.
    pub(crate) budget: &'a Budget,
}

impl<'a> Scope<'a> {
    /// A scope with settings and nothing else.
    pub(crate) fn new(settings: &'a Value, env: Env, budget: &'a Budget) -> Self {
        Self {
            here: None,
            event: None,
            payload: None,
            settings,
            steps: &[],
            batch: None,
            count: 0,
            index: 0,
            env,
            salt: 0,
            budget,
        }
    }

    /// `$now`: ISO 8601 in UTC, with milliseconds.
    pub(crate) fn now(&self) -> String {
        super::time::iso8601(self.env.now)
    }

    /// `$uuid`: the same wherever it stands for one event.
    pub(crate) fn uuid(&self) -> String {
        let mut input = [0; 16];
        input[..8].copy_from_slice(&self.env.seed.to_le_bytes());
        input[8..].copy_from_slice(&self.salt.to_le_bytes());
        let random = xxhash_rust::xxh3::xxh3_128(&input);
        uuid::Builder::from_random_bytes(random.to_le_bytes()).into_uuid().to_string()
    }
}

impl std::fmt::Debug for Scope<'_> {
    /// Events and settings hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("index", &self.index).finish_non_exhaustive()
    }
}
