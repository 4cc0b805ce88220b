//! What a compiled value asks for when it runs, so that what never changes is made once.

/// A set of the things that paths may begin at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Uses(u8);

impl Uses {
    pub(crate) const SETTINGS: Self = Self(1);
    /// The event, the payload, an item, or its place.
    pub(crate) const EVENT: Self = Self(2);
    pub(crate) const STEPS: Self = Self(4);
    pub(crate) const BATCH: Self = Self(8);
    /// The time and random values.
    pub(crate) const ENV: Self = Self(16);
    /// How many items are in the batch, which is known last.
    pub(crate) const COUNT: Self = Self(32);

    pub(crate) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it is the same for every event of an instance.
    pub(crate) fn settings_alone(self) -> bool {
        self.0 & !Self::SETTINGS.0 == 0
    }
}
