//! What became of each event of a pull, gathered from its calls and made into one record.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::batch::{Batch, Item};
use crate::delivery::acting::{Acting, Shared};
use crate::delivery::backoff::{Backoff, mix};
use crate::delivery::counters::Counters;
use crate::delivery::lane::Waiting;
use crate::delivery::passage::{Door, Refused};
use crate::delivery::scheduler::{Finished, Pull, What};
use crate::delivery::time::{ago, later};
use crate::log::{Dead, Done, How, Outcome, Retry, Seq};

/// What a call meant for some events.
#[derive(Debug)]
pub(super) struct Report {
    /// The events, by their place in the pull.
    pub(super) items: Vec<u32>,
    pub(super) subscription: usize,
    pub(super) fate: Fate,
}

/// What a call meant for an event.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    Delivered {
        status: u16,
        elapsed_ms: u32,
    },
    Rejected(Arc<str>),
    Again {
        after: Option<Duration>,
        reason: Arc<str>,
    },
    /// It was not tried: a gate was shut until then.
    Kept(Refused),
    /// It was not tried, or not taken for a reason that is not its own: the lane is held.
    Paused,
    /// It was not tried: an earlier event of its user waits.
    Held,
}

/// What became of one event.
#[derive(Debug, Clone, Default)]
pub(super) struct Mark {
    pub(super) wanted: u64,
    got: u64,
    again: u64,
    rejected: u64,
    kept: u64,
    tried: bool,
    held: bool,
    shut: bool,
    status: u16,
    elapsed_ms: u32,
    after: Option<Duration>,
    until: Option<Timestamp>,
    reason: Option<Arc<str>>,
    refusal: Option<Arc<str>>,
}

impl Mark {
    /// Whether it is not done with: later events of its user are to wait.
    pub(super) fn unfinished(&self) -> bool {
        (self.again | self.kept | self.open()) != 0
    }

    /// Whether something happened to it that is to be remembered.
    pub(super) fn begun(&self) -> bool {
        (self.again | self.got | self.rejected) != 0
    }

    /// Whether a subscription got it.
    pub(super) fn got(&self) -> bool {
        self.got != 0
    }

    /// The subscriptions that want it and for which nothing is known yet.
    pub(super) fn open(&self) -> u64 {
        self.wanted & !(self.got | self.again | self.rejected | self.kept)
    }

    /// It could not be tried in time.
    pub(super) fn expire(&mut self, open: u64) {
        (self.wanted, self.kept, self.shut) = (open, open, true);
    }

    /// It stays as it is: of what was not done, nothing is.
    pub(super) fn keep(&mut self, subscriptions: u64) {
        if self.wanted == 0 {
            self.wanted = subscriptions;
        }
        self.kept |= self.open();
    }

    /// Which subscriptions get nothing of it though nobody was asked.
    pub(super) fn reject(&mut self, subscriptions: u64, reason: Arc<str>) {
        self.wanted |= subscriptions;
        self.rejected |= subscriptions;
        self.refusal = Some(reason);
    }
}

/// What became of the events of a pull.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) marks: Vec<Mark>,
    pub(super) pause: Option<String>,
    pub(super) answered: bool,
    pub(super) host: Option<Arc<Door>>,
    again_until: Option<Timestamp>,
    back_until: Option<Timestamp>,
    /// Events that could not keep their order.
    pub(super) unordered: u64,
}

impl Tally {
    pub(super) fn mark(&mut self, item: u32) -> Option<&mut Mark> {
        self.marks.get_mut(item as usize)
    }

    pub(super) fn add(&mut self, report: Report) {
        let bit = 1_u64 << (report.subscription & 63);
        if let Fate::Kept(refused) = &report.fate {
            let times = if refused.retries_only { &mut self.again_until } else { &mut self.back_until };
            // A gate that is shut counts whole; one that is only full opens for the first that comes.
            *times = if refused.shut {
                (*times).max(Some(refused.until))
            } else {
                Some(times.map_or(refused.until, |t| t.min(refused.until)))
            };
        }
        for item in report.items {
            let Some(mark) = self.marks.get_mut(item as usize) else { continue };
            match &report.fate {
                Fate::Delivered { status, elapsed_ms } => {
                    mark.got |= bit;
                    mark.tried = true;
                    (mark.status, mark.elapsed_ms) = (*status, *elapsed_ms);
                }
                Fate::Rejected(reason) => {
                    mark.tried = true;
                    mark.reject(bit, Arc::clone(reason));
                }
                Fate::Again { after, reason } => {
                    mark.tried = true;
                    mark.again |= bit;
                    mark.after = mark.after.max(*after);
                    mark.reason = Some(Arc::clone(reason));
                }
                Fate::Kept(refused) => {
                    mark.kept |= bit;
                    mark.shut |= refused.shut;
                    mark.until = mark.until.max(Some(refused.until));
                }
                Fate::Paused => mark.kept |= bit,
                Fate::Held => {
                    mark.kept |= bit;
                    mark.held = true;
                }
            }
        }
    }
}

