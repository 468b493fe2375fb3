//! Every public future is dropped at each of its polls, and what it belongs to is used again:
//! nothing is lost or doubled, nothing hangs, and no file, descriptor or thread is left behind.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

#[path = "../common/mod.rs"]
mod common;
mod logs;
mod manager;
mod streams;
mod works;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use aiofile::Context;

use common::{LIMIT, wait_until};

/// More polls than any of these futures needs.
const POLLS_MAX: usize = 2000;

/// Drops the future at its poll of this number, 0 being before the first; `None` then.
async fn to_poll<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let (mut future, mut polled) = (pin!(future), 0);
    let outcome = poll_fn(|cx| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polled == polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    in_time(outcome).await
}

/// What waits for ever is a failure.
async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future).await.expect("it hangs")
}

/// Waits until the context does nothing any more.
fn settle(context: &Context) {
    wait_until("the context has always something to do", || {
        let metrics = context.metrics();
        context.in_flight() == (0, 0) && metrics.submitted == metrics.completed
    });
}
