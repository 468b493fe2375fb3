//! A future that needs no executor: whoever wakes it polls it.
//!
//! So it goes on in any runtime and in none, whichever of them ends, and depends on no future of a
//! user's. Its polls never block: what may wait is an operation of the engine's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::BoxFuture;

/// The future, and how it is polled.
pub(crate) struct Driven {
    /// `None` once it is over. Only the thread that polls takes the lock.
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    /// How often a poll was asked for since the last one began.
    asked: AtomicUsize,
}

impl Driven {
    pub(crate) fn new(future: impl Future<Output = ()> + Send + 'static) -> Arc<Self> {
        Arc::new(Self { future: Mutex::new(Some(Box::pin(future))), asked: AtomicUsize::new(0) })
    }

    /// Polls it on the calling thread. While another thread does so, or the calling one further up,
    /// that poll is followed by another one instead.
    pub(crate) fn run(self: &Arc<Self>) {
        if self.asked.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let waker = Waker::from(Arc::clone(self));
        loop {
            let asked = self.asked.load(Ordering::Acquire);
            self.poll(&mut Context::from_waker(&waker));
            if self.asked.fetch_sub(asked, Ordering::AcqRel) == asked {
                return;
            }
        }
    }

    fn poll(&self, cx: &mut Context<'_>) {
        let mut place = self.future.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(future) = &mut *place else { return };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        if !matches!(polled, Ok(Poll::Pending)) {
            let over = place.take();
            drop(place);
            // A panic in a poll has been told by the panic hook, and one in this drop is, too.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(over)));
        }
    }
}

impl Wake for Driven {
    fn wake(self: Arc<Self>) {
        self.run();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.run();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::poll_fn;
    use std::sync::mpsc::channel;

    #[test]
    fn a_wake_within_a_poll_leads_to_another_poll_and_not_into_it() {
        let (sender, receiver) = channel();
        let (mut polls, mut depth) = (0, 0);
        let future = poll_fn(move |cx| {
            depth += 1;
            assert_eq!(depth, 1, "it is polled within its poll");
            polls += 1;
            if polls < 5 {
                cx.waker().wake_by_ref();
                cx.waker().wake_by_ref();
            }
            depth -= 1;
            sender.send(polls).unwrap();
            Poll::Pending
        });
        let task = Driven::new(future);
        task.run();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        task.run();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [6]);
    }

    #[test]
    fn what_panics_is_dropped_and_not_polled_again() {
        struct Dropped(std::sync::mpsc::Sender<()>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                _ = self.0.send(());
            }
        }
        let (sender, receiver) = channel();
        let held = Dropped(sender);
        let task = Driven::new(async move {
            let _held = held;
            panic!("on purpose");
        });
        task.run();
        receiver.try_recv().expect("it was dropped");
        task.run();
    }
}
