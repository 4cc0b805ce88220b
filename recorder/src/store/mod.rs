//! The folder of one test's tapes: names, look-up, and a commit that is whole or not at all.
//!
//! ```text
//! tapes/<module path>/<test>/<method>-<host>-<path>-<12 hex of the key>.yaml
//! ```
//!
//! Look-up is by name: the key gives the file, so nothing is scanned and ten tapes cost what a million do. A commit writes
//! every new file under a temporary name, renames them into place, and only then removes what the run no longer made; it
//! holds the folder's lock and refuses if another process changed the folder since this one looked.

mod attributes;
mod commit;
mod folder;
mod lock;
mod name;
pub(crate) mod pending;

pub(crate) use attributes::guard_line_ends;
pub(crate) use commit::Commit;
pub use folder::StoreError;
#[cfg(feature = "tools")]
pub(crate) use folder::is_body;
pub(crate) use folder::{Folder, Snapshot, is_tape};
pub(crate) use name::{case_name, folder_of, folder_of_any, tape_name};
