//! A backend that does not wait for its kernel: what is cancelled gets its buffer back while it is
//! still transferred.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use caio::{Backend, BackendKind, Capability, Op, OpKind, OpSet, Output, QueueId, Request, Token};
use nix::errno::Errno;

/// See above.
#[derive(Debug)]
pub(crate) struct Hasty {
    /// Whether it is so; otherwise it lets a cancelled request come to its end.
    is_hasty: bool,
    capability: Capability,
    next: AtomicU64,
    requests: Arc<Mutex<HashMap<Token, Request>>>,
    transfers: Mutex<Vec<JoinHandle<()>>>,
}

impl Hasty {
    pub(crate) fn new(is_hasty: bool) -> Self {
        let operations = OpSet::default().with(OpKind::Read).with(OpKind::Write);
        let capability = Capability { operations, ..Capability::all(64) };
        Self {
            is_hasty,
            capability,
            next: AtomicU64::new(0),
            requests: Arc::default(),
            transfers: Mutex::default(),
        }
    }

    /// Waits until its kernel has done everything.
    pub(crate) fn wait(&self) {
        let transfers = std::mem::take(&mut *self.transfers.lock().unwrap());
        transfers.into_iter().for_each(|transfer| transfer.join().unwrap());
    }

    fn complete(
        requests: &Mutex<HashMap<Token, Request>>,
        token: Token,
        result: std::io::Result<Output>,
    ) {
        let request = requests.lock().unwrap().remove(&token);
        if let Some(request) = request {
            request.complete(result);
        }
    }
}

/// What a kernel does some time later: it knows an address, and not whose memory that is by now.
fn transfer(file: &File, is_read: bool, address: u64, length: usize, offset: u64) {
    std::thread::sleep(Duration::from_millis(1));
    let memory = File::options().read(true).write(true).open("/proc/self/mem").unwrap();
    let mut bytes = vec![0; length];
    let (from, at, to, there) = match is_read {
        true => (file, offset, &memory, address),
        false => (&memory, address, file, offset),
    };
    from.read_exact_at(&mut bytes, at).unwrap();
    to.write_all_at(&bytes, there).unwrap();
}

impl Backend for Hasty {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("hasty")
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, mut request: Request) -> QueueId {
        let token = Token(self.next.fetch_add(1, Ordering::Relaxed));
        let (op, file) = request.parts_mut();
        let file = file.unwrap().file().try_clone().unwrap();
        let (is_read, length) = (!op.is_write(), op.length());
        let (Op::Read { buffer, offset, .. } | Op::Write { buffer, offset, .. }) = op else {
            unreachable!("it serves no other")
        };
        let (address, offset) = (buffer.as_mut_ptr() as u64, *offset);
        request.set_token(token);
        self.requests.lock().unwrap().insert(token, request);
        let requests = Arc::clone(&self.requests);
        let transfer = std::thread::spawn(move || {
            transfer(&file, is_read, address, length, offset);
            Self::complete(&requests, token, Ok(Output::Bytes(length)));
        });
        self.transfers.lock().unwrap().push(transfer);
        QueueId(0)
    }

    fn commit(&self, _queue: QueueId) {}

    fn reap(&self, _queue: QueueId) -> usize {
        0
    }

    fn cancel(&self, token: Token) {
        if self.is_hasty {
            Self::complete(&self.requests, token, Err(Errno::ECANCELED.into()));
        }
    }

    fn descriptor(&self, _queue: QueueId) -> Option<BorrowedFd<'_>> {
        None
    }

    fn shutdown(&self, deadline: Instant) -> usize {
        loop {
            let held = self.requests.lock().unwrap().len();
            if held == 0 || Instant::now() >= deadline {
                return held;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}
