//! What the writer and everyone who reads have in common.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::EmbeddedOptions;
use super::books::{Books, Spans};
use super::context::Context;
use super::index::{Index, Mark, Span};
use super::replay::replay;
use super::segments::Segments;
use crate::log::{LogError, SourceId};

/// The files, the index and what is kept of each source.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) context: Context,
    pub(super) options: EmbeddedOptions,
    pub(super) segments: Arc<Segments>,
    pub(super) spans: Arc<Spans>,
    folder: PathBuf,
    /// None while it is being opened again.
    index: RwLock<Option<Index>>,
    index_bytes: AtomicU64,
}

/// The index, for as long as something is read from it.
pub(super) struct Reading<'a>(RwLockReadGuard<'a, Option<Index>>);

impl Shared {
    /// Opens what is in the folder. The index is opened with [`reopen`](Self::reopen).
    pub(super) fn at(folder: PathBuf, options: EmbeddedOptions, context: Context) -> Result<Self, LogError> {
        let segments =
            Segments::at(&folder.join("segments")).map_err(|error| context.io("the segment files", &error))?;
        let (index, index_bytes) = (RwLock::new(None), AtomicU64::new(0));
        Ok(Self { context, options, segments: Arc::new(segments), spans: Arc::default(), folder, index, index_bytes })
    }

    /// Opens the index, for the first time or after it failed: fjall takes nothing more once a write has failed. It follows the
    /// segment files then, so that nothing is lost.
    pub(super) fn reopen(&self) -> Result<Books, LogError> {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        *index = None;
        let opened = self.open_index()?;
        let mut books = Books::open(opened.clone(), Arc::clone(&self.spans), self.context.clone())?;
        replay(&self.segments, &mut books, &self.context)?;
        books.forget_notes();
        self.measure(&opened);
        *index = Some(opened);
        Ok(books)
    }

    /// Opens the index. One that cannot be opened is put aside and made anew: all that is in it is in the segment files too. After
    /// a power failure this is how it has to be, because fjall's journal is not synced and does not always bear a torn end.
    fn open_index(&self) -> Result<Index, LogError> {
        let folder = self.folder.join("index");
        let open = || Index::open(&folder, &self.options, self.context.clone());
        let problem = match open() {
            Ok(index) if !self.is_stale(&index)? => return Ok(index),
            Ok(_) => "it ends before the oldest segment file begins".to_owned(),
            Err(LogError::Corrupt { problem, .. }) => problem,
            Err(error) => return Err(error),
        };
        tracing::warn!(problem, "the index is made anew; what could not be read is kept as `index.damaged`");
        let aside = self.folder.join("index.damaged");
        let io = |error: io::Error| self.context.io("putting the damaged index aside", &error);
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(io)?;
        }
        fs::rename(&folder, &aside).map_err(io)?;
        open()
    }

    /// Whether segment files went that the index has not followed.
    fn is_stale(&self, index: &Index) -> Result<bool, LogError> {
        let mark = index.mark()?;
        let oldest = self.segments.sizes().keys().next().copied();
        Ok(mark != Mark::default() && oldest.is_some_and(|oldest| mark.segment < oldest))
    }

    /// The index, to read from.
    pub(super) fn index(&self) -> Result<Reading<'_>, LogError> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        if index.is_none() {
            return Err(self.context.engine("the index could not be opened again yet; it is tried every second"));
        }
        Ok(Reading(index))
    }

    /// What is kept of a source.
    pub(super) fn span(&self, source: SourceId) -> Span {
        let spans = self.spans.read().unwrap_or_else(PoisonError::into_inner);
        spans.get(&source).copied().unwrap_or_default()
    }

    /// Every source that has or had events.
    pub(super) fn sources(&self) -> Vec<SourceId> {
        let spans = self.spans.read().unwrap_or_else(PoisonError::into_inner);
        let mut sources: Vec<_> = spans.keys().copied().collect();
        sources.sort_unstable();
        sources
    }

    /// Bytes on disk; those of the index as they were when they were last looked at.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.bytes() + self.index_bytes.load(Ordering::Relaxed)
    }

    /// Events that are kept.
    pub(super) fn events(&self) -> u64 {
        let spans = self.spans.read().unwrap_or_else(PoisonError::into_inner);
        spans.values().map(|span| span.head - span.floor).sum()
    }

    /// A frame that cannot be read.
    pub(super) fn corrupt_frame(&self, segment: u32, offset: u64, problem: &str) -> LogError {
        self.context.corrupt(&frame_at(segment, offset), problem)
    }

    /// Looks how large the index is.
    pub(super) fn measure(&self, index: &Index) {
        if let Ok(bytes) = index.db.disk_space() {
            self.index_bytes.store(bytes, Ordering::Relaxed);
        }
    }
}

/// Where a frame lies, for people.
pub(super) fn frame_at(segment: u32, offset: u64) -> String {
    format!("byte {offset} of segment file {}", Segments::name(segment))
}

impl std::ops::Deref for Reading<'_> {
    type Target = Index;

    #[expect(clippy::expect_used, reason = "it is only made of an index that is there, and the lock is held")]
    fn deref(&self) -> &Index {
        self.0.as_ref().expect("an index")
    }
}
