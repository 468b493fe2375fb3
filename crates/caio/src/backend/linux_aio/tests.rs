//! The backend against the real kernel, and against one that misbehaves.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::*;
use crate::buffer::{AlignedBuffer, Buffer};
use crate::error::Error;
use crate::file::SharedFile;
use crate::op::{Op, Output};
use crate::sys::aio::{ControlBlock, Event};
use crate::testing::{HANGS, file_with, request, run, scratch, wait};

/// A file of 64 KiB, opened with O_DIRECT; `None` where the file system has none.
fn direct_file() -> Option<SharedFile> {
    let directory = scratch();
    let path = directory.path().join("direct");
    std::fs::write(&path, vec![7; 64 << 10]).unwrap();
    let file = File::options().read(true).write(true).custom_flags(libc::O_DIRECT).open(&path);
    match file {
        Ok(file) => {
            file.sync_all().unwrap();
            Some(SharedFile::new(file, path).unwrap())
        }
        Err(error) => {
            println!("skipped: no O_DIRECT here: {error}");
            None
        }
    }
}

fn read(offset: u64) -> Op {
    Op::read(AlignedBuffer::new(4096, 4096).into(), 0..4096, offset).unwrap()
}

/// A kernel that refuses so many calls of each kind first.
#[derive(Debug)]
struct Stubborn {
    kernel: aio::Queue,
    submit: (AtomicU32, i32),
    events: (AtomicU32, i32),
}

fn refuses((left, errno): &(AtomicU32, i32)) -> io::Result<()> {
    let refused = left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
    if refused.is_ok() { Err(io::Error::from_raw_os_error(*errno)) } else { Ok(()) }
}

#[derive(Debug, Clone)]
struct Shared(Arc<Stubborn>);

#[allow(unsafe_code)]
impl Kernel for Shared {
    unsafe fn submit(&self, blocks: &mut [ControlBlock]) -> io::Result<usize> {
        refuses(&self.0.submit)?;
        // One at a time: a kernel may take less than it was given.
        let first = blocks.len().min(1);
        // SAFETY: the caller keeps to the same contract.
        unsafe { self.0.kernel.submit(&mut blocks[..first]) }
    }

    fn events(&self, events: &mut [Event], wait: Duration) -> io::Result<usize> {
        refuses(&self.0.events)?;
        self.0.kernel.events(events, wait)
    }
}

/// A backend on such a kernel, which refuses only once the backend is open.
fn stubborn(submit: (u32, i32), events: (u32, i32)) -> Option<(LinuxAio, Shared)> {
    let kernel = match aio::Queue::new(64) {
        Ok(kernel) => kernel,
        Err(error) => {
            println!("skipped: {error}");
            return None;
        }
    };
    let zero = |errno| (AtomicU32::new(0), errno);
    let shared =
        Shared(Arc::new(Stubborn { kernel, submit: zero(submit.1), events: zero(events.1) }));
    let own = shared.clone();
    let backend = LinuxAio::open_with(64, move |_| Ok(Box::new(own.clone()))).unwrap();
    shared.0.submit.0.store(submit.0, Ordering::Release);
    shared.0.events.0.store(events.0, Ordering::Release);
    Some((backend, shared))
}

#[test]
fn direct_transfers_are_done_and_all_else_is_left_to_others() {
    let Some((backend, _)) = stubborn((0, 0), (0, 0)) else { return };
    let buffered = run(&backend, Op::Fsync, Some(&file_with(b"text"))).result.unwrap_err();
    assert_eq!(buffered.raw_os_error(), Some(libc::EOPNOTSUPP));
    let Some(file) = direct_file() else { return };
    let mut block = AlignedBuffer::new(4096, 4096);
    block.resize(4096);
    let write = Op::write(Buffer::from(block), 0..4096, 0).unwrap();
    for op in [read(8192), write] {
        let result = run(&backend, op, Some(&file)).result;
        match result {
            Ok(Output::Bytes(4096)) => {}
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EAGAIN), "it would wait"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(backend.shutdown(Instant::now() + HANGS), 0);
}

#[test]
fn a_kernel_that_is_full_or_interrupted_gets_everything_in_the_end() {
    let Some(file) = direct_file() else { return };
    for errno in [libc::EAGAIN, libc::EINTR] {
        let Some((backend, _)) = stubborn((20, errno), (3, libc::EINTR)) else { return };
        let mut receivers = Vec::new();
        for at in 0..16 {
            let (request, receiver) = request(read(at * 4096), Some(&file));
            Backend::queue(&backend, request);
            receivers.push(receiver);
        }
        for receiver in receivers {
            let outcome = wait(receiver, || {
                backend.commit(QueueId(0));
                backend.reap(QueueId(0));
            });
            let errno = outcome.result.as_ref().err().and_then(Error::raw_os_error);
            assert!(matches!(errno, None | Some(libc::EAGAIN)), "{outcome:?}");
        }
    }
}

#[test]
fn a_refused_submission_is_each_operations_own_error() {
    let Some(file) = direct_file() else { return };
    let Some((backend, _)) = stubborn((1, libc::EPERM), (0, 0)) else { return };
    let error = run(&backend, read(0), Some(&file)).result.unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPERM));
    assert_eq!(backend.shutdown(Instant::now()), 0);
}

/// Trap B8: what was queued behind a refused request is never submitted.
#[test]
fn what_comes_behind_a_refused_request_is_submitted() {
    let Some(file) = direct_file() else { return };
    let Some((backend, _)) = stubborn((1, libc::EPERM), (0, 0)) else { return };
    let mut receivers = Vec::new();
    for at in 0..8 {
        let (request, receiver) = request(read(at * 4096), Some(&file));
        Backend::queue(&backend, request);
        receivers.push(receiver);
    }
    let mut refused = Vec::new();
    for (number, receiver) in receivers.into_iter().enumerate() {
        let outcome = wait(receiver, || {
            backend.commit(QueueId(0));
            backend.reap(QueueId(0));
        });
        match outcome.result {
            Ok(Output::Bytes(4096)) => {}
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => refused.push(number),
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EAGAIN), "it would wait"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused, [0]);
    assert_eq!(backend.shutdown(Instant::now()), 0);
}

#[test]
fn events_that_cannot_be_fetched_for_a_while_come_and_for_good_are_an_error() {
    let Some(file) = direct_file() else { return };
    let Some((backend, _)) = stubborn((0, 0), (5, libc::EPERM)) else { return };
    let outcome = run(&backend, read(0), Some(&file));
    let errno = outcome.result.as_ref().err().and_then(Error::raw_os_error);
    assert!(matches!(errno, None | Some(libc::EAGAIN)), "{outcome:?}");
    let Some((backend, kernel)) = stubborn((0, 0), (u32::MAX, libc::EPERM)) else { return };
    let outcome = run(&backend, read(0), Some(&file));
    assert_eq!(outcome.result.unwrap_err().raw_os_error(), Some(libc::EPERM));
    let error = run(&backend, read(0), Some(&file)).result.unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EOPNOTSUPP), "others go another way");
    kernel.0.events.0.store(0, Ordering::Release);
}
