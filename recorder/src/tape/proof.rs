//! What makes a value a tape, and whether two tapes hold the same: the two questions asked before anything is written.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::codec::digest;

use super::{Answer, Body, Outcome, Recorded, Take, Tape};

/// Whether `tape` is one.
///
/// # Errors
/// In a sentence.
pub(super) fn check(tape: &Tape) -> Result<(), String> {
    if tape.takes.is_empty() {
        return Err("there are no takes".to_owned());
    }
    for (i, take) in tape.takes.iter().enumerate() {
        check_take(take).map_err(|what| format!("take {}: {what}", i + 1))?;
    }
    Ok(())
}

fn check_take(take: &Take) -> Result<(), String> {
    if let Outcome::Answer(answer) = &take.outcome {
        if !is_status(answer.status) {
            return Err(format!("{} is no status, those are 100 to 999", answer.status));
        }
        frames_fit(answer)?;
        if let Some(transcript) = &answer.transcript {
            if answer.body != Body::Absent || !answer.trailers.is_empty() {
                return Err("an answer with a transcript has no body and no trailers".to_owned());
            }
            transcript.fits()?;
        }
    }
    let (frames, times) = (timed(&take.outcome), take.recorded.frames.len());
    if times != 0 && times != frames {
        return Err(format!("{frames} frames, but {times} times for them"));
    }
    Ok(())
}

/// How many things have a time in `recorded`: frames of a body, or messages.
pub(super) fn timed(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Fault(_) => 0,
        Outcome::Answer(answer) => match &answer.transcript {
            Some(transcript) => transcript.messages.len(),
            None => answer.frames.len(),
        },
    }
}

/// Three digits.
pub(super) fn is_status(status: u16) -> bool {
    (100..=999).contains(&status)
}

/// The frames sum up to the body, or there are none.
///
/// # Errors
/// In a sentence.
pub(super) fn frames_fit(answer: &Answer) -> Result<(), String> {
    if answer.frames.is_empty() {
        return Ok(());
    }
    let sum = answer.frames.iter().try_fold(0u64, |sum, &frame| sum.checked_add(frame));
    let len = answer.body.len();
    match sum {
        Some(sum) if sum == len => Ok(()),
        Some(sum) => Err(format!("the frames sum up to {sum} bytes, but the body has {len}")),
        None => Err(format!("the frames sum up to more than 64 bits, but the body has {len} bytes")),
    }
}

/// The first part in which two tapes differ, to the precision of the file.
pub(super) fn difference(a: &Tape, b: &Tape) -> Option<String> {
    let (r, s) = (&a.request, &b.request);
    let head = [
        ("the key", a.key == b.key),
        ("the layer", a.layer == b.layer),
        ("the rules", a.rules == b.rules),
        ("the method", r.method == s.method),
        ("the URL", r.url == s.url),
        ("the version of the request", r.version == s.version),
        ("the headers of the request", r.headers == s.headers),
        ("the body of the request", same_body(&r.body, &s.body)),
        ("the trailers of the request", r.trailers == s.trailers),
        ("the number of takes", a.takes.len() == b.takes.len()),
    ];
    if let Some((what, _)) = head.iter().find(|(_, same)| !same) {
        return Some((*what).to_owned());
    }
    a.takes
        .iter()
        .zip(&b.takes)
        .enumerate()
        .find_map(|(i, (a, b))| take_difference(a, b).map(|what| format!("{what} of take {}", i + 1)))
}

fn take_difference(a: &Take, b: &Take) -> Option<&'static str> {
    if !same_recorded(&a.recorded, &b.recorded) {
        return Some("`recorded`");
    }
    match (&a.outcome, &b.outcome) {
        (Outcome::Answer(a), Outcome::Answer(b)) => {
            let parts = [
                ("the status", a.status == b.status),
                ("the reason", a.reason == b.reason),
                ("the version", a.version == b.version),
                ("the URL", a.url == b.url),
                ("the headers", a.headers == b.headers),
                ("the body", same_body(&a.body, &b.body)),
                ("the frames", a.frames == b.frames),
                ("the trailers", a.trailers == b.trailers),
                ("the messages", a.transcript == b.transcript),
                ("the cut", a.cut == b.cut),
            ];
            parts.iter().find(|(_, same)| !same).map(|(what, _)| *what)
        }
        (a, b) => (a != b).then_some("the outcome"),
    }
}

/// The same bytes, wherever they lie.
fn same_body(a: &Body, b: &Body) -> bool {
    match (a, b) {
        (Body::Absent, Body::Absent) => true,
        (Body::Bytes(a), Body::Bytes(b)) => a == b,
        (Body::File(a), Body::File(b)) => a.len == b.len && a.sha256 == b.sha256,
        (Body::File(file), Body::Bytes(bytes)) | (Body::Bytes(bytes), Body::File(file)) => {
            file.len == bytes.len() as u64 && file.sha256 == digest::sha256(bytes)
        }
        (Body::Absent, _) | (_, Body::Absent) => false,
    }
}

/// Seconds of the start and milliseconds of everything else are kept.
fn same_recorded(a: &Recorded, b: &Recorded) -> bool {
    let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
    let millis = |frames: &[Duration]| frames.iter().map(Duration::as_millis).collect::<Vec<_>>();
    seconds(a.at) == seconds(b.at)
        && a.elapsed.as_millis() == b.elapsed.as_millis()
        && millis(&a.frames) == millis(&b.frames)
        && a.from == b.from
        && a.notes == b.notes
}
