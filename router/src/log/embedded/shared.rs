//! What the writer and everyone who reads have in common.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;

use super::EmbeddedOptions;
use super::books::{Books, Spans};
use super::context::Context;
use super::frame::{HEADER, Header, Kind};
use super::index::{Index, Mark, Span};
use super::parcel;
use super::replay::replay;
use super::run::Entry;
use super::segments::Segments;
use crate::log::{LogError, Seq, SourceId, Stored};

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

    /// Parcels from the one that holds a place, until there are as many events.
    pub(super) fn read(&self, source: SourceId, from: Seq, events: usize) -> Result<Vec<Stored>, LogError> {
        // A segment may go between the look into the index and the look into the file: its runs have moved then, or are gone.
        let mut again = 3;
        loop {
            match self.try_read(source, from, events) {
                Ok(Some(read)) => return Ok(read),
                Ok(None) if again > 0 => again -= 1,
                Ok(None) => return Err(self.context.engine("segment files go faster than they can be read")),
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`read`](Self::read); nothing where a file has gone.
    fn try_read(&self, source: SourceId, from: Seq, events: usize) -> Result<Option<Vec<Stored>>, LogError> {
        let span = self.span(source);
        let from = from.max(span.floor);
        let mut read = Vec::new();
        if from >= span.head || events == 0 {
            return Ok(Some(read));
        }
        let index = self.index()?;
        let mut count = 0;
        for run in index.runs_from(source, span.base, from) {
            let run = run?;
            let length = usize::try_from(run.place.length).unwrap_or(usize::MAX);
            let bytes = match self.segments.read(run.place.segment, run.place.offset, length) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.corrupt_frame(
                        run.place.segment,
                        run.place.offset,
                        "the file ends before it does",
                    ));
                }
                Err(error) => return Err(self.context.io(&Segments::name(run.place.segment), &error)),
            };
            for (header, body) in self.frames(source, &run, bytes)? {
                let parcel =
                    parcel::read(&body, source).map_err(|problem| self.corrupt_parcel(&header, &run, &problem))?;
                let stored = Stored { first: header.place, parcel };
                if stored.range().end <= from {
                    continue;
                }
                count += stored.parcel.events.len();
                read.push(stored);
                if count >= events {
                    return Ok(Some(read));
                }
            }
        }
        Ok(Some(read))
    }

    /// The frames of a run, each as it was written.
    pub(super) fn frames(
        &self,
        source: SourceId,
        run: &Entry,
        mut bytes: Bytes,
    ) -> Result<Vec<(Header, Bytes)>, LogError> {
        let mut frames = Vec::with_capacity(run.parcels.len());
        for (first, _, _) in run.spans() {
            let offset = run.place.offset + run.place.length - bytes.len() as u64;
            let corrupt = |problem: &str| {
                let what = format!("event {first} of source {}, {}", source.0, frame_at(run.place.segment, offset));
                self.context.corrupt(&what, problem)
            };
            if bytes.len() < HEADER {
                return Err(corrupt("its run ends before it begins"));
            }
            let header = Header::decode(&bytes.split_to(HEADER)).map_err(|problem| corrupt(&problem))?;
            if (header.kind, header.source, header.place) != (Kind::Parcel, source.0, first) {
                return Err(corrupt("another event lies there"));
            }
            let length = header.body_len as usize;
            if bytes.len() < length {
                return Err(corrupt("its run ends within it"));
            }
            let body = bytes.split_to(length);
            header.check(&body).map_err(|problem| corrupt(&problem))?;
            frames.push((header, body));
        }
        Ok(frames)
    }

    fn corrupt_parcel(&self, header: &Header, run: &Entry, problem: &str) -> LogError {
        let what =
            format!("event {} of source {}, in {}", header.place, header.source, Segments::name(run.place.segment));
        self.context.corrupt(&what, problem)
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

fn frame_at(segment: u32, offset: u64) -> String {
    format!("byte {offset} of segment file {}", Segments::name(segment))
}

impl std::ops::Deref for Reading<'_> {
    type Target = Index;

    #[expect(clippy::expect_used, reason = "it is only made of an index that is there, and the lock is held")]
    fn deref(&self) -> &Index {
        self.0.as_ref().expect("an index")
    }
}
