//! Work of a drop that may take long, where nobody waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tokio::runtime::Handle;

/// Drops a value that may block then, such as one that removes a file: a moment later, on a
/// blocking thread of the present runtime, whose end waits for it, so that a program that ends
/// loses nothing. Without a runtime, or while the thread unwinds, it is dropped here.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().to_owned();
/// aiofile::drop_elsewhere(directory);
/// while path.exists() {
///     tokio::task::yield_now().await;
/// }
/// # Ok(()) }
/// ```
pub fn drop_elsewhere(value: impl Send + 'static) {
    let handle = Handle::try_current().ok().filter(|_| !thread::panicking());
    let Some(handle) = handle else { return drop(value) };
    // tokio panics where the system has no thread left; the value is dropped then, too.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(handle.spawn_blocking(move || drop(value)))));
}
