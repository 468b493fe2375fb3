//! io_uring: two queues shared with the kernel, and no thread of our own.
//!
//! Each thread that submits has a ring of its own, up to a limit, since one ring behind one lock
//! halves the speed of two threads. A ring is made when its thread first submits. Requests enter
//! the kernel from the thread that commits them, and completions make the ring's descriptor
//! readable.
//!
//! What rules the details:
//! - The kernel may use a buffer until the completion of that very request arrives, also after the
//!   ring was closed. So a request stays with its ring until then, and a ring that is dropped
//!   before is leaked with all it holds.
//! - Entries may stay in the submission queue when the system call that should take them fails.
//!   The next commit tries again, and the context commits from time to time.
//! - The kernel cancels what a thread has begun when the thread ends. Such a request completes with
//!   ECANCELED, and the context submits it again.
//! - It moves bytes of regular files on local file systems and of block devices, and does nothing
//!   else. What may wait for long, such as a pipe or a server, would take one of the kernel's few
//!   workers, and a read that is given up there may still swallow bytes. A sync takes a worker,
//!   too.
#![cfg(target_os = "linux")]

mod ring;
mod setup;
#[cfg(test)]
mod tests;

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::{Backend, BackendKind, QueueId};
use crate::capability::{Capability, ClassSet};
use crate::config::{Config, UringConfig};
use crate::error::Result;
use crate::file::FileClass;
use crate::request::{Request, Token};
use crate::sync::{Mutex, lock, thread_index};
use crate::sys::process::Process;

use ring::{Ring, wait_readable};

/// While shutting down, how long to sleep at most before looking after every ring again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How many rings had to be leaked in this process, with requests in flight.
#[cfg(test)]
pub(crate) fn leaked() -> usize {
    ring::LEAKED.load(Ordering::Relaxed)
}

/// The io_uring backend. Queue n is ring n.
///
/// Committing costs one system call for up to [`UringConfig::entries`] requests, and none of them
/// where a kernel thread polls; reaping costs none.
///
/// ```
/// use caio::Backend;
/// use caio::Config;
/// use caio::backend::uring::Uring;
///
/// match Uring::open(&Config::default()) {
///     Ok(backend) => assert!(backend.capability().requests_max > 0),
///     Err(error) => println!("there is no io_uring here: {error}"),
/// }
/// ```
#[derive(Debug)]
pub struct Uring {
    config: UringConfig,
    capability: Capability,
    rings: Box<[OnceLock<Place>]>,
    /// The ring that was made first, and its number.
    first: (usize, Arc<Ring>),
    /// Held while a ring is made.
    making: Mutex<()>,
    closed: AtomicBool,
    /// The rings' memory is not there in a forked child.
    owner: Process,
}

/// Where threads of one index submit.
#[derive(Debug)]
enum Place {
    Own(Arc<Ring>),
    /// There was no memory or no descriptor for another ring: the first one serves.
    Shared,
}

impl Uring {
    /// Makes the first ring; others are made when threads need them. Whether it really reads, a
    /// context finds out when it is built.
    ///
    /// Costs about ten system calls.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::ErrorKind::Backend), with the system call that refused, its
    /// errno and what helps; [`ErrorKind::Config`](crate::ErrorKind::Config) for impossible
    /// settings.
    pub fn open(config: &Config) -> Result<Self> {
        config.validate()?;
        let (requests_max, config) = (config.max_requests, config.uring.clone());
        let number = thread_index() % config.rings;
        let made = setup::make(&config, requests_max)?;
        let operations = setup::operations(&made.io)?;
        let classes = ClassSet::default().with(FileClass::Regular).with(FileClass::Block);
        let capability = Capability {
            operations,
            classes,
            requests_max: made.requests_max,
            writes_buffered_slowly: true,
            direct_only: false,
            local_only: true,
            completes_by_itself: false,
            own_files: false,
            atomic_writes: true,
            features: features(&config, &made.io),
        };
        let first = (number, Arc::new(Ring::new(made)));
        let rings: Box<[OnceLock<Place>]> = (0..config.rings).map(|_| OnceLock::new()).collect();
        let _ = rings[number].set(Place::Own(Arc::clone(&first.1)));
        let (making, closed, owner) = (Mutex::new(()), AtomicBool::new(false), Process::current());
        Ok(Self { config, capability, rings, first, making, closed, owner })
    }

