//! Cleaning up after a future that was dropped, on no thread of an executor.

use std::sync::Arc;
use std::thread;

/// Cleans up where the future that holds it is dropped before its end, even if a job is still
/// under way then, which may wait for a pipe.
pub(crate) struct Guard<F: Fn() + Send + Sync + 'static>(Option<F>);

impl<F: Fn() + Send + Sync + 'static> Guard<F> {
    pub(crate) fn new(clean: F) -> Self {
        Self(Some(clean))
    }

    /// There is nothing to clean up any more.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: Fn() + Send + Sync + 'static> Drop for Guard<F> {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(in_background);
    }
}

/// Cleans up on a thread of its own, since a future may be dropped on an executor's. Where there is
/// no thread to be had, that one has to do it.
pub(crate) fn in_background(clean: impl Fn() + Send + Sync + 'static) {
    let clean = Arc::new(clean);
    let on_thread = Arc::clone(&clean);
    let builder = thread::Builder::new().name("aiofile-cleanup".to_owned());
    if builder.spawn(move || on_thread()).is_err() {
        clean();
    }
}
