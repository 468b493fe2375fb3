//! A boxed future that is kept across polls.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

/// Polled through `&mut` alone. The mutex is never locked: it makes what holds the future `Sync`,
/// which the future is not.
pub(crate) struct BoxedFuture<T>(Mutex<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T> BoxedFuture<T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Mutex::new(Box::pin(future)))
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}

impl<T> Future for BoxedFuture<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Self::poll(self.get_mut(), cx)
    }
}

impl<T> fmt::Debug for BoxedFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxedFuture")
    }
}
