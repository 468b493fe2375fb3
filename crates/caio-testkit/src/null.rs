//! A backend that does nothing, at once: what an operation costs on it is the cost of the engine.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use caio::{
    Backend, BackendKind, Buffer, Capability, Error, ErrorKind, Op, OpKind, OpSet, Output, QueueId,
    Request, SharedFile, Token,
};

/// Completes each request inside [`queue`](Backend::queue), without any system call: writes and
/// syncs succeed, reads fill their range. Fresh memory comes back as zeros; memory that held
/// something holds it still, since filling it again would be measured, too.
///
/// It takes reads, writes and syncs. Everything else goes to the context's pool, so that files can
/// really be opened.
///
/// ```
/// use std::sync::Arc;
/// use caio::{Context, Buffer, SharedFile};
/// use caio_testkit::Null;
///
/// let context = Context::builder().custom(Arc::new(Null::new())).in_place(false).build()?;
/// let file = SharedFile::new(std::fs::File::open("/proc/self/exe")?, "/proc/self/exe")?;
/// let read = context.read(&file, Buffer::from(Vec::with_capacity(4)), 0..4, 0);
/// let (result, buffer) = futures_util::future::FutureExt::now_or_never(read).expect("no wait");
/// assert_eq!((result?, buffer.as_slice()), (4, &[0; 4][..]));
/// # Ok::<(), caio::Error>(())
/// ```
pub struct Null {
    capability: Capability,
    answer: Box<Answer>,
    closed: AtomicBool,
}

/// What becomes of an operation on a file.
type Answer = dyn Fn(&mut Op, Option<&SharedFile>) -> io::Result<Output> + Send + Sync;

impl Null {
    /// A backend that does nothing.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio::{BackendKind, Context};
    /// use caio_testkit::Null;
    ///
    /// let context = Context::builder().custom(Arc::new(Null::new())).build()?;
    /// assert_eq!(context.info().backend, BackendKind::Other("null"));
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let operations = [
            OpKind::Read,
            OpKind::Write,
            OpKind::ReadVectored,
            OpKind::WriteVectored,
            OpKind::Fsync,
            OpKind::Fdatasync,
        ];
        let capability = Capability {
            operations: operations.into_iter().fold(OpSet::default(), OpSet::with),
            features: vec![String::from("does nothing")],
            ..Capability::all(usize::MAX)
        };
        Self::answering(capability, |op, _file| pretend(op))
    }

    /// A backend of this capability that answers each operation at once, on the thread that queues
    /// it: the smallest one for a test that needs certain answers.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio::{Capability, Context};
    /// use caio_testkit::Null;
    ///
    /// let broken = Null::answering(Capability::all(8), |_op, _file| {
    ///     Err(std::io::Error::from_raw_os_error(5))
    /// });
    /// let context = Context::builder().custom(Arc::new(broken)).in_place(false).build()?;
    /// let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// let sync = futures_util::future::FutureExt::now_or_never(context.sync(&file, false));
    /// assert_eq!(sync.expect("no wait").unwrap_err().raw_os_error(), Some(5));
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn answering(
        capability: Capability,
        answer: impl Fn(&mut Op, Option<&SharedFile>) -> io::Result<Output> + Send + Sync + 'static,
    ) -> Self {
        Self { capability, answer: Box::new(answer), closed: AtomicBool::new(false) }
    }
}

impl fmt::Debug for Null {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Null").field("closed", &self.closed).finish_non_exhaustive()
    }
}

impl Default for Null {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for Null {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("null")
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, mut request: Request) -> QueueId {
        let result = match self.closed.load(Ordering::Acquire) {
            true => Err(Error::new(ErrorKind::Shutdown, "the null backend was shut down").into()),
            false => {
                let (op, file) = request.parts_mut();
                (self.answer)(op, file)
            }
        };
        request.complete(result);
        QueueId(0)
    }

    fn cancel(&self, _token: Token) {}

    fn commit(&self, _queue: QueueId) {}

    fn reap(&self, _queue: QueueId) -> usize {
        0
    }

    fn descriptor(&self, _queue: QueueId) -> Option<BorrowedFd<'_>> {
        None
    }

    fn shutdown(&self, _deadline: Instant) -> usize {
        self.closed.store(true, Ordering::Release);
        0
    }
}

fn pretend(op: &mut Op) -> io::Result<Output> {
    let length = op.length();
    match op {
        Op::Read { buffer, range, .. } => {
            buffer.writable(range.clone());
            Ok(Output::Bytes(length))
        }
        Op::ReadVectored { buffers, .. } => {
            for buffer in buffers {
                let capacity = buffer.capacity();
                Buffer::writable(buffer, 0..capacity);
            }
            Ok(Output::Bytes(length))
        }
        Op::Write { .. } | Op::WriteVectored { .. } => Ok(Output::Bytes(length)),
        Op::Fsync | Op::Fdatasync => Ok(Output::Done),
        Op::Open { .. }
        | Op::ReadFile { .. }
        | Op::Metadata
        | Op::SetLength { .. }
        | Op::Close { .. }
        | Op::Path { .. }
        | Op::Run { .. } => Err(io::ErrorKind::Unsupported.into()),
    }
}
