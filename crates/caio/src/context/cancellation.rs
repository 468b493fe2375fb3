//! The beginning of a shutdown, and its end where its patience is over, for futures that wait for
//! no request of their own: one that layers have not let in, a sync for its run, a close for the
//! last user of the file.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::Inner;
use crate::pending_count::shut_down;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::waker_set::WakerSet;

/// What happens once and ends all waits, and who waits meanwhile.
#[derive(Debug, Default)]
pub(super) struct Cancellation {
    is_cancelled: AtomicBool,
    waiting: AtomicUsize,
    wakers: WakerSet,
}

impl Cancellation {
    /// Nobody waits any more. Returns how many did.
    pub(super) fn cancel(&self) -> usize {
        if self.is_cancelled.swap(true, Ordering::SeqCst) {
            return 0;
        }
        let waiting = self.waiting.load(Ordering::SeqCst);
        self.wakers.wake_all();
        waiting
    }

    /// What comes of the future; `None` where it is cancelled before.
    pub(super) async fn or<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut slot = self.wakers.slot();
        let _waiting = Waiting::begin(&self.waiting);
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            slot.register(cx.waker());
            match self.is_cancelled.load(Ordering::SeqCst) {
                true => Poll::Ready(None),
                false => Poll::Pending,
            }
        })
        .await
    }
}

impl Inner {
    /// Accepts nothing more, and lets no layer keep an operation waiting that has not begun.
    pub(super) fn close(&self) {
        self.pending.close();
        self.closing.cancel();
    }

    /// Fails what has no answer yet, and returns how much that was.
    pub(super) fn give_up(&self) -> usize {
        let failed = self.channels.fail_all(&shut_down());
        // Where all has ended, who waits has its answer, and has not looked at it yet.
        if self.pending.count() == 0 { failed } else { failed + self.given_up.cancel() }
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
