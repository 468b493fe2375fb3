//! The end of a shutdown whose patience is over, for futures that wait for no request of their own:
//! a sync for its run, a close for the last user of the file.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::Inner;
use crate::pending_count::shut_down;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::waker_set::WakerSet;

/// Whether a shutdown has given up what is left, and who waits meanwhile.
#[derive(Debug, Default)]
pub(super) struct GivenUp {
    is_set: AtomicBool,
    waiting: AtomicUsize,
    wakers: WakerSet,
}

impl GivenUp {
    /// Nobody waits any more. Returns how many did.
    pub(super) fn set(&self) -> usize {
        if self.is_set.swap(true, Ordering::SeqCst) {
            return 0;
        }
        let waiting = self.waiting.load(Ordering::SeqCst);
        self.wakers.wake_all();
        waiting
    }

    /// What comes of the future; `None` where a shutdown gives up before.
    pub(super) async fn or<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut slot = self.wakers.slot();
        let _waiting = Waiting::begin(&self.waiting);
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            slot.register(cx.waker());
            match self.is_set.load(Ordering::SeqCst) {
                true => Poll::Ready(None),
                false => Poll::Pending,
            }
        })
        .await
    }
}

impl Inner {
    /// Fails what has no answer yet, and returns how much that was.
    pub(super) fn give_up(&self) -> usize {
        let failed = self.channels.fail_all(&shut_down());
        // Where all has ended, who waits has its answer, and has not looked at it yet.
        if self.pending.count() == 0 { failed } else { failed + self.given_up.set() }
    }
}

/// One that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
