//! The smallest correct backend: one thread that does what it is asked, one after the other.
//!
//! Read this file to add a backend of your own. It shows every duty of [`Backend`], and where a
//! real one would differ. It is not fast, and it is not meant to be; but it is complete, and it
//! passes the same conformance suite as the others.
//!
//! What a backend need *not* do is done above it, once for all: limits, retries after EINTR and
//! EAGAIN, going on after short transfers, waiting for earlier writes before a sync, and every
//! operation and class of file that its [`Capability`] does not name.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::thread;
use std::time::Instant;

use caio::{
    Backend, BackendKind, Capability, ClassSet, Error, ErrorKind, FileClass, Op, OpKind, OpSet,
    Output, QueueId, Request, Token,
};

use crate::held::Held;

/// The smallest correct backend.
///
/// ```
/// use std::sync::Arc;
/// use caio::{Buffer, Context, SharedFile};
/// use caio_testkit::Skeleton;
///
/// let context = Context::builder().custom(Arc::new(Skeleton::open(8))).build()?;
/// let file = SharedFile::new(std::fs::File::open("/proc/self/exe")?, "/proc/self/exe")?;
/// let read = context.read(&file, Buffer::from(Vec::with_capacity(4)), 0..4, 0);
/// let (result, buffer) = futures_util::future::FutureExt::now_or_never(read)
///     .unwrap_or_else(|| unreachable!("a running program is cached"));
/// assert_eq!((result?, buffer.as_slice()), (4, &b"\x7fELF"[..]));
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug)]
pub struct Skeleton {
    /// The queue. Its bound is the context's: that queues no more than the capability says.
    jobs: Sender<Request>,
    /// Counts what was taken and has not completed, so that a shutdown can wait for it.
    held: Held,
    capability: Capability,
}

impl Skeleton {
    /// A backend that holds at most `requests_max` requests (at least 1) at once.
    ///
    /// A real one returns a `Result` here and says, with its errno, why it does not work on this
    /// machine. That is what lets `auto` go on to the next one, and what `doctor` reports.
    ///
    /// ```
    /// use caio::Backend;
    /// use caio_testkit::Skeleton;
    ///
    /// assert_eq!(Skeleton::open(8).capability().requests_max, 8);
    /// assert_eq!(Skeleton::open(0).capability().requests_max, 1);
    /// ```
    #[must_use]
    pub fn open(requests_max: usize) -> Self {
        let requests_max = requests_max.max(1);
        let (sender, jobs) = channel();
        let held = Held::default();
        let counted = held.clone();
        let thread = thread::Builder::new().name(String::from("skeleton"));
        // Without its thread the queue has no receiver, and `queue` says so.
        let _ = thread.spawn(move || work(&jobs, &counted));
        Self { jobs: sender, held, capability: capability(requests_max) }
    }
}

/// What this backend serves. The context routes everything else to its own pool of threads, so a
/// backend starts small: here two operations and their syncs, on files that never make a thread
/// wait for somebody else. (A read of a pipe would stop our only thread until somebody writes.)
///
/// It states facts, found by trying at open, never guessed from the version of a kernel.
fn capability(requests_max: usize) -> Capability {
    let operations = [OpKind::Read, OpKind::Write, OpKind::Fsync, OpKind::Fdatasync];
    let classes = [FileClass::Regular, FileClass::Block, FileClass::Directory];
    Capability {
        operations: operations.into_iter().fold(OpSet::default(), OpSet::with),
        classes: classes.into_iter().fold(ClassSet::default(), ClassSet::with),
        features: vec![String::from("one thread")],
        ..Capability::all(requests_max)
    }
}

impl Backend for Skeleton {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("skeleton")
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    /// Takes the request and wakes the thread that does it. Never waits: the context queues no more
    /// requests at once than the capability says.
    ///
    /// A backend whose `cancel` has something to look up calls [`Request::set_token`] here, before
    /// another thread or the kernel can see the request, and then asks whether it is cancelled
    /// already. The token is an index with a generation, never an address.
    fn queue(&self, request: Request) -> QueueId {
        if !self.held.enter() {
            let error = Error::new(ErrorKind::Shutdown, "the skeleton was shut down");
            request.complete(Err(error.into()));
            return QueueId(0);
        }
        if let Err(SendError(request)) = self.jobs.send(request) {
            self.held.leave();
            let error = Error::new(ErrorKind::Abandoned, "the skeleton has no thread");
            request.complete(Err(error.into()));
        }
        QueueId(0)
    }

    /// Nothing is left to do. A backend with a ring enters the kernel here, once for everything
    /// that was queued since.
    fn commit(&self, _queue: QueueId) {}

    /// Nothing to look up: the thread asks each request whether it is still wanted. To do nothing
    /// is always correct, only slow, as a cancelled request still completes.
    fn cancel(&self, _token: Token) {}

    /// Nothing: our own thread completes each request. A backend whose kernel leaves completions
    /// somewhere takes them out here, and says `completes_by_itself: false`.
    fn reap(&self, _queue: QueueId) -> usize {
        0
    }

    fn descriptor(&self, _queue: QueueId) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Accepted requests are still done: shutting down loses nothing that was promised.
    fn shutdown(&self, deadline: Instant) -> usize {
        self.held.close();
        self.held.wait(deadline)
    }
}

/// The life of the thread. It ends when the backend is dropped and the queue is empty: the thread
/// owns what it works on, so dropping the backend frees nothing that is in use.
fn work(jobs: &Receiver<Request>, held: &Held) {
    for mut request in jobs {
        let result = if request.is_cancelled() {
            Err(Error::new(ErrorKind::Cancelled, "cancelled before it began").into())
        } else {
            // One bad request must not end the thread that serves all the others.
            catch_unwind(AssertUnwindSafe(|| perform(&mut request)))
                .unwrap_or_else(|_panic| Err(io::Error::other("the operation panicked")))
        };
        // Exactly once, and without a lock held: this wakes a task, which may submit again.
        request.complete(result);
        held.leave();
    }
}

/// One operation. A result may be short; the context goes on from there. The match is complete:
/// an operation that is added to caio is a compile error here until somebody has thought about it.
fn perform(request: &mut Request) -> io::Result<Output> {
    let (op, file) = request.parts_mut();
    let file = file.ok_or(io::ErrorKind::InvalidInput)?.file();
    match op {
        Op::Read { buffer, range, offset } => {
            file.read_at(buffer.writable(range.clone()), *offset).map(Output::Bytes)
        }
        Op::Write { buffer, range, offset } => {
            file.write_at(&buffer.as_slice()[range.clone()], *offset).map(Output::Bytes)
        }
        Op::Fsync => file.sync_all().map(|()| Output::Done),
        Op::Fdatasync => file.sync_data().map(|()| Output::Done),
        Op::ReadVectored { .. }
        | Op::WriteVectored { .. }
        | Op::Open { .. }
        | Op::ReadFile { .. }
        | Op::Metadata
        | Op::SetLength { .. }
        | Op::Close { .. }
        | Op::Path { .. }
        | Op::Run { .. } => Err(io::ErrorKind::Unsupported.into()),
    }
}
