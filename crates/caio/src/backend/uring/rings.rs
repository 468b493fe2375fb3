//! The backend: a ring for each submitting thread, as far as the limit and memory allow.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::io::wait_readable;
use super::options::Options;
use super::polled::Polled;
use super::ring::Ring;
use super::{probe, setup};
use crate::backend::in_flight::InFlight;
use crate::backend::{Backend, BackendKind, Lanes};
use crate::capability::{Capability, ClassSet};
use crate::counters::thread_index;
use crate::error::{Error, ErrorKind, Result};
use crate::file::FileClass;
use crate::request::{Request, Token};
use crate::sync::lock;
use crate::sys::process::Process;

/// While shutting down, how long to sleep at most before looking after every ring again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The same while requests are polled for, of which no descriptor tells.
const LOOK_AGAIN_POLLED: Duration = Duration::from_millis(1);

/// The io_uring backend. Lane n is ring n.
///
/// Submitting costs one system call for up to [`Options::entries`] requests, and none of them
/// where a kernel thread polls; reaping costs none.
///
/// ```
/// use std::sync::Arc;
/// use caio::backend::uring::{Options, Uring};
/// use caio::{BackendKind, Context};
///
/// if let Ok(backend) = Uring::open(&Options { rings: 1, ..Options::default() }) {
///     let context = Context::builder().custom(Arc::new(backend)).build()?;
///     assert_eq!(context.info().backend, BackendKind::Uring);
/// }
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug)]
pub struct Uring {
    options: Options,
    capability: Capability,
    places: Box<[OnceLock<Place>]>,
    /// The ring that was made first.
    first: Arc<Ring>,
    /// The ring that is polled, where that was asked for.
    polled: Option<Polled>,
    /// Held while a ring is made.
    making: Mutex<()>,
    closed: AtomicBool,
    /// The rings' memory is not there in a forked child.
    home: Process,
}

/// Where threads of one index submit.
#[derive(Debug)]
enum Place {
    Own(Arc<Ring>),
    /// There was no memory or no descriptor for another ring.
    Shared(Arc<Ring>),
}

impl Place {
    fn ring(&self) -> &Arc<Ring> {
        match self {
            Self::Own(ring) | Self::Shared(ring) => ring,
        }
    }
}

impl Uring {
    /// Makes the first ring and has it really read a byte; others are made when threads need
    /// them. Options beyond their limits are brought within.
    ///
    /// Costs about fifteen system calls.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`], with the system call that refused, its errno and what helps.
    ///
    /// ```
    /// use caio::{Backend, ErrorKind, OpKind};
    /// use caio::backend::uring::{Options, Uring};
    ///
    /// match Uring::open(&Options::default()) {
    ///     Ok(backend) => assert!(backend.capability().operations.contains(OpKind::Read)),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Backend, "{error}"),
    /// }
    /// ```
    pub fn open(options: &Options) -> Result<Self> {
        let mut options = options.clamped();
        let lane = thread_index() % options.rings;
        let mut made = setup::make_ordinary(&options)?;
        let operations = probe::operations(&made.io)?;
        probe::really_works(&mut made.io)?;
        let requests_max = made.requests_max;
        options.requests_max = requests_max;
        let classes =
            [FileClass::Regular, FileClass::Block, FileClass::Stream, FileClass::Character];
        let capability = Capability {
            operations,
            classes: classes.into_iter().fold(ClassSet::default(), ClassSet::with),
            requests_max,
            cancels_running: true,
            writes_buffered_slowly: true,
            features: features(&options, &made.io),
        };
        let first = Arc::new(Ring::new(tag(lane), made));
        let places: Box<[OnceLock<Place>]> = (0..options.rings).map(|_| OnceLock::new()).collect();
        let _ = places[lane].set(Place::Own(Arc::clone(&first)));
        let polled = match options.iopoll {
            true => {
                let made = setup::make_polled(&options)?;
                let requests_max = made.requests_max;
                Some(Polled::new(Ring::new(tag(Lanes::MAX), made), requests_max))
            }
            false => None,
        };
        let (making, closed) = (Mutex::new(()), AtomicBool::new(false));
        let home = Process::current();
        Ok(Self { options, capability, places, first, polled, making, closed, home })
    }

    /// The calling thread's ring.
    fn ring(&self) -> &Arc<Ring> {
        let lane = thread_index() % self.places.len();
        if let Some(place) = self.places[lane].get() {
            return place.ring();
        }
        let _making = lock(&self.making);
        self.places[lane].get_or_init(|| self.make(lane)).ring()
    }

    fn make(&self, lane: usize) -> Place {
        match setup::make_ordinary(&self.options) {
            Ok(made) => {
                let ring = Ring::new(tag(lane), made);
                if self.closed.load(Ordering::Acquire) {
                    ring.close();
                }
                Place::Own(Arc::new(ring))
            }
            // The first ring works; that there are no more of them is no reason to fail.
            Err(_) => Place::Shared(Arc::clone(&self.first)),
        }
    }