/// Makes the record, and what the scheduler is told.
pub(super) fn finish(
    shared: &Shared,
    acting: &Acting,
    pull: &Pull,
    batch: &Batch,
    tally: Tally,
) -> (Outcome, Finished) {
    let now = shared.now();
    let mut end = End {
        now,
        backoff: &shared.parts.options.backoff,
        seed: mix(&[shared.parts.seed, u64::from(pull.lane.source.0), u64::from(pull.lane.instance.0)]),
        ordered: acting.ordered,
        outcome: Outcome { lane: pull.lane, at: now, done: Vec::new(), retry: Vec::new(), dead: Vec::new() },
        finished: Finished::default(),
        counters: &acting.counters,
        counts: Counts::default(),
        back: Vec::new(),
    };
    // What the log no longer has was given up long ago.
    batch.gone.iter().for_each(|seq| end.done(*seq, How::Skipped));
    for (item, mark) in batch.items.iter().zip(tally.marks.iter()) {
        end.event(item, mark);
    }
    let wanted = tally.marks.iter().filter(|mark| mark.wanted != 0).count();
    end.close(batch, pull, wanted);
    Counters::add(&acting.counters.unordered, tally.unordered);
    let (outcome, mut finished) = (end.outcome, end.finished);
    finished.back_until = tally.back_until;
    finished.again_until = tally.again_until;
    finished.instance = acting.door.view(now);
    finished.host = tally.host.map(|door| (door.number, door.view(now)));
    finished.pause = tally.pause;
    finished.answered = tally.answered;
    (outcome, finished)
}

/// Counted apart and added at the end: the counters are shared by all workers.
#[derive(Debug, Default)]
struct Counts {
    delivered: u64,
    skipped: u64,
    rejected: u64,
    dead: u64,
    retried: u64,
    deferred: u64,
}

/// A record in the making.
struct End<'a> {
    now: Timestamp,
    backoff: &'a Backoff,
    seed: u64,
    ordered: bool,
    outcome: Outcome,
    finished: Finished,
    counters: &'a Counters,
    counts: Counts,
    back: Vec<Seq>,
}

