//! The one task that owns the scheduler: it hears what happened, and hands pulls to workers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::acting::{Acting, Shared};
use super::engine::{EngineError, Listed};
use super::lane::Waiting;
use super::scheduler::{Finished, Pull, Scheduler};
use super::status::{InstanceStatus, Status};
use super::time::later;
use super::topology::Topology;
use super::work::{put_back, work};
use crate::log::{DeadLetter, InstanceId, LaneId, Outcome, Retry, Seq, SourceId};

/// How often it is counted what waits, and looked for retries whose window is over.
const COUNT: Duration = Duration::from_millis(500);
const SWEEP: Duration = Duration::from_secs(30);

/// What the dispatcher is told.
pub(super) enum Message {
    Appended(SourceId, Seq),
    Done(Arc<Pull>, Finished),
    Reconfigure(Topology, oneshot::Sender<Result<(), EngineError>>),
    Pause(String, String, oneshot::Sender<bool>),
    Resume(String, oneshot::Sender<bool>),
    Redrive(Vec<DeadLetter>, oneshot::Sender<Result<usize, EngineError>>),
    Redriven(LaneId, usize, Vec<(Seq, Waiting)>, Vec<Seq>),
    Status(oneshot::Sender<Status>),
    Lanes(oneshot::Sender<Vec<LaneId>>),
    Stop(Duration, oneshot::Sender<usize>),
}

pub(super) struct Dispatcher {
    pub(super) shared: Arc<Shared>,
    pub(super) scheduler: Scheduler,
    pub(super) acting: HashMap<InstanceId, Arc<Acting>>,
    pub(super) names: BTreeMap<String, InstanceId>,
    pub(super) sources: HashMap<SourceId, String>,
    pub(super) back: mpsc::UnboundedSender<Message>,
    pub(super) backlog: Arc<AtomicU64>,
    pub(super) tasks: JoinSet<()>,
    pub(super) redriving: HashSet<(LaneId, Seq)>,
    pub(super) counters: Listed,
    /// Something happened since it was counted what waits.
    pub(super) changed: bool,
    pub(super) counted: Timestamp,
    /// Events wait for retries, as of then.
    pub(super) retries: bool,
    pub(super) swept: Timestamp,
}

