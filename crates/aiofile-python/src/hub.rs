//! Where completions and wakes come together: an epoll instance, whose one descriptor is readable
//! while there is something to do.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use caio::{Registration, Watch};
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::io::Errno;

/// The token of the bell in the epoll instance; registrations count from 1.
const BELL: u64 = 0;

/// Queues of the engine's that one reader watches, and what was woken for it, of any kind.
pub(crate) struct Hub<T> {
    /// No other hub of the process has it.
    pub(crate) number: u64,
    epoll: OwnedFd,
    /// An eventfd, readable while there is something in `woken`.
    bell: OwnedFd,
    woken: Mutex<Vec<T>>,
    watched: Mutex<HashMap<u64, Arc<Registration>>>,
}

thread_local! {
    /// The number of the hub that this thread reaps for, so that what it wakes need not ring.
    static REAPS: Cell<u64> = const { Cell::new(0) };
}

impl<T: Send + 'static> Hub<T> {
    pub(crate) fn new() -> io::Result<Self> {
        static LAST_NUMBER: AtomicU64 = AtomicU64::new(0);
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let readable = epoll::EventFlags::IN;
        epoll::add(&epoll, &bell, epoll::EventData::new_u64(BELL), readable)?;
        let number = LAST_NUMBER.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Self { number, epoll, bell, woken: Mutex::default(), watched: Mutex::default() })
    }

    /// Has the reader see this, soon. Any thread may call it.
    pub(crate) fn wake(&self, one: T) {
        let mut woken = lock(&self.woken);
        woken.push(one);
        let is_first = woken.len() == 1;
        drop(woken);
        if is_first && REAPS.get() != self.number {
            self.ring();
        }
    }

    /// Makes the descriptor readable. A write to an eventfd fails where it is so already.
    pub(crate) fn ring(&self) {
        _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    /// Watches a queue as long as what it returns is kept.
    pub(crate) fn watch(self: &Arc<Self>, queue: Registration) -> Result<Watch, Registration> {
        static LAST_TOKEN: AtomicU64 = AtomicU64::new(BELL);
        let token = LAST_TOKEN.fetch_add(1, Ordering::Relaxed) + 1;
        let data = epoll::EventData::new_u64(token);
        if epoll::add(&self.epoll, queue.as_fd(), data, epoll::EventFlags::IN).is_err() {
            return Err(queue);
        }
        lock(&self.watched).insert(token, Arc::new(queue));
        Ok(Box::new(Watched { hub: Arc::downgrade(self), token }))
    }

    /// Reaps what is ready, and returns what was woken, here and elsewhere, and whether it rang.
    pub(crate) fn reap(&self) -> io::Result<(Vec<T>, bool)> {
        let before = REAPS.replace(self.number);
        let rang = self.reap_ready();
        REAPS.set(before);
        let rang = rang?;
        Ok((mem::take(&mut *lock(&self.woken)), rang))
    }

    fn reap_ready(&self) -> io::Result<bool> {
        let mut events = Vec::with_capacity(16);
        let now = rustix::time::Timespec::default();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&now)) {
            // A signal: the descriptor is still readable.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut rang = false;
        for event in events {
            let token = event.data.u64();
            if token == BELL {
                rang = true;
                _ = rustix::io::read(&self.bell, &mut [0; 8]);
                continue;
            }
            let registration = lock(&self.watched).get(&token).cloned();
            registration.iter().for_each(|registration| _ = registration.reap());
        }
        Ok(rang)
    }
}

impl<T> fmt::Debug for Hub<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hub({})", self.number)
    }
}

impl<T> AsFd for Hub<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl<T> AsRawFd for Hub<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}

/// Ends a watch when it is dropped.
struct Watched<T> {
    hub: Weak<Hub<T>>,
    token: u64,
}

impl<T> Drop for Watched<T> {
    fn drop(&mut self) {
        let Some(hub) = self.hub.upgrade() else { return };
        let ended = lock(&hub.watched).remove(&self.token);
        if let Some(registration) = &ended {
            _ = epoll::delete(&hub.epoll, registration.as_fd());
        }
    }
}

/// A lock whose holders leave nothing half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
