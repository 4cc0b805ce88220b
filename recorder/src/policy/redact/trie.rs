//! The index of values: which known value begins here, in whatever spelling.
//!
//! A burst trie: a value alone below a prefix is one leaf and is compared with the value itself, so that ten thousand
//! tokens with a long common head cost one chain of nodes and not ten thousand comparisons. A bitmap over the first two
//! bytes keeps the common case, nothing begins here, at one look-up.

use std::collections::HashSet;

use super::units::{Unit, may_escape, readings};

/// Values by number; the bytes stay with the caller and are handed to each call.
#[derive(Default)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// Bit `a * 256 + b`: a value begins with the bytes `a`, `b`. None while there are no values.
    heads: Option<Box<[u64; 1024]>>,
    firsts: Vec<bool>,
}

enum Node {
    Leaf(u32),
    Branch { end: Option<u32>, next: Vec<(u8, u32)> },
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    node: u32,
    /// How many bytes are matched.
    depth: usize,
}

impl Trie {
    /// Adds value `id`, of at least two bytes; `value_of` gives the bytes of the ids that were added before, and of this one.
    pub(super) fn insert<'v>(&mut self, id: u32, value_of: impl Fn(u32) -> &'v [u8]) {
        let value = value_of(id);
        if self.nodes.is_empty() {
            self.nodes.push(Node::Branch { end: None, next: Vec::new() });
            self.firsts = vec![false; 256];
        }
        let head = usize::from(value[0]) * 256 + usize::from(value[1]);
        self.heads.get_or_insert_with(|| Box::new([0; 1024]))[head / 64 % 1024] |= 1 << (head % 64);
        self.firsts[usize::from(value[0])] = true;

        let (mut at, mut depth) = (0, 0);
        loop {
            let fresh = self.nodes.len() as u32;
            match &mut self.nodes[at] {
                Node::Leaf(other) => {
                    // Two values below one leaf: a branch for the next byte takes its place, and the walk goes on.
                    let other = *other;
                    let old = value_of(other);
                    let branch = if old.len() == depth {
                        Node::Branch { end: Some(other), next: Vec::new() }
                    } else {
                        self.nodes.push(Node::Leaf(other));
                        Node::Branch { end: None, next: vec![(old[depth], fresh)] }
                    };
                    self.nodes[at] = branch;
                }
                Node::Branch { end, next } => {
                    let Some(&byte) = value.get(depth) else {
                        *end = Some(id);
                        return;
                    };
                    match next.binary_search_by_key(&byte, |(b, _)| *b) {
                        Ok(found) => {
                            at = next[found].1 as usize;
                            depth += 1;
                        }
                        Err(place) => {
                            next.insert(place, (byte, fresh));
                            self.nodes.push(Node::Leaf(id));
                            return;
                        }
                    }
                }
            }
        }
    }

    /// The value whose spelling at `at` is longest: where it ends, and its id. `fits` may refuse one (word boundaries).
    pub(super) fn longest_at<'v>(
        &self,
        text: &[u8],
        at: usize,
        value_of: &impl Fn(u32) -> &'v [u8],
        fits: &impl Fn(u32, usize) -> bool,
    ) -> Option<(usize, u32)> {
        let mut walk = Walk { trie: self, text, value_of, fits, best: None, seen: HashSet::new() };
        walk.from(State { node: 0, depth: 0 }, at);
        walk.best
    }

    /// Whether it is worth looking closer. False for most positions of most texts.
    #[inline]
    pub(super) fn may_begin(&self, text: &[u8], at: usize) -> bool {
        let Some(heads) = &self.heads else { return false };
        let [first, second] = match text.get(at..at + 2) {
            Some(&[first, second]) => [first, second],
            _ => return false,
        };
        let head = usize::from(first) * 256 + usize::from(second);
        (heads[head / 64 % 1024] >> (head % 64)) & 1 == 1
            || may_escape(first)
            || (may_escape(second) && self.firsts[usize::from(first)])
    }
}

