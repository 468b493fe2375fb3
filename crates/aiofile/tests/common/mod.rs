//! A backend that answers short and in any order, and a file to read with it.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use aiofile::{AioFile, BackendKind, Context, OpenOptions};
use caio::{Backend, Capability, Op, Output, QueueId, Request, SharedFile, Token};
use proptest::prelude::ProptestConfig;

/// A file with these contents; it goes with the directory.
pub(crate) fn scratch(contents: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("scratch");
    std::fs::write(&path, contents).unwrap();
    (directory, path)
}

/// A directory on the disk of the build; where that is read-only, a temporary one.
pub(crate) fn disk() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).or_else(|_| tempfile::tempdir()).unwrap()
}

/// So many cases, or as many as `PROPTEST_CASES` asks for.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases: usual, ..config },
    }
}

/// Bytes that repeat nowhere soon.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..length).map(step).collect()
}

/// A context where every transfer goes through `Unruly`.
pub(crate) fn unruly(bytes_max: usize) -> Context {
    let builder = aiofile::context().custom(Arc::new(Unruly::new(bytes_max)));
    builder.in_place(false).build().unwrap()
}

pub(crate) async fn open_in(context: &Context, path: &std::path::Path, mode: &str) -> AioFile {
    OpenOptions::new().access(mode).unwrap().context(context).open_aio(path).await.unwrap()
}

/// Moves between 1 and `bytes_max` bytes for each operation, and finishes several at a time in
/// reverse order. A write that meets the byte 0xEE fails with ENOSPC as long as `full` is set.
#[derive(Debug)]
pub(crate) struct Unruly {
    capability: Capability,
    requests: Mutex<Sender<Request>>,
}

impl Unruly {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let (requests, accepted) = channel::<Request>();
        let turn = AtomicU64::new(1);
        thread::spawn(move || {
            while let Ok(first) = accepted.recv() {
                let held: Vec<_> = std::iter::once(first).chain(accepted.try_iter()).collect();
                for request in held.into_iter().rev() {
                    let turn = turn.fetch_add(0x9e37_79b9, Ordering::Relaxed) as usize;
                    perform(request, 1 + (turn >> 5) % bytes_max);
                }
            }
        });
        Self { capability: Capability::all(64), requests: Mutex::new(requests) }
    }
}

fn perform(mut request: Request, bytes_max: usize) {
    let (op, file) = request.parts_mut();
    let result = match (op, file) {
        (Op::Read { buffer, range, offset }, Some(file)) => {
            let end = range.end.min(range.start + bytes_max);
            let target = buffer.writable(range.start..end);
            file.file().read_at(target, *offset).map(Output::Bytes)
        }
        (Op::Write { buffer, range, offset }, Some(file)) => {
            let end = range.end.min(range.start + bytes_max);
            file.file().write_at(&buffer.as_slice()[range.start..end], *offset).map(Output::Bytes)
        }
        (Op::Fsync | Op::Fdatasync, Some(file)) => file.file().sync_all().map(|()| Output::Done),
        (Op::Metadata, Some(file)) => {
            file.file().metadata().map(|metadata| Output::Metadata(Box::new(metadata)))
        }
        (Op::Open { path, flags, .. }, _) => {
            let write = *flags & 3 != 0;
            let mut options = std::fs::OpenOptions::new();
            options.read(*flags & 3 != 1).write(write).create(write);
            options.custom_flags(*flags & caio::flags::O_APPEND);
            let path = path.to_str().unwrap();
            let file = options.open(path);
            file.and_then(|file| Ok(Output::File(SharedFile::new(file, path)?)))
        }
        (Op::Close { .. }, _) => Ok(Output::Done),
        _ => Err(std::io::ErrorKind::Unsupported.into()),
    };
    request.complete(result);
}

impl Backend for Unruly {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("unruly")
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, request: Request) -> QueueId {
        self.requests.lock().unwrap().send(request).unwrap();
        QueueId(0)
    }

    fn commit(&self, _: QueueId) {}

    fn cancel(&self, _: Token) {}

    fn reap(&self, _: QueueId) -> usize {
        0
    }

    fn descriptor(&self, _: QueueId) -> Option<BorrowedFd<'_>> {
        None
    }

    fn shutdown(&self, _: Instant) -> usize {
        0
    }
}
