//! What came out.

use serde_json::Value;

use super::Listed;

/// The outcome of all cases.
#[derive(Debug, Default)]
pub struct Summary {
    /// The destinations that there are.
    pub checked: Vec<Checked>,
    /// Those that there are not.
    pub absent: Vec<Absent>,
}

/// A destination that is not built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// Its name in file names.
    pub slug: String,
    /// How many cases wait for it.
    pub cases: usize,
}

/// A destination's cases.
#[derive(Debug)]
pub struct Checked {
    /// Its name in file names.
    pub slug: String,
    /// Its cases in the order of the file.
    pub cases: Vec<CheckedCase>,
    /// Listed differences that did not occur in any case.
    pub stale: Vec<Listed>,
}

/// A case that was compared.
#[derive(Debug)]
pub struct CheckedCase {
    /// The action.
    pub action: String,
    /// The name of the case.
    pub name: String,
    /// What differs; nothing where all is the same.
    pub differences: Vec<Difference>,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where, as a JSON pointer: `/requests/0/json/a`, `/requests/0/url/query/a`, `/requests/0/headers/a`, `/error`, `/action`.
    pub at: String,
    /// What we send; `None` where we send nothing.
    pub ours: Option<Value>,
    /// What Segment sends.
    pub theirs: Option<Value>,
    /// The reason, where the difference is listed.
    pub why: Option<String>,
}

impl CheckedCase {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.differences.is_empty()
    }

    /// Whether something differs that is not listed.
    #[must_use]
    pub fn is_unlisted(&self) -> bool {
        self.differences.iter().any(|difference| difference.why.is_none())
    }
}

impl Checked {
    /// How many cases are the same, differ only as listed, and differ otherwise.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        let same = self.cases.iter().filter(|case| case.is_same()).count();
        let unlisted = self.cases.iter().filter(|case| case.is_unlisted()).count();
        [same, self.cases.len() - same - unlisted, unlisted]
    }
}

impl Summary {
    /// Whether all that differs is listed; with `all`, a destination that is not built counts as a difference.
    #[must_use]
    pub fn passed(&self, all: bool) -> bool {
        let agree = self.checked.iter().all(|checked| checked.counts()[2] == 0);
        agree && (!all || self.absent.is_empty())
    }
}