struct Walk<'a, V, F> {
    trie: &'a Trie,
    text: &'a [u8],
    value_of: &'a V,
    fits: &'a F,
    best: Option<(usize, u32)>,
    /// Forks that were taken already: keeps runs of backslashes from being read in exponentially many ways.
    seen: HashSet<(State, usize)>,
}

impl<'v, V: Fn(u32) -> &'v [u8], F: Fn(u32, usize) -> bool> Walk<'_, V, F> {
    fn from(&mut self, mut state: State, mut at: usize) {
        loop {
            if let Some(id) = self.ends(state)
                && self.best.is_none_or(|(end, _)| at > end)
                && (self.fits)(id, at)
            {
                self.best = Some((at, id));
            }
            let Some(&byte) = self.text.get(at) else { return };
            if !may_escape(byte) {
                match self.step(state, byte) {
                    Some(next) => (state, at) = (next, at + 1),
                    None => return,
                }
                continue;
            }
            let all = readings(self.text, at);
            let mut ways = all.as_slice().iter().filter_map(|unit| Some((self.steps(state, unit)?, at + unit.taken)));
            let Some(first) = ways.next() else { return };
            let others: Vec<_> = ways.collect();
            if !others.is_empty() {
                if !self.seen.insert((state, at)) {
                    return;
                }
                for (state, at) in others {
                    self.from(state, at);
                }
            }
            (state, at) = first;
        }
    }

    fn ends(&self, state: State) -> Option<u32> {
        match &self.trie.nodes[state.node as usize] {
            Node::Leaf(id) => ((self.value_of)(*id).len() == state.depth).then_some(*id),
            Node::Branch { end, .. } => *end,
        }
    }

    fn steps(&self, state: State, unit: &Unit) -> Option<State> {
        unit.bytes().iter().try_fold(state, |state, &byte| self.step(state, byte))
    }

    fn step(&self, state: State, byte: u8) -> Option<State> {
        let depth = state.depth + 1;
        match &self.trie.nodes[state.node as usize] {
            Node::Leaf(id) => {
                ((self.value_of)(*id).get(state.depth) == Some(&byte)).then_some(State { node: state.node, depth })
            }
            Node::Branch { next, .. } => {
                let found = next.binary_search_by_key(&byte, |(b, _)| *b).ok()?;
                Some(State { node: next[found].1, depth })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(values: &[&str], text: &str) -> Option<(usize, usize, u32)> {
        let value_of = |id: u32| values[id as usize].as_bytes();
        let mut trie = Trie::default();
        for id in 0..values.len() as u32 {
            trie.insert(id, value_of);
        }
        (0..text.len())
            .filter(|&at| trie.may_begin(text.as_bytes(), at))
            .find_map(|at| trie.longest_at(text.as_bytes(), at, &value_of, &|_, _| true).map(|(end, id)| (at, end, id)))
    }

    #[test]
    fn the_longest_value_wins() {
        let values = ["tok-1", "tok-123", "tok-9", "other"];
        assert_eq!(find(&values, "xx tok-12"), Some((3, 8, 0)));
        assert_eq!(find(&values, "xx tok-1234"), Some((3, 10, 1)));
        assert_eq!(find(&values, "tok-90"), Some((0, 5, 2)));
        assert_eq!(find(&values, "tok-8"), None);
    }

    #[test]
    fn spellings_mix_in_one_value() {
        assert_eq!(find(&["a b/\"c"], "=a+b%2F\\u0022c&"), Some((1, 14, 0)));
        assert_eq!(find(&["a%41"], "a%41"), Some((0, 4, 0)));
        assert_eq!(find(&["aA%"], "a%41%25"), Some((0, 7, 0)));
    }

    #[test]
    fn runs_of_backslashes_take_no_exponential_time() {
        let value = "\\".repeat(60) + "x";
        let text = "\\".repeat(200);
        assert_eq!(find(&[&value], &text), None);
    }
}