    pub(super) fn existing(&self) -> impl Iterator<Item = &Arc<Ring>> {
        self.places.iter().filter_map(OnceLock::get).filter_map(|place| match place {
            Place::Own(ring) => Some(ring),
            Place::Shared(_) => None,
        })
    }

    #[cfg(test)]
    pub(super) fn first(&self) -> &Arc<Ring> {
        &self.first
    }

    /// Has the calling thread's ring take requests, and others what it has no room for.
    fn submit_ordinary(&self, own: &Arc<Ring>, batch: &mut [Option<Request>]) -> (usize, Lanes) {
        let mut lanes = Lanes::NONE;
        let mut taken = own.submit(batch);
        if taken > 0 {
            lanes = lanes.and(own.lane());
        }
        if taken < batch.len() {
            for other in self.existing().filter(|other| !Arc::ptr_eq(other, own)) {
                let more = other.submit(&mut batch[taken..]);
                if more > 0 {
                    taken += more;
                    lanes = lanes.and(other.lane());
                }
            }
        }
        (taken, lanes)
    }

    #[cfg(test)]
    pub(super) fn polled(&self) -> Option<&Polled> {
        self.polled.as_ref()
    }

    fn at(&self, lane: usize) -> Option<&Arc<Ring>> {
        match self.places.get(lane)?.get()? {
            Place::Own(ring) => Some(ring),
            Place::Shared(_) => None,
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

    fn submit(&self, batch: &mut [Option<Request>]) -> Result<Lanes, Error> {
        self.home.check()?;
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Shutdown, "the io_uring backend was shut down"));
        }
        let own = self.ring();
        let Some(polled) = &self.polled else { return Ok(self.submit_ordinary(own, batch).1) };
        let mut lanes = Lanes::NONE;
        let mut rest = batch;
        while let Some(first) = rest.first() {
            let concerns = |place: &Option<Request>| place.as_ref().is_some_and(Polled::concerns);
            let kind = concerns(first);
            let length = rest.iter().take_while(|place| concerns(place) == kind).count();
            let (run, others) = rest.split_at_mut(length);
            let (taken, run_lanes) = match kind.then(|| polled.submit(run, own)).flatten() {
                // The file may turn out not to be polled, and then it completes there.
                Some(taken) => (taken, Lanes::one(own.lane())),
                None => self.submit_ordinary(own, run),
            };
            lanes = run_lanes.iter().fold(lanes, Lanes::and);
            if taken < length {
                break;
            }
            rest = others;
        }
        Ok(lanes)
    }

    fn cancel(&self, token: Token) {
        if self.home.is_current()
            && let Some(ring) = self.at(InFlight::<()>::tag_of(token).into())
        {
            ring.cancel(token);
        }
    }

    fn reap(&self, lane: usize) -> usize {
        if self.home.is_current() { self.at(lane).map_or(0, Ring::reap) } else { 0 }
    }

    fn descriptor(&self, lane: usize) -> Option<BorrowedFd<'_>> {
        self.at(lane).map(|ring| ring.descriptor())
    }

    fn shutdown(&self, deadline: Instant) -> usize {
        if !self.home.is_current() {
            return 0;
        }
        self.closed.store(true, Ordering::Release);
        // A ring that is being made is there after this, or closed from the start.
        drop(lock(&self.making));
        self.existing().for_each(|ring| ring.close());
        loop {
            for ring in self.existing() {
                ring.flush();
            }
            // These go on to other rings in part, which are looked at after this.
            let polled = self.polled.as_ref().map_or(0, Polled::held);
            let busy: Vec<_> = self.existing().filter(|ring| ring.in_flight() > 0).collect();
            let now = Instant::now();
            if polled == 0 && busy.is_empty() || now >= deadline {
                return polled + busy.iter().map(|ring| ring.in_flight()).sum::<usize>();
            }
            let descriptors = busy.iter().map(|ring| ring.descriptor());
            let look_again = if polled > 0 { LOOK_AGAIN_POLLED } else { LOOK_AGAIN };
            wait_readable(descriptors, (deadline - now).min(look_again));
        }
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        if !self.home.is_current() {
            return;
        }
        // What is ready need not leak; for the rest, each ring decides.
        for ring in self.existing() {
            ring.close();
            ring.reap();
        }
    }
}

fn tag(lane: usize) -> u8 {
    u8::try_from(lane).expect("there are at most 64 lanes")
}

fn features(options: &Options, io: &io_uring::IoUring) -> Vec<String> {
    let parameters = io.params();
    let mut features = vec![
        format!("rings: 1 of at most {}", options.rings),
        format!("submission entries: {}", parameters.sq_entries()),
        format!("completion entries: {}", parameters.cq_entries()),
    ];
    if parameters.is_setup_sqpoll() {
        features.push("IORING_SETUP_SQPOLL".to_owned());
    }
    if options.kernel_workers_max > 0 {
        features.push(format!("kernel workers: at most {}", options.kernel_workers_max));
    }
    if options.iopoll {
        features.push("IORING_SETUP_IOPOLL, on a ring of its own".to_owned());
    }
    if options.registered_files > 0 {
        features.push(format!("registered files: at most {} a ring", options.registered_files));
    }
    features
}
