//! One pull, from its places in the log to its record: read, route, plan, send, judge, tally.
//!
//! The calls of a pull go side by side; where order by user holds, in rounds (see [`order`]).

mod batch;
mod order;
mod plan;
mod send;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::acting::{Acting, Shared};
use super::scheduler::{Finished, Pull, What};
use super::shield::watch;
use super::time::later;
use crate::log::{LogError, Outcome};
use batch::Batch;
pub(super) use batch::user;
use plan::{Chunk, Ready};
use send::{Job, Sent};
use tally::{Fate, Report, Tally, finish};

/// Does what a pull asks for, and records what became of it. The answer comes once that is on disk.
pub(super) async fn work(shared: &Arc<Shared>, acting: &Arc<Acting>, pull: &Arc<Pull>) -> Finished {
    let (outcome, finished) = match deliver(shared, acting, pull).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(instance = acting.target.name(), %error, "the log cannot be read, events go back to their lane");
            return put_back(shared, pull);
        }
    };
    if outcome.done.is_empty() && outcome.retry.is_empty() && outcome.dead.is_empty() {
        return finished;
    }
    record(shared, acting, outcome).await;
    finished
}

/// Records until it succeeds: what was delivered and not recorded would be delivered again after a restart.
async fn record(shared: &Shared, acting: &Acting, outcome: Outcome) {
    let mut wait = Duration::from_millis(100);
    loop {
        let copy = outcome.clone();
        match shared.parts.log.record(copy).await {
            Ok(()) => return,
            Err(LogError::Closed) => return,
            Err(error) => {
                tracing::error!(instance = acting.target.name(), %error, "what became of events cannot be recorded, trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
        }
    }
}

/// Something of our own failed, or the worker was cut off: everything stays as it was, for a second.
pub(super) fn put_back(shared: &Shared, pull: &Pull) -> Finished {
    let until = Some(later(shared.now(), Duration::from_secs(1)));
    let mut finished = Finished { back_until: until, again_until: until, ..Finished::default() };
    match &pull.what {
        What::New { events, .. } => finished.back.clone_from(events),
        What::Again(waiting) | What::Expired(waiting) => finished.waiting.clone_from(waiting),
    }
    finished
}

async fn deliver(
    shared: &Arc<Shared>,
    acting: &Arc<Acting>,
    pull: &Arc<Pull>,
) -> Result<(Outcome, Finished), LogError> {
    let mut batch = Batch::read(shared, pull.lane.source, &pull.what)?;
    batch.check_gone(shared, pull.lane.source)?;
    if let What::Expired(_) = pull.what {
        return Ok(expire(shared, acting, pull, &batch));
    }
    if acting.ordered {
        batch.know_users();
    }
    let job =
        Job { shared: Arc::clone(shared), acting: Arc::clone(acting), batch: Arc::new(batch), pull: Arc::clone(pull) };
    let mut tally = Tally::default();
    if acting.worn(shared) {
        job.refuse_to_run(&mut tally);
    } else if acting.ordered {
        job.route(&mut tally).await;
        job.in_rounds(&mut tally).await;
    } else {
        let calls = job.prepare(&mut tally).await;
        job.side_by_side(calls, &mut tally).await;
    }
    Ok(finish(shared, acting, pull, &job.batch, tally))
}

/// Gives up what could not be tried in its window.
fn expire(shared: &Shared, acting: &Acting, pull: &Pull, batch: &Batch) -> (Outcome, Finished) {
    let mut tally = Tally::default();
    tally.marks = vec![tally::Mark::default(); batch.items.len()];
    for (place, item) in batch.items.iter().enumerate() {
        let open = item.before.as_ref().map_or(1, |before| before.open);
        if let Some(mark) = tally.mark(place as u32) {
            mark.expire(open);
        }
    }
    finish(shared, acting, pull, batch, tally)
}

impl Job {
    /// Routes and plans all events; code that does not end costs the events that it does not end with.
    async fn prepare(&self, tally: &mut Tally) -> Vec<Ready> {
        let job = self.clone();
        let planned = watch(self.acting.turns(), self.shared.parts.options.watchdog, move || {
            let mut tally = Tally::default();
            plan::route(&job.shared, &job.acting, &job.batch, &mut tally);
            let chunks = plan::chunks(&job.acting, &tally, 0..job.batch.items.len() as u32);
            let planned: Vec<_> = chunks.into_iter().map(|chunk| job.plan_now(chunk)).collect();
            (tally, planned)
        });
        match planned.await {
            Ok((routed, planned)) => {
                *tally = routed;
                let mut ready = Vec::new();
                for (calls, reports) in planned {
                    ready.extend(calls);
                    reports.into_iter().for_each(|report| tally.add(report));
                }
                ready
            }
            Err(_) => {
                self.acting.overran("plan", &self.shared);
                self.prepare_apart(tally).await
            }
        }
    }

    /// Something does not end: each event by itself, so that only the guilty ones are rejected.
    async fn prepare_apart(&self, tally: &mut Tally) -> Vec<Ready> {
        tally.marks = vec![tally::Mark::default(); self.batch.items.len()];
        let mut ready = Vec::new();
        for item in 0..self.batch.items.len() as u32 {
            if self.acting.worn(&self.shared) {
                self.refuse(item, tally);
                continue;
            }
            let Some(wanted) = self.route_apart(item, tally).await else { continue };
            for subscription in (0..self.acting.subscriptions).filter(|n| wanted & (1 << n) != 0) {
                ready.extend(self.plan(Chunk { subscription, items: vec![item] }, tally).await);
            }
        }
        ready
    }

    /// Routes all events.
    async fn route(&self, tally: &mut Tally) {
        let job = self.clone();
        let routed = watch(self.acting.turns(), self.shared.parts.options.watchdog, move || {
            let mut tally = Tally::default();
            plan::route(&job.shared, &job.acting, &job.batch, &mut tally);
            tally
        });
        if let Ok(routed) = routed.await {
            *tally = routed;
            return;
        }
        self.acting.overran("route", &self.shared);
        tally.marks = vec![tally::Mark::default(); self.batch.items.len()];
        for item in 0..self.batch.items.len() as u32 {
            if self.acting.worn(&self.shared) {
                self.refuse(item, tally);
            } else {
                self.route_apart(item, tally).await;
            }
        }
    }

    async fn route_apart(&self, item: u32, tally: &mut Tally) -> Option<u64> {
        let job = self.clone();
        let limit = self.shared.parts.options.watchdog;
        let routed = watch(self.acting.turns(), limit, move || {
            plan::routed(&job.shared, &job.acting, job.batch.route(&job.acting, item as usize))
        });
        let routed = routed.await;
        let mark = tally.mark(item)?;
        match routed {
            Ok(routed) => *mark = routed,
            Err(_) => {
                self.acting.overran("route", &self.shared);
                mark.reject(self.acting.all().max(1), self.endless());
            }
        }
        Some(mark.open())
    }

    /// Plans a chunk, watched; where it does not end, event by event.
    async fn plan(&self, chunk: Chunk, tally: &mut Tally) -> Vec<Ready> {
        let mut ready = Vec::new();
        let mut chunks: Vec<Chunk> = (!chunk.items.is_empty()).then_some(chunk).into_iter().collect();
        while let Some(chunk) = chunks.pop() {
            if self.acting.worn(&self.shared) {
                chunk.items.iter().for_each(|item| self.refuse(*item, tally));
                continue;
            }
            let (job, subscription, items) = (self.clone(), chunk.subscription, chunk.items.clone());
            match watch(self.acting.turns(), self.shared.parts.options.watchdog, move || job.plan_now(chunk)).await {
                Ok((calls, reports)) => {
                    ready.extend(calls);
                    reports.into_iter().for_each(|report| tally.add(report));
                }
                Err(_) => {
                    self.acting.overran("plan", &self.shared);
                    if items.len() == 1 {
                        tally.add(Report { items, subscription, fate: Fate::Rejected(self.endless()) });
                    } else {
                        chunks.extend(items.into_iter().rev().map(|item| Chunk { subscription, items: vec![item] }));
                    }
                }
            }
        }
        ready
    }

    fn plan_now(&self, chunk: Chunk) -> (Vec<Ready>, Vec<Report>) {
        plan::plan(&self.shared, &self.acting, &self.pull, &self.batch, chunk)
    }

    /// Sends calls that are independent of each other, as many at once as the instance may.
    async fn side_by_side(&self, calls: Vec<Ready>, tally: &mut Tally) {
        let most = calls.iter().map(|(chunk, _)| self.acting.target.limits(chunk.subscription).concurrency).max();
        let most = most.unwrap_or(1).clamp(1, 64);
        let mut calls = calls.into_iter();
        if calls.len() == 1 {
            if let Some(call) = calls.next() {
                tally.sent(self.send(call).await);
            }
            return;
        }
        let mut out = JoinSet::new();
        loop {
            while out.len() < most
                && tally.pause.is_none()
                && let Some(call) = calls.next()
            {
                let job = self.clone();
                out.spawn(async move { job.send(call).await });
            }
            match out.join_next().await {
                Some(Ok(sent)) => tally.sent(sent),
                // A call that was torn down with the runtime; its events have no fate and stay as they were.
                Some(Err(_)) => {}
                None => break,
            }
        }
        for (chunk, call) in calls {
            let items = chunk.items(&call.events);
            tally.add(Report { items, subscription: chunk.subscription, fate: Fate::Paused });
        }
    }

    /// The code of this instance is not run any more: its events stay where they are.
    fn refuse_to_run(&self, tally: &mut Tally) {
        tally.marks = vec![tally::Mark::default(); self.batch.items.len()];
        (0..self.batch.items.len() as u32).for_each(|item| self.refuse(item, tally));
    }

    fn refuse(&self, item: u32, tally: &mut Tally) {
        let options = &self.shared.parts.options;
        let limit = humantime::format_duration(options.watchdog);
        let reason = || {
            format!(
                "the destination's code did not end within {limit}, {} times: mend it and load it anew",
                options.overruns
            )
        };
        tally.pause.get_or_insert_with(reason);
        if let Some(mark) = tally.mark(item) {
            mark.keep(self.acting.all().max(1));
        }
    }

    fn endless(&self) -> Arc<str> {
        let limit = humantime::format_duration(self.shared.parts.options.watchdog);
        Arc::from(format!("the destination's code did not end within {limit}"))
    }
}

impl Tally {
    fn sent(&mut self, sent: Sent) {
        sent.reports.into_iter().for_each(|report| self.add(report));
        self.pause = self.pause.take().or(sent.pause);
        self.answered |= sent.answered;
        self.host = sent.host.or(self.host.take());
    }
}
