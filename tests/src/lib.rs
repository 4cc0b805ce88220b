//! What the tests of the recorder share.
