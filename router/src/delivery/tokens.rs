//! Access tokens: fetched once for all lanes and instances with the same credentials, and again when a partner refuses one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::time::later;
use crate::client::Client;
use crate::client::exchange;
use crate::clock::Clock;
use crate::destination::Verdict;
use crate::destination::target::TokenSource;

/// A token is renewed so long before it ends.
const AHEAD: Duration = Duration::from_secs(30);
/// What a failed renewal means holds for everybody for so long.
const FAILED: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER: usize = 1_000_000;

/// Where refresh tokens are kept that a partner changes with each use, so that a restart does not lose the grant.
pub trait TokenMemory: Send + Sync + 'static {
    /// The refresh token kept last for these credentials.
    fn load(&self, key: &str) -> Option<String>;

    /// Keeps it.
    fn save(&self, key: &str, refresh_token: &str);
}

/// An access token, and which one it is: a lane that was refused with it asks for one that is newer.
#[derive(Clone)]
pub(super) struct Granted {
    pub(super) access_token: Arc<str>,
    pub(super) generation: u64,
}

#[derive(Default)]
pub(super) struct Tokens {
    slots: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Slot>>>>,
    memory: Option<Arc<dyn TokenMemory>>,
}

#[derive(Default)]
struct Slot {
    token: Option<Granted>,
    generation: u64,
    renew_at: Option<Timestamp>,
    refresh_token: Option<String>,
    loaded: bool,
    failed: Option<(Timestamp, Verdict)>,
}

impl Tokens {
    pub(super) fn new(memory: Option<Arc<dyn TokenMemory>>) -> Self {
        Self { slots: Mutex::default(), memory }
    }

    /// A token that is newer than `refused`: the one there is, or a new one. Others that want the same wait for the one request.
    ///
    /// # Errors
    /// What it means for the events that there is none.
    pub(super) async fn get(
        &self,
        source: &dyn TokenSource,
        refused: Option<u64>,
        client: &Client,
        clock: &Clock,
    ) -> Result<Granted, Verdict> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            match slots.get(source.key()) {
                Some(slot) => Arc::clone(slot),
                None => Arc::clone(slots.entry(source.key().to_owned()).or_default()),
            }
        };
        let mut slot = slot.lock().await;
        let now = clock.now();
        if let Some(token) = &slot.token
            && refused.is_none_or(|refused| token.generation > refused)
            && slot.renew_at.is_none_or(|at| now < at)
        {
            return Ok(token.clone());
        }
        if let Some((_, verdict)) = slot.failed.as_ref().filter(|(until, _)| now < *until) {
            return Err(verdict.clone());
        }
        if !std::mem::replace(&mut slot.loaded, true) {
            slot.refresh_token = self.memory.as_ref().and_then(|memory| memory.load(source.key()));
        }
        let request = source.request(slot.refresh_token.as_deref());
        let outcome = exchange(client, request, TIMEOUT, ANSWER).await;
        let now = clock.now();
        match source.answer(outcome.as_ref()) {
            Ok(token) => {
                slot.generation += 1;
                slot.renew_at = token.expires_in.map(|good| later(now, good.saturating_sub(AHEAD).max(good / 2)));
                if let Some(refresh) = token.refresh_token.filter(|new| slot.refresh_token.as_ref() != Some(new)) {
                    if let Some(memory) = &self.memory {
                        memory.save(source.key(), &refresh);
                    }
                    slot.refresh_token = Some(refresh);
                }
                slot.failed = None;
                let granted = Granted { access_token: token.access_token.into(), generation: slot.generation };
                slot.token = Some(granted.clone());
                Ok(granted)
            }
            Err(verdict) => {
                slot.failed = Some((later(now, FAILED), verdict.clone()));
                Err(verdict)
            }
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}
