//! Who is asked what would be sent.

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value};

use super::Listed;

/// Plans cases with the destinations that there are.
pub trait Planner {
    /// The differences that a destination's file lists; `None` where there is no such destination.
    fn destination(&self, slug: &str) -> Option<Vec<Listed>>;

    /// What an action would do with an event, every request of it answered by 200 and `{}`.
    ///
    /// # Errors
    /// The destination has no such action, or does not take these settings.
    fn case(
        &self,
        slug: &str,
        action: &str,
        settings: &Map<String, Value>,
        event: &Value,
    ) -> Result<Exchange, CannotPlan>;
}

/// What was sent for an event.
#[derive(Debug, Default)]
pub struct Exchange {
    /// The requests in their order, credentials included.
    pub requests: Vec<Request<Bytes>>,
    /// Why the event was refused in the end; requests may have been made before.
    pub refused: Option<String>,
}

/// Why nothing could be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotPlan {
    /// The destination has no such action.
    #[error("the destination has no action {0:?}")]
    NoAction(String),
    /// The destination does not take the settings of the case.
    #[error("the settings are refused: {0}")]
    Settings(String),
}
