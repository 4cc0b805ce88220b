//! Records and lane states as bytes. A record of one delivered event takes some 20 bytes.

use super::codec::{Problem, Reader, put_number, put_range, put_text, put_time};
use crate::log::{Dead, DeadLetter, Done, How, LaneId, LaneState, Outcome, Retry, Seq};

const VERSION: u8 = 1;
const SKIPPED: u8 = 0;
const DELIVERED: u8 = 1;

/// Adds a record to what is written. The lane is not among it: the key has that.
pub(super) fn put(out: &mut Vec<u8>, outcome: &Outcome) {
    out.push(VERSION);
    put_time(out, outcome.at);
    put_number(out, outcome.done.len() as u64);
    for done in &outcome.done {
        put_range(out, &done.events);
        match done.how {
            How::Skipped => out.push(SKIPPED),
            How::Delivered { status, elapsed_ms } => {
                out.push(DELIVERED);
                put_number(out, status.into());
                put_number(out, elapsed_ms.into());
            }
        }
    }
    put_retries(out, &outcome.retry);
    put_number(out, outcome.dead.len() as u64);
    for (seq, dead) in &outcome.dead {
        put_number(out, *seq);
        put_dead(out, dead);
    }
}

/// Reads a record.
///
/// # Errors
/// What is wrong with the bytes.
pub(super) fn read(bytes: &[u8], lane: LaneId) -> Result<Outcome, Problem> {
    let mut reader = Reader::new(bytes);
    reader.version(VERSION)?;
    let at = reader.time()?;
    let done = many(&mut reader, |reader| {
        let events = reader.range()?;
        let how = match reader.byte()? {
            SKIPPED => How::Skipped,
            DELIVERED => How::Delivered { status: reader.narrow()?, elapsed_ms: reader.narrow()? },
            other => return Err(format!("{other} is no way to be done with an event")),
        };
        Ok(Done { events, how })
    })?;
    let retry = many(&mut reader, retry)?;
    let dead = many(&mut reader, |reader| Ok((reader.number()?, dead(reader)?)))?;
    reader.end()?;
    Ok(Outcome { lane, at, done, retry, dead })
}

/// Adds a record, as its bytes, to others of its lane.
pub(super) fn put_in_group(out: &mut Vec<u8>, record: &[u8]) {
    put_number(out, record.len() as u64);
    out.extend_from_slice(record);
}

/// Reads the records of a lane that were written at once.
///
/// # Errors
/// What is wrong with the bytes.
pub(super) fn read_group(bytes: &[u8], lane: LaneId) -> Result<Vec<Outcome>, Problem> {
    let mut reader = Reader::new(bytes);
    let mut records = Vec::new();
    while reader.left() > 0 {
        let length = reader.count(1)?;
        records.push(read(reader.bytes(length)?, lane)?);
    }
    Ok(records)
}

/// Adds how far a lane is; the number of dead letters is kept elsewhere.
pub(super) fn put_state(out: &mut Vec<u8>, state: &LaneState) {
    out.push(VERSION);
    put_number(out, state.judged.len() as u64);
    state.judged.iter().for_each(|events| put_range(out, events));
    put_retries(out, &state.retries);
}

/// Reads how far a lane is.
///
/// # Errors
/// What is wrong with the bytes.
pub(super) fn read_state(bytes: &[u8]) -> Result<LaneState, Problem> {
    let mut reader = Reader::new(bytes);
    let state = state(&mut reader)?;
    reader.end()?;
    Ok(state)
}

fn state(reader: &mut Reader<'_>) -> Result<LaneState, Problem> {
    reader.version(VERSION)?;
    let judged = many(reader, |reader| reader.range())?;
    let retries = many(reader, retry)?;
    Ok(LaneState { judged, retries, dead: 0 })
}

/// Adds how far a lane is, with its dead letters.
pub(super) fn put_lane(out: &mut Vec<u8>, state: &LaneState, letters: &[DeadLetter]) {
    put_state(out, state);
    put_number(out, letters.len() as u64);
    for letter in letters {
        put_number(out, letter.seq);
        put_time(out, letter.at);
        put_dead(out, &letter.dead);
    }
}

/// Reads how far a lane is, with its dead letters.
///
/// # Errors
/// What is wrong with the bytes.
pub(super) fn read_lane(bytes: &[u8], lane: LaneId) -> Result<(LaneState, Vec<DeadLetter>), Problem> {
    let mut reader = Reader::new(bytes);
    let state = state(&mut reader)?;
    let letters = many(&mut reader, |reader| {
        Ok(DeadLetter { lane, seq: reader.number()?, at: reader.time()?, dead: dead(reader)? })
    })?;
    reader.end()?;
    Ok((state, letters))
}

