//! A call goes through the gates to the partner, and the answer is read.

use std::sync::Arc;
use std::time::Duration;

use super::batch::Batch;
use super::plan::{Chunk, Ready, again, env};
use super::tally::{Fate, Report};
use crate::client::exchange;
use crate::client::{Answer, Failure};
use crate::delivery::acting::{Acting, Shared};
use crate::delivery::counters::Counters;
use crate::delivery::gate::{Kind, Sign};
use crate::delivery::passage::{Door, enter};
use crate::delivery::scheduler::Pull;
use crate::delivery::shield::{catch, watch};
use crate::destination::{Blame, Call, Judged, Planned, Verdict};

/// No chain of requests is longer.
const CHAIN: usize = 32;
/// A chain that has begun waits longer for its next step than one that has not: its earlier steps would be sent again.
const BEGUN: u32 = 10;

/// What every call of a pull needs.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    pub(super) acting: Arc<Acting>,
    pub(super) batch: Arc<Batch>,
    pub(super) pull: Arc<Pull>,
}

/// What came of a call, and of the calls that it was split into.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) reports: Vec<Report>,
    pub(super) pause: Option<String>,
    pub(super) answered: bool,
    pub(super) host: Option<Arc<Door>>,
}

struct Step {
    chunk: Arc<Chunk>,
    call: Call,
    /// The token with which these events were refused.
    refused_token: Option<u64>,
    length: usize,
}

impl Job {
    /// Sends a call and whatever follows from it.
    pub(super) async fn send(&self, (chunk, call): Ready) -> Sent {
        let mut sent = Sent::default();
        let mut steps = vec![Step { chunk, call, refused_token: None, length: 0 }];
        while let Some(step) = steps.pop() {
            if sent.pause.is_some() {
                sent.report(&step.chunk, &step.call.events, Fate::Paused);
            } else {
                self.step(step, &mut steps, &mut sent).await;
            }
        }
        sent
    }

