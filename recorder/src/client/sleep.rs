//! Waiting, with a runtime's timer where there is one and without where there is none.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::session::lock;

/// Resolves after a while.
pub(crate) enum Sleep {
    #[cfg(feature = "tokio")]
    Tokio(Pin<Box<tokio::time::Sleep>>),
    Thread(Arc<Mutex<Alarm>>),
}

/// Set by the thread that waits.
#[derive(Default)]
pub(crate) struct Alarm {
    rung: bool,
    waker: Option<Waker>,
}

impl Sleep {
    /// Tokio's clock where this runs on tokio, so that a paused one is respected; else a thread.
    pub(crate) fn new(duration: Duration) -> Self {
        #[cfg(feature = "tokio")]
        if tokio::runtime::Handle::try_current().is_ok() {
            return Self::Tokio(Box::pin(tokio::time::sleep(duration)));
        }
        let alarm = Arc::new(Mutex::new(Alarm::default()));
        let ring = Arc::clone(&alarm);
        std::thread::spawn(move || {
            std::thread::sleep(duration);
            let mut alarm = lock(&ring);
            alarm.rung = true;
            if let Some(waker) = alarm.waker.take() {
                waker.wake();
            }
        });
        Self::Thread(alarm)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            #[cfg(feature = "tokio")]
            Self::Tokio(sleep) => sleep.as_mut().poll(cx),
            Self::Thread(alarm) => {
                let mut alarm = lock(alarm);
                if alarm.rung {
                    return Poll::Ready(());
                }
                alarm.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
