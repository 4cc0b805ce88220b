//! What the command `tapes` is made of, for tools of your own: tapes below a folder, the settings that hold for them, and what can
//! be asked of a tape without a client.
//!
//! | question | |
//! |---|---|
//! | which tapes are there? | [`tapes_below`] |
//! | what is the key of this request, and why? | [`Settings::explain`] |
//! | is this file what the recorder would write? | [`Settings::verify`] |
//! | is there a secret in it? | [`Settings::scan`] |
//! | what differs in meaning? | [`Settings::compare`] |
//! | is its world whole, and without a secret? | [`Settings::check_world`] |
//! | which keys do today's rules give? | [`Settings::rekey`] |
//! | what would the live request be? | [`Settings::live_request`] |
//!
//! [`recorder`] opens a folder outside of a test, to replay it or to compare it with a service; [`remove_tapes`] empties one;
//! [`pending_below`] finds what `RECORD=review` left to be looked at.
//!
//! Matching, redaction and storage are the recorder's own. Nothing here needs a network.
//!
//! ```
//! use traffic_recorder::tools::{Settings, tapes_below};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let settings = Settings::for_folder(folder.path())?;
//! for file in tapes_below(folder.path())? {
//!     for finding in settings.verify(&file) {
//!         println!("{}: {finding}", file.display());
//!     }
//! }
//! # Ok::<(), traffic_recorder::Error>(())
//! ```

mod body;
mod compare;
mod explain;
mod files;
mod live;
mod pending;
mod rekey;
mod remove;
mod scan;
mod settings;
mod verify;
mod world;

pub use body::{StreamEvent, plain_body, stream_events};
pub use compare::{Change, Weight};
pub use explain::Explained;
pub use files::{body_files, is_body_name, is_tape_name, stray_bodies, tapes_below};
pub use live::{Places, recorder};
pub use pending::{Pending, PendingKind, pending_below};
pub use rekey::{Rekeyed, Rekeying};
pub use remove::{Removal, remove_tapes};
pub use settings::Settings;
pub use verify::{Finding, FindingKind};
pub use world::WORLD_FILE;