    async fn step(&self, step: Step, steps: &mut Vec<Step>, sent: &mut Sent) {
        let Step { chunk, call, refused_token, length } = step;
        let (acting, shared) = (&*self.acting, &*self.shared);
        let limits = acting.target.limits(chunk.subscription);
        let events = call.events.clone();
        if call.step == 0 && length == 0 && call.request.body().len() > limits.bytes && events.len() > 1 {
            let reason = format!("the request has {} bytes, {} are allowed", call.request.body().len(), limits.bytes);
            return self.split(&chunk, call, &reason, refused_token, steps, sent).await;
        }
        let mut request = call.request.clone();
        let mut generation = None;
        if let Some(source) = acting.target.oauth() {
            match shared.tokens.get(source, refused_token, &shared.parts.client, &shared.parts.clock).await {
                Ok(token) => {
                    source.authorize(&mut request, &token.access_token);
                    generation = Some(token.generation);
                }
                Err(verdict) => return sent.verdict(&chunk, &events, verdict, 0, 0),
            }
        }
        let host = request.uri().authority().map_or("", http::uri::Authority::as_str);
        let door = shared.hosts.door(host, shared.now());
        let kind = if again(&self.pull) { Kind::Again } else { Kind::First };
        let patience = shared.parts.options.patience * if length > 0 { BEGUN } else { 1 };
        let passed = enter(&acting.door, &door, kind, &shared.parts.clock, patience, limits.timeout).await;
        sent.host = Some(Arc::clone(&door));
        let pass = match passed {
            Ok(pass) => pass,
            Err(refused) => return sent.report(&chunk, &events, Fate::Kept(refused)),
        };
        let outcome = exchange(&shared.parts.client, request, limits.timeout, limits.answer).await;
        Counters::add(&acting.counters.requests, 1);
        let (status, elapsed) = match &outcome {
            Ok(answer) => (answer.status.as_u16(), Some(answer.elapsed)),
            Err(_) => (0, None),
        };
        match elapsed {
            Some(elapsed) => acting.counters.answered(elapsed),
            None => Counters::add(&acting.counters.failures, 1),
        }
        let outline = Outline::of(&call);
        let judged = self.judge(&chunk, call, outcome).await;
        let (instance, host) = signs(&judged, elapsed);
        pass.back(shared.now(), instance, host);
        let ms = elapsed.map_or(0, |elapsed| u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX));
        match judged {
            Judged::Next(call) if length + 1 < CHAIN => {
                steps.push(Step { chunk, call: *call, refused_token, length: length + 1 });
            }
            Judged::Next(_) => {
                let reason = format!("the destination asks for more than {CHAIN} requests in a row");
                sent.report(&chunk, &events, Fate::Rejected(reason.into()));
            }
            Judged::Split(reason) => {
                self.split(&chunk, outline.call(events), &reason, refused_token, steps, sent).await;
            }
            Judged::All(Verdict::Reauthenticate(reason)) => {
                self.reauthenticate(&chunk, events, reason, (generation, refused_token), steps, sent).await;
            }
            Judged::All(verdict) => sent.verdict(&chunk, &events, verdict, status, ms),
            Judged::Each(verdicts) => {
                let (expired, verdicts): (Vec<_>, Vec<_>) =
                    verdicts.into_iter().partition(|(_, verdict)| matches!(verdict, Verdict::Reauthenticate(_)));
                let named: Vec<usize> = expired.iter().chain(&verdicts).map(|(place, _)| *place).collect();
                let rest: Vec<usize> = events.iter().copied().filter(|place| !named.contains(place)).collect();
                sent.report(&chunk, &rest, Fate::Delivered { status, elapsed_ms: ms });
                for (place, verdict) in verdicts.into_iter().filter(|(place, _)| events.contains(place)) {
                    sent.verdict(&chunk, &[place], verdict, status, ms);
                }
                if let Some((_, Verdict::Reauthenticate(reason))) = expired.first() {
                    let places = expired.iter().map(|(place, _)| *place).collect();
                    self.reauthenticate(&chunk, places, reason.clone(), (generation, refused_token), steps, sent).await;
                }
            }
        }
    }

    /// The partner refused the token: the events are planned anew, and sent once more with another one.
    async fn reauthenticate(
        &self,
        chunk: &Arc<Chunk>,
        places: Vec<usize>,
        reason: String,
        (generation, refused): (Option<u64>, Option<u64>),
        steps: &mut Vec<Step>,
        sent: &mut Sent,
    ) {
        if generation.is_none() || refused.is_some() {
            return sent.verdict(chunk, &places, Verdict::Pause(reason), 0, 0);
        }
        let some = Chunk { subscription: chunk.subscription, items: chunk.items(&places) };
        let job = self.clone();
        let planned =
            self.watch(move || super::plan::plan(&job.shared, &job.acting, &job.pull, &job.batch, some)).await;
        match planned {
            Ok((calls, reports)) => {
                sent.reports.extend(reports);
                steps.extend(calls.into_iter().map(|(chunk, call)| Step {
                    chunk,
                    call,
                    refused_token: generation,
                    length: 0,
                }));
            }
            Err(reason) => sent.report(chunk, &places, Fate::Rejected(reason)),
        }
    }

    async fn split(
        &self,
        chunk: &Arc<Chunk>,
        call: Call,
        reason: &str,
        refused_token: Option<u64>,
        steps: &mut Vec<Step>,
        sent: &mut Sent,
    ) {
        let events = call.events.clone();
        let fate = || Fate::Rejected(reason.into());
        if events.len() < 2 {
            return sent.report(chunk, &events, fate());
        }
        let (job, whole) = (self.clone(), Arc::clone(chunk));
        let halves = self
            .watch(move || {
                let env = env(&job.shared, &job.pull, &job.batch, &whole);
                let events = job.batch.events(&whole.items);
                catch(|| job.acting.target.split(&call, &events, &env))
            })
            .await;
        let halves: [Planned; 2] = match halves {
            Ok(Ok(Some(halves))) => halves,
            Ok(Ok(None)) => return sent.report(chunk, &events, fate()),
            Ok(Err(said)) => {
                self.acting.panicked("split", &said, self.shared.now());
                let reason = format!("the destination's code panicked: {said}");
                return sent.report(chunk, &events, Fate::Rejected(reason.into()));
            }
            Err(reason) => return sent.report(chunk, &events, Fate::Rejected(reason)),
        };
        let mut named = Vec::new();
        for half in halves {
            for (place, reason) in half.refused {
                named.push(place);
                sent.report(chunk, &[place], Fate::Rejected(reason.into()));
            }
            for call in half.calls {
                named.extend_from_slice(&call.events);
                // A split that splits nothing would go on for ever.
                if call.events.len() < events.len() {
                    steps.push(Step { chunk: Arc::clone(chunk), call, refused_token, length: 0 });
                } else {
                    sent.report(chunk, &call.events, fate());
                }
            }
        }
        let forgotten: Vec<usize> = events.into_iter().filter(|place| !named.contains(place)).collect();
        sent.report(chunk, &forgotten, fate());
    }

    async fn judge(&self, chunk: &Arc<Chunk>, call: Call, outcome: Result<Answer, Failure>) -> Judged {
        let (job, chunk) = (self.clone(), Arc::clone(chunk));
        let judged = self
            .watch(move || {
                let env = env(&job.shared, &job.pull, &job.batch, &chunk);
                catch(|| job.acting.target.judge(call, outcome.as_ref(), &env))
            })
            .await;
        let reason = match judged {
            Ok(Ok(judged)) => return judged,
            Ok(Err(said)) => {
                self.acting.panicked("judge", &said, self.shared.now());
                format!("the destination's code panicked while it read the answer: {said}")
            }
            Err(reason) => reason.to_string(),
        };
        Judged::All(Verdict::Reject(reason))
    }

    /// Runs code of the destination; where it does not end, the reason for its events.
    async fn watch<T: Send + 'static>(&self, code: impl FnOnce() -> T + Send + 'static) -> Result<T, Arc<str>> {
        let limit = self.shared.parts.options.watchdog;
        watch(self.acting.turns(), limit, code).await.map_err(|_| {
            self.acting.overran("reading an answer", &self.shared);
            Arc::from(format!("the destination's code did not end within {}", humantime::format_duration(limit)))
        })
    }
}

