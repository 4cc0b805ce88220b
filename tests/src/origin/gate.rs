//! A gate that holds an answer back until the test opens it: order without sleeping.

use std::sync::Arc;

use tokio::sync::watch;

/// Closed at first. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open.
    pub async fn passed(&self) {
        let mut gate = self.0.subscribe();
        // The sender is in `self`.
        let _ = gate.wait_for(|open| *open).await;
    }
}
