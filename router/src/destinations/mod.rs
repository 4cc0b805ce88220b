//! The rare destinations that need Rust beside their file.

use crate::destination::Code;

/// The hooks: the destination, the name that its file gives after `code:`, and the hook.
pub const HOOKS: &[(&str, &str, &dyn Code)] = &[];
