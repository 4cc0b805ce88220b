//! The engine for tests.