impl Dispatcher {
    /// Works until it is told to stop.
    pub(super) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        let mut heard = Vec::with_capacity(256);
        loop {
            let now = self.shared.now();
            while let Some(pull) = self.scheduler.next(now) {
                self.spawn(pull);
            }
            while self.tasks.try_join_next().is_some() {}
            let wake = self.chores(now);
            tokio::select! {
                biased;
                count = inbox.recv_many(&mut heard, 256) => if count == 0 { return },
                () = self.sleep(wake) => {}
            }
            for message in heard.drain(..) {
                if let Message::Stop(deadline, stopped) = message {
                    let unfinished = self.stop(&mut inbox, deadline).await;
                    stopped.send(unfinished).ok();
                    return;
                }
                self.hear(message);
            }
        }
    }

    async fn sleep(&self, wake: Option<Timestamp>) {
        match wake {
            Some(wake) => self.shared.parts.clock.sleep_until(wake).await,
            None => std::future::pending().await,
        }
    }

    fn hear(&mut self, message: Message) {
        let now = self.shared.now();
        self.changed = true;
        match message {
            Message::Appended(source, head) => self.scheduler.appended(source, head, now),
            Message::Done(pull, finished) => self.scheduler.done(now, &pull, finished),
            Message::Reconfigure(topology, answer) => match self.configure(topology) {
                Ok(records) => drop(tokio::spawn(async move { answer.send(records.write().await) })),
                Err(error) => drop(answer.send(Err(error)).err()),
            },
            Message::Pause(name, reason, answer) => {
                let id = self.names.get(&name).copied();
                id.inspect(|id| self.scheduler.pause(*id, reason, now));
                answer.send(id.is_some()).ok();
            }
            Message::Resume(name, answer) => {
                let id = self.names.get(&name).copied();
                id.inspect(|id| self.scheduler.resume(*id, now));
                answer.send(id.is_some()).ok();
            }
            Message::Redrive(letters, answer) => self.redrive(letters, answer),
            Message::Redriven(lane, reserved, events, all) => {
                self.redriving.retain(|(of, seq)| *of != lane || !all.contains(seq));
                self.scheduler.redrive(lane, reserved, events, now);
            }
            Message::Status(answer) => drop(answer.send(self.status(now))),
            Message::Lanes(answer) => drop(answer.send(self.scheduler.lanes().collect())),
            Message::Stop(..) => {}
        }
    }

    /// What is done now and then. The answer is when something is to be done next, if nothing happens before.
    fn chores(&mut self, now: Timestamp) -> Option<Timestamp> {
        let count_at = later(self.counted, COUNT);
        let mut next = self.scheduler.wake_at();
        if now >= count_at && self.changed {
            (self.counted, self.changed) = (now, false);
            self.backlog.store(self.scheduler.backlog(), Ordering::Relaxed);
            self.retries = self.scheduler.retries();
        } else if self.changed {
            next = Some(next.map_or(count_at, |next| next.min(count_at)));
        }
        if self.retries {
            let sweep_at = later(self.swept, SWEEP);
            if now >= sweep_at {
                self.swept = now;
                for pull in self.scheduler.expired(now, self.shared.parts.options.backoff.window) {
                    self.spawn(pull);
                }
            }
            let sweep_at = later(self.swept, SWEEP);
            next = Some(next.map_or(sweep_at, |next| next.min(sweep_at)));
        }
        next
    }

    fn spawn(&mut self, pull: Pull) {
        let pull = Arc::new(pull);
        let back = Back { shared: Arc::clone(&self.shared), pull, finished: None, back: self.back.clone() };
        // A pull is of a lane, a lane of an instance that is known; else its events stay where they are.
        let Some(acting) = self.acting.get(&back.pull.lane.instance).cloned() else { return };
        self.tasks.spawn(async move {
            let finished = work(&back.shared, &acting, &back.pull).await;
            back.with(finished);
        });
    }

    fn redrive(&mut self, letters: Vec<DeadLetter>, answer: oneshot::Sender<Result<usize, EngineError>>) {
        let now = self.shared.now();
        let mut lanes: BTreeMap<LaneId, Vec<DeadLetter>> = BTreeMap::new();
        for letter in letters {
            lanes.entry(letter.lane).or_default().push(letter);
        }
        let mut records = JoinSet::new();
        for (lane, mut letters) in lanes {
            // What is not dead (any more) is not sent again.
            letters.sort_unstable_by_key(|letter| letter.seq);
            letters.dedup_by_key(|letter| letter.seq);
            letters.retain(|letter| !self.redriving.contains(&(lane, letter.seq)) && self.is_dead(lane, letter.seq));
            let room = self.scheduler.reserve(lane, letters.len());
            letters.truncate(room);
            if letters.is_empty() {
                continue;
            }
            let acting = self.acting.get(&lane.instance);
            let ordered = acting.is_some_and(|acting| acting.ordered);
            let all = acting.map_or(u64::MAX, |acting| acting.all());
            let events: Vec<(Seq, Waiting)> = letters
                .into_iter()
                .map(|letter| {
                    let open = if letter.dead.open == 0 { all } else { letter.dead.open };
                    let reason = format!("sent again; before: {}", letter.dead.reason).into();
                    let user = if ordered { self.user(lane.source, letter.seq) } else { 0 };
                    let (attempts, refused, held, ahead) = (0, 0, false, 0);
                    let waiting = Waiting {
                        attempts,
                        since: now,
                        at: now,
                        open,
                        refused,
                        refusal: None,
                        user,
                        held,
                        ahead,
                        reason,
                    };
                    (letter.seq, waiting)
                })
                .collect();
            self.redriving.extend(events.iter().map(|(seq, _)| (lane, *seq)));
            let (shared, back) = (Arc::clone(&self.shared), self.back.clone());
            records.spawn(async move {
                let retry = events.iter().map(|(seq, waiting)| {
                    let reason = waiting.reason.to_string();
                    (*seq, Retry { attempts: 0, since: now, at: now, open: waiting.open, reason })
                });
                let outcome = Outcome { lane, at: now, done: Vec::new(), retry: retry.collect(), dead: Vec::new() };
                let recorded = shared.parts.log.record(outcome).await;
                let all = events.iter().map(|(seq, _)| *seq).collect();
                let count = events.len();
                let events = if recorded.is_ok() { events } else { Vec::new() };
                drop(back.send(Message::Redriven(lane, room, events, all)));
                recorded.map(|()| count).map_err(EngineError::from)
            });
        }
        tokio::spawn(async move {
            let mut count = Ok(0);
            while let Some(recorded) = records.join_next().await {
                let recorded = recorded.unwrap_or(Ok(0));
                count = count.and_then(|count: usize| recorded.map(|more| count + more));
            }
            drop(answer.send(count));
        });
    }

    fn is_dead(&self, lane: LaneId, seq: Seq) -> bool {
        let before = seq.checked_sub(1).map(|before| (lane, before));
        let found = self.shared.parts.log.dead(Some(lane), before, 1);
        found.is_ok_and(|found| found.first().is_some_and(|letter| letter.seq == seq))
    }

    fn status(&self, now: Timestamp) -> Status {
        let instances = self.names.iter().filter_map(|(name, id)| {
            let acting = self.acting.get(id)?;
            let mut lanes = self.scheduler.status(*id);
            for lane in &mut lanes {
                lane.source = self.sources.get(&lane.lane.source).cloned().unwrap_or_default();
            }
            Some(InstanceStatus {
                name: name.clone(),
                slug: acting.target.slug().to_owned(),
                held: self.scheduler.held(*id).cloned(),
                degraded: acting.health.degraded(),
                gate: acting.door.view(now),
                unordered: self.scheduler.unordered(*id),
                lanes,
            })
        });
        Status {
            instances: instances.collect(),
            hosts: self.shared.hosts.views(now),
            pulls: self.scheduler.in_flight(),
        }
    }

    /// Starts nothing more and waits for what is in flight, up to the deadline. The answer is how many pulls were cut off.
    async fn stop(&mut self, inbox: &mut mpsc::UnboundedReceiver<Message>, deadline: Duration) -> usize {
        let end = tokio::time::Instant::now() + deadline;
        while self.scheduler.in_flight() > 0 {
            match tokio::time::timeout_at(end, inbox.recv()).await {
                Ok(Some(message)) => self.hear(message),
                Ok(None) | Err(_) => break,
            }
        }
        self.tasks.abort_all();
        self.scheduler.in_flight()
    }
}

/// Gives a pull back, whatever happens to its worker.
struct Back {
    shared: Arc<Shared>,
    pull: Arc<Pull>,
    finished: Option<Finished>,
    back: mpsc::UnboundedSender<Message>,
}

impl Back {
    fn with(mut self, finished: Finished) {
        self.finished = Some(finished);
    }
}

impl Drop for Back {
    fn drop(&mut self) {
        let finished = self.finished.take();
        let finished = finished.unwrap_or_else(|| put_back(&self.shared, &self.pull));
        drop(self.back.send(Message::Done(Arc::clone(&self.pull), finished)));
    }
}
