//! What counts and what is hidden.

// Paths are written as those of the key's rules are, and read by the same code.
mod json;
#[path = "../key/json_path.rs"]
mod json_path;
mod redact;
