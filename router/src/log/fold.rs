//! Records folded into how far a lane is. Later records win: an event that was to be tried again and was delivered later is done.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{LaneState, Outcome, Retry, Seq};

/// How far a lane is, in a form to which records can be added quickly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fold {
    /// First to end, disjoint and not touching.
    judged: BTreeMap<Seq, Seq>,
    retries: BTreeMap<Seq, Retry>,
}

impl Fold {
    /// Adds a record.
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        for done in &outcome.done {
            self.judge(done.events.clone());
            self.settle(done.events.clone());
        }
        for (seq, retry) in &outcome.retry {
            self.judge(single(*seq));
            self.retries.insert(*seq, retry.clone());
        }
        for (seq, _) in &outcome.dead {
            self.judge(single(*seq));
            self.retries.remove(seq);
        }
    }

    /// Up to where every event from `start` on is done or dead.
    pub(crate) fn finished(&self, start: Seq) -> Seq {
        let end = self.judged.range(..=start).next_back().map_or(start, |(_, end)| (*end).max(start));
        self.retries.range(start..).next().map_or(end, |(retry, _)| end.min(*retry))
    }

    /// What the lane is told, with the number of its dead letters.
    pub(crate) fn into_state(self, dead: u64) -> LaneState {
        let judged = self.judged.into_iter().map(|(first, end)| first..end).collect();
        LaneState { judged, retries: self.retries.into_iter().collect(), dead }
    }

    fn judge(&mut self, events: Range<Seq>) {
        if events.is_empty() {
            return;
        }
        let Range { mut start, mut end } = events;
        while let Some((&first, &last)) = self.judged.range(..=end).next_back() {
            if last < start {
                break;
            }
            self.judged.remove(&first);
            (start, end) = (start.min(first), end.max(last));
        }
        self.judged.insert(start, end);
    }

    fn settle(&mut self, events: Range<Seq>) {
        while let Some((&seq, _)) = self.retries.range(events.clone()).next() {
            self.retries.remove(&seq);
        }
    }
}

impl From<LaneState> for Fold {
    fn from(state: LaneState) -> Self {
        let judged = state.judged.into_iter().map(|events| (events.start, events.end)).collect();
        Self { judged, retries: state.retries.into_iter().collect() }
    }
}

/// Whether a record mentions an event.
pub(crate) fn mentions(outcome: &Outcome, seq: Seq) -> bool {
    outcome.done.iter().any(|done| done.events.contains(&seq))
        || outcome.retry.iter().any(|(retry, _)| *retry == seq)
        || outcome.dead.iter().any(|(dead, _)| *dead == seq)
}

fn single(seq: Seq) -> Range<Seq> {
    seq..seq.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::{Dead, Done, How, InstanceId, LaneId, SourceId};
    use super::*;

    fn record() -> Outcome {
        let lane = LaneId { source: SourceId(0), instance: InstanceId(0) };
        Outcome { lane, at: Timestamp::UNIX_EPOCH, done: vec![], retry: vec![], dead: vec![] }
    }

    fn done(events: Range<Seq>) -> Outcome {
        Outcome { done: vec![Done { events, how: How::Skipped }], ..record() }
    }

    fn retry(seq: Seq) -> Outcome {
        let retry = Retry {
            attempts: 1,
            since: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            open: 1,
            reason: "503".into(),
        };
        Outcome { retry: vec![(seq, retry)], ..record() }
    }

    fn dead(seq: Seq) -> Outcome {
        Outcome { dead: vec![(seq, Dead { attempts: 1, open: 1, reason: "400".into() })], ..record() }
    }

    fn folded(records: &[Outcome]) -> Fold {
        let mut fold = Fold::default();
        records.iter().for_each(|record| fold.add(record));
        fold
    }

    #[test]
    fn ranges_that_touch_or_overlap_become_one() {
        let state = folded(&[done(0..2), done(4..6), done(8..9), done(2..4), done(5..8), done(20..20)]).into_state(0);
        assert_eq!(state.judged, [0..9; 1]);
    }

    #[test]
    fn the_last_record_of_an_event_wins() {
        let fold = folded(&[retry(1), retry(2), retry(3), done(2..3), dead(3)]);
        let state = fold.into_state(1);
        assert_eq!(state.judged, [1..4; 1]);
        assert_eq!(state.retries.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn finished_ends_at_a_gap_or_a_retry() {
        assert_eq!(folded(&[done(0..5), done(6..9)]).finished(0), 5);
        assert_eq!(folded(&[done(0..5), done(6..9)]).finished(5), 5);
        assert_eq!(folded(&[done(0..5), retry(3), dead(1)]).finished(0), 3);
        assert_eq!(folded(&[done(0..5), retry(3)]).finished(4), 5);
        assert_eq!(folded(&[]).finished(7), 7);
    }

    #[test]
    fn a_state_folds_on_where_it_was() {
        let fold = folded(&[done(0..5), retry(7)]);
        let mut again = Fold::from(fold.clone().into_state(0));
        assert_eq!(again, fold);
        again.add(&done(5..8));
        assert_eq!(again.into_state(0), LaneState { judged: vec![0..8; 1], ..LaneState::default() });
    }
}
