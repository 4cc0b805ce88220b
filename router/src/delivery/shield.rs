//! Destination code is other people's: what panics is caught, what does not end is left behind.
//!
//! A thread cannot be stopped from outside. Code that is watched runs on a thread of the runtime's blocking pool; when its time is up,
//! the engine goes on without it and never looks at what it may still answer. The thread goes on burning until the process ends, so
//! after a few such the instance is held and its code is not run any more until it is configured anew. A process that has such threads
//! must end by `std::process::exit` or `Runtime::shutdown_background`: dropping the runtime would wait for them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::sync::Semaphore;

/// The code did not end in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overrun;

/// Runs code that may panic; the answer is then what it said.
///
/// A target is shared and immutable from here; one with inner state that a panic leaves half-changed must mend that itself.
pub(super) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| said(&*panic))
}

/// How much watched code of an instance runs at once: enough for a full machine of usual size, and no more threads than that are taken
/// up by code that does not end.
pub(super) const AT_ONCE: usize = 2;

/// Runs code on a thread of its own, once `turns` has a turn, and leaves it behind when it does not end in time. Code that is not
/// watched (no `turns`) runs here and now.
pub(super) async fn watch<T: Send + 'static>(
    turns: Option<&Semaphore>,
    limit: Duration,
    code: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Overrun> {
    let Some(turns) = turns else { return Ok(code()) };
    // It is never closed.
    let _turn = turns.acquire().await;
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(code)).await {
        Ok(Ok(answer)) => Ok(answer),
        // The runtime ends. Panics of the destination are caught inside; one of the engine itself counts the same.
        Ok(Err(_)) | Err(_) => Err(Overrun),
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("it did not say why");
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_words() {
        let text = String::from("no such field");
        assert_eq!(catch(|| -> () { panic!("{text}: x") }), Err("no such field: x".to_owned()));
        assert_eq!(catch(|| -> () { std::panic::panic_any(7) }), Err("it did not say why".to_owned()));
        assert_eq!(catch(|| 7), Ok(7));
    }

    #[tokio::test]
    async fn code_that_does_not_end_is_left_behind() {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let code = move || ended.recv();
        let turns = Semaphore::new(1);
        assert!(watch(Some(&turns), Duration::from_millis(20), code).await.is_err());
        drop(end);
        assert_eq!(watch(Some(&turns), Duration::from_secs(20), || 7).await, Ok(7));
    }
}
