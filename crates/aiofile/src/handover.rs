//! Handing a value to the task that waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot::Sender;

/// Hands the value over, if the task waits still, and wakes it. The panic of a waker, which is the
/// user's code, does not reach who hands over.
pub(crate) fn send<T>(sender: Sender<T>, value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(sender.send(value))));
}
