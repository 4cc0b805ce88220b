//! The keys of the index: numbers with the highest byte first, so that they lie in order.

use crate::log::{LaneId, Seq, SourceId};

pub(super) fn run_key(source: SourceId, first: Seq) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&source.0.to_be_bytes());
    key[4..].copy_from_slice(&first.to_be_bytes());
    key
}

pub(super) fn lane_key(lane: LaneId, tag: u8) -> [u8; 9] {
    let mut key = [tag; 9];
    key[..4].copy_from_slice(&lane.source.0.to_be_bytes());
    key[4..8].copy_from_slice(&lane.instance.0.to_be_bytes());
    key
}

pub(super) fn record_key(lane: LaneId, number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..4].copy_from_slice(&lane.source.0.to_be_bytes());
    key[4..8].copy_from_slice(&lane.instance.0.to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

pub(super) fn dead_key(lane: LaneId, seq: Seq) -> [u8; 16] {
    record_key(lane, seq)
}

pub(super) fn segment_key(number: u32) -> [u8; 5] {
    let [a, b, c, d] = number.to_be_bytes();
    [b'g', a, b, c, d]
}

pub(super) fn floor_key(source: SourceId) -> [u8; 5] {
    let [a, b, c, d] = source.0.to_be_bytes();
    [b'f', a, b, c, d]
}
