//! The engine without a service to start: segment files that are synced, and an index on fjall that follows them.
//!
//! ```text
//! append, record ──► writer (one thread) ──► segments/00000001.seg …   one write and one sync for all who wait
//!                                       └──► index/ (fjall)            not synced: it follows from its mark after a crash
//! read ──► index ──► segments
//! ```
//!
//! **Why the events are not in fjall.** Measured (2 cores, events of 1 KB, a process of its own; the ratios are what counts): 32
//! requests with one event each, synced together, took 7.8 µs of CPU an event in fjall and 3.6 beside it, at 70,000–99,000 events a
//! second against 142,000; parcels of 100 took 1.6 against 1.1. fjall writes everything twice (journal, then table), which showed
//! in the pauses: 1 in 100 groups waited 2–9 ms, against 0.3–3. And it takes nothing more once a write has failed, which a full disk
//! makes happen; a file can be cut. What is lost: fjall's own torn-end handling and checksums, so that [`frame`] and [`replay`] have
//! theirs, and tests that kill the process. Copying events out of a segment that is nearly empty, and carrying over what it tells
//! besides ([`expire`]), is ours to do as well.
//!
//! **The segment files are the truth.** The index can be made anew from them, and is when it cannot be opened: its journal is not
//! synced, and fjall refuses some torn journals that a power failure may leave. Before a segment goes, the names, lanes and
//! places that only it tells are written again. Records of single events that went with it are then lost to `history`, no more.
//!
//! **Full disk.** A group that cannot be written is cut off again and refused; nothing of it has a place. Where only the index has no
//! space, what was answered is safe and nothing new is accepted until the index is open again; that is tried with each write, and
//! every second.
//!
//! **What is where.** [`segments`] holds every parcel and record as a [`frame`], in the order of acceptance. The [`index`] says where
//! a source's [`run`]s lie, and holds the records again, by lane, with checkpoints that the [`keeper`] folds. [`books`] is how the
//! index is written, [`expire`] how everything gets rid of what is done with.
//!
//! **How far back `history` reaches.** To the oldest event that is kept: a record goes when all events it tells of have gone.

mod books;
mod codec;
mod context;
mod engine;
mod expire;
mod folder;
mod frame;
mod index;
mod keeper;
mod keys;
mod outcome;
mod parcel;
mod reading;
mod replay;
mod run;
mod segments;
mod shared;
mod tidy;
mod writer;

pub use engine::Embedded;

/// How the log uses the machine.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EmbeddedOptions {
    /// What of the index is kept in memory for reading, in bytes. Events are cached by the operating system.
    pub cache_bytes: u64,
    /// How large a segment file grows, in bytes: the step in which disk space is given back.
    pub segment_bytes: u64,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { cache_bytes: 32 * 1024 * 1024, segment_bytes: 64 * 1024 * 1024 }
    }
}
