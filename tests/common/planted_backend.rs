//! A backend with a defect, for tests that have to find it.
#![allow(dead_code, reason = "each gate plants some of the defects")]

use std::collections::HashMap;
use std::fmt;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use caio::{
    Backend, BackendKind, Buffer, Capability, Op, OpKind, Output, QueueId, Request, SharedFile,
    Token,
};
use caio_testkit::Random;
use nix::errno::Errno;

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
    /// A read is kept for ever.
    LostRequest,
    /// A read that is given up is answered before the kernel has done it.
    EarlyAnswer,
    /// What fails is said to be done.
    LostError,
    /// The buffer does not come back.
    LostBuffer,
}

/// A backend that does some of the requests that it can spoil wrongly.
pub(crate) struct Planted {
    inner: Arc<dyn Backend>,
    capability: Capability,
    defect: Defect,
    chance: f64,
    random: Mutex<Random>,
    kept: Arc<Mutex<Kept>>,
    is_over: AtomicBool,
}

/// Requests that the inner backend does not have.
#[derive(Default)]
struct Kept {
    last: u64,
    requests: HashMap<u64, Request>,
}

impl fmt::Debug for Planted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Planted").field(&self.defect).finish()
    }
}

impl Planted {
    /// Does about one in twenty wrongly.
    pub(crate) fn new(inner: Arc<dyn Backend>, defect: Defect, seed: u64) -> Self {
        let (random, capability) = (Mutex::new(Random::new(seed)), inner.capability().clone());
        let (kept, is_over) = (Arc::default(), AtomicBool::new(false));
        Self { inner, capability, defect, chance: 0.05, random, kept, is_over }
    }

    /// Does all of them wrongly, and serves files of a server, too.
    pub(crate) fn always(inner: Arc<dyn Backend>, defect: Defect) -> Self {
        let capability = Capability { local_only: false, ..inner.capability().clone() };
        Self { chance: 1.0, capability, ..Self::new(inner, defect, 0) }
    }

    /// Answers what was kept, so that it does not keep its context for ever, and does nothing
    /// wrongly from now on.
    pub(crate) fn let_go(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        let kept = std::mem::take(&mut self.kept.lock().unwrap().requests);
        drop(kept);
    }

    fn applies(&self, request: &Request) -> bool {
        let is_append = request.file().is_some_and(SharedFile::is_append);
        let is_direct = request.file().is_some_and(SharedFile::is_direct);
        let applies = match (self.defect, request.op().kind()) {
            (Defect::LostWrite, OpKind::Write) => !is_append,
            // It is written from memory that does not suit O_DIRECT.
            (Defect::LateWrite, OpKind::Write) => !is_append && !is_direct,
            (Defect::DoubledAppend, OpKind::Write) => is_append,
            (Defect::WrongOffset | Defect::LostRequest | Defect::EarlyAnswer, OpKind::Read) => true,
            (Defect::LostError | Defect::LostBuffer, _) => true,
            _ => false,
        };
        let chance = || self.random.lock().unwrap().chance(self.chance);
        applies && !self.is_over.load(Ordering::Relaxed) && chance()
    }

    fn keep(&self, request: Request) -> u64 {
        let mut kept = self.kept.lock().unwrap();
        kept.last += 1;
        let number = kept.last;
        request.set_token(Token(number));
        kept.requests.insert(number, request);
        number
    }

    /// Reads in a thread of its own, and leaves the request where a cancellation finds it.
    fn read_elsewhere(&self, request: Request) {
        let file = request.file().expect("reads have a file").clone();
        let Op::Read { range, offset, .. } = request.op() else { unreachable!("it is a read") };
        let (range, offset) = (range.clone(), *offset);
        let number = self.keep(request);
        let kept = Arc::clone(&self.kept);
        std::thread::spawn(move || {
            let mut bytes = vec![0; range.len()];
            let read = file.file().read_at(&mut bytes, offset);
            let request = kept.lock().unwrap().requests.remove(&number);
            let Some(mut request) = request else { return };
            if let (Ok(count), Op::Read { buffer, .. }) = (&read, request.op_mut()) {
                let place = range.start..range.start + count;
                buffer.writable(place).copy_from_slice(&bytes[..*count]);
            }
            request.complete(read.map(Output::Bytes));
        });
    }

    /// Completes a write, and does it when others have gone on.
    fn write_late(request: Request) {
        let file = request.file().map(SharedFile::to_owned);
        let Op::Write { buffer, range, offset } = request.op() else { unreachable!() };
        let (bytes, offset) = (buffer.as_slice()[range.clone()].to_vec(), *offset);
        let length = bytes.len();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(2));
            file.unwrap().file().write_all_at(&bytes, offset).unwrap();
        });
        request.complete(Ok(Output::Bytes(length)));
    }
}

impl Backend for Planted {
    fn kind(&self) -> BackendKind {
        if self.defect == Defect::None { self.inner.kind() } else { BackendKind::Other("planted") }
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, mut request: Request) -> QueueId {
        if !self.applies(&request) {
            return self.inner.queue(request);
        }
        let length = request.op().length();
        match self.defect {
            Defect::None => unreachable!("it applies to nothing"),
            Defect::LostWrite => request.complete(Ok(Output::Bytes(length))),
            Defect::LateWrite => Self::write_late(request),
            Defect::LostRequest => _ = self.keep(request),
            Defect::EarlyAnswer => self.read_elsewhere(request),
            Defect::DoubledAppend => {
                request.on_complete(|request, result| {
                    append_again(&request);
                    request.complete(result);
                });
                return self.inner.queue(request);
            }
            Defect::WrongOffset => {
                if let Op::Read { offset, .. } = request.op_mut() {
                    *offset = offset.saturating_sub(1);
                }
                return self.inner.queue(request);
            }
            Defect::LostError => {
                let kind = request.op().kind();
                request.on_complete(move |request, result| {
                    request.complete(result.or_else(|error| done(kind, length).ok_or(error)));
                });
                return self.inner.queue(request);
            }
            Defect::LostBuffer => {
                request.on_complete(|mut request, result| {
                    if let Op::Read { buffer, .. } | Op::Write { buffer, .. } = request.op_mut() {
                        *buffer = another(buffer);
                    }
                    request.complete(result);
                });
                return self.inner.queue(request);
            }
        }
        QueueId(0)
    }

    fn cancel(&self, token: Token) {
        if self.defect != Defect::EarlyAnswer {
            return self.inner.cancel(token);
        }
        let request = self.kept.lock().unwrap().requests.remove(&token.0);
        if let Some(request) = request {
            request.complete(Err(Errno::ECANCELED.into()));
        }
    }

    caio_testkit::forward!(inner: commit, reap, descriptor, shutdown);
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
    use std::io::Write as _;
    if let (Op::Write { buffer, range, .. }, Some(file)) = (request.op(), request.file()) {
        // What it comes to is for the gate to find.
        let _ = file.file().write_all(&buffer.as_slice()[range.clone()]);
    }
}
