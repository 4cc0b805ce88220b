//! A run: parcels of one source that were written at once, one behind the other. The index has an entry for a run and not for each
//! parcel, so that thirty requests that were synced together cost the index what one costs.

use fjall::Slice;
use jiff::Timestamp;

use super::codec::{Problem, Reader, put_number, put_time};
use super::parcel::Summary;
use crate::log::Seq;

const VERSION: u8 = 1;

/// A run that is longer than this is ended, so that reading one event does not read too much.
pub(super) const LIMIT: u64 = 256 * 1024;

/// Where a run lies, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) place: Place,
    pub(super) parcels: Vec<Summary>,
}

/// Where a run lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Run {
    pub(super) fn put(&self) -> Vec<u8> {
        let ids: usize = self.parcels.iter().map(|parcel| parcel.ids.len()).sum();
        let mut out = Vec::with_capacity(24 + self.parcels.len() * 14 + ids);
        out.push(VERSION);
        put_number(&mut out, self.place.segment.into());
        put_number(&mut out, self.place.offset);
        put_number(&mut out, self.place.length);
        put_number(&mut out, self.parcels.len() as u64);
        for parcel in &self.parcels {
            put_time(&mut out, parcel.received_at);
            put_number(&mut out, parcel.events());
        }
        self.parcels.iter().for_each(|parcel| out.extend_from_slice(&parcel.ids));
        out
    }
}

/// An entry of the index, as it is read: the ids stay where they are.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) first: Seq,
    pub(super) place: Place,
    /// When each parcel was received, and how many events it has.
    pub(super) parcels: Vec<(Timestamp, u64)>,
    ids: Slice,
    ids_from: usize,
}

impl Entry {
    pub(super) fn read(first: Seq, value: Slice) -> Result<Self, Problem> {
        let mut reader = Reader::new(&value);
        reader.version(VERSION)?;
        let place = Place { segment: reader.narrow()?, offset: reader.number()?, length: reader.number()? };
        let count = reader.count(13)?;
        let mut parcels = Vec::with_capacity(count);
        for _ in 0..count {
            parcels.push((reader.time()?, reader.number()?));
        }
        let events = parcels.iter().fold(0_u64, |sum, (_, events)| sum.saturating_add(*events));
        if reader.left() as u64 != events.saturating_mul(8) || first.checked_add(events).is_none() {
            return Err("it has not an id for each event".into());
        }
        let ids_from = value.len() - reader.left();
        Ok(Self { first, place, parcels, ids: value, ids_from })
    }

    /// Behind its last event.
    pub(super) fn end(&self) -> Seq {
        self.first + self.ids().len() as u64
    }

    /// The events' fingerprints, in order.
    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator {
        let ids = self.ids.get(self.ids_from..).unwrap_or_default();
        ids.as_chunks::<8>().0.iter().map(|id| u64::from_le_bytes(*id))
    }

    /// First place, time and end of each parcel.
    pub(super) fn spans(&self) -> impl Iterator<Item = (Seq, Timestamp, Seq)> {
        self.parcels.iter().scan(self.first, |at, (received_at, events)| {
            let first = *at;
            *at += events;
            Some((first, *received_at, *at))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_comes_back() {
        let summary = |second, ids: &[u64]| Summary {
            received_at: Timestamp::from_second(second).expect("a time"),
            ids: ids.iter().flat_map(|id| id.to_le_bytes()).collect(),
        };
        let place = Place { segment: 7, offset: 1 << 33, length: 300 };
        let run = Run { place, parcels: vec![summary(5, &[10, 11]), summary(6, &[12])] };
        let entry = Entry::read(40, run.put().into()).expect("an entry");
        assert_eq!((entry.place, entry.end()), (place, 43));
        assert_eq!(entry.ids().collect::<Vec<_>>(), [10, 11, 12]);
        let spans: Vec<_> = entry.spans().map(|(first, at, end)| (first, at.as_second(), end)).collect();
        assert_eq!(spans, [(40, 5, 42), (42, 6, 43)]);
        assert!(Entry::read(40, run.put()[..30].to_vec().into()).is_err());
        assert!(Entry::read(Seq::MAX, run.put().into()).is_err());
    }
}
