//! An operation under way that belongs to the handle, not to the future that waits for it.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

/// A boxed future that is polled through `&mut` alone. The mutex is never locked: it is there so
/// that a handle can be shared between threads although a future cannot.
pub(super) struct Work<T>(Mutex<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T> Work<T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Mutex::new(Box::pin(future)))
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for Work<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}
