//! Reading: the index says where, the segment files have it.

use std::io;

use bytes::Bytes;
use jiff::Timestamp;

use super::frame::{HEADER, Header, Kind};
use super::parcel;
use super::run::Entry;
use super::segments::Segments;
use super::shared::{Shared, frame_at};
use crate::log::{LogError, Seq, SourceId, Stored};

impl Shared {
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

    /// Where events with this fingerprint lie, newest first.
    pub(super) fn find(&self, id: u64, limit: usize) -> Result<Vec<(SourceId, Seq)>, LogError> {
        let index = self.index()?;
        let mut found = Vec::new();
        for source in self.sources() {
            let (span, before) = (self.span(source), found.len());
            for run in index.runs_back(source, span.base) {
                let run = run?;
                if run.ids().any(|other| other == id) {
                    let parcels: Vec<_> = run.spans().collect();
                    let places = (run.first..).zip(run.ids()).filter(|(seq, other)| *other == id && *seq >= span.floor);
                    let mut places: Vec<_> = places
                        .filter_map(|(seq, _)| {
                            let parcel = parcels.iter().find(|(_, _, end)| seq < *end)?;
                            Some((parcel.1, source, seq))
                        })
                        .collect();
                    places.reverse();
                    found.extend(places);
                }
                if found.len() - before >= limit || run.first <= span.floor {
                    break;
                }
            }
            found.truncate(before.saturating_add(limit));
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found.into_iter().take(limit).map(|(_, source, seq)| (source, seq)).collect())
    }

    /// Fingerprints of the newest events, oldest first.
    pub(super) fn recent(&self, source: SourceId, since: Timestamp, limit: usize) -> Result<Vec<u64>, LogError> {
        let span = self.span(source);
        let index = self.index()?;
        let mut ids = Vec::new();
        'runs: for run in index.runs_back(source, span.base) {
            let run = run?;
            let all: Vec<u64> = run.ids().collect();
            let parcels: Vec<_> = run.spans().collect();
            for (first, received_at, end) in parcels.into_iter().rev() {
                if received_at < since || first < span.floor || ids.len() >= limit {
                    break 'runs;
                }
                let [start, end] = [first, end].map(|seq| usize::try_from(seq - run.first).unwrap_or(usize::MAX));
                ids.extend(all.get(start..end).unwrap_or_default().iter().rev());
            }
        }
        ids.truncate(limit);
        ids.reverse();
        Ok(ids)
    }

    fn corrupt_parcel(&self, header: &Header, run: &Entry, problem: &str) -> LogError {
        let what =
            format!("event {} of source {}, in {}", header.place, header.source, Segments::name(run.place.segment));
        self.context.corrupt(&what, problem)
    }
}