/// Adds a dead letter without its place.
pub(super) fn put_dead(out: &mut Vec<u8>, dead: &Dead) {
    put_number(out, dead.attempts.into());
    put_number(out, dead.open);
    put_text(out, &dead.reason);
}

/// Reads a dead letter.
///
/// # Errors
/// What is wrong with the bytes.
pub(super) fn dead(reader: &mut Reader<'_>) -> Result<Dead, Problem> {
    Ok(Dead { attempts: reader.narrow()?, open: reader.number()?, reason: reader.text()? })
}

/// The highest place that a record mentions, and whether it mentions any.
pub(super) fn last(outcome: &Outcome) -> Option<Seq> {
    let done = outcome.done.iter().filter_map(|done| done.events.end.checked_sub(1));
    let single = outcome.retry.iter().map(|(seq, _)| *seq).chain(outcome.dead.iter().map(|(seq, _)| *seq));
    done.chain(single).max()
}

fn put_retries(out: &mut Vec<u8>, retries: &[(Seq, Retry)]) {
    put_number(out, retries.len() as u64);
    for (seq, retry) in retries {
        put_number(out, *seq);
        put_number(out, retry.attempts.into());
        put_time(out, retry.since);
        put_time(out, retry.at);
        put_number(out, retry.open);
        put_text(out, &retry.reason);
    }
}

fn retry(reader: &mut Reader<'_>) -> Result<(Seq, Retry), Problem> {
    let seq = reader.number()?;
    let attempts = reader.narrow()?;
    let (since, at) = (reader.time()?, reader.time()?);
    Ok((seq, Retry { attempts, since, at, open: reader.number()?, reason: reader.text()? }))
}

fn many<T>(
    reader: &mut Reader<'_>,
    mut one: impl FnMut(&mut Reader<'_>) -> Result<T, Problem>,
) -> Result<Vec<T>, Problem> {
    let count = reader.count(1)?;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(one(reader)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::log::{InstanceId, SourceId};

    fn outcome() -> Outcome {
        let time = |second| Timestamp::from_second(second).expect("a time");
        let lane = LaneId { source: SourceId(1), instance: InstanceId(2) };
        let delivered = How::Delivered { status: 202, elapsed_ms: 1234 };
        let retry = Retry { attempts: 3, since: time(5), at: time(6), open: u64::MAX, reason: "503 · später".into() };
        Outcome {
            lane,
            at: time(-7),
            done: vec![Done { events: 0..2000, how: delivered }, Done { events: 2001..2002, how: How::Skipped }],
            retry: vec![(2000, retry)],
            dead: vec![(2002, Dead { attempts: 1, open: 2, reason: "400".into() })],
        }
    }

    fn bytes(outcome: &Outcome) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, outcome);
        out
    }

    #[test]
    fn a_record_comes_back() {
        let outcome = outcome();
        assert_eq!(read(&bytes(&outcome), outcome.lane), Ok(outcome.clone()));
        assert_eq!(last(&outcome), Some(2002));
        let mut group = Vec::new();
        put_in_group(&mut group, &bytes(&outcome));
        put_in_group(&mut group, &bytes(&outcome));
        assert_eq!(read_group(&group, outcome.lane), Ok(vec![outcome.clone(), outcome.clone()]));
        assert!(read_group(&group[..group.len() - 1], outcome.lane).is_err());
    }

    #[test]
    fn a_record_that_was_cut_or_has_more_is_refused() {
        let outcome = outcome();
        let whole = bytes(&outcome);
        for end in 0..whole.len() {
            assert!(read(&whole[..end], outcome.lane).is_err(), "cut at {end}");
        }
        assert!(read(&[whole, vec![0]].concat(), outcome.lane).is_err());
    }

    #[test]
    fn a_state_comes_back() {
        let state = LaneState { judged: vec![0..9, 11..30], retries: outcome().retry, dead: 0 };
        let mut out = Vec::new();
        put_state(&mut out, &state);
        assert_eq!(read_state(&out), Ok(state.clone()));

        let outcome = outcome();
        let (seq, dead) = outcome.dead[0].clone();
        let letters = vec![DeadLetter { lane: outcome.lane, seq, at: outcome.at, dead }];
        let mut out = Vec::new();
        put_lane(&mut out, &state, &letters);
        assert_eq!(read_lane(&out, outcome.lane), Ok((state, letters)));
    }

    #[test]
    fn a_delivered_event_takes_few_bytes() {
        let done = vec![Done { events: 10_000_000..10_000_001, how: How::Delivered { status: 200, elapsed_ms: 40 } }];
        let small = Outcome { done, retry: vec![], dead: vec![], ..outcome() };
        assert!(bytes(&small).len() <= 25, "{}", bytes(&small).len());
    }
}
