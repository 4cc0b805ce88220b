//! Places of events as a list of ranges: in order, disjoint, none empty.

use std::ops::Range;

use crate::log::Seq;

/// Some events of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<Range<Seq>>);

impl Ranges {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many events these are.
    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    pub(super) fn first(&self) -> Option<Seq> {
        self.0.first().map(|range| range.start)
    }

    /// Adds events; those that are in already stay in once.
    pub(super) fn insert(&mut self, new: Range<Seq>) {
        if new.is_empty() {
            return;
        }
        let from = self.0.partition_point(|range| range.end < new.start);
        let to = self.0.partition_point(|range| range.start <= new.end);
        let touched = self.0.get(from..to).unwrap_or_default();
        let start = touched.first().map_or(new.start, |range| range.start.min(new.start));
        let end = touched.last().map_or(new.end, |range| range.end.max(new.end));
        self.0.splice(from..to, std::iter::once(start..end));
    }

    /// Takes out the first events, at most `most`.
    pub(super) fn take(&mut self, most: u64) -> Vec<Range<Seq>> {
        let mut left = most;
        let mut taken = Vec::new();
        let mut whole = 0;
        for range in &mut self.0 {
            if left == 0 {
                break;
            }
            let some = left.min(range.end - range.start);
            taken.push(range.start..range.start + some);
            left -= some;
            range.start += some;
            whole += usize::from(range.is_empty());
        }
        self.0.drain(..whole);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
        taken
    }

    /// What lies before and between these, from 0 on.
    pub(super) fn gaps(judged: &[Range<Seq>]) -> Self {
        let mut next = 0;
        let mut gaps = Self::default();
        for range in judged {
            gaps.insert(next..range.start);
            next = next.max(range.end);
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_a_set_of_numbers(steps in proptest::collection::vec((any::<bool>(), 0_u64..60, 0_u64..12), 0..60)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (insert, start, length) in steps {
                if insert {
                    ranges.insert(start..start + length);
                    set.extend(start..start + length);
                } else {
                    let taken: Vec<u64> = ranges.take(length).into_iter().flatten().collect();
                    let expected: Vec<u64> = set.iter().copied().take(length as usize).collect();
                    set.retain(|n| !expected.contains(n));
                    prop_assert_eq!(taken, expected);
                }
                prop_assert_eq!(ranges.len(), set.len() as u64);
                prop_assert_eq!(ranges.first(), set.first().copied());
                prop_assert!(ranges.0.windows(2).all(|pair| pair[0].end < pair[1].start));
            }
        }
    }

    #[test]
    fn gaps_are_what_is_missing() {
        assert_eq!(Ranges::gaps(&[2..4, 7..9]).0, [0..2, 4..7]);
        assert_eq!(Ranges::gaps(&[0..4, 4..5]).0, []);
        assert_eq!(Ranges::gaps(&[]).0, []);
    }
}
