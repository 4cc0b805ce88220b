//! The rare destinations that need Rust beside their file.
