//! The same question to many tapes, on all cores, answers in order.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indicatif::ProgressBar;

/// Asks each item; the answers come in the order of the items.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], bar: &ProgressBar, ask: impl Fn(&T) -> R + Sync) -> Vec<R> {
    /// Items that a thread takes at a time.
    const PIECE: usize = 64;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(items.len().div_ceil(PIECE)).max(1);
    let (next, answers) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let from = next.fetch_add(PIECE, Ordering::Relaxed);
            let Some(piece) = items.get(from..items.len().min(from + PIECE)).filter(|piece| !piece.is_empty()) else {
                return;
            };
            let asked: Vec<R> = piece.iter().map(&ask).collect();
            bar.inc(piece.len() as u64);
            let mut answers = answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            answers.push((from, asked));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    bar.finish_and_clear();
    let mut answers = answers.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    answers.sort_unstable_by_key(|(from, _)| *from);
    answers.into_iter().flat_map(|(_, answers)| answers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(map(&items, &ProgressBar::hidden(), |n| n * 2), items.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert!(map(&[] as &[usize], &ProgressBar::hidden(), |n| *n).is_empty());
    }
}
