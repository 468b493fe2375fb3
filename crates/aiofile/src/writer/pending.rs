//! A write that is kept across polls.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use caio::Result;

/// The lock is never taken: it makes the writer that holds this `Sync`, which its future is not.
pub(super) struct Pending(Mutex<Pin<Box<dyn Future<Output = Result<usize>> + Send>>>);

impl Pending {
    pub(super) fn new(write: impl Future<Output = Result<usize>> + Send + 'static) -> Self {
        Self(Mutex::new(Box::pin(write)))
    }

    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<usize>> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}
