//! What happens to a future besides being awaited.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::scenario::Interruption;

/// What panics on purpose says this.
pub(crate) const ON_PURPOSE: &str = "on purpose";

/// The output of a future; `None` where it was given up, and has been dropped.
pub(crate) async fn run<F: Future>(how: Interruption, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let in_tokio = tokio::runtime::Handle::try_current().is_ok();
    let output = match how {
        Interruption::None => Some(future.as_mut().await),
        Interruption::DropAfter(polls) => polled(&mut future, polls).await,
        Interruption::Timeout(micros) if in_tokio => {
            tokio::time::timeout(Duration::from_micros(micros), future.as_mut()).await.ok()
        }
        Interruption::Timeout(_) => polled(&mut future, 1).await,
        Interruption::Nested => Some(futures_executor::block_on(future.as_mut())),
        Interruption::PanickingWaker => match polled_with_panicking_waker(&mut future) {
            Ok(Poll::Ready(output)) => Some(output),
            Ok(Poll::Pending) => Some(future.as_mut().await),
            // The poll itself has woken the task, since that had had its share of the thread.
            Err(_) => None,
        },
        Interruption::Aside(micros) => match polled(&mut future, 0).await {
            Some(output) => Some(output),
            None => {
                compute(micros);
                Some(future.as_mut().await)
            }
        },
    };
    // The destructor of its buffer may be one that panics.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
    output
}

/// Keeps the thread busy.
pub(crate) fn compute(micros: u64) {
    let end = Instant::now() + Duration::from_micros(micros);
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

/// Polls it once, and again whenever it wakes the task, so many times.
async fn polled<F: Future>(future: &mut Pin<Box<F>>, mut more: usize) -> Option<F::Output> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if more == 0 => Poll::Ready(None),
        Poll::Pending => {
            more -= 1;
            Poll::Pending
        }
    })
    .await
}

fn polled_with_panicking_waker<F: Future>(
    future: &mut Pin<Box<F>>,
) -> std::thread::Result<Poll<F::Output>> {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker panics {ON_PURPOSE}");
        }
    }
    let waker = Waker::from(Arc::new(Panics));
    let poll = || future.as_mut().poll(&mut TaskContext::from_waker(&waker));
    catch_unwind(AssertUnwindSafe(poll))
}
