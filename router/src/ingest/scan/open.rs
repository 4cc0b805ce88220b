//! A stack of bits, as deep as it must be.

/// The containers that are open, a bit each: set for an object.
#[derive(Debug, Default)]
pub(super) struct Open {
    bits: u64,
    count: usize,
    full: Vec<u64>,
}

impl Open {
    pub(super) fn push(&mut self, object: bool) {
        if self.count > 0 && self.count.is_multiple_of(64) {
            self.full.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(object);
        self.count += 1;
    }

    pub(super) fn last(&self) -> Option<bool> {
        (self.count > 0).then_some(self.bits & 1 == 1)
    }

    pub(super) fn pop(&mut self) {
        self.count -= 1;
        self.bits >>= 1;
        if self.count > 0 && self.count.is_multiple_of(64) {
            self.bits = self.full.pop().unwrap_or_default();
        }
    }
}
