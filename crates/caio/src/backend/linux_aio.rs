//! Linux kernel AIO: `io_setup`, `io_submit` and `io_getevents`, with an eventfd.
//!
//! It is what is left where containers forbid io_uring, and it is asynchronous for files opened
//! with `O_DIRECT` alone: there, io_submit starts a transfer and returns. A buffered transfer is
//! done by io_submit itself, however long that takes, so those are submitted by one thread of the
//! backend, one after the other. For buffered files a pool of threads is the better choice.
//!
//! - A caller submits O_DIRECT transfers with `RWF_NOWAIT`, so that it never waits for a lock or
//!   for metadata; what would have waited is submitted again by the thread.
//! - Syncs are carried out by a worker of the kernel: they are submitted by the caller.
//! - Buffered reads are not tried with `RWF_NOWAIT` here: the context has tried that before it
//!   came here.
//! - The kernel cannot cancel file operations (`io_cancel` answers `EINVAL`), so only a request
//!   that still waits for the thread is cancelled.
//! - Giving a queue back takes the kernel tens of milliseconds even when it is idle, so a thread
//!   does it.

mod books;
mod engine;
mod entry;
mod kernel;
mod probe;
mod submitter;
#[cfg(test)]
mod tests;

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Instant;

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::{Backend, BackendKind, Lanes};
use crate::capability::{Capability, ClassSet};
use crate::error::{Error, ErrorKind};
use crate::file::FileClass;
use crate::request::{Request, Token};
use crate::sys::aio::Queue;
use engine::Engine;
use kernel::Kernel;

/// The choices of the kernel AIO backend.
///
/// ```
/// assert_eq!(caio::backend::linux_aio::Options::default().requests_max, 512);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The most requests in flight. Where the system has no room for that many
    /// (`fs.aio-max-nr`), half as many are asked for, and so on; the capability says how many it
    /// became.
    pub requests_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { requests_max: 512 }
    }
}

/// The kernel AIO backend: `CAIO_IMPL=linux`.
///
/// ```
/// use caio::backend::linux_aio::{LinuxAio, Options};
/// use caio::{Backend, BackendKind};
///
/// match LinuxAio::open(&Options::default()) {
///     Ok(backend) => assert_eq!(backend.kind(), BackendKind::Linux),
///     Err(refusal) => println!("{refusal}"),
/// }
/// ```
#[derive(Debug)]
pub struct LinuxAio {
    engine: Arc<Engine>,
    capability: Capability,
}

impl LinuxAio {
    /// Sets up a queue and tries it with a real read and real syncs. Costs about a dozen system
    /// calls; starts no thread.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] with the refused system call, its errno and the cure;
    /// [`ErrorKind::InvalidInput`] when `requests_max` is 0.
    ///
    /// ```
    /// use caio::ErrorKind;
    /// use caio::backend::linux_aio::{LinuxAio, Options};
    ///
    /// let error = LinuxAio::open(&Options { requests_max: 0 }).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// ```
    pub fn open(options: &Options) -> Result<Self, Error> {
        Self::open_with(options, |requests| Ok(Box::new(Queue::new(requests)?)))
    }

    /// How many transfers a caller could not submit without waiting and the thread had to.
    ///
    /// ```
    /// use caio::backend::linux_aio::{LinuxAio, Options};
    ///
    /// if let Ok(backend) = LinuxAio::open(&Options::default()) {
    ///     assert_eq!(backend.resubmitted(), 0);
    /// }
    /// ```
    #[must_use]
    pub fn resubmitted(&self) -> u64 {
        self.engine.resubmitted()
    }

    fn open_with(
        options: &Options,
        open: impl FnMut(u32) -> std::io::Result<Box<dyn Kernel>>,
    ) -> Result<Self, Error> {
        let requests = u32::try_from(options.requests_max).unwrap_or(u32::MAX);
        if requests == 0 {
            let message = "requests_max is 0: the kernel AIO backend needs room for a request";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let (kernel, room) = probe::set_up(requests, open)?;
        let found = probe::probe(&*kernel)?;
        let eventfd =
            EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
                .map_err(|errno| probe::refusal("eventfd2", errno.into()))?;
        let mut features = Vec::new();
        if found.knows_nowait {
            features.push("RWF_NOWAIT".to_owned());
        }
        if room < requests {
            features.push(format!("{room} of {requests} requests, for want of fs.aio-max-nr"));
        }
        let capability = Capability {
            operations: found.operations,
            classes: ClassSet::default().with(FileClass::Regular).with(FileClass::Block),
            requests_max: room as usize,
            cancels_running: false,
            writes_buffered_slowly: false,
            features,
        };
        let engine = Engine::new(kernel, eventfd, room as usize, found.knows_nowait);
        Ok(Self { engine: Arc::new(engine), capability })
    }
}

impl Backend for LinuxAio {
    fn kind(&self) -> BackendKind {
        BackendKind::Linux
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn submit(&self, batch: &mut [Option<Request>]) -> Result<Lanes, Error> {
        let taken = self.engine.take(batch)?;
        Ok(if taken { Lanes::one(0) } else { Lanes::NONE })
    }

    /// Does nothing at once: the thread looks whether a request has been cancelled before it
    /// submits it, and no kernel ends a file operation that it has begun.
    fn cancel(&self, _token: Token) {}

    fn reap(&self, lane: usize) -> usize {
        if lane == 0 { self.engine.reap() } else { 0 }
    }

    fn descriptor(&self, lane: usize) -> Option<BorrowedFd<'_>> {
        (lane == 0).then(|| self.engine.descriptor())
    }

    fn shutdown(&self, deadline: Instant) -> usize {
        self.engine.shutdown(deadline)
    }
}

impl Drop for LinuxAio {
    fn drop(&mut self) {
        self.engine.retire();
    }
}
