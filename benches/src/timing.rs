//! A clock that takes turns: each side runs once in every round, so that a machine that slows down slows all of them.

use std::time::Duration;

use crate::Error;

/// The time of each round of one side, in seconds for one unit of work.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<f64>);

/// One side of a comparison: does its work once and says how long that took.
pub type Side<'a> = &'a mut dyn FnMut() -> Result<Duration, Error>;

/// Runs `rounds` rounds of all sides in turn, after one that warms up. `units` is how much work one run of a side does.
///
/// # Errors
/// The first of any side.
pub fn in_turn<const N: usize>(rounds: usize, units: usize, mut sides: [Side<'_>; N]) -> Result<[Times; N], Error> {
    let mut times = [const { Times(Vec::new()) }; N];
    for round in 0..=rounds {
        for (side, times) in sides.iter_mut().zip(&mut times) {
            let took = side()?;
            if round > 0 {
                times.0.push(took.as_secs_f64() / units as f64);
            }
        }
    }
    Ok(times)
}

impl Times {
    /// Adds the time of a round that was measured elsewhere.
    pub fn push(&mut self, seconds: f64) {
        self.0.push(seconds);
    }

    /// How many rounds were measured.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.0.len()
    }

    /// The median, in seconds for one unit.
    #[must_use]
    pub fn median(&self) -> f64 {
        median(self.0.clone())
    }

    /// The median of the ratios of each round to the same round of `other`.
    #[must_use]
    pub fn ratio(&self, other: &Self) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(ours, theirs)| ours / theirs).collect())
    }
}

/// Four significant digits with a unit that keeps them readable: `1.23 µs`.
#[must_use]
pub fn show(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-6 => (s * 1e9, "ns"),
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    format!("{value:.*} {unit}", if value < 10.0 { 2 } else { usize::from(value < 100.0) })
}

/// A markdown table, its first column left-aligned and the others right-aligned.
#[must_use]
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rule: String = (0..head.len()).map(|column| if column == 0 { "|---" } else { "|---:" }).collect();
    format!("{}{rule}|\n{}", line(&head), rows.iter().map(|row| line(row)).collect::<String>())
}

/// The value in the middle; 0 where there is none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        let (ours, theirs) = (Times(vec![2.0, 20.0, 3.0]), Times(vec![1.0, 10.0, 1.0]));
        assert_eq!(ours.ratio(&theirs), 2.0);
        assert_eq!(ours.median(), 3.0);
    }

    #[test]
    fn sides_take_turns_and_the_first_round_is_dropped() {
        let order = std::cell::RefCell::new(String::new());
        let side = |name| {
            let order = &order;
            move || {
                order.borrow_mut().push(name);
                Ok(Duration::from_secs(4))
            }
        };
        let [a, b] = in_turn(2, 4, [&mut side('a'), &mut side('b')]).unwrap();
        assert_eq!(*order.borrow(), "ababab");
        assert_eq!((a.rounds(), b.median()), (2, 1.0));
    }

    #[test]
    fn times_are_shown_with_a_unit_that_fits() {
        assert_eq!(
            [show(0.000_001_234), show(0.25), show(3.0e-8), show(2.0)],
            ["1.23 µs", "250 ms", "30.0 ns", "2.00 s"]
        );
    }
}
