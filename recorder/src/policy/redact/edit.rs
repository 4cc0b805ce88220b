//! Replacements in a text: where, by what, and what that does to the sizes of frames.

use std::ops::Range;

/// One span and what takes its place.
#[derive(Clone)]
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) with: Vec<u8>,
    /// A value was hidden; otherwise a placeholder was only spelled plainly, or a length corrected.
    pub(super) hides: bool,
}

/// Edits that do not overlap, in order.
pub(super) type Edits = Vec<Edit>;

/// The text with every edit made; what lies between stays byte for byte.
pub(super) fn apply(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let grown: usize = edits.iter().map(|edit| edit.with.len()).sum();
    let mut out = Vec::with_capacity(text.len() + grown);
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(&text[at..edit.span.start]);
        out.extend_from_slice(&edit.with);
        at = edit.span.end;
    }
    out.extend_from_slice(&text[at..]);
    out
}

/// Sizes of frames after the edits: each keeps its changes, and what lies over two goes to the first. There are as many
/// frames as before, and they sum up to the new length.
pub(super) fn frames(sizes: &[u64], edits: &[Edit]) -> Vec<u64> {
    let mut edits = edits.iter().peekable();
    let mut start = 0;
    let mut owed = 0;
    let mut out = Vec::with_capacity(sizes.len());
    for &size in sizes {
        let end = start + size;
        // Bytes of this frame that an edit of an earlier one took away.
        let gone = size.min(owed);
        let mut now = size - gone;
        owed -= gone;
        while let Some(edit) = edits.next_if(|edit| (edit.span.start as u64) < end) {
            let inside = (edit.span.end as u64).min(end) - edit.span.start as u64;
            now = now - inside + edit.with.len() as u64;
            owed += (edit.span.end as u64).saturating_sub(end);
        }
        out.push(now);
        start = end;
    }
    out
}

/// Sizes of frames for a body that was encoded anew: as many as before, in the same proportions.
pub(super) fn scaled(sizes: &[u64], new_len: u64) -> Vec<u64> {
    let old_len = sizes.iter().sum::<u64>().max(1);
    let (mut seen, mut given) = (0, 0);
    let mut out = Vec::with_capacity(sizes.len());
    for &size in sizes {
        seen += size;
        let upto = (u128::from(new_len) * u128::from(seen) / u128::from(old_len)) as u64;
        out.push(upto - given);
        given = upto;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(span: Range<usize>, with: &str) -> Edit {
        Edit { span, with: with.into(), hides: true }
    }

    #[test]
    fn r49_frames_still_sum_up_to_the_length() {
        let text = b"0123456789abcdef";
        let edits = [edit(1..2, "xyz"), edit(3..9, "-"), edit(12..12, "++")];
        let changed = apply(text, &edits);
        assert_eq!(changed, b"0xyz2-9ab++cdef".to_vec());
        // A replacement over three frames goes to the first of them.
        let sizes = frames(&[5, 2, 4, 5], &edits);
        assert_eq!(sizes, [6, 0, 2, 7]);
        assert_eq!(sizes.iter().sum::<u64>(), changed.len() as u64);
        assert_eq!(scaled(&[5, 2, 4, 5], 8).iter().sum::<u64>(), 8);
    }
}
