//! System calls that may wait and that the engine has no operation for, off the executor.

use std::panic::resume_unwind;

use tokio::task::spawn_blocking;

/// Runs `work` on a thread where it may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => resume_unwind(error.into_panic()),
    }
}
