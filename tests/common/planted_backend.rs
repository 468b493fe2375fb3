//! A backend with a defect, for tests that have to find it.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use caio::{Backend, BackendKind, Capability, Op, OpKind, Output, QueueId, Request, Token};
use caio_testkit::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    None,
    /// A write is acknowledged and not done.
    LostWrite,
    /// A write is done, and once more when its caller has its answer.
    LateWrite,
    /// An append is done twice.
    DoubledAppend,
    /// A read gives what is elsewhere.
    WrongOffset,
    /// A request is kept for ever.
    LostRequest,
}

/// A backend that does about one request in twenty of those that it can spoil wrongly.
pub(crate) struct Planted {
    inner: Arc<dyn Backend>,
    defect: Defect,
    random: Mutex<Random>,
    kept: Mutex<Vec<Request>>,
    is_over: AtomicBool,
}

impl fmt::Debug for Planted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Planted").field(&self.defect).finish()
    }
}

impl Planted {
    pub(crate) fn new(inner: Arc<dyn Backend>, defect: Defect, seed: u64) -> Self {
        let (random, kept) = (Mutex::new(Random::new(seed)), Mutex::default());
        Self { inner, defect, random, kept, is_over: AtomicBool::new(false) }
    }

    /// Answers what was kept, so that it does not keep its context for ever, and does nothing
    /// wrongly from now on.
    pub(crate) fn let_go(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        let kept = std::mem::take(&mut *self.kept.lock().unwrap());
        drop(kept);
    }

    fn applies(&self, request: &Request) -> bool {
        let is_append = request.file().is_some_and(caio::SharedFile::is_append);
        let is_direct = request.file().is_some_and(caio::SharedFile::is_direct);
        let applies = match (self.defect, request.op().kind()) {
            (Defect::LostWrite, OpKind::Write) => !is_append,
            // It is written from memory that does not suit O_DIRECT.
            (Defect::LateWrite, OpKind::Write) => !is_append && !is_direct,
            (Defect::DoubledAppend, OpKind::Write) => is_append,
            (Defect::WrongOffset | Defect::LostRequest, OpKind::Read) => true,
            _ => false,
        };
        applies && !self.is_over.load(Ordering::Relaxed) && self.random.lock().unwrap().chance(0.05)
    }

    /// Completes a write, and does it as well: at once, or when others have gone on.
    fn write_again(request: Request, late: bool) {
        let file = request.file().map(caio::SharedFile::to_owned);
        let Op::Write { buffer, range, offset } = request.op() else { unreachable!() };
        let (bytes, offset) = (buffer.as_slice()[range.clone()].to_vec(), *offset);
        let length = bytes.len();
        let write = move || {
            use std::io::Write as _;
            let file = file.unwrap().file().try_clone().unwrap();
            match late {
                true => file.write_all_at(&bytes, offset).unwrap(),
                false => (&file).write_all(&bytes.repeat(2)).unwrap(),
            }
        };
        match late {
            true => drop(std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(2));
                write();
            })),
            false => write(),
        }
        request.complete(Ok(Output::Bytes(length)));
    }
}

impl Backend for Planted {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("planted")
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    fn queue(&self, mut request: Request) -> QueueId {
        if !self.applies(&request) {
            return self.inner.queue(request);
        }
        match self.defect {
            Defect::None => unreachable!("it applies to nothing"),
            Defect::LostWrite => {
                let length = request.op().length();
                request.complete(Ok(Output::Bytes(length)));
            }
            Defect::LateWrite => Self::write_again(request, true),
            Defect::DoubledAppend => Self::write_again(request, false),
            Defect::WrongOffset => {
                if let Op::Read { offset, .. } = request.op_mut() {
                    *offset = offset.saturating_sub(1);
                }
                return self.inner.queue(request);
            }
            Defect::LostRequest => self.kept.lock().unwrap().push(request),
        }
        QueueId(0)
    }

    fn commit(&self, queue: QueueId) {
        self.inner.commit(queue);
    }

    fn cancel(&self, token: Token) {
        self.inner.cancel(token);
    }

    fn reap(&self, queue: QueueId) -> usize {
        self.inner.reap(queue)
    }

    fn descriptor(&self, queue: QueueId) -> Option<BorrowedFd<'_>> {
        self.inner.descriptor(queue)
    }

    fn shutdown(&self, deadline: Instant) -> usize {
        self.inner.shutdown(deadline)
    }
}
