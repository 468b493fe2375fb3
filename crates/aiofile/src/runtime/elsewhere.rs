//! Work of a drop that may take long, where nobody waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tokio::runtime::Handle;

/// Drops a value on a blocking thread of the present runtime, whose end waits for it: a program
/// that ends loses nothing. Without a runtime, or while the thread unwinds, it is dropped here.
pub(crate) fn drop_elsewhere(value: impl Send + 'static) {
    let handle = Handle::try_current().ok().filter(|_| !thread::panicking());
    let Some(handle) = handle else { return drop(value) };
    // tokio panics where the system has no thread left; the value is dropped then, too.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(handle.spawn_blocking(move || drop(value)))));
}
