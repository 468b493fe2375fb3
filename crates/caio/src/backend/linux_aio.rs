//! Linux kernel AIO: `io_setup`, `io_submit` and `io_getevents`, with an eventfd.
//!
//! It is what is left where containers forbid io_uring, and it is asynchronous for files opened
//! with `O_DIRECT` alone: there, io_submit starts a transfer and returns. A buffered transfer would
//! be done by io_submit itself, however long that takes, so that the context sends those to its
//! pool.
//!
//! - Transfers are submitted with `RWF_NOWAIT`, so that the caller never waits for a lock or for
//!   metadata. What would have waited completes with EAGAIN, and the context sends it to its pool.
//! - The kernel cannot cancel file operations (`io_cancel` answers `EINVAL`).
//! - Giving a queue back takes the kernel tens of milliseconds even when it is idle, and waits for
//!   what is in flight, so a thread does it.

#[cfg(all(test, caio_loom))]
mod models;
mod probe;
mod queue;
#[cfg(test)]
mod tests;

use std::os::fd::BorrowedFd;
use std::time::Instant;

use super::{Backend, BackendKind, QueueId};
use crate::capability::{Capability, ClassSet};
use crate::config::Config;
use crate::error::Result;
use crate::file::FileClass;
use crate::request::{Request, Token};
use crate::sys::aio;
use crate::worker_thread;
use queue::{Kernel, Queue};

/// The kernel AIO backend: `CAIO_IMPL=linux`. It has one queue.
///
/// ```
/// use caio::backend::linux_aio::LinuxAio;
/// use caio::{Backend, Config};
///
/// match LinuxAio::open(&Config::default()) {
///     Ok(backend) => assert!(backend.capability().requests_max <= 512),
///     Err(error) => println!("there is no kernel AIO here: {error}"),
/// }
/// ```
#[derive(Debug)]
pub struct LinuxAio {
    /// There until the backend is dropped.
    queue: Option<Queue>,
    capability: Capability,
}

impl LinuxAio {
    /// Sets up a queue for as many requests as the settings allow, and tries it with a real read.
    /// Where the system has no room for that many (`fs.aio-max-nr`), half as many are asked for,
    /// and so on; the capability says how many it became. Costs about a dozen system calls; starts
    /// no thread.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::ErrorKind::Backend) with the refused system call, its errno
    /// and the cure; [`ErrorKind::Config`](crate::ErrorKind::Config) for impossible settings.
    pub fn open(config: &Config) -> Result<Self> {
        config.validate()?;
        Self::open_with(config.max_requests, |requests| Ok(Box::new(aio::Queue::new(requests)?)))
    }

    fn open_with(
        requests_max: usize,
        open: impl FnMut(u32) -> std::io::Result<Box<dyn Kernel>>,
    ) -> Result<Self> {
        let requests = u32::try_from(requests_max).unwrap_or(u32::MAX);
        let (kernel, room) = probe::set_up(requests, open)?;
        let operations = probe::operations(&*kernel)?;
        let mut features = vec!["O_DIRECT transfers with RWF_NOWAIT".to_owned()];
        if room < requests {
            features.push(format!("{room} of {requests} requests, for want of fs.aio-max-nr"));
        }
        let capability = Capability {
            operations,
            classes: ClassSet::default().with(FileClass::Regular).with(FileClass::Block),
            requests_max: room as usize,
            writes_buffered_slowly: false,
            direct_only: true,
            local_only: true,
            completes_by_itself: false,
            own_files: false,
            atomic_writes: true,
            features,
        };
        Ok(Self { queue: Some(Queue::new(kernel, room as usize)?), capability })
    }

    fn queue(&self) -> &Queue {
        self.queue.as_ref().expect("the queue is there until the backend is dropped")
    }
}

impl Backend for LinuxAio {
    fn kind(&self) -> BackendKind {
        BackendKind::Linux
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, request: Request) -> QueueId {
        LinuxAio::queue(self).add(request);
        QueueId(0)
    }

    fn commit(&self, _queue: QueueId) {
        LinuxAio::queue(self).commit();
    }

    fn reap(&self, _queue: QueueId) -> usize {
        LinuxAio::queue(self).reap()
    }

    /// Does nothing: no kernel ends a file operation that it has begun.
    fn cancel(&self, _token: Token) {}

    fn descriptor(&self, queue: QueueId) -> Option<BorrowedFd<'_>> {
        (queue == QueueId(0)).then(|| LinuxAio::queue(self).descriptor())
    }

    fn shutdown(&self, deadline: Instant) -> usize {
        LinuxAio::queue(self).shutdown(deadline)
    }
}

impl Drop for LinuxAio {
    fn drop(&mut self) {
        worker_thread::close(self.queue.take());
    }
}
