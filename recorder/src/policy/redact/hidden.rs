//! Bytes that never show themselves.

use std::fmt;

/// A value that must not be printed: `Debug` writes `***`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Hidden(Vec<u8>);

impl Hidden {
    pub(crate) fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(value.into())
    }

    /// The bytes, for comparing and for giving back to a client.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// So that a map from values can be asked with plain bytes.
impl std::borrow::Borrow<[u8]> for Hidden {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
