//! The thread that folds the records of a lane now and then, so that a restart has little to fold. It only reads; the writer takes in
//! what it found.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use super::shared::Shared;
use super::writer::Ask;
use crate::log::LaneId;

/// Works until the writer is gone.
pub(super) fn run(shared: &Arc<Shared>, lanes: &Receiver<LaneId>, writer: &Sender<Ask>) {
    while let Ok(lane) = lanes.recv() {
        match shared.index().and_then(|index| index.lane(lane)) {
            Ok(checkpoint) => drop(writer.send(Ask::Folded(lane, Box::new(checkpoint)))),
            // Whoever asks for the lane gets the same error.
            Err(error) => tracing::warn!(%error, "a lane was not folded"),
        }
    }
}
