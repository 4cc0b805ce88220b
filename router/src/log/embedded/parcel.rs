//! A parcel as bytes: cheap to write, and read back as slices of what was read, without a copy for each event.
//!
//! ```text
//! version u8 · sent u8 (0 or 1) · received time · [sent time] · shared u32 · events u32 · (id u64 · length u32) for each event
//! · the shared object's bytes · the events' bytes, one behind the other
//! ```

use bytes::Bytes;
use jiff::Timestamp;

use super::codec::{Problem, Reader, put_time};
use crate::log::{Accepted, Parcel, SourceId};

const VERSION: u8 = 1;
/// An id and a length.
const ENTRY: usize = 12;

/// What the index keeps of a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) received_at: Timestamp,
    /// The events' fingerprints, eight bytes each.
    pub(super) ids: Vec<u8>,
}

impl Summary {
    pub(super) fn of(parcel: &Parcel) -> Self {
        let ids = parcel.events.iter().flat_map(|event| event.id.to_le_bytes()).collect();
        Self { received_at: parcel.received_at, ids }
    }

    pub(super) fn events(&self) -> u64 {
        (self.ids.len() / 8) as u64
    }
}

/// Adds a parcel to what is written. The source is not among it: the frame has that.
///
/// # Errors
/// A parcel that is larger than the format can say.
pub(super) fn put(out: &mut Vec<u8>, parcel: &Parcel) -> Result<(), Problem> {
    let length = |length: usize| u32::try_from(length).map_err(|_| "the parcel is larger than 4 GB".to_owned());
    let bytes: usize = parcel.events.iter().map(|event| event.json.len() + ENTRY).sum();
    out.reserve(bytes + parcel.shared.len() + 34);
    out.push(VERSION);
    out.push(u8::from(parcel.sent_at.is_some()));
    put_time(out, parcel.received_at);
    if let Some(sent_at) = parcel.sent_at {
        put_time(out, sent_at);
    }
    out.extend_from_slice(&length(parcel.shared.len())?.to_le_bytes());
    out.extend_from_slice(&length(parcel.events.len())?.to_le_bytes());
    for event in &parcel.events {
        out.extend_from_slice(&event.id.to_le_bytes());
        out.extend_from_slice(&length(event.json.len())?.to_le_bytes());
    }
    out.extend_from_slice(&parcel.shared);
    for event in &parcel.events {
        out.extend_from_slice(&event.json);
    }
    Ok(())
}

/// Reads a parcel. Its events are slices of `bytes`.
///
/// # Errors
/// What is wrong with the bytes.
pub(super) fn read(bytes: &Bytes, source: SourceId) -> Result<Parcel, Problem> {
    let (head, mut table) = head(bytes)?;
    let mut at = bytes.len() - table.left() + head.events * ENTRY;
    let mut slice = |length: u32| {
        let end = at.checked_add(length as usize).filter(|end| *end <= bytes.len());
        let end = end.ok_or("an event in it ends behind its end")?;
        let slice = bytes.slice(at..end);
        at = end;
        Ok::<_, Problem>(slice)
    };
    let shared = slice(head.shared)?;
    let mut events = Vec::with_capacity(head.events);
    for _ in 0..head.events {
        let id = table.u64()?;
        events.push(Accepted { id, json: slice(table.u32()?)? });
    }
    if at != bytes.len() {
        return Err("more follows than its events".into());
    }
    Ok(Parcel { source, received_at: head.received_at, sent_at: head.sent_at, shared, events })
}

/// Reads what the index keeps of it.
///
/// # Errors
/// What is wrong with the bytes.
pub(super) fn summary(bytes: &[u8]) -> Result<Summary, Problem> {
    let (head, mut table) = head(bytes)?;
    let mut ids = Vec::with_capacity(head.events * 8);
    for _ in 0..head.events {
        ids.extend_from_slice(table.bytes(8)?);
        table.bytes(4)?;
    }
    Ok(Summary { received_at: head.received_at, ids })
}

struct Head {
    received_at: Timestamp,
    sent_at: Option<Timestamp>,
    shared: u32,
    events: usize,
}

/// What stands in front, and a reader of the table behind it.
fn head(bytes: &[u8]) -> Result<(Head, Reader<'_>), Problem> {
    let mut reader = Reader::new(bytes);
    reader.version(VERSION)?;
    let sent = reader.byte()?;
    let received_at = reader.time()?;
    let sent_at = if sent == 0 { None } else { Some(reader.time()?) };
    let shared = reader.u32()?;
    let events = reader.u32()? as usize;
    if events == 0 || events.saturating_mul(ENTRY) > reader.left() {
        return Err(format!("it says that it has {events} events, and has not"));
    }
    Ok((Head { received_at, sent_at, shared, events }, reader))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parcel(texts: &[Vec<u8>], sent: Option<i64>) -> Parcel {
        let events = texts.iter().zip(7..).map(|(text, id)| Accepted { json: Bytes::from(text.clone()), id }).collect();
        let sent_at = sent.map(|second| Timestamp::from_second(second).expect("a time"));
        let shared = Bytes::from_static(b"{}");
        Parcel { source: SourceId(3), received_at: Timestamp::UNIX_EPOCH, sent_at, shared, events }
    }

    proptest! {
        #[test]
        fn a_parcel_comes_back(texts in prop::collection::vec(any::<Vec<u8>>(), 1..9), sent in prop::option::of(-62_000_000_000_i64..250_000_000_000)) {
            let parcel = parcel(&texts, sent);
            let mut out = Vec::new();
            put(&mut out, &parcel).expect("small enough");
            prop_assert_eq!(summary(&out), Ok(Summary::of(&parcel)));
            let back = read(&Bytes::from(out), SourceId(3)).expect("read");
            prop_assert_eq!(format!("{back:?}"), format!("{parcel:?}"));
        }

        #[test]
        fn bytes_that_are_none_are_refused(texts in prop::collection::vec(any::<Vec<u8>>(), 1..4), cut: prop::sample::Index) {
            let mut out = Vec::new();
            put(&mut out, &parcel(&texts, None)).expect("small enough");
            out.truncate(cut.index(out.len()));
            prop_assert!(read(&Bytes::from(out), SourceId(3)).is_err());
        }
    }
}
