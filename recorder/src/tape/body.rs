//! A body: none, bytes in memory, or a file with its length and digest.

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;

/// What was sent as a body. Absent and empty are two things; JSON `null` is a third, four bytes long.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Body {
    /// No body at all: a `GET`, a 204, the answer to a `HEAD`.
    #[default]
    Absent,
    /// The bytes as they were on the wire, content coding included. Empty means that a body of no bytes was sent.
    Bytes(Bytes),
    /// Wire bytes too many to hold in memory.
    File(BodyFile),
}

/// A body that lies in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyFile {
    /// Where it lies.
    pub path: PathBuf,
    /// How many bytes it has.
    pub len: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

impl Body {
    /// How many bytes the body has; an absent one none.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file) => file.len,
        }
    }

    /// Whether there are no bytes: absent or empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, where they are in memory; an absent body has none.
    #[must_use]
    pub fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Absent | Self::File(_) => None,
        }
    }
}

/// The length alone: the content may be a secret.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}
