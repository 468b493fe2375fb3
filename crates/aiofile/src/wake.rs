//! Waking the tasks that wait. A waker is the user's code: one that panics takes their wakes from
//! no other task, and its panic reaches nobody who has only done his work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use tokio::sync::oneshot::Sender;

/// Wakes each of them.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}

/// Hands the value to who waits for it, if somebody does still, and wakes him.
pub(crate) fn send<T>(sender: Sender<T>, value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(sender.send(value))));
}
