//! A source of completions, watched by tokio's reactor: a task waits until it is readable and
//! reaps.

use std::panic::{AssertUnwindSafe, catch_unwind};

use caio::{Reactor, Registration, Watch};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// Watches in the runtime of the calling thread, if it has an I/O driver.
pub(super) fn watch(registration: Registration, reactor: Reactor) -> Result<Watch, Registration> {
    let Ok(handle) = Handle::try_current() else { return Err(registration) };
    if reactor != Reactor::Always && !has_driver() {
        return Err(registration);
    }
    let readable = register(registration)?;
    let task = handle.spawn(async move {
        while let Ok(mut ready) = readable.readable().await {
            // Cleared before the completions are taken: one that comes in between makes the
            // descriptor ready again.
            ready.clear_ready();
            readable.get_ref().reap();
        }
    });
    Ok(Box::new(Watched(task.abort_handle())))
}

#[allow(
    deprecated,
    reason = "the replacement is unsafe, for the sake of types whose descriptor can change; \
              a registration owns one descriptor as long as it lives"
)]
fn register(registration: Registration) -> Result<AsyncFd<Registration>, Registration> {
    AsyncFd::try_with_interest(registration, Interest::READABLE)
        .map_err(|error| error.into_parts().0)
}

/// Whether this runtime was built with its I/O driver. tokio tells it in no other way than by a
/// panic where there is none: all that registers with the driver has that panic, and the count of
/// what is registered is there in builds with `tokio_unstable` alone. So a program that would end
/// with the panic is not asked, nor is one that has no driver at all.
#[allow(deprecated, reason = "as above; a pipe owns one descriptor")]
fn has_driver() -> bool {
    if cfg!(panic = "abort") || !any_epoll() {
        return false;
    }
    let Ok((reader, _writer)) = std::io::pipe() else { return false };
    catch_unwind(AssertUnwindSafe(|| AsyncFd::new(reader).is_ok())).unwrap_or(false)
}

/// Ends the task when it is dropped.
struct Watched(AbortHandle);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether the process has any epoll instance, without which no runtime has an I/O driver. Where
/// the system does not tell, there may be one.
fn any_epoll() -> bool {
    let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") else { return true };
    let mut links = descriptors.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    links.any(|link| link.to_string_lossy().contains("[eventpoll]"))
}