    /// The calling thread's ring, and its number.
    fn ring(&self) -> (usize, &Arc<Ring>) {
        let number = thread_index() % self.rings.len();
        let place = self.rings[number].get().unwrap_or_else(|| {
            let _making = lock(&self.making);
            self.rings[number].get_or_init(|| self.make())
        });
        match place {
            Place::Own(ring) => (number, ring),
            Place::Shared => (self.first.0, &self.first.1),
        }
    }

    fn make(&self) -> Place {
        // The first ring works; that there are no more of them is no reason to fail.
        let Ok(made) = setup::make(&self.config, self.capability.requests_max) else {
            return Place::Shared;
        };
        let ring = Ring::new(made);
        if self.closed.load(Ordering::Acquire) {
            ring.close();
        }
        Place::Own(Arc::new(ring))
    }

    fn existing(&self) -> impl Iterator<Item = &Arc<Ring>> {
        (0..self.rings.len()).filter_map(|number| self.at(QueueId(number)))
    }

    fn at(&self, QueueId(number): QueueId) -> Option<&Arc<Ring>> {
        match self.rings.get(number)?.get()? {
            Place::Own(ring) => Some(ring),
            Place::Shared => None,
        }
    }
}

impl Backend for Uring {
    fn kind(&self) -> BackendKind {
        BackendKind::Uring
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, request: Request) -> QueueId {
        if let Err(error) = self.owner.check() {
            request.complete(Err(error.into()));
            return QueueId(0);
        }
        let (number, ring) = self.ring();
        ring.queue(request);
        QueueId(number)
    }

    fn commit(&self, queue: QueueId) {
        if self.owner.is_current()
            && let Some(ring) = self.at(queue)
        {
            ring.commit();
        }
    }

    fn reap(&self, queue: QueueId) -> usize {
        if !self.owner.is_current() {
            return 0;
        }
        self.at(queue).map_or(0, |ring| ring.reap())
    }

    /// Does nothing: what the kernel has taken of a file on a disk it ends by itself, and soon.
    fn cancel(&self, _token: Token) {}

    fn descriptor(&self, queue: QueueId) -> Option<BorrowedFd<'_>> {
        self.at(queue).map(|ring| ring.descriptor())
    }

    fn shutdown(&self, deadline: Instant) -> usize {
        if !self.owner.is_current() {
            return 0;
        }
        self.closed.store(true, Ordering::Release);
        // A ring that is being made is there after this, or closed from the start.
        drop(lock(&self.making));
        self.existing().for_each(|ring| ring.close());
        loop {
            for ring in self.existing() {
                ring.commit();
                ring.reap();
            }
            let busy: Vec<_> = self.existing().filter(|ring| ring.in_flight() > 0).collect();
            let now = Instant::now();
            if busy.is_empty() || now >= deadline {
                return busy.iter().map(|ring| ring.in_flight()).sum();
            }
            let descriptors = busy.iter().map(|ring| ring.descriptor());
            wait_readable(descriptors, (deadline - now).min(LOOK_AGAIN));
        }
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        if !self.owner.is_current() {
            // The queues are not mapped in a forked child, and other things may be in their place.
            self.existing().cloned().for_each(std::mem::forget);
            return;
        }
        // What is ready need not leak; for the rest, each ring decides.
        for ring in self.existing() {
            ring.close();
            ring.reap();
        }
    }
}

fn features(config: &UringConfig, io: &io_uring::IoUring) -> Vec<String> {
    let parameters = io.params();
    let mut features = vec![
        format!("rings: 1 of at most {}", config.rings),
        format!("submission entries: {}", parameters.sq_entries()),
        format!("completion entries: {}", parameters.cq_entries()),
    ];
    if parameters.is_setup_sqpoll() {
        features.push("IORING_SETUP_SQPOLL".to_owned());
    }
    if config.kernel_workers_max > 0 {
        features.push(format!("kernel workers: at most {}", config.kernel_workers_max));
    }
    features
}
