//! The command `router`.
