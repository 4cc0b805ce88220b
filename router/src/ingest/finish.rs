//! Work that goes on when nobody waits for it any more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that, once begun, runs to its end: if it is dropped before, the rest of it becomes a task.
///
/// hyper drops the work for a request whose client hung up. Half of an acceptance must not be: an id that is remembered and an event
/// that is not stored would make the client's next attempt a duplicate of nothing.
pub(super) struct ToTheEnd<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    begun: bool,
}

impl<T: Send + 'static> ToTheEnd<T> {
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self { work: Some(Box::pin(work)), begun: false }
    }
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.begun = true;
        let Some(work) = &mut self.work else { return Poll::Pending };
        let answer = work.as_mut().poll(context);
        if answer.is_ready() {
            self.work = None;
        }
        answer
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        if self.begun
            && let Some(work) = self.work.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_begun_is_finished_though_nobody_waits() {
        let (go, gate) = tokio::sync::oneshot::channel::<()>();
        let (done, end) = tokio::sync::oneshot::channel::<u8>();
        let mut work = Box::pin(ToTheEnd::new(async move {
            let _ = gate.await;
            let _ = done.send(7);
        }));
        tokio::select! {
            biased;
            () = &mut work => panic!("it cannot be done yet"),
            () = std::future::ready(()) => {}
        }
        drop(work);
        let _ = go.send(());
        assert_eq!(end.await, Ok(7));
    }
}