impl End<'_> {
    fn event(&mut self, item: &Item, mark: &Mark) {
        // What has no fate (its task was torn down) was not tried, as far as anybody knows.
        let open = mark.again | mark.kept | mark.open();
        let rejected = mark.rejected | item.before.as_ref().map_or(0, |before| before.refused);
        if open != 0 {
            self.unfinished(item, mark, open, rejected);
        } else if rejected != 0 {
            self.counts.rejected += 1;
            let before = item.before.as_ref();
            let refusal = mark.refusal.as_deref().or(before.and_then(|before| before.refusal.as_deref()));
            let reason = refusal.unwrap_or("refused");
            self.dead(item, mark, rejected, reason.to_owned());
        } else if mark.got != 0 {
            self.counts.delivered += 1;
            self.done(item.seq, How::Delivered { status: mark.status, elapsed_ms: mark.elapsed_ms });
        } else {
            self.counts.skipped += 1;
            self.done(item.seq, How::Skipped);
        }
    }

    fn unfinished(&mut self, item: &Item, mark: &Mark, open: u64, rejected: u64) {
        let before = item.before.as_ref();
        let tried = mark.again != 0;
        let attempts = before.map_or(0, |before| before.attempts) + u32::from(tried);
        let since = before.filter(|before| before.attempts > 0).map_or(self.now, |before| before.since);
        let old = attempts > 0 && ago(self.now, since) >= self.backoff.window;
        let reason = mark.reason.clone().or_else(|| before.map(|before| Arc::clone(&before.reason)));
        if old && (tried || mark.shut) {
            let reason = self.gave_up(attempts, since, item, reason.as_deref().unwrap_or("a gate was shut"));
            self.dead(item, mark, open | rejected, reason);
            return;
        }
        if !tried {
            self.counts.deferred += 1;
            // Nothing at all happened to a new event: it stays as it was.
            if before.is_none() && mark.got == 0 && rejected == 0 && !mark.held {
                self.back.push(item.seq);
                return;
            }
        }
        let at =
            if tried { self.next(item, mark, attempts, since) } else { mark.until.unwrap_or(self.now).max(self.now) };
        let reason = reason.unwrap_or_else(|| {
            Arc::from(if mark.held { "an earlier event of the same user waits" } else { "a gate was shut" })
        });
        let waiting = Waiting {
            attempts,
            since,
            at,
            open,
            refused: rejected,
            refusal: mark.refusal.clone().or_else(|| before.and_then(|before| before.refusal.clone())),
            user: if self.ordered { item.user } else { 0 },
            held: mark.held,
            ahead: before.map_or(0, |before| before.ahead),
            reason: Arc::clone(&reason),
        };
        if tried || before.is_none() || mark.got != 0 || mark.rejected != 0 {
            self.counts.retried += u64::from(tried);
            let reason = Self::told(&reason, waiting.ahead);
            self.outcome.retry.push((item.seq, Retry { attempts, since, at, open: open | rejected, reason }));
        }
        self.finished.waiting.push((item.seq, waiting));
    }

    fn next(&self, item: &Item, mark: &Mark, attempts: u32, since: Timestamp) -> Timestamp {
        let random = mix(&[self.seed, item.seq, u64::from(attempts)]);
        let at = later(self.now, self.backoff.wait(attempts, mark.after, random));
        // The last attempt is made when the window ends, unless the partner asked for a longer wait than that.
        let end = later(since, self.backoff.window).max(later(self.now, mark.after.unwrap_or_default()));
        at.min(end)
    }

    fn gave_up(&self, attempts: u32, since: Timestamp, item: &Item, last: &str) -> String {
        let ahead = item.before.as_ref().map_or(0, |before| before.ahead);
        let spent = Duration::from_secs(ago(self.now, since).as_secs());
        let times = if attempts == 1 { "attempt" } else { "attempts" };
        let text = format!("gave up after {}, {attempts} {times}: {last}", humantime::format_duration(spent));
        let behind = if self.ordered && item.user != 0 { "; later events of this user go on without it" } else { "" };
        Self::told(&(text + behind), ahead)
    }

    fn told(reason: &str, ahead: u32) -> String {
        match ahead {
            0 => reason.to_owned(),
            _ => format!("{reason} ({ahead} later events of this user went ahead of it, too many waited)"),
        }
    }

    fn dead(&mut self, item: &Item, mark: &Mark, open: u64, reason: String) {
        self.counts.dead += 1;
        self.finished.dead += 1;
        let attempts = item.before.as_ref().map_or(0, |before| before.attempts) + u32::from(mark.tried);
        self.outcome.dead.push((item.seq, Dead { attempts, open, reason }));
    }

    fn done(&mut self, seq: Seq, how: How) {
        match self.outcome.done.last_mut().filter(|last| last.events.end == seq && last.how == how) {
            Some(last) => last.events.end += 1,
            None => self.outcome.done.push(Done { events: seq..seq + 1, how }),
        }
    }

    fn close(&mut self, batch: &Batch, pull: &Pull, wanted: usize) {
        for seq in std::mem::take(&mut self.back) {
            match self.finished.back.last_mut().filter(|last| last.end == seq) {
                Some(last) => last.end += 1,
                None => self.finished.back.push(seq..seq + 1),
            }
        }
        if matches!(pull.what, What::New { .. }) {
            self.finished.seen = batch.seen(wanted);
        }
        let (counters, counts) = (self.counters, &self.counts);
        Counters::add(&counters.delivered, counts.delivered);
        Counters::add(&counters.skipped, counts.skipped);
        Counters::add(&counters.rejected, counts.rejected);
        Counters::add(&counters.dead, counts.dead);
        Counters::add(&counters.retried, counts.retried);
        Counters::add(&counters.deferred, counts.deferred);
    }
}
