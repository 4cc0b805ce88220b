//! What delivery asks of a destination instance. Everything here is pure: the time and random values are arguments, nothing is opened.

use std::any::Any;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::Verdict;
use crate::client::{Answer, Failure};

/// A destination with somebody's settings: turns events into requests and answers into verdicts.
///
/// An instance has *subscriptions*, at most 64: an action of the destination, which events it is for, and how it maps them.
pub trait Target: Send + Sync + 'static {
    /// The name that the configuration gives it.
    fn name(&self) -> &str;

    /// The destination it is an instance of: `mixpanel`.
    fn slug(&self) -> &str;

    /// The subscriptions that want this event, a bit each from the lowest: the event's `integrations`, the instance's filter and each
    /// subscription's own are asked.
    fn route(&self, event: &Value) -> u64;

    /// Why [`route`](Self::route) says that no subscription wants an event, for people; `None` where one does, or where it is not known.
    fn why_not(&self, _event: &Value) -> Option<String> {
        None
    }

    /// The name of a subscription's action.
    fn action(&self, subscription: usize) -> &str;

    /// How many events a subscription takes at once, and how often.
    fn limits(&self, subscription: usize) -> &Limits;

    /// Makes requests of events that [`route`](Self::route) found meant for this subscription.
    fn plan(&self, subscription: usize, events: &[&Value], env: &Env) -> Planned;

    /// Says what an answer means, or what to ask next. A chain of requests is one call: [`Judged::Next`] goes on with it.
    fn judge(&self, call: Call, outcome: Result<&Answer, &Failure>, env: &Env) -> Judged;

    /// Makes one call into two with half of the events each; `None` where it holds one event or cannot be split.
    fn split(&self, call: &Call, events: &[&Value], env: &Env) -> Option<[Planned; 2]> {
        let (left, right) = call.events.split_at(call.events.len() / 2);
        let part = |indices: &[usize]| -> Planned {
            let some: Vec<&Value> = indices.iter().filter_map(|i| events.get(*i).copied()).collect();
            let mut planned = self.plan(call.subscription, &some, env);
            planned.renumber(indices);
            planned
        };
        (!left.is_empty()).then(|| [part(left), part(right)])
    }

    /// How this instance gets access tokens; `None` for one that has fixed credentials or a fixed token.
    fn oauth(&self) -> Option<&dyn TokenSource> {
        None
    }
}

/// How an instance gets an access token (OAuth 2, RFC 6749): pure as the rest, the engine sends the request, once for all lanes.
pub trait TokenSource: Send + Sync {
    /// What identifies the grant: instances with the same credentials share a token.
    fn key(&self) -> &str;

    /// The request for a token: with the refresh token that came last, where one came.
    fn request(&self, refresh_token: Option<&str>) -> http::Request<Bytes>;

    /// Reads the answer.
    ///
    /// # Errors
    /// The verdict for every event that waits: [`Verdict::Pause`] where the grant was revoked, [`Verdict::Retry`] where it may work later.
    fn answer(&self, outcome: Result<&Answer, &Failure>) -> Result<Token, Verdict>;

    /// Puts the token into a request.
    fn authorize(&self, request: &mut http::Request<Bytes>, access_token: &str);
}

/// An access token as it was granted.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The token itself.
    pub access_token: String,
    /// What to ask for the next one with, if it is not the same as before.
    pub refresh_token: Option<String>,
    /// How long it is good.
    pub expires_in: Option<Duration>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// What a plan may know of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Env {
    /// The time.
    pub now: Timestamp,
    /// Where random values and new ids come from: the same seed, the same requests.
    pub seed: u64,
}

/// How many events go into one call, and how often calls are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// The most events in one call.
    pub events: usize,
    /// The largest body, in bytes.
    pub bytes: usize,
    /// How long a call waits to be filled.
    pub linger: Duration,
    /// How long one request may take, to the end of the answer.
    pub timeout: Duration,
    /// Requests a second, over all lanes of the instance; `None` for as many as the partner takes.
    pub rate: Option<f64>,
    /// The most requests at once, over all lanes of the instance.
    pub concurrency: usize,
    /// The largest answer that is read, in bytes.
    pub answer: usize,
}

impl Default for Limits {
    /// One event a call, 1 MB, no waiting, 30 seconds, any rate, 16 at once, answers up to 1 MB.
    fn default() -> Self {
        Self {
            events: 1,
            bytes: 1_000_000,
            linger: Duration::ZERO,
            timeout: Duration::from_secs(30),
            rate: None,
            concurrency: 16,
            answer: 1_000_000,
        }
    }
}

/// What became of the events that were planned.
#[derive(Debug, Default)]
pub struct Planned {
    /// What to send. Calls of one plan are independent of each other.
    pub calls: Vec<Call>,
    /// Events that make no request, by their place in the events given, and why.
    pub refused: Vec<(usize, String)>,
}

impl Planned {
    /// Makes places among some of the events into places among all: `indices` has, for each of the some, its place among all.
    pub fn renumber(&mut self, indices: &[usize]) {
        let events = self.calls.iter_mut().flat_map(|call| call.events.iter_mut());
        for place in events.chain(self.refused.iter_mut().map(|(place, _)| place)) {
            if let Some(index) = indices.get(*place) {
                *place = *index;
            }
        }
    }
}

/// A request, the events that it carries, and what the destination must remember to read the answer.
pub struct Call {
    /// For which subscription.
    pub subscription: usize,
    /// Its events, by their place in the events given to `plan`.
    pub events: Vec<usize>,
    /// What to send, `authorization` included unless [`Target::oauth`] gives tokens.
    pub request: http::Request<Bytes>,
    /// Which request of a chain this is, from 0.
    pub step: usize,
    /// What the destination keeps for itself: answers of earlier steps, payloads.
    pub memory: Option<Box<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for Call {
    /// Method and host alone: headers, bodies and queries may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("method", self.request.method())
            .field("host", &self.request.uri().host())
            .field("events", &self.events)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

/// What an answer leads to.
#[derive(Debug)]
pub enum Judged {
    /// One verdict for every event of the call.
    All(Verdict),
    /// A verdict for each event of the call, by its place in the events given to `plan`. What is not named was delivered.
    Each(Vec<(usize, Verdict)>),
    /// The chain goes on with this request.
    Next(Box<Call>),
    /// Too large for the partner: halve the call (see [`Target::split`]); one event alone is rejected for this reason.
    Split(String),
}
