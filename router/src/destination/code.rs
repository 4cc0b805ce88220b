//! The way out for partners that a file cannot describe: a hook in Rust, named by `code:` in the file.

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use super::chain::{Answers, Next};
use super::mistake::Refusal;
use super::target::{Env, Judged};
use crate::client::{Answer, Failure};

/// What an action leaves to Rust. It is as pure as the rest: everything it may know is in its arguments.
pub trait Code: Sync {
    /// From an event's payload to what the request stage works on. Several make several items of a batch. Named by a step of a chain, it
    /// is asked when the step's turn has come, and makes one payload for that step and those after it.
    ///
    /// # Errors
    /// The event is not taken.
    fn shape(&self, input: &Input<'_>) -> Result<Vec<Value>, Refusal> {
        Ok(vec![input.payload.clone()])
    }

    /// Whether [`requests`](Self::requests) takes over the request stage.
    fn makes_requests(&self) -> bool {
        false
    }

    /// Whole requests for some events, where [`makes_requests`](Self::makes_requests) says so; `authorization` is added by the kit.
    ///
    /// # Errors
    /// None of the events is taken.
    fn requests(&self, inputs: &[Input<'_>]) -> Result<Vec<Made>, Refusal> {
        let _ = inputs;
        Ok(Vec::new())
    }

    /// Whether [`next`](Self::next) makes a chain of requests.
    fn chains(&self) -> bool {
        false
    }

    /// Events that may go into one chain have the same group; how many do is for the action's `batch` and the limits to say.
    fn group(&self, input: &Input<'_>) -> Value {
        let _ = input;
        Value::Null
    }

    /// The next request of a chain, where [`chains`](Self::chains) says so, from what came of the ones before. An answer gets here if
    /// it is 2xx, or the request said that its status is no failure; all others are for the table.
    fn next(&self, inputs: &[Input<'_>], answers: Answers<'_>) -> Next {
        let (_, _) = (inputs, answers);
        Next::Done
    }

    /// What an answer means. `None` leaves it to the file's table.
    fn judge(&self, answered: &Answered<'_>) -> Option<Judged> {
        let _ = answered;
        None
    }
}

/// What a hook may know of an event.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The event.
    pub event: &'a Value,
    /// What the fields made of it; the event itself for an action without fields.
    pub payload: &'a Value,
    /// The instance's settings, defaults filled in.
    pub settings: &'a Value,
    /// The address that requests begin with, where the file has one.
    pub base: &'a str,
    /// The time and random values.
    pub env: Env,
    /// For a step of a chain, the answers so far, by the place of the step: `{status, headers, body}`, null for one that was skipped.
    pub answers: &'a [Value],
}

/// A request that a hook made.
#[derive(Debug)]
pub struct Made {
    /// The events that it carries, by their place in the inputs.
    pub events: Vec<usize>,
    /// What to send, with a whole URL.
    pub request: Request<Bytes>,
}

/// An answer for a hook to judge.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The events of the request, by their place in the events that were planned.
    pub events: &'a [usize],
    /// Which request of a chain it answers, from 0.
    pub step: usize,
    /// The answer, or why there is none.
    pub outcome: Result<&'a Answer, &'a Failure>,
}

/// The hook of a destination by its name.
pub(super) fn find(slug: &str, name: &str) -> Option<&'static dyn Code> {
    crate::destinations::HOOKS.iter().find(|(s, n, _)| *s == slug && *n == name).map(|(_, _, code)| *code)
}