impl Sent {
    fn report(&mut self, chunk: &Chunk, places: &[usize], fate: Fate) {
        if !places.is_empty() {
            self.reports.push(Report { items: chunk.items(places), subscription: chunk.subscription, fate });
        }
    }

    fn verdict(&mut self, chunk: &Chunk, places: &[usize], verdict: Verdict, status: u16, elapsed_ms: u32) {
        self.answered |= !matches!(verdict, Verdict::Pause(_) | Verdict::Reauthenticate(_) | Verdict::Retry { .. });
        let fate = match verdict {
            Verdict::Delivered => Fate::Delivered { status, elapsed_ms },
            Verdict::Reject(reason) => Fate::Rejected(reason.into()),
            Verdict::Retry { after, reason, .. } => Fate::Again { after, reason: reason.into() },
            Verdict::Reauthenticate(reason) | Verdict::Pause(reason) => {
                self.pause.get_or_insert(reason);
                Fate::Paused
            }
        };
        self.report(chunk, places, fate);
    }
}

/// What is left of a call when its answer was read, in case it is to be split: everything but the headers, which may hold secrets.
struct Outline {
    subscription: usize,
    method: http::Method,
    uri: http::Uri,
    body: bytes::Bytes,
}

impl Outline {
    fn of(call: &Call) -> Self {
        Self {
            subscription: call.subscription,
            method: call.request.method().clone(),
            uri: call.request.uri().clone(),
            body: call.request.body().clone(),
        }
    }

    fn call(self, events: Vec<usize>) -> Call {
        let mut request = http::Request::new(self.body);
        (*request.method_mut(), *request.uri_mut()) = (self.method, self.uri);
        Call { subscription: self.subscription, events, request, step: 0, memory: None }
    }
}

/// What an answer tells the gates of the instance and of the host.
fn signs(judged: &Judged, elapsed: Option<Duration>) -> (Sign, Sign) {
    // A host that answers at all is there.
    let there = elapsed.map_or(Sign::None, Sign::Good);
    let of = |verdict: &Verdict| match verdict {
        Verdict::Retry { blame: Blame::Host, after, .. } => (Sign::None, Sign::Bad(*after)),
        Verdict::Retry { blame: Blame::Instance, after, .. } => (Sign::Bad(*after), there),
        Verdict::Retry { blame: Blame::Event, .. } => (Sign::Soft, Sign::Soft),
        Verdict::Pause(_) | Verdict::Reauthenticate(_) => (Sign::None, there),
        Verdict::Delivered | Verdict::Reject(_) => (there, there),
    };
    let weight = |verdict: &Verdict| match verdict {
        Verdict::Retry { blame: Blame::Host, .. } => 3,
        Verdict::Retry { blame: Blame::Instance, .. } => 2,
        Verdict::Pause(_) | Verdict::Reauthenticate(_) => 1,
        // Some events of a batch that failed show nothing about the others.
        _ => 0,
    };
    match judged {
        Judged::All(verdict) => of(verdict),
        Judged::Each(verdicts) => {
            let worst = verdicts.iter().map(|(_, verdict)| verdict).max_by_key(|verdict| weight(verdict));
            worst.filter(|verdict| weight(verdict) > 0).map_or((there, there), of)
        }
        Judged::Next(_) | Judged::Split(_) => (there, there),
    }
}
