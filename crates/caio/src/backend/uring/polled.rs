//! Completions that are asked for instead of waited for (`IORING_SETUP_IOPOLL`).
//!
//! The device raises no interrupt: whoever wants the completion spins until it is there. That is
//! faster by some microseconds on a device with queues for it, and takes a whole processor. So one
//! thread has one ring for it, and spins while, and only while, a request is in flight there; the
//! threads that submit only leave their requests.
//!
//! The kernel polls for O_DIRECT transfers alone. A file whose device or file system has no
//! polling answers EOPNOTSUPP: its request goes on to the submitter's ordinary ring, and later ones
//! go there at once.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;

use super::ring::Ring;
use crate::file::FileClass;
use crate::op::Op;
use crate::own_thread;
use crate::request::Request;
use crate::sync::lock;

/// How long the thread waits for the next request before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// How long it waits before it tries again what the kernel or a full ring refused.
const PAUSE: Duration = Duration::from_millis(1);

/// The way to the polling thread.
#[derive(Debug)]
pub(super) struct Polled {
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    ring: Arc<Ring>,
    requests_max: usize,
    /// Requests that were left here and have neither completed nor gone on to another ring.
    held: AtomicUsize,
    tray: Mutex<Tray>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Tray {
    /// Requests that the thread has not seen yet.
    new: Vec<Option<Request>>,
    /// Requests for which polling is not supported, and rings that had no room for them yet.
    elsewhere: Vec<(Request, Arc<Ring>)>,
    running: bool,
    closed: bool,
}

impl Polled {
    pub(super) fn new(ring: Ring, requests_max: usize) -> Self {
        let (held, tray, bell) = (AtomicUsize::new(0), Mutex::default(), Condvar::new());
        Self { desk: Arc::new(Desk { ring: Arc::new(ring), requests_max, held, tray, bell }) }
    }

    /// Whether the kernel may poll for this request.
    pub(super) fn concerns(request: &Request) -> bool {
        let transfer = matches!(
            request.op(),
            Op::Read { .. } | Op::Write { .. } | Op::ReadVectored { .. } | Op::WriteVectored { .. }
        );
        transfer
            && request.file().is_some_and(|file| {
                file.is_direct()
                    && matches!(file.class(), FileClass::Regular | FileClass::Block)
                    && !file.refuses_polling().load(Ordering::Relaxed)
            })
    }

    /// Takes requests from the front of the batch, all of which concern it, until nothing or no
    /// room is left. What cannot be polled for completes on `ordinary`. `None` where there is no
    /// thread to be had for it.
    pub(super) fn submit(
        &self,
        batch: &mut [Option<Request>],
        ordinary: &Arc<Ring>,
    ) -> Option<usize> {
        let mut tray = lock(&self.desk.tray);
        if !tray.running {
            self.desk.start().ok()?;
            tray.running = true;
        }
        let mut taken = 0;
        for place in batch {
            if self.desk.held.load(Ordering::Acquire) >= self.desk.requests_max {
                break;
            }
            if let Some(request) = place.take() {
                self.desk.held.fetch_add(1, Ordering::AcqRel);
                tray.new.push(Some(self.desk.marked(request, ordinary)));
            }
            taken += 1;
        }
        drop(tray);
        self.desk.bell.notify_one();
        Some(taken)
    }

    /// Requests that are here.
    pub(super) fn held(&self) -> usize {
        self.desk.held.load(Ordering::Acquire)
    }

    /// Whether the polling thread is there.
    #[cfg(test)]
    pub(super) fn is_running(&self) -> bool {
        lock(&self.desk.tray).running
    }
}

impl Drop for Polled {
    /// The thread ends as soon as nothing is in flight.
    fn drop(&mut self) {
        lock(&self.desk.tray).closed = true;
        self.desk.bell.notify_one();
    }
}

impl Desk {
    fn start(self: &Arc<Self>) -> std::io::Result<()> {
        let desk = Arc::clone(self);
        let thread = thread::Builder::new().name("caio-iopoll".to_owned());
        thread.spawn(move || desk.serve()).map(drop)
    }

    /// The request, which will be counted out when it completes, or sent elsewhere.
    fn marked(self: &Arc<Self>, mut request: Request, ordinary: &Arc<Ring>) -> Request {
        let (desk, ordinary) = (Arc::clone(self), Arc::clone(ordinary));
        request.on_complete(move |request, result| match result {
            Err(error) if error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) => {
                if let Some(file) = request.file() {
                    file.refuses_polling().store(true, Ordering::Relaxed);
                }
                lock(&desk.tray).elsewhere.push((request, ordinary));
            }
            result => {
                request.complete(result);
                desk.held.fetch_sub(1, Ordering::AcqRel);
            }
        });
        request
    }

    /// The life of the thread.
    fn serve(&self) {
        own_thread::begin();
        let mut batch = Vec::new();
        loop {
            let refused = self.send_elsewhere() | (self.ring.submit(&mut batch) < batch.len());
            batch.retain(Option::is_some);
            let in_flight = self.ring.in_flight() > 0;
            let stuck = in_flight && !self.ring.poll() || !in_flight && refused;
            if stuck {
                thread::sleep(PAUSE);
            }
            let idle = batch.is_empty() && self.ring.in_flight() == 0;
            match self.collect(idle) {
                Some(new) => batch.extend(new),
                None => return,
            }
        }
    }

    /// Passes on what cannot be polled for. Returns whether some of it found no room.
    fn send_elsewhere(&self) -> bool {
        let elsewhere = mem::take(&mut lock(&self.tray).elsewhere);
        let mut left = Vec::new();
        for (request, ring) in elsewhere {
            let mut batch = [Some(request)];
            ring.take_over(&mut batch);
            match batch {
                [Some(request)] => left.push((request, ring)),
                // Counted out after the ring has counted it in: a shutdown sees it in one of them.
                [None] => _ = self.held.fetch_sub(1, Ordering::AcqRel),
            }
        }
        let refused = !left.is_empty();
        lock(&self.tray).elsewhere.extend(left);
        refused
    }

    /// What is new; waits for it where nothing else is to be done. `None` when the thread is to
    /// end.
    fn collect(&self, idle: bool) -> Option<Vec<Option<Request>>> {
        let mut tray = lock(&self.tray);
        let mut timed_out = false;
        while idle && tray.new.is_empty() && tray.elsewhere.is_empty() {
            if tray.closed || timed_out {
                tray.running = false;
                return None;
            }
            let woken = self.bell.wait_timeout(tray, IDLE);
            let (again, result) = woken.unwrap_or_else(PoisonError::into_inner);
            (tray, timed_out) = (again, result.timed_out());
        }
        Some(mem::take(&mut tray.new))
    }
}
