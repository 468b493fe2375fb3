//! Backends that take files of a server, too, and backends with a defect: a gate that would not
//! notice one of these proves nothing.

use std::collections::HashMap;
use std::fmt;
use std::io::Write as _;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use aiofile::{BackendKind, Buffer, Context, Error};
use caio::backend::pool::ThreadPool;
use caio::{
    Backend, BufferedWrites, Capability, Config, Op, OpKind, Output, QueueId, Request, Token,
};
use nix::errno::Errno;

/// What a backend does wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    /// A read that is given up is answered before the kernel has done it.
    EarlyAnswer,
    /// What fails is said to be done.
    LostError,
    /// The buffer does not come back.
    LostBuffer,
    /// What is appended is appended twice.
    Twice,
    /// A read is never answered.
    Kept,
    /// All requests of all files wait for each other.
    OneAtATime,
}

/// A backend around another one.
pub(crate) struct Wrapped {
    inner: Arc<dyn Backend>,
    capability: Capability,
    defect: Option<Defect>,
    taken: Arc<Mutex<Taken>>,
}

/// Requests that the inner backend does not have.
#[derive(Default)]
struct Taken {
    last: u64,
    requests: HashMap<u64, Request>,
}

impl Wrapped {
    /// The backend for every file that it can serve at all.
    pub(crate) fn anywhere(inner: Arc<dyn Backend>) -> Self {
        let capability = Capability { local_only: false, ..inner.capability().clone() };
        Self { inner, capability, defect: None, taken: Arc::default() }
    }

    /// A pool of threads with a defect.
    pub(crate) fn planted(defect: Defect) -> Result<Self, Error> {
        let mut config = Config::default();
        config.threads_max = if defect == Defect::OneAtATime { 1 } else { 16 };
        let pool = Arc::new(ThreadPool::open(&config)?);
        Ok(Self { defect: Some(defect), ..Self::anywhere(pool) })
    }

    /// A context in which everything goes through it.
    pub(crate) fn build(self) -> Result<Context, Error> {
        let builder = aiofile::context().custom(Arc::new(self)).in_place(false);
        builder.configure(|config| config.buffered_writes = BufferedWrites::Backend).build()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        lock(&self.taken)
    }

    /// Keeps a request. `None` where it was given up already.
    fn keep(&self, request: Request) -> u64 {
        let mut taken = self.taken();
        taken.last += 1;
        let number = taken.last;
        request.set_token(Token(number));
        taken.requests.insert(number, request);
        number
    }

    /// Reads in a thread of its own, and leaves the request where a cancellation finds it.
    fn read_elsewhere(&self, request: Request) {
        let file = request.file().expect("reads have a file").clone();
        let Op::Read { range, offset, .. } = request.op() else { unreachable!("it is a read") };
        let (range, offset) = (range.clone(), *offset);
        let number = self.keep(request);
        let taken = Arc::clone(&self.taken);
        thread::spawn(move || {
            let mut bytes = vec![0; range.len()];
            let read = file.file().read_at(&mut bytes, offset);
            let request = lock(&taken).requests.remove(&number);
            let Some(mut request) = request else { return };
            if let (Ok(count), Op::Read { buffer, .. }) = (&read, request.op_mut()) {
                let place = range.start..range.start + count;
                buffer.writable(place).copy_from_slice(&bytes[..*count]);
            }
            request.complete(read.map(Output::Bytes));
        });
    }
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").field("defect", &self.defect).finish_non_exhaustive()
    }
}

impl Backend for Wrapped {
    fn kind(&self) -> BackendKind {
        match self.defect {
            None => self.inner.kind(),
            Some(_) => BackendKind::Other("planted"),
        }
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, mut request: Request) -> QueueId {
        let kind = request.op().kind();
        match (self.defect, kind) {
            (Some(Defect::EarlyAnswer), OpKind::Read) => {
                self.read_elsewhere(request);
                return QueueId(0);
            }
            (Some(Defect::Kept), OpKind::Read) => {
                self.keep(request);
                return QueueId(0);
            }
            (Some(Defect::LostError), _) => request.on_complete(move |request, result| {
                let length = request.op().length();
                request.complete(result.or_else(|error| done(kind, length).ok_or(error)));
            }),
            (Some(Defect::LostBuffer), _) => request.on_complete(|mut request, result| {
                if let Op::Read { buffer, .. } | Op::Write { buffer, .. } = request.op_mut() {
                    *buffer = another(buffer);
                }
                request.complete(result);
            }),
            (Some(Defect::Twice), OpKind::Write) => request.on_complete(|request, result| {
                append_again(&request);
                request.complete(result);
            }),
            _ => {}
        }
        self.inner.queue(request)
    }

    fn commit(&self, queue: QueueId) {
        self.inner.commit(queue);
    }

    fn reap(&self, queue: QueueId) -> usize {
        self.inner.reap(queue)
    }

    fn cancel(&self, token: Token) {
        if self.defect == Some(Defect::EarlyAnswer) {
            let request = self.taken().requests.remove(&token.0);
            if let Some(request) = request {
                request.complete(Err(Errno::ECANCELED.into()));
            }
            return;
        }
        self.inner.cancel(token);
    }

    fn descriptor(&self, queue: QueueId) -> Option<BorrowedFd<'_>> {
        self.inner.descriptor(queue)
    }

    fn shutdown(&self, deadline: Instant) -> usize {
        self.inner.shutdown(deadline)
    }
}

fn done(kind: OpKind, length: usize) -> Option<Output> {
    match kind {
        OpKind::Read | OpKind::Write | OpKind::ReadVectored | OpKind::WriteVectored => {
            Some(Output::Bytes(length))
        }
        OpKind::Fsync | OpKind::Fdatasync | OpKind::SetLength | OpKind::Close => Some(Output::Done),
        _ => None,
    }
}

/// The same bytes in other memory.
fn another(buffer: &mut Buffer) -> Buffer {
    match buffer.is_writable() {
        true => Buffer::from(buffer.writable(0..buffer.capacity()).to_vec()),
        false => Buffer::from(buffer.as_slice().to_vec()),
    }
}

fn append_again(request: &Request) {
    let Some(file) = request.file().filter(|file| file.is_append()) else { return };
    if let Op::Write { buffer, range, .. } = request.op() {
        // What it comes to is for the gate to find.
        let _ = file.file().write_all(&buffer.as_slice()[range.clone()]);
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}
